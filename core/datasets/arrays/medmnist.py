"""MedMNIST's `.npz` ({train,val,test}_{images,labels}) and its likes, on their own, in a folder or in a zip."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from core.datasets.arrays.container import ArrayReader, open_npz
from core.datasets.arrays.labels import name_labels, read_labels
from core.datasets.arrays.names import Pair, find_pairs, header_of
from core.datasets.arrays.pixels import PixelLayout, pixel_layout, scan_of_array
from core.datasets.dataset import Case, Dataset, UnusableDataset
from core.datasets.inquiry import Inquiry
from core.datasets.place import Place, Progress, Stopper, ZipPlace, read_head
from core.datasets.reading import short_name
from core.datasets.tables.columns import SPLIT_WORDS, words_of
from core.scan import Scan

LAYOUT = "medmnist"

#: Where the images of a split lie: archive, its name in the place, and the pair of arrays.
Source = tuple[zipfile.ZipFile, str, Pair]


def accepts(place: Place) -> bool:
    """Whether the place is such an `.npz`, or holds one near its top."""
    return not place.chosen and bool(_archives(place))


def open_medmnist(place: Place, inquiry: Inquiry, _progress: Progress | None, _cancelled: Stopper | None) -> Dataset:
    """Open the arrays.

    Raises:
        UnusableDataset: They do not fit together.
    """
    title, sources = _choose(place, inquiry)
    images = {
        split: ArrayReader(archive, pair.images, header_of(archive, pair.images))
        for split, (archive, _, pair) in sources.items()
    }
    truths = {
        split: read_labels(archive, pair, images[split].header.shape[0])
        for split, (archive, _, pair) in sources.items()
    }
    layout = pixel_layout(images, inquiry)
    found = name_labels(title, truths, inquiry)
    cases = tuple(
        Case(f"{split or 'all'}/{index:06d}", labels, split=split, unknown=unknown)
        for split in images
        for index, (labels, unknown) in enumerate(zip(found.rows[split], found.unknown[split], strict=True))
    )
    shape = " × ".join(str(n) for n in next(iter(images.values())).header.shape[1:])
    where = f" in {', '.join(images)}" if "" not in images else ""
    inquiry.understood.insert(0, f"{len(cases):,} images of {shape}{where}.")
    inquiry.understood.append("Nothing names the patient: every image counts as a patient of its own.")
    arrays = ArrayCases(place, {split: name for split, (_, name, _) in sources.items()}, images, layout)
    return Dataset(
        name=short_name(title),
        title=title.replace("_", " "),
        location=place.path,
        layout=LAYOUT,
        cases=cases,
        labels=found.labels,
        multilabel=found.multilabel,
        read=arrays.read,
        pieces=arrays.pieces,
        stamp=arrays.stamp,
    )


def _choose(place: Place, inquiry: Inquiry) -> tuple[str, dict[str, Source]]:
    """The title, and for each split where it lies; files called train, val and test are one dataset."""
    archives = _archives(place)
    splits = [_split_in_name(name) for name in archives]
    if len(archives) > 1 and "" not in splits and len(set(splits)) == len(splits) and "file" not in inquiry.options:
        opened = [(open_npz(place, name), name) for name in archives]
        pairs = [find_pairs(archive) for archive, _ in opened]
        if all(len(found) == 1 and found[0].split == "" for found in pairs):
            inquiry.understood.append(f"The files {', '.join(archives)} hold one split each.")
            found = {split: (*one, pair[0]) for split, one, pair in zip(splits, opened, pairs, strict=True)}
            return place.name, {split: found[split] for split in ("train", "val", "test") if split in found}
    answer = inquiry.settle("file", "Which file is the dataset?", archives, archives[0], len(archives) == 1)
    archive = place.archive if answer == "" and isinstance(place, ZipPlace) else open_npz(place, answer)
    title = place.name if answer == "" else PurePosixPath(answer).stem
    return title, {pair.split: (archive, answer, pair) for pair in find_pairs(archive)}


def _split_in_name(name: str) -> str:
    found = {SPLIT_WORDS[word] for word in words_of(PurePosixPath(name).stem) if word in SPLIT_WORDS}
    return found.pop() if len(found) == 1 else ""


def _archives(place: Place) -> list[str]:
    """Files in the layout; `""` for the place itself."""
    if isinstance(place, ZipPlace) and find_pairs(place.archive):
        return [""]
    near = [name for name in place.files if name.count("/") <= 1 and name.lower().endswith(".npz")]
    if len(near) > 50:  # one file a case is another layout
        return []
    return [name for name in near if read_head(place, name, 4) == b"PK\x03\x04" and _has_layout(place, name)]


def _has_layout(place: Place, name: str) -> bool:
    try:
        return bool(find_pairs(open_npz(place, name)))
    except UnusableDataset:
        return False


@dataclass(frozen=True, eq=False)
class ArrayCases:
    """Cases that are entries of arrays.

    Attributes:
        place: Where the `.npz` lies.
        members: Split to the name of its `.npz` there, `""` where it is the place.
        images: Split to its images.
        layout: How an entry becomes an image.
    """

    place: Place
    members: Mapping[str, str]
    images: Mapping[str, ArrayReader]
    layout: PixelLayout

    def _raw(self, case: Case) -> tuple[ArrayReader, bytes]:
        reader = self.images[self._split(case)]
        return reader, reader.raw(int(case.name.partition("/")[2]))

    def _split(self, case: Case) -> str:
        split = case.name.partition("/")[0]
        return "" if split == "all" else split

    def read(self, case: Case) -> Scan:
        """The scan of a case.

        Raises:
            UnreadableScan: The array is broken.
        """
        reader, raw = self._raw(case)
        entry = np.frombuffer(raw, reader.header.dtype).reshape(reader.header.shape[1:])
        return scan_of_array(entry, raw, case.name, self.layout)

    def pieces(self, case: Case) -> Iterator[bytes]:
        """The case's pixels as stored, in one piece."""
        yield self._raw(case)[1]

    def stamp(self, case: Case) -> str:
        """The stamp of the whole file, as single arrays have none of their own."""
        split = self._split(case)
        return self.place.stamp(self.members[split] or self.images[split].member)
