"""Keep what libraries say about a file out of the console and the log while it is read.

pydicom warns with values from the header, which can name a patient. Python's warning filters belong to the whole
process, and `warnings.catch_warnings` in two threads can leave the wrong ones behind. So the filter is put in by the
first reader that starts and taken out by the last that ends, and touches nothing but the libraries' own modules.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_LIBRARIES = r"(pydicom|nibabel|PIL|core\.readers)(\.|$)"
_ROOTS = {"pydicom", "nibabel", "PIL"}
_FILTER = ("ignore", None, Warning, re.compile(_LIBRARIES), 0)
_lock = Lock()
_readers = 0


class _SilentWhileReading(logging.Filter):
    """Drops records of a logger while any reader runs."""

    def filter(self, _record: logging.LogRecord) -> bool:
        """Whether the record may pass."""
        return _readers == 0


_silent = _SilentWhileReading()


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Silence the warnings and logs of the format libraries inside the block, in all threads."""
    global _readers  # noqa: PLW0603 - the filters are the process', so is their count
    with _lock:
        _readers += 1
        # A filter holds for its own logger and not for those below, which the libraries make as they load.
        for name in [name for name in logging.root.manager.loggerDict if name.partition(".")[0] in _ROOTS]:
            logging.getLogger(name).addFilter(_silent)  # adding it again does nothing
        if _FILTER not in warnings.filters:
            warnings.filters.insert(0, _FILTER)  # type: ignore[attr-defined]
            warnings._filters_mutated()  # type: ignore[attr-defined]
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            if _readers == 0 and _FILTER in warnings.filters:
                warnings.filters.remove(_FILTER)  # type: ignore[attr-defined]
                warnings._filters_mutated()  # type: ignore[attr-defined]
