"""Rows of a table joined to DICOM files by what the headers say: instance, series or patient."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydicom import dcmread

from core.datasets.dataset import UnusableDataset
from core.datasets.place import Place, Progress, Stopper, read_all, read_head
from core.datasets.tables.columns import patient_columns, words_of
from core.datasets.tables.table import Table
from core.errors import Cancelled, ScanLensError
from core.readers import Source, dicom
from core.readers.dicom.file import is_deflated, parse, text
from core.readers.quiet import quiet_libraries

#: In the order of trying: what names one file, one series, one person.
_KEYWORDS = ("SOPInstanceUID", "SeriesInstanceUID", "PatientID")
_UID = re.compile(r"[0-2](\.\d+){3,}")
_NAMES = {"SOPInstanceUID": "sop", "SeriesInstanceUID": "series"}
#: Rows that a table may become where each row of a patient stands for all series of that patient.
MOST_ROWS = 1_000_000
#: Column that is added where headers know the patient and the table does not.
PATIENT = "PatientID (pseudonym)"


@dataclass(frozen=True, eq=False)
class HeaderJoin:
    """A table joined by headers.

    Attributes:
        keyword: DICOM keyword it was joined by.
        column: Column of the table.
        table: The table, with a row for each series where a row speaks of a patient.
        files: One entry a row.
    """

    keyword: str
    column: str
    table: Table
    files: tuple[tuple[str, ...], ...]


def join_by_header(
    place: Place,
    files: Sequence[str],
    table: Table,
    progress: Progress | None = None,
    cancelled: Stopper | None = None,
    probe: bool = False,
) -> HeaderJoin | None:
    """Join a table to the DICOM files of a place.

    Args:
        place: Where the files lie.
        files: Which of them.
        table: Rows with labels.
        progress: Told how many headers were read.
        cancelled: Asked between files.
        probe: Only look whether it could work, from a few files.

    Returns:
        None where the files are no DICOM or no column names them.

    Raises:
        Cancelled: The user stopped it.
    """
    columns = _candidates(table)
    if not columns or not _are_dicom(place, files):
        return None
    if probe:
        return HeaderJoin("", next(iter(columns)), table, ())
    headers = _read_headers(place, files, progress, cancelled)
    best, most = None, 0
    for keyword in _KEYWORDS:
        known: dict[str, list[str]] = defaultdict(list)
        for name, header in headers.items():
            known[header[keyword]].append(name)
        known.pop("", None)
        for column, keywords in columns.items():
            found = sum(value in known for value in table.values(column)) if keyword in keywords else 0
            if found > most:
                best, most = _joined(table, column, keyword, known, headers), found
    return best


def _candidates(table: Table) -> dict[str, tuple[str, ...]]:
    """Columns that could hold a UID or a patient, to the keywords they could be."""
    found: dict[str, tuple[str, ...]] = {}
    for column in table.columns:
        words, sample = set(words_of(column)), table.sample(column, 20)
        if sample and all(_UID.fullmatch(value) for value in sample):
            named = tuple(keyword for keyword, word in _NAMES.items() if word in words)
            found[column] = named or tuple(_NAMES)
    for column in patient_columns(table) or [c for c in table.columns if "patientid" in "".join(words_of(c))]:
        found.setdefault(column, ("PatientID",))
    return found


def _are_dicom(place: Place, files: Sequence[str]) -> bool:
    sample = list(files[:: max(1, len(files) // 12)])[:12]
    return sum(dicom.accepts(read_head(place, name), name) for name in sample) > len(sample) / 2


def _read_headers(
    place: Place, files: Sequence[str], progress: Progress | None, cancelled: Stopper | None
) -> dict[str, Mapping[str, str]]:
    found: dict[str, Mapping[str, str]] = {}
    with quiet_libraries():
        for number, name in enumerate(files):
            if cancelled is not None and cancelled():
                raise Cancelled("reading the headers")
            if progress is not None and number % 50 == 0:
                progress(number / len(files), f"Reading header {number + 1:,} of {len(files):,}")
            header = _header(place, name)
            if header is not None:
                found[name] = header
    return found


def _header(place: Place, name: str) -> Mapping[str, str] | None:
    head = read_head(place, name)
    if not dicom.accepts(head, name):
        return None
    try:
        if is_deflated(head):  # pydicom would inflate any amount
            header = parse(Source(name, read_all(place, name))).dataset
        else:
            with place.open(name) as stream:
                header = dcmread(stream, stop_before_pixels=True, force=True, specific_tags=list(_KEYWORDS))
    except ScanLensError:
        return None
    except Exception:  # pydicom raises whatever a broken file provokes; such a file has no header
        return None
    return {keyword: text(header, keyword) for keyword in _KEYWORDS}


def _joined(
    table: Table, column: str, keyword: str, known: Mapping[str, list[str]], headers: Mapping[str, Mapping[str, str]]
) -> HeaderJoin:
    rows: list[tuple[str, ...]] = []
    files: list[tuple[str, ...]] = []
    parts: dict[str, list[tuple[str, ...]]] = {}  # sorted once, however many rows name the same
    for row, value in zip(table.rows, table.values(column), strict=True):
        if value not in parts:
            there = known.get(value, [])
            each = _series(there, headers) if keyword == "PatientID" else [there]
            parts[value] = [tuple(sorted(part)) for part in each] or [()]
        if len(rows) + len(parts[value]) > MOST_ROWS:
            raise UnusableDataset(
                f"The table and the series make more than {MOST_ROWS:,} pairs",
                "name the series, so that each patient has a row",
            )
        rows += [row] * len(parts[value])
        files += parts[value]
    columns = table.columns
    if not patient_columns(table):
        columns = (*columns, PATIENT)
        rows = [(*row, _pseudonym(headers[names[0]]) if names else "") for row, names in zip(rows, files, strict=True)]
    return HeaderJoin(keyword, column, Table(table.name, columns, tuple(rows), table.notes), tuple(files))


def _series(names: Sequence[str], headers: Mapping[str, Mapping[str, str]]) -> list[list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        found[headers[name]["SeriesInstanceUID"]].append(name)
    return [found[uid] for uid in sorted(found)]


def _pseudonym(header: Mapping[str, str]) -> str:
    """A name that tells people apart and names nobody to those who do not have the files."""
    number = header["PatientID"]
    return f"p{hashlib.sha256(number.encode()).hexdigest()[:12]}" if number else ""
