"""What names a case, its split and its patient, and which rows of a table count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.datasets.dataset import Case
from core.datasets.inquiry import Inquiry
from core.datasets.reading import some, without_label
from core.datasets.tables.columns import group_columns, patient_columns, split_columns, words_of
from core.datasets.tables.table import Table


def folder_of(name: str) -> str:
    """The folder of a file, `""` at the top."""
    return name.rpartition("/")[0]


def case_name(files: tuple[str, ...], sizes: Mapping[str, int]) -> str:
    """The file, or the folder that holds all files of a case and no others."""
    folder = folder_of(files[0])
    is_folder = len(files) > 1 and folder and sizes[folder] == len(files) == sum(folder_of(f) == folder for f in files)
    return folder if is_folder else min(files)


def choose_split(table: Table, inquiry: Inquiry) -> str:
    """The column that says train, val or test, `""` for none; asked where there are several."""
    found = split_columns(table)
    column = inquiry.settle(
        "split", "Which column names the split?", [*found, ""], found[0] if found else "", len(found) < 2
    )
    inquiry.understood.append(
        f"Splits are in the column {column!r}." if column else "No column says train, val or test."
    )
    return column


def choose_patient(table: Table, taken: Sequence[str], inquiry: Inquiry) -> str:
    """The column that names the patient, `""` for none; asked where there are several."""
    found = patient_columns(table, taken)
    choices = [*found, *group_columns(table, [*taken, *found]), ""]
    guess = found[0] if found else ""
    column = inquiry.settle("patient", "Which column names the patient?", choices, guess, len(found) < 2)
    inquiry.understood.append(
        f"Patients are in the column {column!r}."
        if column
        else "No column names the patient: every case counts as a patient, and intervals may be too narrow."
    )
    return column


def settle_repeats(rows: dict[str, list[int]], truths: Sequence[object], inquiry: Inquiry) -> dict[str, int]:
    """One row a case: equal ones count once, and cases with two truths are left out."""
    kept = {name: numbers[0] for name, numbers in rows.items() if len({truths[n] for n in numbers}) == 1}
    torn = sorted(set(rows) - set(kept))
    repeated = sum(len(numbers) > 1 for name, numbers in rows.items() if name in kept)
    if repeated:
        inquiry.warnings.append(f"{repeated:,} cases stand in the table more than once and count once.")
    if torn:
        inquiry.warnings.append(f"{len(torn):,} cases have rows with different labels and are left out: {some(torn)}.")
    return kept


def say_unlabelled(cases: Sequence[Case], multilabel: bool, inquiry: Inquiry) -> None:
    """Warn of cases whose label, or one of whose findings, is not known."""
    bare = sum(not case.labels for case in cases)
    if bare and not multilabel:
        inquiry.warnings.append(f"{without_label(bare)}.")
    gaps = [len(case.unknown) for case in cases if case.unknown]
    if gaps:
        inquiry.warnings.append(
            f"{sum(gaps):,} findings of {len(gaps):,} cases are not known: such a case is left out where a model asks "
            "for one of them."
        )


def row_name(table: Table, number: int) -> str:
    """What a row without a file is called: by the first column that tells all rows apart, else by its number."""
    for column in table.columns:
        values = table.values(column)
        if len(set(values)) == len(values) and "" not in values and {"id", "case", "patient"} & set(words_of(column)):
            return values[number]
    return f"row {number + 1:06d}"
