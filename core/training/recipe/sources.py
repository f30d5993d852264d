"""Where the cases of a recipe come from, as it writes it: tables of images, of images with masks, of whole studies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, eq=True):
    """A part of a recipe: its keys are the attributes of the class, and one that is misspelt is refused."""


class Division(Part, frozen=True):
    """How to divide rows that the table does not divide, class by class.

    Attributes:
        how: `groups` orders groups by the hash of their name; `blocks` by a running number, so that neighbours, which
            may be of one patient, stay together except at the two borders.
        val: Fraction of the validation split.
        test: Fraction of the test split.
        order: Column of the running number, for `blocks`: the lowest are in train, the highest in test.
        descending: The other way round; each group stands as a whole where its lowest number does.
    """

    how: Literal["groups", "blocks"]
    val: float
    test: float = 0.0
    order: str = ""
    descending: bool = False

    def __post_init__(self) -> None:
        if (self.how == "blocks") != bool(self.order):
            raise ValueError(f"a division {self.how!r} ordered by {self.order!r}")
        if not 0 < self.val < 1 or not 0 <= self.test < 1 or self.val + self.test >= 1:
            raise ValueError(f"fractions {self.val:g} and {self.test:g} that leave nothing to train on")


class Source(Part, frozen=True, tag_field="layout", tag="images"):
    """Labelled images in a folder with a CSV table.

    Attributes:
        name: Short name, used in file names.
        folder: Folder below the data folder.
        table: CSV file in that folder, or an archive in MedMNIST's layout (see `data/medmnist.py`).
        file: Column with the path of the image; `prefix` goes before it.
        title: Name for people.
        label: Column with the class; `""` where only the images matter, and for a multilabel task.
        label_columns: Column to label, of a multilabel task; a cell says 1 or 0.
        patient: Column that names the patient, `""` where each image stands for itself.
        split: Column with train, val or test, or `""` where `only_split` names the one split all rows are in.
        only_split: See `split`.
        prefix: See `file`.
        classes: Text of the label column to label of the recipe; rows with other texts are left out.
        contains: Part of the label column's text to label, tried where `classes` has no entry.
        attributes: Columns to keep beside the scores, for results by subgroup.
        combined: Further subgroups, each by the texts that several of these columns have together.
        bands: Attribute that is a number to the borders of its groups, e.g. age to 40 and 60.
        keep: Column to the texts it must have; other rows are left out.
        leave_out: Column to texts it must not have.
        at_least: Column to the smallest number it must have.
        division: How to divide what the split column does not: all rows, or those in train where there is one.
        near_duplicates: Correlation above which two images of a class are one group, for a set without patients; adds
            the columns `similarity_group` and `number`. 0 where the table has what it needs.
        shrink: Side in pixels of a square that every image is squashed to before anything else; 0 for none.
        kind: `internal` where the training hospital made the images, `stress` where they are its images made harder,
            else `external`.
        noun: What a case is called on the card, in the plural.
    """

    name: str
    folder: str
    table: str
    file: str
    title: str = ""
    label: str = ""
    label_columns: Mapping[str, str] = {}
    patient: str = ""
    split: str = ""
    only_split: str = ""
    prefix: str = ""
    classes: Mapping[str, str] = {}
    contains: Mapping[str, str] = {}
    attributes: tuple[str, ...] = ()
    combined: tuple[Mapping[str, str], ...] = ()
    bands: Mapping[str, tuple[float, ...]] = {}
    keep: Mapping[str, tuple[str, ...]] = {}
    leave_out: Mapping[str, tuple[str, ...]] = {}
    at_least: Mapping[str, float] = {}
    division: Division | None = None
    near_duplicates: float = 0.0
    shrink: int = 0
    kind: Literal["internal", "external", "stress"] = "internal"
    noun: str = "images"

    @property
    def named_labels(self) -> set[str]:
        """The labels that its columns and texts stand for."""
        return {*self.classes.values(), *self.contains.values(), *self.label_columns.values()}

    def check_labels(self, labels: tuple[str, ...]) -> None:
        """Refuse classes that are no labels of the recipe, and subgroups by what is no attribute.

        Raises:
            ValueError: It names one.
        """
        if strangers := self.named_labels - set(labels):
            raise ValueError(f"classes of {self.name!r} that are no labels: {', '.join(sorted(strangers))}")
        if strangers := {column for group in self.combined for column in group} - set(self.attributes):
            raise ValueError(f"combined subgroups of {self.name!r} by no attribute: {', '.join(sorted(strangers))}")


class MaskedImages(Part, frozen=True, tag_field="layout", tag="masks"):
    """Images with masks in a folder with a CSV table. Patterns name columns in braces, e.g. `"{image}_mask.png"`.

    Attributes:
        name: Short name, used in file names.
        title: Name for people.
        folder: Folder below the data folder.
        table: CSV file in that folder.
        file: Pattern of the image's path.
        mask: Pattern of the mask's path.
        patient: Pattern of whom it shows; where that comes to nothing, the image stands for itself.
        split: Column with the split, `""` where `division` says all.
        splits: Texts of that column to train, val or test, where they are others.
        bits: Label to the bit of the mask that means it; without, any value above 0 is the only label.
        second: Pattern of a second observer's mask; `""`, or a row that comes to nothing, for none.
        group: Column of the kinds that `division` divides one by one.
        division: How to take validation, and where the table names no split the test part as well.
        attributes: Columns to keep beside the scores, for results by subgroup.
        bands: Attribute that is a number to the borders of its groups.
        leave_out: Column to texts it must not have.
        noun: What a case is called on the card, in the plural.
    """

    name: str
    title: str
    folder: str
    table: str
    file: str
    mask: str
    patient: str = ""
    split: str = ""
    splits: Mapping[str, Literal["train", "val", "test"]] = {}
    bits: Mapping[str, int] = {}
    second: str = ""
    group: str = ""
    division: Division | None = None
    attributes: tuple[str, ...] = ()
    bands: Mapping[str, tuple[float, ...]] = {}
    leave_out: Mapping[str, tuple[str, ...]] = {}
    noun: str = "images"

    def __post_init__(self) -> None:
        if not self.split and self.division is None:
            raise ValueError("data without a split column or a division")

    def check_labels(self, labels: tuple[str, ...]) -> None:
        """Refuse bits that are not those of the recipe's labels but the background.

        Raises:
            ValueError: They are not, or several labels have no bits.
        """
        foreground = labels[1:]
        if set(self.bits) != (set(foreground) if self.bits or len(foreground) > 1 else set()):
            raise ValueError("bits of the masks that are not the labels")


class StudyData(Part, frozen=True, tag_field="layout", tag="studies"):
    """Where studies, cases with several inputs, come from.

    Attributes:
        loader: Name in `LOADERS`.
        folder: Folder below the data folder.
        name: Short name, used in file names.
        title: Name for people.
        options: What the loader wants to know.
        bands: Attribute that is a number to the borders of its groups.
        combined: Further subgroups, each by the texts that several attributes have together.
        noun: What a case is called, in the plural.
    """

    loader: str
    folder: str
    name: str
    title: str
    options: Mapping[str, Any] = {}
    bands: Mapping[str, tuple[float, ...]] = {}
    combined: tuple[Mapping[str, str], ...] = ()
    noun: str = "studies"

    @property
    def source(self) -> Source:
        """Name, folder and title of the data, for code that asks no more."""
        return Source(self.name, self.folder, "", "", self.title, combined=self.combined, noun=self.noun)

    def check_labels(self, labels: tuple[str, ...]) -> None:
        """Nothing: the loader numbers the classes, and the folds are checked for every label."""


class Truth(Part, frozen=True):
    """Marked regions to measure heatmaps against.

    Attributes:
        name: Short name, used in file names.
        title: Name for people.
        kind: `boxes`, one row of the table each; `mask`, one image file of 0 and more; `bits`, one with a bit for each
            kind of finding.
        folder: Folder below the data folder.
        table: CSV file in that folder.
        join: Column of this table to the column of the recipe's own table that has the same texts.
        labels: Labels whose evidence is compared with the marks.
        marks: What is marked, for people; the name of the region for boxes and masks.
        box: Columns of left, top, width and height, in pixels of the recipe's own image.
        mask: Path of the mask in the folder, with columns of the table in braces.
        bits: Name of the finding to the bits that show it; several bits are taken together.
        leave_out: Column to texts it must not have.
        others_are: For images of this table that are not among the recipe's own: labels one of which is true of all of
            them. The most probable is explained. Without it such images are left out.
        file: Path of the image in the folder, likewise; needed for `others_are`.
        crop: Columns of the recipe's own table with left, top, width and height of its image within the marked one, as
            fractions of that one's size, for boxes of images that the recipe's are cut from; wants `file`.
        patient: Column that names the patient of such an image, `""` where each stands for itself.
    """

    name: str
    title: str
    kind: Literal["boxes", "mask", "bits"]
    folder: str
    table: str
    join: Mapping[str, str]
    labels: tuple[str, ...]
    marks: str
    box: tuple[str, ...] = ()
    mask: str = ""
    bits: Mapping[str, int] = {}
    leave_out: Mapping[str, tuple[str, ...]] = {}
    others_are: tuple[str, ...] = ()
    file: str = ""
    crop: tuple[str, ...] = ()
    patient: str = ""

    def __post_init__(self) -> None:
        fits = {"boxes": len(self.box) == 4, "mask": bool(self.mask), "bits": bool(self.mask and self.bits)}
        if not fits[self.kind] or not self.join or not self.labels:
            raise ValueError(f"marked regions {self.name!r} of kind {self.kind!r} without what that kind needs")
        if self.others_are and not self.file:
            raise ValueError(f"marked regions {self.name!r} with others_are, but no file")
        if self.crop and (self.kind != "boxes" or len(self.crop) != 4 or not self.file or self.others_are):
            raise ValueError(f"marked regions {self.name!r} with crop, but no boxes or no file")
