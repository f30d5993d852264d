"""Areas from slice to slice: one bar of area a slice, its unit, and the words for those who cannot see it."""

from dataclasses import dataclass

import numpy as np
import pytest

from core.figures.segmentation_areas import area_figure, describe_areas
from core.scan import Scan


@dataclass
class Outlined:
    """What the figure looks at."""

    labels: tuple
    frames: tuple
    pixels: np.ndarray


@pytest.fixture
def outlined():
    return Outlined(("Tumour", "Oedema"), (0, 1, 2), np.array([[0, 0], [400, 0], [100, 0]]))


def scan(**facts):
    return Scan(np.zeros((3, 40, 40), np.uint8), facts.pop("axis", "slice"), "ab" * 32, "DICOM", "MR series", **facts)


def test_areas_are_drawn_in_mm2_with_their_frame(outlined):
    figure = area_figure(outlined, scan(spacing_mm=(0.5, 2.0)), 1)
    tumour = figure.data[0]
    assert list(tumour.y) == [0, 400, 100]
    assert tumour.customdata[1] == [1, "slice 2: 400 mm²"]
    assert figure.layout.yaxis.title.text == "mm²"
    assert "slice" in figure.layout.title.text


def test_without_spacing_pixels_are_drawn_and_called_so(outlined):
    figure = area_figure(outlined, scan(axis="time", frame_time_ms=40.0), 0)
    assert figure.layout.yaxis.title.text == "pixels"
    assert list(figure.data[0].x) == [0, 40, 80]


def test_the_words_name_the_largest_slice_and_what_is_nowhere(outlined):
    said = describe_areas(outlined, scan(spacing_mm=(1.0, 1.0)), 2)
    assert "Tumour is outlined on 2 of 3 slices, largest on slice 2 (400 mm²)." in said
    assert "No oedema is outlined on any slice." in said
    assert said.endswith("Slice 3 is shown.")
