"""A folder or zip with a table that names the files and says what is true of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from core.datasets.dataset import Case, Dataset, UnusableDataset
from core.datasets.inquiry import Inquiry
from core.datasets.labels.missing import is_empty
from core.datasets.place import Place, Progress, Stopper
from core.datasets.reading import TableCases, short_name, some
from core.datasets.tables.columns import (
    SPLIT_WORDS,
    attribute_columns,
    file_name_rank,
    label_columns,
    plain_number,
    split_columns,
)
from core.datasets.tables.headers import join_by_header
from core.datasets.tables.labelling import Labelling, label_table
from core.datasets.tables.matching import (
    FileIndex,
    Match,
    fraction_found,
    match,
    names_whole_files,
    tidy,
)
from core.datasets.tables.rows import case_name, choose_patient, choose_split, row_name, say_unlabelled, settle_repeats
from core.datasets.tables.table import Table, read_table, table_files

LAYOUT = "table"


@dataclass(frozen=True, eq=False)
class Joined:
    """A table whose rows have their files.

    Attributes:
        table: The table.
        column: By which it was joined.
        files: One entry a row, empty where there are none.
        by_patient: Whether the column names the patient of DICOM files.
        others: Further columns that name files, to the files of each row: other inputs of a model, and masks.
    """

    table: Table
    column: str
    files: tuple[tuple[str, ...], ...]
    by_patient: bool = False
    others: Mapping[str, Sequence[tuple[str, ...]]] = field(default_factory=dict)


def accepts(place: Place) -> bool:
    """Whether there is a table that names files of the place, by name or by what DICOM headers say."""
    names = [place.chosen] if place.chosen else table_files(place)
    index = _images(place, names)
    if not index.files:
        return any(_has_labels(place, name) for name in names)
    return any(_names_files(place, name, index) for name in names)


def _has_labels(place: Place, name: str) -> bool:
    """Whether a table could be a dataset of facts alone."""
    table = _try_table(place, name)
    return table is not None and bool(label_columns(table, ())[0])


def _names_files(place: Place, name: str, index: FileIndex) -> bool:
    try:
        table = read_table(place, name)
    except UnusableDataset:
        return False
    return bool(_file_columns(table, index)) or join_by_header(place, index.files, table, probe=True) is not None


def _images(place: Place, tables: Sequence[str]) -> FileIndex:
    return FileIndex(tuple(name for name in place.files if name not in set(tables)))


def open_table(place: Place, inquiry: Inquiry, progress: Progress | None, cancelled: Stopper | None) -> Dataset:
    """Open the place by its table.

    Raises:
        UnusableDataset: The table does not name the files, or has no label.
        Cancelled: The user stopped the reading of DICOM headers.
    """
    names = table_files(place) if not place.chosen else list({*table_files(place), place.chosen})
    index = _images(place, names)
    table, home = _choose_table(place, names, index, inquiry)
    inquiry.understood += table.notes
    joined = _join(place, table, home, index, inquiry, progress, cancelled)
    return _dataset(place, joined, inquiry)


def _choose_table(place: Place, names: list[str], index: FileIndex, inquiry: Inquiry) -> tuple[Table, str]:
    """The table, and the folder it lies in."""
    tables = [_try_table(place, name) for name in sorted(names)]
    useful = [table for table in tables if table is not None and _is_useful(place, table, index)]
    if place.chosen:
        useful = [table for table in useful if table.name == place.chosen] or [read_table(place, place.chosen)]
    if not useful:
        wrong = f"No column of {some(sorted(names))} could be the label" if names else "No table says what is true"
        raise UnusableDataset(wrong, "add a column called label")
    together = _by_split(useful)
    if together is not None:
        inquiry.understood.append(f"The tables {', '.join(table.name for table in useful)} hold one split each.")
        return together, _folder(useful[0].name)
    if len(useful) > 1:
        useful.sort(key=lambda table: (not _says_label(table), -_count(table, index), table.name))
    choices = [table.name for table in useful]
    answer = inquiry.settle("table", "Which table describes the dataset?", choices, choices[0], len(choices) == 1)
    chosen = next(table for table in useful if table.name == answer)
    inquiry.understood.append(f"{answer} lists {len(chosen.rows):,} cases.")
    return chosen, _folder(answer)


def _try_table(place: Place, name: str) -> Table | None:
    try:
        return read_table(place, name)
    except UnusableDataset:
        return None


def _is_useful(place: Place, table: Table, index: FileIndex) -> bool:
    columns = _file_columns(table, index)
    if _masks_in(columns):
        return True
    has_files = not index.files or bool(columns) or join_by_header(place, index.files, table, probe=True) is not None
    return has_files and bool(label_columns(table, columns[:1])[0])


def _says_label(table: Table) -> bool:
    return label_columns(table, ())[1] or "label" in table.name.lower()


def _count(table: Table, index: FileIndex) -> float:
    return max(
        (fraction_found(index, table.values(c), loose=True) for c in _file_columns(table, index)), default=0.0
    ) * len(table.rows)


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _by_split(tables: list[Table]) -> Table | None:
    """One table of several that have the same columns and are called train, val and test."""
    parts = [_split_in_name(table.name) for table in tables]
    if len(tables) < 2 or "" in parts or len(set(parts)) < len(parts):
        return None
    if len({table.columns for table in tables}) > 1 or split_columns(tables[0]):
        return None
    rows = tuple((*row, part) for table, part in zip(tables, parts, strict=True) for row in table.rows)
    return Table(tables[0].name, (*tables[0].columns, "split"), rows, tables[0].notes)


def _split_in_name(name: str) -> str:
    words = re.split(r"[^a-z]+", PurePosixPath(name).stem.lower())
    found = {SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS and len(word) > 2}
    return found.pop() if len(found) == 1 else ""


def _file_columns(table: Table, index: FileIndex) -> list[str]:
    """Columns whose texts name files, the likeliest first."""
    return _naming_columns(table, index, loose=False) or _naming_columns(table, index, loose=True)


def _naming_columns(table: Table, index: FileIndex, loose: bool) -> list[str]:
    """Columns that name files; where spelling may differ, they must name one each, which a label does not."""
    found = []
    for position, column in enumerate(table.columns):
        rank, fraction = file_name_rank(column), fraction_found(index, table.values(column), loose)
        sample = table.sample(column)
        filled = len(sample) / max(1, min(len(table.rows), 400))
        distinct = len(set(sample)) / max(1, len(sample))
        # A path is meant before a name that several folders have, such as an identifier that files are called by.
        is_path = sum(tidy(text)[0] in index.known for text in sample) >= 0.5 * len(sample)
        if (fraction > 0 and rank == 0) or (fraction >= 0.5 and filled >= 0.5 and (not loose or distinct > 0.5)):
            found.append((rank, not is_path, -fraction, position, column))
    return [column for *_, column in sorted(found)]


def _join(
    place: Place,
    table: Table,
    home: str,
    index: FileIndex,
    inquiry: Inquiry,
    progress: Progress | None,
    cancelled: Stopper | None,
) -> Joined:
    columns = _file_columns(table, index)
    if not index.files:
        inquiry.understood.append("The table has facts and no images.")
        return Joined(table, "", ((),) * len(table.rows))
    if not columns and "file" not in inquiry.options:
        joined = join_by_header(place, index.files, table, progress, cancelled)
        if joined is None:
            raise UnusableDataset(
                f"No column of {table.name} names files of the folder", "give the paths below the folder"
            )
        inquiry.understood.append(f"Rows are joined to DICOM files by their {joined.keyword} in {joined.column!r}.")
        return Joined(joined.table, joined.column, joined.files, joined.keyword == "PatientID")
    ranks = [file_name_rank(column) for column in columns]
    certain = len(columns) == 1 or ranks.count(ranks[0]) == 1 if columns else False
    guess = columns[0] if columns else ""
    column = inquiry.settle("file", "Which column names the image?", columns, guess, certain)
    found = match(index, table.values(column), home, inquiry.options.get("folder"))
    _say_rules(found, column, inquiry)
    others = {
        other: match(index, table.values(other), home).files
        for other in _naming_columns(table, index, loose=False)
        if other != column and names_whole_files(index, table.sample(other))
    }
    if others:
        inquiry.understood.append(f"Further columns name files: {', '.join(map(repr, others))}.")
    return Joined(table, column, found.files, others=others)


def _say_rules(found: Match, column: str, inquiry: Inquiry) -> None:
    if found.rivals:
        guess = found.rules[0][0].added
        sentence = "In which folder are the images of the table? Several hold files of the same names."
        inquiry.settle("folder", sentence, found.rivals, guess, False)
    inquiry.understood.append(f"The column {column!r} names the images; {found.found:,} were found.")
    for rule, _ in found.rules[:1]:
        if rule.added:
            inquiry.understood.append(f"The images lie in {rule.added}, which the table leaves out.")
        if rule.ending:
            inquiry.understood.append(f"The images end in {rule.ending}, which the table leaves out.")
    for how, words in (
        ("zeros", "with other leading zeros than the file has"),
        ("percent", "with other percent signs than the file has"),
        ("letters", "in scrambled letters, or the file has them"),
    ):
        if count := found.spelled(how):
            inquiry.understood.append(f"{count:,} {'row names' if count == 1 else 'rows name'} an image {words}.")
    if found.outside:
        inquiry.warnings.append(
            f"{found.outside:,} rows name places outside the dataset's folder, which are never opened; files of the "
            "same name inside it were used where there are any."
        )


def _dataset(place: Place, joined: Joined, inquiry: Inquiry) -> Dataset:
    table, taken = joined.table, [joined.column]
    split = choose_split(table, inquiry)
    patient = choose_patient(table, [split] if joined.by_patient else [*taken, split], inquiry)
    labelling, label = _label(joined, [*taken, *[c for c in (split, patient) if c], *_roles(table, taken)], inquiry)
    attributes = attribute_columns(table, [*taken, *joined.others, split, patient, *label])
    cells = {column: table.values(column) for column in {*attributes, *[c for c in (split, patient) if c]}}
    sizes = Counter(_folder(name) for name in place.files)
    rows: dict[str, list[int]] = {}
    names: dict[int, str] = {}  # rows that name the same folder share one tuple, which is looked through once
    for number, files in enumerate(joined.files):
        if files:
            if id(files) not in names:
                names[id(files)] = case_name(files, sizes)
            rows.setdefault(names[id(files)], []).append(number)
        elif not joined.column:
            rows[row_name(table, number)] = [number]
    unknown = labelling.unknown or ((),) * len(labelling.rows)
    kept = settle_repeats(rows, tuple(zip(labelling.rows, unknown, strict=True)), inquiry)
    cases = tuple(
        Case(
            name=name,
            labels=labelling.rows[number],
            patient="" if not patient or is_empty(cells[patient][number]) else cells[patient][number],
            split=SPLIT_WORDS.get(cells[split][number].lower(), "") if split else "",
            attributes={attribute: plain_number(cells[column][number]) for column, attribute in attributes.items()},
            unknown=unknown[number],
        )
        for name, number in sorted(kept.items())
    )
    if joined.column:
        _say_missing(joined, inquiry)
    if not cases:
        raise UnusableDataset("None of the files that the table names exists", "keep the table beside its images")
    if label or not joined.others:
        say_unlabelled(cases, labelling.multilabel, inquiry)
    stem = PurePosixPath(table.name).stem
    is_plain = stem.lower() in {"labels", "label", "metadata", "data", "dataset", "index", "train", "test"}
    title = place.name if is_plain else f"{place.name}, {stem}"
    place_of = TableCases(
        place,
        joined.column,
        kept,
        {column: table.values(column) for column in table.columns},
        {**({joined.column: joined.files} if joined.column else {}), **joined.others},
    )
    return Dataset(
        name=short_name(title),
        title=title.replace("_", " "),
        location=place.path,
        layout=LAYOUT,
        cases=cases,
        labels=labelling.labels,
        multilabel=labelling.multilabel,
        read=place_of.read,
        pieces=place_of.pieces,
        stamp=place_of.stamp,
        table=place_of,
        has_images=bool(joined.column),
    )


def _masks_in(columns: Sequence[str]) -> list[str]:
    return [column for column in columns if file_name_rank(column) == 3]


def _label(joined: Joined, taken: Sequence[str], inquiry: Inquiry) -> tuple[Labelling, tuple[str, ...]]:
    """The labels of each row; none where masks say what is true and no column is called a label."""
    free, masks = [*taken, *joined.others], _masks_in([*joined.others])
    if masks and "label" not in inquiry.options and not label_columns(joined.table, free)[1]:
        inquiry.understood.append(f"Masks are in {', '.join(map(repr, masks))}; no column is called a label.")
        return Labelling(((),) * len(joined.table.rows), (), False), ()
    return label_table(joined.table, free, inquiry)


def _roles(table: Table, taken: list[str]) -> list[str]:
    """Columns whose heading gives them one of the four roles; none of them is the label."""
    roles = {"age", "sex", "site", "device"}
    return [column for column, name in attribute_columns(table, taken).items() if name in roles]


def _say_missing(joined: Joined, inquiry: Inquiry) -> None:
    texts = joined.table.values(joined.column)
    missing = [text or "(empty)" for text, files in zip(texts, joined.files, strict=True) if not files]
    if missing:
        words = "1 row names a file that is" if len(missing) == 1 else f"{len(missing):,} rows name files that are"
        inquiry.warnings.append(f"{words} not there: {some(missing)}. The other {len(texts) - len(missing):,} go on.")
