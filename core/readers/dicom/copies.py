"""Files that are there twice: told by SOP Instance UID, because an export changes a header and with it the bytes."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field

from pydicom.datadict import dictionary_VR

from core.readers.dicom.file import DicomFile
from core.readers.dicom.image import Image


@dataclass(frozen=True)
class Copies:
    """What was left out, by the file that is kept, as `id(file)`.

    Attributes:
        same: How many files hold the same pixels as the kept one.
        other: How many have its identifier and place, but other pixels.
    """

    same: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    other: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    def warnings(self, images: Iterable[Image]) -> list[str]:
        """Sentences for a scan that is made of these images."""
        files = {id(image.file) for image in images}
        same = sum(self.same.get(file, 0) for file in files)
        other = sum(self.other.get(file, 0) for file in files)
        said = []
        if same:
            said.append(f"{same} image{' was' if same == 1 else 's were'} uploaded twice and opened once.")
        if other:
            said.append(
                f"{other} image{' is' if other == 1 else 's are'} there in two versions under one identifier; "
                "the first is shown. Open the other version alone to see it."
            )
        return said


def without_copies(
    images: Iterable[Image], moment: Callable[[Image], Hashable], asked: Callable[[], None] = lambda: None
) -> tuple[list[Image], Copies]:
    """Every SOP Instance once.

    Files with one identifier that differ in place, number or time are not copies: careless de-identification gives
    many images the same one.

    Args:
        images: Frames in the order of the upload.
        moment: What tells images at one place apart.
        asked: Called for each; raises `Cancelled` to leave.

    Returns:
        The frames that are kept, in their order, and what was left out.
    """
    copies = Copies()
    by_digest: dict[Hashable, DicomFile] = {}
    by_name: dict[Hashable, Image] = {}
    kept: list[Image] = []
    for image in images:
        asked()
        first = by_digest.setdefault(image.digest, image.file)
        if first is not image.file:
            copies.same[id(first)] += image.index == 0
            continue
        uid = image.file.text("SOPInstanceUID")
        if uid:
            corner = None if image.corner is None else tuple(image.corner.round(3))
            key = (uid, image.index, image.layout, corner, moment(image))
            known = by_name.setdefault(key, image)
            if known is not image:
                counted = copies.same if _same_pixels(known, image) else copies.other
                counted[id(known.file)] += image.index == 0
                continue
        kept.append(image)
    return kept, copies


def _same_pixels(one: Image, two: Image) -> bool:
    return len(one.frame) == len(two.frame) and all(
        len(a) == len(b) and bytes(a) == bytes(b) for a, b in zip(one.frame, two.frame, strict=True)
    )


def distinct(images: Sequence[Image]) -> list[Image]:
    """Images at one place without those that repeat one before: the same pixels, taken in the same way.

    For exports that give the copies new identifiers and numbers.
    """
    seen: dict[Hashable, Image] = {}
    for image in images:
        pixels = hashlib.blake2b(digest_size=16)
        if image.layout.allocated == 1:  # all frames of such a file share their bytes
            seen[image.digest, image.index] = image
            continue
        for part in image.frame:
            pixels.update(len(part).to_bytes(8, "little"))
            pixels.update(part)
        seen.setdefault((pixels.digest(), _taken(image)), image)
    return list(seen.values())


def _taken(image: Image) -> Hashable:
    """Elements on how and where an image was taken, makers' own included, without identifiers and its number."""
    found: dict[int, str] = {}
    for tag in image.file.dataset.keys():  # noqa: SIM118 - iterating over the data set itself would parse every element
        if (tag.group in {0x0018, 0x0020} or tag.is_private) and tag != 0x00200013:
            element = image.file.dataset.get_item(tag)
            if element is not None and element.VR != "UI" and not _is_identifier(int(tag)):
                found[int(tag)] = repr(element.value)
    return tuple(sorted(found.items()))


def _is_identifier(tag: int) -> bool:
    try:
        return dictionary_VR(tag) == "UI"
    except KeyError:
        return False
