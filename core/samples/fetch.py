"""Fetching samples of the catalogue: the only place of the product that reaches for another computer.

It does so after somebody asked for it, and sends nothing but the address of a file. Pooch takes the bytes into a
temporary file in the case's own folder, compares their sha256, and only then gives them their name.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from core.errors import Cancelled, ScanLensError
from core.formatting import size_text
from core.samples.catalogue import CatalogueCase, RemoteFile
from core.samples.store import LICENCE, CannotKeepSample, folder_of, is_fetched, licence_text, path_of

#: Seconds until a host must answer, between two pieces of a file, and for a whole file.
CONNECT, READ, WHOLE = 10.0, 30.0, 600.0
CHUNK = 1 << 16

Progress = Callable[[float, str], None]
Stopper = Callable[[], bool]


class CannotFetch(ScanLensError):
    """A sample did not come: no network, no such file, or not the right one. Nothing of it is kept."""


def fetch(cases: Sequence[CatalogueCase], progress: Progress | None = None, cancelled: Stopper | None = None) -> None:
    """Fetch cases one after the other; what is here is not fetched again, and what came stays if a later one fails.

    Args:
        cases: Of the catalogue.
        progress: Told the fraction of all bytes, and what is fetched from where.
        cancelled: Asked with each piece.

    Raises:
        CannotFetch: A file did not come as the catalogue describes it.
        CannotKeepSample: The user data folder cannot be written.
        Cancelled: `cancelled` said so.
    """
    wanted = [case for case in cases if not is_fetched(case)]
    total = max(1, sum(case.size for case in wanted))
    done = 0
    for case in wanted:
        with _nothing_left_of(case):
            for file in case.files:
                meter = _Meter(case, file, done, total, progress, cancelled)
                meter.step(0)
                _fetch_file(case, file, meter)
                done += file.size
            (folder_of(case) / LICENCE).write_text(licence_text(case), encoding="utf-8")


class _Meter:
    """What Pooch takes for a progress bar: counts bytes, and ends what is too long, too slow or no longer wanted."""

    def __init__(
        self, case: CatalogueCase, file: RemoteFile, done: int, total: int, progress: Progress | None,
        cancelled: Stopper | None,
    ) -> None:  # fmt: skip
        self._case, self._file = case, file
        self._before, self._all, self._came = done, total, 0
        self._progress, self._cancelled = progress, cancelled
        self._end, self._is_whole = time.monotonic() + WHOLE, False
        self.total = 0  # set by Pooch; a header that anyone may write

    def step(self, came: int) -> None:
        """So many bytes more, or a piece of at most so many."""
        if self._cancelled is not None and self._cancelled():
            raise Cancelled("fetching samples")
        self._came += came
        if self._came >= self._file.size + CHUNK:
            raise _wrong(self._case, self._file)
        if time.monotonic() > self._end:
            raise CannotFetch(f"{self._file.host} sends {self._case.title} too slowly", "try again later")
        if self._progress is not None:
            fraction = (self._before + min(self._came, self._file.size)) / self._all
            self._progress(fraction, f"Fetching {self._case.title} from {self._file.host}")

    def update(self, came: int) -> None:
        """Called by Pooch after each piece, and once with the total at the end."""
        if not self._is_whole:
            self.step(came)

    def reset(self) -> None:
        """Called by Pooch before it gives the total once more, which would be counted twice."""
        self._is_whole = True

    def close(self) -> None:
        """Called by Pooch at the end."""


def _fetch_file(case: CatalogueCase, file: RemoteFile, meter: _Meter) -> None:
    """One file into its place, in one piece or not at all."""
    import pooch  # imports Requests: the pages need not wait for it
    import requests

    pooch.get_logger().setLevel(logging.WARNING)  # it would name the file, and so the diagnosis, in the log
    path = path_of(case, file)
    downloader = pooch.HTTPDownloader(
        progressbar=meter, chunk_size=CHUNK, timeout=(CONNECT, READ),
        allow_redirects=False,  # to no other computer than the one that was named
        headers={"Accept-Encoding": "identity", "User-Agent": "scanlens"},
    )  # fmt: skip
    try:
        pooch.retrieve(
            file.address, f"sha256:{file.sha256}", fname=path.name, path=path.parent, downloader=downloader
        )  # fmt: skip
    except ScanLensError:
        raise
    except requests.exceptions.RequestException as error:
        raise _unreached(case, file, error) from error
    except ValueError as error:  # of Pooch, where the hash is another
        raise _wrong(case, file) from error
    except OSError as error:
        raise CannotKeepSample(
            "The user data folder cannot be written", f"free {size_text(case.size)} there"
        ) from error
    path.chmod(0o644)  # Pooch's temporary files are for their owner alone


def _wrong(case: CatalogueCase, file: RemoteFile) -> CannotFetch:
    words = f"What {file.host} sent for {case.title} is not the file of the catalogue and was thrown away"
    return CannotFetch(words, "try again later")


def _unreached(case: CatalogueCase, file: RemoteFile, error: Any) -> CannotFetch:
    import requests

    host, status = file.host, getattr(getattr(error, "response", None), "status_code", None)
    if status in {404, 410}:
        return CannotFetch(f"{case.title} is no longer at {host}", "choose another sample")
    if status is not None:
        return CannotFetch(f"{host} refused to send {case.title} (status {status})", "try again later")
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return _offline(host)
    if isinstance(error, requests.exceptions.Timeout):
        return CannotFetch(f"{host} stopped sending {case.title}", "try again later")
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return CannotFetch(f"{case.title} from {host} was cut short", "try again")
    return _offline(host)


def _offline(host: str) -> CannotFetch:
    return CannotFetch(f"{host} cannot be reached from this computer", "connect it to the internet and try again")


class _nothing_left_of:  # noqa: N801 - reads as a clause
    """Leaves no folder behind where a case did not come; another session may be fetching the same."""

    def __init__(self, case: CatalogueCase) -> None:
        self._case = case

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None or is_fetched(self._case):
            return
        folder: Path = folder_of(self._case)
        with contextlib.suppress(OSError):
            for file in self._case.files:
                path_of(self._case, file).unlink(missing_ok=True)
            (folder / LICENCE).unlink(missing_ok=True)
            folder.rmdir()  # only when it is empty
