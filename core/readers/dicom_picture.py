"""One frame with the part of the header that is about it, wherever the file keeps that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from core.readers.dicom_decode import FrameDecoder
from core.readers.dicom_file import DicomFile, items, numbers, text, value
from core.readers.dicom_frames import Frame
from core.readers.dicom_layout import Layout


@dataclass(frozen=True, eq=False)
class Picture:
    """A frame that is not decoded yet.

    Attributes:
        file: Its file.
        layout: The file's layout.
        decoder: The file's decoder.
        frame: Its bytes.
        index: Its number in the file, from 0.
        digest: sha256 of the file, hexadecimal.
    """

    file: DicomFile
    layout: Layout
    decoder: FrameDecoder
    frame: Frame
    index: int
    digest: str

    @cached_property
    def _functional(self) -> tuple[Dataset, ...]:
        """The functional groups that hold for this frame, nearest first (PS3.3 C.7.6.16)."""
        per_frame = items(self.file.dataset, "PerFrameFunctionalGroupsSequence")
        nearest = per_frame[self.index : self.index + 1]
        return tuple(nearest + items(self.file.dataset, "SharedFunctionalGroupsSequence")[:1])

    def places(self, macro: str) -> Iterator[Dataset]:
        """Where an attribute of a functional group may stand, nearest first; the top level is last."""
        for group in self._functional:
            yield from items(group, macro)[:1]
        yield self.file.dataset

    def holder(self, macro: str, keyword: str) -> Dataset | None:
        """The nearest place that has a value for the keyword."""
        return next((place for place in self.places(macro) if value(place, keyword) is not None), None)

    def numbers(self, macro: str, keyword: str) -> tuple[float, ...]:
        """All values as numbers from the nearest place; empty where there are none."""
        place = self.holder(macro, keyword)
        return () if place is None else numbers(place, keyword)

    def number(self, macro: str, keyword: str) -> float | None:
        """The first value as a number from the nearest place, or None."""
        values = self.numbers(macro, keyword)
        return values[0] if values else None

    def text(self, macro: str, keyword: str) -> str:
        """A string from the nearest place; `""` where there is none."""
        place = self.holder(macro, keyword)
        return "" if place is None else text(place, keyword)

    @cached_property
    def orientation(self) -> NDArray[np.float64] | None:
        """(2, 3) unit vectors along a row and down a column, or None."""
        cosines = self.numbers("PlaneOrientationSequence", "ImageOrientationPatient")
        if len(cosines) != 6:
            return None
        axes = np.array(cosines).reshape(2, 3)
        lengths = np.linalg.norm(axes, axis=1)
        if (np.abs(lengths - 1) > 0.05).any() or abs(axes[0] @ axes[1]) > 0.05:
            return None
        return axes / lengths[:, None]

    @cached_property
    def position(self) -> float | None:
        """Millimetres along the normal of the slice, or None (PS3.3 C.7.6.2.1.1)."""
        corner = self.numbers("PlanePositionSequence", "ImagePositionPatient")
        if len(corner) != 3 or self.orientation is None:
            return None
        if self.layout.frames > 1 and self.file.text("Modality") == "RTDOSE":
            return self._dose_plane()
        return float(np.cross(*self.orientation) @ np.array(corner))

    def _dose_plane(self) -> float | None:
        """Planes of a dose grid are listed in one vector (PS3.3 C.8.8.3.2)."""
        offsets = self.file.numbers("GridFrameOffsetVector")
        return offsets[self.index] if self.index < len(offsets) else None

    @property
    def instance(self) -> float:
        """Instance Number and frame number: the order to fall back on."""
        return (self.file.number("InstanceNumber") or 0.0) + self.index / 1e6
