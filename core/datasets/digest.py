"""What tells whether two datasets are the same: a hash over all that is scored, and a quick look for changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

from core.datasets.dataset import Case, Dataset, UnusableDataset
from core.datasets.place import Progress, Stopper
from core.errors import Cancelled, ScanLensError

#: Raised when what is hashed, or how, changes.
_VERSION = "1"


def with_digest(
    dataset: Dataset,
    progress: Progress | None = None,
    cancelled: Stopper | None = None,
    known: tuple[str, str] | None = None,
) -> Dataset:
    """The dataset with its digest: sha256 over names, labels, patients, splits, attributes and contents of all cases.

    Contents are streamed, so memory does not grow with them. A file that cannot be read counts as such, so that the
    digest changes when it is mended. Where the dataset lies and in which order does not matter.

    Args:
        dataset: As opened.
        progress: Called with a fraction from 0 to 1 and a few words.
        cancelled: Asked between cases.
        known: (digest, fingerprint) of an earlier time; where the fingerprint still holds, nothing is read.

    Raises:
        UnusableDataset: The dataset does not say where its bytes are.
        Cancelled: The user stopped it.
    """
    if dataset.pieces is None:
        raise UnusableDataset("The dataset was not opened from a place", "open it again")
    now = fingerprint(dataset, cancelled)
    if known is not None and known[0] and known[1] == now:
        return replace(dataset, digest=known[0], fingerprint=now)
    whole = hashlib.sha256(f"{_VERSION}\n".encode())
    for number, case in enumerate(sorted(dataset.cases, key=lambda case: case.name)):
        if cancelled is not None and cancelled():
            raise Cancelled("the hash of the dataset")
        if progress is not None and number % 20 == 0:
            progress(number / len(dataset.cases), f"Hashing case {number + 1:,} of {len(dataset.cases):,}")
        whole.update(_line(case, _contents(dataset, case)))
    if progress is not None:
        progress(1.0, "Done")
    return replace(dataset, digest=digest_of_variant(whole.hexdigest(), dataset.variant), fingerprint=now)


def digest_of_variant(digest: str, variant: str) -> str:
    """The digest of a stressed copy from its original's, so that the images need not be made to know it."""
    return hashlib.sha256(f"{digest}~{variant}".encode()).hexdigest() if digest and variant else digest


def _contents(dataset: Dataset, case: Case) -> str:
    digest = hashlib.sha256()
    try:
        assert dataset.pieces is not None
        for piece in dataset.pieces(case):
            digest.update(piece)
    except ScanLensError:
        return "unreadable"
    return digest.hexdigest()


def _line(case: Case, contents: str) -> bytes:
    attributes = [f"{name}={value}" for name, value in sorted(case.attributes.items())]
    attributes += [f"unknown={name}" for name in case.unknown]
    parts: Iterable[str] = (case.name, "\x1e".join(case.labels), case.patient, case.split, *attributes, contents)
    return "\x1f".join(parts).encode("utf-8", errors="surrogatepass") + b"\n"


def fingerprint(dataset: Dataset, cancelled: Stopper | None = None) -> str:
    """A cheap mark of the dataset as it is now: what the table says, and sizes and times of all files.

    Raises:
        Cancelled: The user stopped it.
    """
    whole = hashlib.sha256(f"{_VERSION}\n{dataset.variant}\n".encode())
    for case in sorted(dataset.cases, key=lambda case: case.name):
        if cancelled is not None and cancelled():
            raise Cancelled("looking for changes")
        whole.update(_line(case, dataset.stamp(case) if dataset.stamp is not None else ""))
    return whole.hexdigest()


def changed_since(dataset: Dataset) -> str:
    """A sentence if files have changed since the digest was taken, else `""`."""
    if not dataset.digest or not dataset.fingerprint or fingerprint(dataset) == dataset.fingerprint:
        return ""
    gone = sum("missing" in dataset.stamp(case) for case in dataset.cases) if dataset.stamp is not None else 0
    what = f"{gone:,} of its files are gone" if gone else "files of it were written anew"
    return f"{dataset.title} has changed since its hash was taken, {what}: open it again before scores are compared."
