"""A MedMNIST `.npz` ({train,val,test}_{images,labels}), on its own, in a folder or in a zip."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray

from core.datasets.arrays import ArrayReader, members, open_npz, read_header, read_small
from core.datasets.columns import SPLIT_WORDS
from core.datasets.dataset import Case, Dataset, UnusableDataset
from core.datasets.inquiry import Inquiry
from core.datasets.medmnist_names import known_labels
from core.datasets.place import Place, Progress, Stopper, ZipPlace, read_head
from core.datasets.reading import scan_of, short_name
from core.errors import UnreadableScan
from core.readers import Source
from core.scan import Scan, Step

LAYOUT = "medmnist"


def accepts(place: Place) -> bool:
    """Whether the place is such an `.npz`, or holds one near its top."""
    return not place.chosen and bool(_archives(place))


def open_medmnist(place: Place, inquiry: Inquiry, _progress: Progress | None, _cancelled: Stopper | None) -> Dataset:
    """Open the arrays.

    Raises:
        UnusableDataset: They do not fit together.
    """
    archives = _archives(place)
    answer = inquiry.settle("file", "Which file is the dataset?", archives, archives[0], len(archives) == 1)
    archive = place.archive if answer == "" and isinstance(place, ZipPlace) else open_npz(place, answer)
    title = place.name if answer == "" else PurePosixPath(answer).stem
    images = {split: _images(archive, prefix) for split, prefix in _splits(archive).items()}
    truths = {split: _truth(archive, prefix, images[split]) for split, prefix in _splits(archive).items()}
    labels, multilabel, order = _name_labels(title, truths, inquiry)
    cases = tuple(
        Case(f"{split}/{index:06d}", _labels_of(row, labels, multilabel, order), split=split)
        for split, truth in truths.items()
        for index, row in enumerate(truth)
    )
    shape = " × ".join(str(n) for n in next(iter(images.values())).header.shape[1:])
    inquiry.understood.insert(0, f"{len(cases):,} pictures of {shape} in {', '.join(images)}.")
    inquiry.understood.append("Nothing names the patient: every picture counts as a patient of its own.")
    arrays = ArrayCases(place, answer, images)
    shown = tuple(labels[number] for number in sorted(labels))
    return Dataset(
        name=short_name(title),
        title=title.replace("_", " "),
        location=place.path,
        layout=LAYOUT,
        cases=cases,
        labels=shown[::-1] if order == "reversed" else shown,
        multilabel=multilabel,
        read=arrays.read,
        pieces=arrays.pieces,
        stamp=arrays.stamp,
    )


def _archives(place: Place) -> list[str]:
    """Files in the layout; `""` for the place itself."""
    if isinstance(place, ZipPlace) and _splits(place.archive):
        return [""]
    near = [name for name in place.files if name.count("/") <= 1 and name.lower().endswith(".npz")]
    return [name for name in near if read_head(place, name, 4) == b"PK\x03\x04" and _has_layout(place, name)]


def _has_layout(place: Place, name: str) -> bool:
    try:
        return bool(_splits(open_npz(place, name)))
    except UnusableDataset:
        return False


def _splits(archive: zipfile.ZipFile) -> dict[str, str]:
    """Split to the start of its arrays' names, in the order train, val, test."""
    names = set(members(archive))
    found = {
        SPLIT_WORDS[prefix]: prefix
        for prefix in (name.removesuffix("_images") for name in names if name.endswith("_images"))
        if prefix in SPLIT_WORDS and f"{prefix}_labels" in names
    }
    return {split: found[split] for split in ("train", "val", "test") if split in found}


def _images(archive: zipfile.ZipFile, prefix: str) -> ArrayReader:
    member = f"{prefix}_images.npy"
    with archive.open(member) as stream:
        header = read_header(stream, member)
    if not 3 <= len(header.shape) <= 5 or header.dtype not in (np.dtype(np.uint8), np.dtype(np.uint16)):
        shape = " × ".join(str(n) for n in header.shape)
        raise UnusableDataset(
            "pictures as 8- or 16-bit arrays (cases, rows, columns)", f"{header.dtype} of {shape}", "save them so"
        )
    return ArrayReader(archive, member, header)


