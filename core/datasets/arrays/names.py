"""Which arrays of an `.npz` are images and which their labels: MedMNIST's names and those that people use."""

from __future__ import annotations

import re
import zipfile
from collections import defaultdict
from dataclasses import dataclass

from core.datasets.arrays.container import Header, members, read_header
from core.datasets.dataset import UnusableDataset
from core.datasets.labels.signs import words_in
from core.datasets.tables.columns import SPLIT_WORDS

_IMAGES = words_in(
    "images image imgs img x data pixels pictures picture inputs input scans scan volumes volume vols vol features"
)
_LABELS = words_in("labels label y target targets class classes diagnosis")


@dataclass(frozen=True)
class Pair:
    """Images and their labels in one archive.

    Attributes:
        split: train, val, test, or `""` where the names do not say.
        images: Name of the array of images, with its ending.
        labels: Name of the array of labels, with its ending.
    """

    split: str
    images: str
    labels: str


def find_pairs(archive: zipfile.ZipFile) -> tuple[Pair, ...]:
    """Images with labels, in the order train, val, test; `()` where none are recognised.

    Names are taken apart: `train_images`, `X_train`, `y_val`, `imagesTest`, `x`. Two arrays of any name are a pair
    where one has three axes or more, the other one or two, and both as many entries.

    Args:
        archive: An open `.npz`.
    """
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    names = sorted(members(archive))
    for name in names:
        if (parts := _split_and_role(name)) is not None:
            found[parts].append(name)
    pairs = [
        Pair(split, f"{images[0]}.npy", f"{labels[0]}.npy")
        for split in ("train", "val", "test", "")
        if len(images := found.get((split, "images"), [])) == 1 and len(labels := found.get((split, "labels"), [])) == 1
    ]
    pairs = [pair for pair in pairs if _could_be(archive, pair)]
    if pairs and pairs[-1].split == "" and len(pairs) > 1:
        pairs = pairs[:-1]  # `images` beside `train_images` is the same once more, or something else
    if not pairs and len(names) == 2:
        pairs = [
            pair
            for images, labels in (names, names[::-1])
            if _could_be(archive, pair := Pair("", f"{images}.npy", f"{labels}.npy"), strict=True)
        ]
    return tuple(pairs)


def _split_and_role(name: str) -> tuple[str, str] | None:
    """`("train", "images")` for `X_train`; None where a word of the name is neither."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.rpartition("/")[2]).lower()
    glued = re.fullmatch(r"([xy])(.+)", parted)
    words = [word for word in re.split(r"[^a-z0-9]+", parted) if word]
    if glued and glued[2] in SPLIT_WORDS:
        words = [glued[1], glued[2]]
    splits = {SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS}
    roles = {"images" for word in words if word in _IMAGES} | {"labels" for word in words if word in _LABELS}
    others = [word for word in words if word not in SPLIT_WORDS and word not in _IMAGES and word not in _LABELS]
    if others or len(roles) != 1 or len(splits) > 1:
        return None
    return (splits.pop() if splits else "", roles.pop())


def header_of(archive: zipfile.ZipFile, member: str) -> Header:
    """What an array says of itself.

    Raises:
        UnusableDataset: It is broken, holds objects, which could carry code, or is in Fortran order.
    """
    with archive.open(member) as stream:
        return read_header(stream, member)


def _could_be(archive: zipfile.ZipFile, pair: Pair, strict: bool = False) -> bool:
    """Whether the shapes are those of images and labels; what cannot be read is told when it is opened."""
    try:
        images = header_of(archive, pair.images)
    except UnusableDataset:
        return not strict
    try:
        with archive.open(pair.labels) as stream:
            labels = read_header(stream, pair.labels, small=True)
    except UnusableDataset:
        return not strict and len(images.shape) >= 3
    whole = len(images.shape) >= 3 and len(labels.shape) <= 2 and images.dtype.kind in "biuf"
    if strict:
        return whole and images.shape[0] == labels.shape[0]
    return whole or bool(pair.split)
