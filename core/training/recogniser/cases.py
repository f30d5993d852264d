"""Images of every kind from the data folder, each with the split that keeps its patient together.

Where a recipe has a split of a set, that split holds here as well, so that no image that a model is tested on has
taught what kinds there are. Other sets are divided by a hash of the patient.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np

from core.errors import ScanLensError
from core.scan import Scan
from core.training.data.images import LabelledCase, load_cases
from core.training.data.masked_images import MaskedCase, load_masked_cases
from core.training.data.opened import open_image
from core.training.data.tables import read_table
from core.training.recipe.reading import load_recipes
from core.training.recipe.sources import MaskedImages, Source

#: Most images of a part of a set for each split, so that no large set drowns the others.
MOST = {"train": 350, "val": 160, "test": 160}

#: Frames of a cine as fractions of the beat.
BEAT = (0.0, 1 / 3, 1 / 2)

_ORDER = ("train", "val", "test")


@dataclass(frozen=True)
class KindCase:
    """One image.

    Attributes:
        kind: Slug of its kind.
        variant: Slug of its variant, `""` where the set does not say.
        source: Name of the part of a set that it is from.
        path: Where it lies.
        group: Patient, or what else keeps images together.
        split: train, val or test.
        frame: Of an array with several patients: row and frame; else -1.
    """

    kind: str
    variant: str
    source: str
    path: Path
    group: str
    split: str
    frame: tuple[int, int] = (-1, -1)


@dataclass(frozen=True)
class Part:
    """Rows of one table.

    Attributes:
        kind: Slug.
        source: Name for the card.
        folder: In the data folder.
        table: Name of the table.
        file: Column with the file.
        group: Column of the patient or of near-duplicates, `""` for none.
        variant: Slug.
        prefix: What stands before the file's name.
        keep: Column to the only texts that count.
        split: Column with a split of the set's own, `""` for none.
    """

    kind: str
    source: str
    folder: str
    table: str = "labels.csv"
    file: str = "file"
    group: str = ""
    variant: str = ""
    prefix: str = ""
    keep: tuple[tuple[str, tuple[str, ...]], ...] = ()
    split: str = ""


PARTS: tuple[Part, ...] = (
    Part("chest-radiograph", "Kermany", "chest_xray_kermany", group="patient", variant="child"),
    Part("chest-radiograph", "NIH, 224 px", "nih_cxr_pneumonia_224", group="patient", variant="adult"),
    Part("chest-radiograph", "NIH, 64 px", "nih_cxr_64px", group="patient", variant="adult"),
    Part(
        "chest-radiograph", "COVID collection", "covid_cxr_age_sex", group="patient", variant="adult",
        keep=(("modality", ("X-ray",)), ("view", ("PA", "AP", "AP Supine", "AP Erect"))),
    ),
    Part("limb-radiograph", "FracAtlas", "fracatlas", group="similarity_group"),
    Part("limb-cut-out", "FracAtlas, cut-outs", "fracatlas", "patches.csv", group="similarity_group"),
    Part("dental-panoramic", "Dental OPG", "dental_opg"),
    Part("fundus", "IDRiD", "idrid", "grading_labels.csv", prefix="grading/"),
    Part("fundus", "DRIVE and CHASE_DB1", "retina_vessels", group="patient", split="split"),
    Part("breast-ultrasound", "BUSI", "busi_breast_us", group="similarity_group"),
    Part("breast-ultrasound", "BUSI, the release with masks", "busi_with_masks", group="similarity_group"),
    Part("chest-ct", "IQ-OTH/NCCD", "iqothnccd_lung_ct", group="similarity_group", variant="soft-tissue-window"),
    Part("chest-ct", "TCGA, lung window", "siim_tcga_lung_ct", group="patient", variant="lung-window"),
    Part(
        "chest-ct", "TCGA, soft-tissue window", "siim_tcga_lung_ct", file="mediastinal_file", group="patient",
        variant="soft-tissue-window",
    ),
    Part("chest-ct", "Chest CT, unnamed sources", "chest_ct_cancer", group="similarity_group"),
    Part("brain-mri", "Brain Tumor MRI", "brain_mri_4class"),
    *(
        Part(
            "brain-mri", f"TCGA-LGG, {words}", "lgg_mri_flair", file=column, group="patient", variant=variant,
            split="split",
        )
        for column, variant, words in (
            ("flair", "flair", "FLAIR"), ("pre", "t1", "before contrast"), ("post", "t1-contrast", "after contrast")
        )
    ),
    *(
        Part(
            "brain-mri", f"OASIS-1, {plane}", "oasis1_slices", group="patient", variant="t1",
            keep=(("plane", (plane,)),),
        )
        for plane in ("axial", "coronal", "sagittal")
    ),
    Part("nodule-cut-out", "LIDC, candidates", "lidc_nodules", "candidates.csv", group="patient", split="split"),
)  # fmt: skip

#: Cines of the heart lie in one array a set.
HEART = ("heart-mri", "ACDC, middle slice", "acdc_cine", "acdc_mid_slice_cine.npz")


def kind_cases(data: Path) -> list[KindCase]:
    """All images that teach or test, at most `MOST` of each part and split, in an order drawn once."""
    homes = recipe_splits(data)
    found = [case for part in PARTS for case in _of_part(part, data, homes)]
    found += _hearts(data)
    random.Random(0).shuffle(found)
    counts: Counter[tuple[str, str]] = Counter()
    kept = []
    for case in found:
        counts[case.source, case.split] += 1
        if counts[case.source, case.split] <= MOST[case.split]:
            kept.append(case)
    return kept


def recipe_splits(data: Path) -> dict[Path, str]:
    """Path to split in the recipes of images and of masks; where they differ, test goes before val before train."""
    found: dict[Path, str] = {}
    for recipe in load_recipes().values():
        cases: Iterable[LabelledCase | MaskedCase] = ()
        if isinstance(recipe.data, Source):
            cases = load_cases(recipe.images, recipe.labels, data)
        elif isinstance(recipe.data, MaskedImages):
            cases = chain.from_iterable(load_masked_cases(recipe, data).values())
        for case in cases:
            found[case.path] = max(case.split, found.get(case.path, "train"), key=_ORDER.index)
    return found


def _of_part(part: Part, data: Path, homes: Mapping[Path, str]) -> Iterator[KindCase]:
    rows, _ = read_table(data / part.folder / part.table)
    cases = []
    has_val = any(row[part.split] in {"val", "valid"} for row in rows) if part.split else False
    for row in rows:
        if not row[part.file] or any(row[column] not in texts for column, texts in part.keep):
            continue
        path = data / part.folder / (part.prefix + row[part.file])
        group = (row[part.group] if part.group else "") or row[part.file]
        told = {"valid": "val"}.get(row[part.split], row[part.split]) if part.split else ""
        drawn = hashed_split(f"{part.folder} {group}")
        if told == "train" and not has_val and drawn == "val":
            told = "val"
        split = told or homes.get(path) or drawn
        cases.append(KindCase(part.kind, part.variant, part.source, path, group, split))
    return one_home(cases)


def one_home(cases: Iterable[KindCase]) -> Iterator[KindCase]:
    """Each group in one split: the latest of those that its images are in."""
    cases = list(cases)
    homes: dict[str, str] = {}
    for case in cases:
        homes[case.group] = max(case.split, homes.get(case.group, "train"), key=_ORDER.index)
    return (replace(case, split=homes[case.group]) for case in cases)


def hashed_split(group: str) -> str:
    """Six of ten groups train, two validate, two test.

    Example:
        >>> hashed_split("a patient") == hashed_split("a patient")
        True
    """
    place = int(hashlib.sha256(group.encode()).hexdigest(), 16) % 10
    return "train" if place < 6 else "val" if place < 8 else "test"


def _hearts(data: Path) -> list[KindCase]:
    kind, source, folder, file = HEART
    rows, _ = read_table(data / folder / "labels.csv")
    cases = []
    for number, row in enumerate(rows):
        for fraction in BEAT:
            frame = int(int(row["frames"]) * fraction)
            split = hashed_split(f"{folder} {row['patient']}")
            cases.append(KindCase(kind, "", source, data / folder / file, row["patient"], split, (number, frame)))
    return cases


def open_case(case: KindCase) -> tuple[Scan, int] | None:
    """The scan and the frame that count, by the same readers as an upload; None where there is nothing to see."""
    if case.frame[0] < 0:
        try:
            scan = open_image(case.path)
        except ScanLensError:
            return None
        return scan, scan.frames // 2
    with np.load(case.path, allow_pickle=False) as arrays:
        pixels = arrays[case.group][case.frame[1]]
    return Scan(pixels[None].astype(np.int16), "single", "", "array", "", modality="MR"), 0
