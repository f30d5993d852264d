"""A folder of classes: one folder a label, with or without train, val and test above."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from core.datasets.dataset import Case, Dataset, UnusableDataset
from core.datasets.inquiry import Inquiry
from core.datasets.labels.missing import is_missing
from core.datasets.labels.words import plain_text
from core.datasets.place import Place, Progress, Stopper, read_head
from core.datasets.reading import FileCases, short_name, some, without_label
from core.datasets.tables.columns import SPLIT_WORDS, is_mask_folder
from core.readers import READERS

LAYOUT = "folders"
#: Folders, each the only one in the last, that are gone through.
_DEEPEST = 32
#: Files of one ending that are looked into to see whether they are images.
_LOOKS = 8
_MASK = re.compile(r"[ _-]*(mask|seg|segmentation|gt|label|annotation)(?:[ _-]?\d+)?$", re.IGNORECASE)


def accepts(place: Place) -> bool:
    """Whether there are two or more folders with images in them."""
    if place.chosen:
        return False
    files, _ = _without_masks(place.files)
    base, splits = _find_base(files)
    return len(_class_names(files, base, splits)) > 1 and bool(_images(place, files, base)[0])


def open_folders(place: Place, inquiry: Inquiry, _progress: Progress | None, _cancelled: Stopper | None) -> Dataset:
    """Open the place by its folders.

    Raises:
        UnusableDataset: There are no images in them.
    """
    files, beside = _without_masks(place.files)
    base, splits = _find_base(files)
    images, strange = _images(place, files, base)
    masks = _masks(images)
    cases = [_case(name, base, splits) for name in images if name not in masks]
    kept = [case for case in cases if case is not None]
    if not kept:
        raise UnusableDataset("There are no folders of images, one a class", "put each class into a folder of its own")
    kept = _with_labels(_with_patients(kept, base, splits, inquiry), inquiry)
    labels = sorted({label for case in kept for label in case.labels})
    inquiry.understood.append(f"Each folder is a class: {', '.join(labels[:12])}.")
    if splits:
        inquiry.understood.append(f"Above them lie the splits {', '.join(sorted({case.split for case in kept}))}.")
    if strange:
        inquiry.warnings.append(f"{len(strange):,} files are no images and were left out: {some(strange)}.")
    if masks:
        inquiry.warnings.append(f"{len(masks):,} masks of other images were left out: {some(sorted(masks))}.")
    if beside:
        folders = sorted({name.rpartition("/")[0] for name in beside})
        inquiry.warnings.append(
            f"{len(beside):,} files in folders of masks or thumbnails were left out: {some(folders)}."
        )
    loose = len(cases) - len(kept)
    if loose:
        inquiry.warnings.append(f"{loose:,} images lie in no class folder and were left out.")
    sources = FileCases(place, {case.name: (case.name,) for case in kept})
    return Dataset(
        name=short_name(place.name),
        title=place.name.replace("_", " "),
        location=place.path,
        layout=LAYOUT,
        cases=tuple(kept),
        labels=tuple(labels),
        multilabel=False,
        read=sources.read,
        pieces=sources.pieces,
        stamp=sources.stamp,
    )


def _without_masks(files: Sequence[str]) -> tuple[list[str], list[str]]:
    """Files that may be images of a class, and those in folders of masks."""
    kept: list[str] = []
    beside: list[str] = []
    masks: dict[str, bool] = {}
    for name in files:
        folder = name.rpartition("/")[0]
        if folder not in masks:
            masks[folder] = any(is_mask_folder(part) for part in folder.split("/"))
        (beside if masks[folder] else kept).append(name)
    return kept, beside


def _with_labels(cases: list[Case], inquiry: Inquiry) -> list[Case]:
    """Folders called 0 and 1 do not say which is which, and one called unknown is no class."""
    names = {case.labels[0] for case in cases}
    gaps = {name for name in names if is_missing(name)}
    meant: dict[str, tuple[str, ...]] = {name: () if name in gaps else (name,) for name in names}
    numbers = {plain_text(name): name for name in names - gaps}
    if set(numbers) == {"0", "1"}:
        yes = inquiry.settle(
            "positive", "Which folder holds the images in which it is present?", ("1", "0"), "1", False
        )
        meant |= {name: ("positive",) if number == yes else ("negative",) for number, name in numbers.items()}
    without = sum(case.labels[0] in gaps for case in cases)
    if without:
        inquiry.warnings.append(f"{without_label(without)}, as the folder says: {some(sorted(gaps))}.")
    return [replace(case, labels=meant[case.labels[0]]) for case in cases]


def _find_base(files: Sequence[str]) -> tuple[str, bool]:
    """The folder that holds the class folders or the splits, and whether it holds splits.

    Folders that hold nothing but one other folder are gone through, as archives often have one.
    """
    base = ""
    for _ in range(_DEEPEST):
        counts = Counter(name[len(base) :].partition("/")[0] for name in files if _in_folder(name, base))
        if not counts:
            return base, False
        # "val" beside "train" may hold very few; one folder with nearly everything is a wrapper.
        if {folder.lower() for folder in counts} <= set(SPLIT_WORDS) and (len(counts) > 1 or _has_two(files, base)):
            return base, True
        if len(counts) > 1:
            return base, False
        base += f"{next(iter(counts))}/"
    return base, False


def _in_folder(name: str, base: str) -> bool:
    return name.startswith(base) and "/" in name[len(base) :]


def _has_two(files: Sequence[str], base: str) -> bool:
    """Whether the one folder below holds two or more, so that it is a split and not a class."""
    return len({name[len(base) :].split("/")[1] for name in files if name[len(base) :].count("/") > 1}) > 1


def _class_names(files: Sequence[str], base: str, splits: bool) -> set[str]:
    return {case.labels[0] for name in files if (case := _case(name, base, splits)) is not None}


def _case(name: str, base: str, splits: bool) -> Case | None:
    """The case of a file, None where it lies in no class folder."""
    parts = name[len(base) :].split("/") if name.startswith(base) else []
    if len(parts) < (3 if splits else 2):
        return None
    split = SPLIT_WORDS[parts[0].lower()] if splits else ""
    return Case(name, (parts[1 if splits else 0],), split=split)


def _images(place: Place, files: Sequence[str], base: str) -> tuple[list[str], list[str]]:
    """Files below the base that are images, and those that are not, told by a few of each ending."""
    by_ending: dict[str, list[str]] = defaultdict(list)
    for name in files:
        if _in_folder(name, base):
            by_ending[PurePosixPath(name).suffix.lower()].append(name)
    images: list[str] = []
    strange: list[str] = []
    for names in by_ending.values():
        sample = names[:: max(1, len(names) // _LOOKS)][:_LOOKS]
        (images if any(_is_image(place, name) for name in sample) else strange).extend(names)
    return sorted(images), sorted(strange)


def _is_image(place: Place, name: str) -> bool:
    head = read_head(place, name)
    return any(reader.accepts(head, name) for reader in READERS[1:]) or head.startswith(b"\x1f\x8b")


def _masks(images: Sequence[str]) -> set[str]:
    """Files called like another with `_mask` behind it."""
    stems = {str(PurePosixPath(name).with_suffix("")) for name in images}
    found = set()
    for name in images:
        stem = str(PurePosixPath(name).with_suffix(""))
        bare = _MASK.sub("", stem)
        if bare != stem and bare in stems:
            found.add(name)
    return found


def _with_patients(cases: list[Case], base: str, splits: bool, inquiry: Inquiry) -> list[Case]:
    """Folders inside the class folders may be patients; nobody but the user knows."""
    depth = 2 if splits else 1
    inner = {case.name: case.name[len(base) :].split("/")[depth:-1] for case in cases}
    if not all(inner.values()):
        inquiry.understood.append("Nothing names the patient: every image counts as a patient of its own.")
        return cases
    answer = inquiry.settle(
        "patient", "Is each folder inside the class folders one patient?", ("folder", ""), "folder", False
    )
    if not answer:
        return cases
    return [Case(case.name, case.labels, inner[case.name][0], case.split) for case in cases]
