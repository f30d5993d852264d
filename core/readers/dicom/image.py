"""One frame with the part of the header that is about it, wherever the file keeps that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from core.readers.dicom.decode import FrameDecoder
from core.readers.dicom.file import DicomFile, items, text
from core.readers.dicom.frames import Frame
from core.readers.dicom.layout import Layout
from core.readers.dicom.numbers import holds_value


@dataclass(frozen=True, eq=False)
class Image:
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
        return tuple(self.file.per_frame[self.index : self.index + 1] + self.file.shared)

    def places(self, macro: str) -> Iterator[Dataset]:
        """Where an attribute of a functional group may stand, nearest first; the top level is last."""
        for group in self._functional:
            yield from items(group, macro)[:1]
        yield self.file.dataset

    def holder(self, macro: str, keyword: str) -> Dataset | None:
        """The nearest place that has a value for the keyword."""
        return next((place for place in self.places(macro) if holds_value(place, keyword)), None)

    def numbers(self, macro: str, keyword: str) -> tuple[float, ...]:
        """All values as numbers from the nearest place; empty where there are none."""
        place = self.holder(macro, keyword)
        return () if place is None else self.file.numbers_in(place, keyword)

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
    def corner(self) -> NDArray[np.float64] | None:
        """(3,) where the centre of the first pixel lies in the patient, in mm, or None (PS3.3 C.7.6.2.1.1)."""
        corner = self.numbers("PlanePositionSequence", "ImagePositionPatient")
        return np.array(corner) if len(corner) == 3 else None

    @property
    def is_placed(self) -> bool:
        """Whether position and orientation are known."""
        return self.corner is not None and self.orientation is not None

    @cached_property
    def dose_plane(self) -> float | None:
        """Millimetres along the normal of a plane of a dose grid, which lists them in one vector (C.8.8.3.2)."""
        if self.layout.frames == 1 or self.file.text("Modality") != "RTDOSE":
            return None
        offsets = self.file.numbers("GridFrameOffsetVector")
        return offsets[self.index] if self.index < len(offsets) else None

    @cached_property
    def spacing(self) -> tuple[float, ...]:
        """Pixel Spacing in mm as the file states it, (row, column); empty where it does not."""
        return self.numbers("PixelMeasuresSequence", "PixelSpacing")

    @cached_property
    def thickness(self) -> float | None:
        """Distance of slices in mm as the file states it, else their thickness, or None."""
        for keyword in ("SpacingBetweenSlices", "SliceThickness"):
            value = self.number("PixelMeasuresSequence", keyword)
            if value and value > 0:
                return value
        return None

    @property
    def instance(self) -> float:
        """Instance Number and frame number: the order to fall back on."""
        return (self.file.number("InstanceNumber") or 0.0) + self.index / 1e6
