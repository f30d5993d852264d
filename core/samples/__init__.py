"""Scans for trying the product without one's own: those of installed packages, and a catalogue that is fetched.

The catalogue (`catalogue.csv`) holds addresses, hashes, licences and true labels, never an image. What somebody fetches
lies in the user data folder with its licence beside it. Nothing here reaches for the network but `fetch`.
"""

from __future__ import annotations

from core.samples.catalogue import CASES, USE_CASES, CatalogueCase, case_by_key, cases_for
from core.samples.packaged import SAMPLES, Sample, open_packaged
from core.samples.store import is_fetched, open_case
from core.samples.thumbnail import thumbnail
from core.scan import Scan

__all__ = [
    "CASES",
    "SAMPLES",
    "USE_CASES",
    "CatalogueCase",
    "Sample",
    "case_by_key",
    "cases_for",
    "open_sample",
    "open_sample_scans",
    "samples_at_hand",
    "thumbnail",
]


def samples_at_hand() -> tuple[Sample | CatalogueCase, ...]:
    """All samples that open without a network: the fetched ones, then those of the packages."""
    return (*(case for case in CASES if is_fetched(case)), *SAMPLES)


def open_sample_scans(key: str) -> tuple[tuple[Scan, ...], int]:
    """All scans of a sample, and which of them to show first.

    A glioma slice is three scans, one for each sequence; a cine is its first volume and one slice over time.

    Raises:
        KeyError: There is no such sample.
        UnreadableScan: It has not been fetched, was changed on the disk, or its package lacks it.
    """
    case = case_by_key(key)
    return open_case(case) if case is not None else ((open_packaged(key),), 0)


def open_sample(key: str) -> Scan:
    """The scan of a sample that is to be shown first; see `open_sample_scans`."""
    scans, first = open_sample_scans(key)
    return scans[first]