def _truth(archive: zipfile.ZipFile, prefix: str, images: ArrayReader) -> NDArray[np.int64]:
    """(cases, columns) numbers."""
    labels = read_small(archive, f"{prefix}_labels.npy")
    if labels.dtype.kind not in "iufb" or len(labels) != images.header.shape[0]:
        raise UnusableDataset(
            f"a number for each of the {images.header.shape[0]:,} pictures of {prefix}",
            f"{len(labels):,} labels of type {labels.dtype}",
            "get the file again",
        )
    return labels.reshape(len(labels), -1).astype(np.int64)


def _name_labels(
    title: str, truths: Mapping[str, NDArray[np.int64]], inquiry: Inquiry
) -> tuple[dict[int, str], bool, str]:
    """Number to label, whether several may hold, and `"reversed"` where 0 is the positive one."""
    columns = {truth.shape[1] for truth in truths.values()}
    values = sorted({int(v) for truth in truths.values() for v in np.unique(truth)})
    if len(columns) != 1 or not values:
        raise UnusableDataset("labels of one kind in every split", "different ones", "get the file again")
    multilabel = columns != {1} and set(values) <= {0, 1}
    numbers = list(range(columns.pop())) if multilabel else values
    known = known_labels(title, numbers[-1] + 1) if numbers[0] >= 0 else ()
    if known:
        inquiry.understood.append(f"The labels are MedMNIST's: {', '.join(known)}.")
        # A label that a split lacks is still one of the dataset's.
        return dict(enumerate(known)), multilabel, ""
    if not multilabel and set(values) == {0, 1}:
        yes = inquiry.settle("positive", "Which label means that it is present?", ("1", "0"), "1", False)
        names = {0: "negative", 1: "positive"} if yes == "1" else {0: "positive", 1: "negative"}
        return names, False, "" if yes == "1" else "reversed"
    return {number: f"finding {number}" if multilabel else str(number) for number in numbers}, multilabel, ""


def _labels_of(row: NDArray[np.int64], labels: Mapping[int, str], multilabel: bool, _order: str) -> tuple[str, ...]:
    return tuple(labels[int(k)] for k in np.flatnonzero(row)) if multilabel else (labels[int(row[0])],)


@dataclass(frozen=True, eq=False)
class ArrayCases:
    """Cases that are entries of arrays.

    Attributes:
        place: Where the `.npz` lies.
        member: Its name there, `""` where it is the place.
        images: Split to its pictures.
    """

    place: Place
    member: str
    images: Mapping[str, ArrayReader]

    def _raw(self, case: Case) -> tuple[ArrayReader, bytes]:
        split, _, index = case.name.partition("/")
        return self.images[split], self.images[split].raw(int(index))

    def read(self, case: Case) -> Scan:
        """The scan of a case: a picture goes through the readers as a PNG without loss, a volume is taken as it is.

        Raises:
            UnreadableScan: The array is broken.
        """
        reader, raw = self._raw(case)
        pixels = np.frombuffer(raw, reader.header.dtype).reshape(reader.header.shape[1:])
        if pixels.ndim > 2 and pixels.shape[-1] == 1:
            pixels = pixels[..., 0]
        if pixels.ndim == 3 and pixels.shape[-1] != 3:
            return _volume(pixels, raw)
        if pixels.ndim > 3:
            raise UnreadableScan("a grey volume", "one in colour", "choose another dataset")
        picture = pixels if pixels.ndim == 2 else pixels[..., ::-1]  # OpenCV writes blue first
        done, encoded = cv2.imencode(".png", np.ascontiguousarray(picture), [cv2.IMWRITE_PNG_COMPRESSION, 1])
        if not done:
            raise UnreadableScan("a picture", "an array that is none", "get the file again")
        return scan_of([Source(f"{case.name}.png", encoded.tobytes())])

    def pieces(self, case: Case) -> Iterator[bytes]:
        """Its pixels as stored."""
        yield self._raw(case)[1]

    def stamp(self, _case: Case) -> str:
        """Of the whole file: arrays have none of their own."""
        if self.member:
            return self.place.stamp(self.member)
        return self.place.stamp(next(iter(self.images.values())).member)


def _volume(pixels: NDArray[np.generic], raw: bytes) -> Scan:
    return Scan(
        pixels=pixels,
        axis="slice",
        digest=hashlib.sha256(raw).hexdigest(),
        source="NumPy",
        title=f"Volume, {len(pixels)} slices",
        provenance=(Step("Decoding", "NumPy array"), Step("Resampling", "none; stored pixels")),
    )
