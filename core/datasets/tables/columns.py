"""What the columns of a table mean, by name and by content: neither alone is enough."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.datasets.labels.marks import Marks, find_marks
from core.datasets.labels.missing import is_missing
from core.datasets.labels.signs import words_in

if TYPE_CHECKING:  # which reads headings by the words of this module
    from core.datasets.tables.table import Table

#: Words of a split in tables and folder names, to ours.
SPLIT_WORDS: dict[str, str] = {
    **dict.fromkeys(("train", "training", "tr", "trn", "trainset"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "tune", "tuning", "validate"), "val"),
    **dict.fromkeys(("test", "testing", "tst", "ts", "holdout", "eval", "evaluation", "testset"), "test"),
}


_LABEL_NAMES = words_in(
    "label labels class classes target targets diagnosis dx category finding findings y outcome disease"
)
_FILE_NAMES = words_in(
    "file files path filename filepath image images imagepath imagefile img imgpath picture filelocation imageid "
    "imageindex imagename dicom dicompath scan relativepath"
)
_PATIENT_WORDS = words_in("patient subject participant person individual volunteer pid patientid subjectid")
#: Words beside those above that make a column one about patients, not of them.
_OTHER_WORDS = words_in(
    "age sex gender height weight size number count position orientation class type group status in also same "
    "name birth birthdate date address comment comments history"
)
_CASE_WORDS = words_in("case study exam examination visit encounter session")
#: Role to words in a column's name, by which subgroups are shown under one heading.
_ROLE_WORDS: dict[str, frozenset[str]] = {
    "age": frozenset({"age", "patientage", "ageyears", "alter"}),
    "sex": frozenset({"sex", "gender", "patientsex", "patientgender", "geschlecht"}),
    "site": frozenset({"site", "hospital", "institution", "center", "centre", "clinic"}),
    "device": frozenset({"device", "manufacturer", "scanner", "vendor", "camera", "machine", "equipment"}),
}
_IDENTIFYING = words_in(
    "name names surname birth birthdate birthday dob address street phone telephone email mail mrn ssn accession "
    "insurance zip postcode physician operator doctor"
)
_TECHNICAL = words_in(
    "width height rows cols columns size bytes sha256 md5 hash sha checksum x y w h x0 y0 x1 y1 xmin ymin xmax ymax "
    "url doi licence license orig original path mask masks index id idx uid number"
)

_SPLIT_NAMES = words_in("split set subset partition fold")
_MASK_FOLDERS = words_in(
    "mask segmentation segmentations seg segs groundtruth groundtruths gt annotation annotations labelmap labelmaps "
    "thumbnail thumbnails thumbs"
)


def words_of(column: str) -> list[str]:
    """The words of a heading in lower case.

    Example:
        >>> words_of("PatientID"), words_of("image_path (rel.)")
        (['patient', 'id'], ['image', 'path', 'rel'])
    """
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", column)
    return [word for word in re.split(r"[^0-9a-zA-Zäöüß]+", parted.lower()) if word]


def _key(column: str) -> str:
    return "".join(words_of(column))


def plain_number(text: str) -> str:
    """`"1"` for `"1.0"`, which spreadsheets and pandas write for whole numbers; other texts as they are."""
    return re.split("[.,]", text)[0] if re.fullmatch(r"-?\d+[.,]0+", text) else text


def distinct(table: Table, column: str) -> list[str]:
    """Values of a column that say something, sorted, numbers by size."""
    if ("distinct", column) not in table.memory:
        values = {plain_number(value) for value in set(table.values(column)) if not is_missing(value)}
        try:
            found = sorted(values, key=float)
        except ValueError:
            found = sorted(values)
        table.memory["distinct", column] = found
    return list(table.memory["distinct", column])


def marks_in(table: Table, column: str) -> Marks | None:
    """A column read as yes and no; None where it is something else."""
    if ("marks", column) not in table.memory:
        table.memory["marks", column] = find_marks(table.values(column))
    found: Marks | None = table.memory["marks", column]
    return found


def could_be_chosen(table: Table, column: str) -> bool:
    """Whether a column that nobody would guess may still be offered as the label."""
    return not set(words_of(column)) & _TECHNICAL and 1 < len(distinct(table, column)) <= 50


def is_binary(table: Table, column: str) -> bool:
    """Whether every cell is 0 or 1, and both occur."""
    return set(distinct(table, column)) == {"0", "1"}


def file_name_rank(column: str) -> int:
    """0 for a heading that says file, 1 for one that has such a word, 2 for others, 3 for masks."""
    words = set(words_of(column))
    if words & {"mask", "masks", "segmentation", "annotation"}:
        return 3
    return 0 if _key(column) in _FILE_NAMES else 1 if words & _FILE_NAMES else 2


def is_known_heading(cell: str) -> bool:
    """Whether a text is a usual heading of a table of images: of files, labels, patients, splits, age and so on.

    Example:
        >>> is_known_heading("Image Index"), is_known_heading("p000.png"), is_known_heading("Hospital A")
        (True, False, False)
    """
    key = _key(cell)
    return bool(key) and (
        file_name_rank(cell) == 0
        or _says_label(cell)
        or _says_patient(cell)
        or key in _SPLIT_NAMES
        or any(key in names for names in _ROLE_WORDS.values())
    )


def is_mask_folder(name: str) -> bool:
    """Whether a folder's name says that it holds masks or small copies of images, and no images of its own.

    Example:
        >>> is_mask_folder("lung_masks"), is_mask_folder("Ground Truth"), is_mask_folder("without_mask")
        (True, True, False)
    """
    return _key(name) in _MASK_FOLDERS or _key(name).endswith("masks")


def split_columns(table: Table) -> list[str]:
    """Columns that say train, val or test, the one called so first."""
    found = [column for column in table.columns if _is_split(table, column)]
    best = [column for column in found if _key(column) in _SPLIT_NAMES]
    return best or found


def _is_split(table: Table, column: str) -> bool:
    if not {word.lower() for word in table.sample(column)} <= set(SPLIT_WORDS):
        return False
    values = {value.lower() for value in distinct(table, column)}
    return bool(values) and values <= set(SPLIT_WORDS)


def patient_columns(table: Table, taken: Sequence[str] = ()) -> list[str]:
    """Columns that look like the patient; those that say so outrank cases and studies that repeat."""
    known = set(taken)
    free = [column for column in table.columns if column not in known and _names_things(table, column)]
    strong = [column for column in free if _says_patient(column)]
    if strong:
        return _without_copies(table, strong)
    weak = [
        column for column in free if set(words_of(column)) & _CASE_WORDS and not set(words_of(column)) & _OTHER_WORDS
    ]
    return _without_copies(table, [column for column in weak if _repeats(table, column)])


def group_columns(table: Table, taken: Sequence[str] = ()) -> list[str]:
    """Columns by which rows could belong together."""
    known = set(taken)
    return [
        column
        for column in table.columns
        if column not in known
        and not set(words_of(column)) & (_TECHNICAL - {"number", "id"})
        and not role_of(column)
        and _repeats(table, column)
        and len(values := distinct(table, column)) > 20
        and not any("." in value and value.replace(".", "", 1).isdigit() for value in values)
    ]


def _says_patient(column: str) -> bool:
    words = set(words_of(column))
    return bool(words & _PATIENT_WORDS or _key(column) in _PATIENT_WORDS) and not words & _OTHER_WORDS


def _names_things(table: Table, column: str) -> bool:
    """Not empty and not a yes or no."""
    values = distinct(table, column)
    return len(values) > 2 or (len(values) > 0 and not is_binary(table, column) and len(table.rows) < 6)


def _repeats(table: Table, column: str) -> bool:
    values = [value for value in table.values(column) if value]
    return len(values) > len(set(values)) > 1


def _without_copies(table: Table, columns: list[str]) -> list[str]:
    """Columns that group the rows in the same way count once."""
    kept: dict[tuple[int, ...], str] = {}
    for column in columns:
        numbers: dict[str, int] = {}
        kept.setdefault(tuple(numbers.setdefault(value, len(numbers)) for value in table.values(column)), column)
    return list(kept.values())


def label_columns(table: Table, taken: Sequence[str]) -> tuple[list[str], bool]:
    """Columns that could hold the label, and whether one of them says so by its name."""
    known = set(taken)
    free = [column for column in table.columns if column not in known]
    named = [c for c in free if _says_label(c) and len(distinct(table, c)) > 0]
    single = [column for column in named if _key(column) in {"label", "class", "target"}]
    if named:
        return (single if len(single) == 1 else named), True
    found = {column for column in free if _could_label(table, column)}.union(_mark_columns(table, free))
    return [column for column in free if column in found], False


def _mark_columns(table: Table, free: Sequence[str]) -> list[str]:
    """Columns of yes and no, however many gaps they have; of crosses and of one answer only beside others."""
    usable = [c for c in free if not set(words_of(c)) & (_TECHNICAL | _IDENTIFYING) and not role_of(c)]
    marks = {column: found for column in usable if (found := marks_in(table, column)) is not None}
    proper = [column for column, found in marks.items() if found.both]
    crosses = [column for column, found in marks.items() if found.crosses]
    if len(proper) + len(crosses) < 2:
        return proper
    gaps = [column for column, found in marks.items() if not found.both and len(set(found.cells)) > 1]
    wanted = {*proper, *crosses, *gaps}
    return [column for column in marks if column in wanted]


def _says_label(column: str) -> bool:
    """`"label"`, `"Finding Labels"`."""
    return bool(words_of(column)) and set(words_of(column)) <= _LABEL_NAMES


def _could_label(table: Table, column: str) -> bool:
    """Few values, each of several rows, and no measure of the file."""
    words = set(words_of(column))
    if words & (_TECHNICAL | _IDENTIFYING) or role_of(column):
        return False
    values = distinct(table, column)
    filled = sum(bool(value) for value in table.values(column))
    return 2 <= len(values) <= min(50, max(2, filled // 2)) and filled >= 0.5 * len(table.rows)


def role_of(column: str) -> str:
    """`"age"`, `"sex"`, `"site"` or `"device"` by a heading; `""` for others."""
    words = {*words_of(column), _key(column)}
    return next((role for role, names in _ROLE_WORDS.items() if words & names), "")


def attribute_columns(table: Table, taken: Sequence[str]) -> dict[str, str]:
    """Column to the name of its attribute: the four roles, and other columns with few values, each of several rows.

    A column that could name a person is never one, whatever it holds.
    """
    found: dict[str, str] = {}
    known, roles = set(taken), set[str]()
    for column in table.columns:
        if column in known or set(words_of(column)) & _IDENTIFYING:
            continue
        role = role_of(column)
        if role and role not in roles and distinct(table, column):
            found[column] = role
            roles.add(role)
        elif not role and _groups_rows(table, column):
            found[column] = column
    return found


def _groups_rows(table: Table, column: str) -> bool:
    if set(words_of(column)) & _TECHNICAL:
        return False
    sample = table.sample(column)
    if len(set(sample)) > 20:
        return False
    values = distinct(table, column)
    filled = sum(bool(value) for value in table.values(column))
    return 2 <= len(values) <= 20 and filled >= 5 * len(values)
