"""One run of opening an upload: what was found, what was not, how far it is, and how much memory it may take."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from core.errors import Cancelled, ScanLensError, TooLarge, UnreadableScan
from core.readers.memory import MEGABYTE, MemoryBudget, process_budget
from core.readers.source import Source
from core.scan import Scan

#: Bytes that one upload may come to: itself, the files unpacked from it, and its pixels.
MEMORY_BUDGET = 2000 * MEGABYTE
#: Pixels of one frame; a whole-slide level or a mammogram has far fewer.
FRAME_PIXELS = 150_000_000


@dataclass(frozen=True)
class Skipped:
    """A file that gave no scan.

    Attributes:
        name: The file, as the user named it.
        reason: One sentence without anything from inside the file.
        kind: A few words that end "3 files skipped: 2 …", e.g. `"hold no picture"`.
    """

    name: str
    reason: str
    kind: str = "could not be read"


@dataclass(frozen=True, eq=False)
class Opened:
    """What came out of an upload.

    Attributes:
        scans: Every image, volume and sequence.
        skipped: Every file that is part of none.
        notes: Sentences about the upload as a whole, e.g. that it holds several patients.
    """

    scans: tuple[Scan, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """One line, e.g. `"CT series, 120 slices, 1.25 mm; 3 files skipped: 2 hold no picture, 1 is cut short"`."""
        titles = Counter(scan.title for scan in self.scans)
        shown = [title if count == 1 else f"{count} × {title}" for title, count in titles.most_common(4)]
        rest = len(self.scans) - sum(count for _, count in titles.most_common(4))
        parts = shown + ([f"{rest} more"] if rest else []) or ["No scan found"]
        return "; ".join(parts + self._skipped_words() + [note.rstrip(".") for note in self.notes])

    def _skipped_words(self) -> list[str]:
        if not self.skipped:
            return []
        kinds = Counter(entry.kind for entry in self.skipped)
        reasons = ", ".join(f"{count} {_singular(kind) if count == 1 else kind}" for kind, count in kinds.items())
        return [f"{len(self.skipped)} file{'s' if len(self.skipped) > 1 else ''} skipped: {reasons}"]


def _singular(kind: str) -> str:
    """`hold no picture` for several files, `holds no picture` for one."""
    verb, _, rest = kind.partition(" ")
    verb = {"are": "is", "have": "has"}.get(verb, verb if verb in {"could", "would"} else f"{verb}s")
    return f"{verb} {rest}".strip()


def _kind_words(error: ScanLensError) -> str:
    """What the summary says of files with this error."""
    if isinstance(error, TooLarge):
        return "are too large"
    if "cut short" in error.wrong:
        return "are cut short"
    return "are broken" if isinstance(error, UnreadableScan) else "could not be read"


@dataclass(eq=False)
class Opening:
    """Shared by the readers during one call of `open_sources`.

    Attributes:
        queue: Files that no reader has been offered yet.
        strangers: Files that no reader accepts by themselves. A reader takes out what belongs to one of its own, as
            voxels do that have their header in another file; the rest is set aside when all have read.
    """

    progress: Callable[[float, str], None] | None = None
    cancelled: Callable[[], bool] | None = None
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    queue: deque[Source] = field(default_factory=deque)
    strangers: list[Source] = field(default_factory=list)
    claimed: int = 0
    budget: MemoryBudget = field(default_factory=process_budget)
    reached: float = 0.0
    _lock: Lock = field(default_factory=Lock)

    def skip(self, name: str, reason: ScanLensError, kind: str = "could not be read") -> None:
        """Set a file aside with its sentence."""
        self.skipped.append(Skipped(name, str(reason), kind))

    @contextmanager
    def guarded(self, *names: str, what: str = "file") -> Iterator[None]:
        """Turn whatever goes wrong inside the block into one sentence for each file; only `Cancelled` passes."""
        error: ScanLensError
        try:
            yield
            return
        except Cancelled:
            raise
        except ScanLensError as known:
            error = known
        except MemoryError:
            error = TooLarge("The file does not fit into memory", "open fewer or smaller files at once")
        except Exception:  # a file can be broken in ways that no list of kinds foresees
            error = UnreadableScan(f"The {what} is broken", "export it again")
        for name in dict.fromkeys(names):
            self.skip(name, error, _kind_words(error))

    def advance(self, fraction: float, text: str) -> None:
        """Tell how far the whole is, 0 to 1.

        Raises:
            Cancelled: The user asked to stop.
        """
        self.stop_if_asked()
        self.reached = min(max(fraction, self.reached), 1.0)  # readers count from 0 each; the bar never goes back
        if self.progress is not None:
            self.progress(self.reached, text)

    def stop_if_asked(self) -> None:
        """Leave by `Cancelled` when the user asked to stop."""
        if self.cancelled is not None and self.cancelled():
            raise Cancelled("the upload")

    def feed(self, sources: Sequence[Source]) -> None:
        """Hand files that came out of a container back to all readers."""
        self.queue.extend(sources)

    def claim(self, size: int) -> None:
        """Reserve memory for unpacked files or pixels before it is allocated.

        Raises:
            TooLarge: The upload would pass `MEMORY_BUDGET`, or what other open scans of this process leave free.
        """
        if size < 0:  # a header can claim that, and would make room for more than there is
            raise UnreadableScan("The file claims a negative size", "export it again")
        with self._lock:
            if self.claimed + size > MEMORY_BUDGET:
                raise TooLarge(
                    f"scans of at most {MEMORY_BUDGET // MEGABYTE:,} MB in one upload",
                    f"one that needs {size / MEGABYTE:,.0f} MB"
                    + (f" on top of {self.claimed / MEGABYTE:,.0f} MB" if self.claimed else ""),
                    "open fewer or smaller files at once",
                )
            self.budget.claim(size)
            self.claimed += size

    @contextmanager
    def passing(self, size: int) -> Iterator[None]:
        """Reserve memory that is needed only inside the block, as for decoding and copies.

        Raises:
            TooLarge: It would pass the memory that the app allows itself.
        """
        self.claim(size)
        try:
            yield
        finally:
            self.release(size)

    def release(self, size: int) -> None:
        """Give back bytes that were claimed and are no longer needed."""
        with self._lock:
            self.budget.release(size)
            self.claimed -= size

    def close(self, scans: Sequence[Scan] = ()) -> None:
        """Give back what was claimed while opening; the pixels of the scans stay counted until the scans are gone."""
        with self._lock:
            self.budget.release(self.claimed)
            self.claimed = 0
        self.budget.hold(scans)
