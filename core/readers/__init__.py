"""Open what a user brings: any mix of files, in memory, into scans and sentences.

A reader is a module with `accepts(head, name)`, which looks at content and never trusts a name, and
`read(sources, opening)`, which returns scans and sets aside what it cannot read. To add a format, write the module and
put it into `READERS`; the contract test covers it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from core.readers import (
    archive,
    dicom,
    nifti,
    raster,
)
from core.readers.opening import Opened, Opening, Skipped
from core.readers.quiet import quiet_libraries
from core.readers.source import Source, sources_in
from core.readers.strange import is_clutter, strange_file
from core.scan import Scan

__all__ = ["READERS", "Opened", "Skipped", "Source", "open_sources", "sources_in"]


class Reader(Protocol):
    """What a module in `READERS` offers."""

    def accepts(self, head: bytes, name: str) -> bool:
        """Whether the first bytes look like this format."""

    def read(self, sources: Sequence[Source], opening: Opening) -> list[Scan]:
        """Scans of all sources; what gives none goes to `opening.skip`."""


#: In order of asking. Containers first: they hand their members back to all.
READERS: tuple[Reader, ...] = (archive, dicom, nifti, raster)


def open_sources(
    sources: Sequence[Source],
    progress: Callable[[float, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Opened:
    """Open an upload.

    A file that cannot be read never stops the others: it becomes one sentence in `Opened.skipped`.

    Args:
        sources: The files, in any order and mix.
        progress: Called with a fraction from 0 to 1 and a few words.
        cancelled: Asked between files and frames.

    Raises:
        Cancelled: `cancelled` said so.
    """
    opening = Opening(progress, cancelled)
    scans: list[Scan] = []
    try:
        with opening.guarded(*(source.name for source in sources)):
            opening.claim(sum(len(source.data) for source in sources))
            opening.feed(sources)
        scans = _read_all(opening)
        opening.advance(1.0, "Done")
    finally:
        opening.close(scans)
    return Opened(tuple(scans), tuple(opening.skipped), tuple(opening.notes))


def _read_all(opening: Opening) -> list[Scan]:
    waiting: dict[int, list[Source]] = {}
    scans: list[Scan] = []
    with quiet_libraries():
        while opening.queue or waiting:
            _distribute(opening, waiting)
            if not waiting:
                break
            first = min(waiting)
            scans += READERS[first].read(waiting.pop(first), opening)
    for source in opening.strangers:
        opening.skip(source.name, *strange_file(source.head, source.name))
    return scans


def _distribute(opening: Opening, waiting: dict[int, list[Source]]) -> None:
    """Give every source of the queue to the first reader that accepts it."""
    while opening.queue:
        opening.stop_if_asked()
        source = opening.queue.popleft()
        if is_clutter(source.name):
            continue
        head = source.head
        reader = next((index for index, reader in enumerate(READERS) if reader.accepts(head, source.name)), None)
        if reader is None:
            opening.strangers.append(source)
        else:
            waiting.setdefault(reader, []).append(source)
