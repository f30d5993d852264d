"""What lessons share: images with a window on them, grids of numbers, and the list of lessons."""

import base64

import cv2
import numpy as np
import pytest

from core.lessons.convolution.activation import activation
from core.lessons.convolution.activation_figure import activation_figure, quiet_zones
from core.lessons.convolution.colors import Scale, colored, scale_of
from core.lessons.convolution.compute import convolve, products_at
from core.lessons.convolution.figure import pooled_panels, products_panels
from core.lessons.convolution.kernels import fixed_kernel
from core.lessons.pooling.compute import TITLES, shift_curve
from core.lessons.pooling.figure import shift_figure
from core.lessons.sliding import Sliding, patch_at
from ui.lessons.convolution.cells import cells_html
from ui.lessons.convolution.panes import Box, Pane
from ui.lessons.convolution.view import window_boxes
from ui.lessons.registry import LESSONS, lesson
from ui.lessons.teaching import address


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (20, 20)).astype(float)


def test_a_signed_map_is_balanced_around_black_and_a_positive_one_is_grey():
    signed = scale_of(np.linspace(-2, 1, 1000))
    assert (signed.low, signed.high) == pytest.approx((-2, 2), abs=0.05)
    assert colored(np.array([[0.0, -2.0, 2.0]]), signed)[0].tolist() == [[0, 0, 0], [86, 180, 233], [230, 159, 0]]
    grey = scale_of(np.linspace(0, 1, 1000))
    assert not grey.signed
    assert colored(np.array([[0.0, 5.0]]), grey)[0].tolist() == [[0, 0, 0], [255, 255, 255]]


def test_a_scale_says_when_values_lie_beyond_it():
    values = np.append(np.linspace(0, 1, 1000), 50.0)
    assert scale_of(values).clipped
    assert scale_of(values).high < 1.01
    pane = Pane("map", "Map", np.zeros((2, 2), np.uint8), scale_of(values), "a map")
    assert pane.message()["high"].startswith("≥ ")


def test_a_map_that_varies_little_around_a_large_value_shows_how_it_varies():
    found = scale_of(np.linspace(2.6, 2.7, 1000))
    assert (found.low, found.signed) == (2.6, False)
    assert found.high == pytest.approx(2.7, abs=0.01)
    flat = scale_of(np.full((3, 3), 5.0))
    assert flat.low < flat.high


def test_a_map_of_nothing_and_one_of_a_single_pixel_have_a_scale():
    assert scale_of(np.zeros((4, 4))).high == 1.0
    lonely = np.zeros((40, 40))
    lonely[3, 3] = 7.0
    assert scale_of(lonely).high == 7.0


def test_a_pane_sends_its_pixels_as_they_are(image):
    pane = Pane("scan", "Scan", image.astype(np.uint8), Scale(0, 255, False), "a scan", [Box(1, 2, 3, 3)], (2, 3))
    sent = pane.message()
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(sent["picture"]), np.uint8), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(decoded, image.astype(np.uint8))
    assert sent["boxes"] == [{"row": 1, "column": 2, "rows": 3, "columns": 3, "cell": False}]
    assert sent["at"] == (2, 3)


def test_a_dilated_window_is_drawn_with_its_cells_apart(image):
    near, far = (window_boxes(patch_at(image, Sliding(3, 1, "same", step), (0, 0))) for step in (1, 2))
    assert near == [Box(-1, -1, 3, 3)]
    assert far[0] == Box(-2, -2, 5, 5)
    assert {(box.row, box.column) for box in far[1:]} == {(row, column) for row in (-2, 0, 2) for column in (-2, 0, 2)}


def test_the_grids_hold_every_number_and_mark_padding(image):
    kernel, sliding = fixed_kernel("Sobel x"), Sliding(3, 1, "same")
    products = products_at(image, kernel, sliding, (0, 0))
    html = cells_html(products_panels(products, 255.0, scale_of(convolve(image, kernel, sliding))), "words")
    assert html.count("<td") == 9 * 3 + 1
    assert html.count('class="outside"') == 5 * 2
    assert f">{products.total:.0f}<".replace("-", "−") in html
    assert "row 0, column 1" in html


def test_the_grids_escape_what_others_wrote(image):
    panels = pooled_panels(patch_at(image, Sliding(2, 2), (0, 0)), 1.0, Scale(0, 255, False), "max")
    assert "<script>" not in cells_html(panels, '"><script>')
    assert cells_html(panels, "").count("marked") == 2  # the style, and the one maximum


def test_zones_without_gradient_are_where_they_should_be():
    at = np.linspace(-8, 8, 1601)
    (low, high), second = quiet_zones(activation("sigmoid"), at)
    assert (low, high) == pytest.approx((-8, -5.99), abs=0.02)
    assert second == pytest.approx((5.99, 8), abs=0.02)
    assert quiet_zones(activation("ReLU"), at) == [pytest.approx((-8, 0), abs=0.02)]


def test_figures_are_drawn_for_maps_of_any_kind(image):
    for sums in (image / 255 - 0.5, np.zeros((30, 30))):
        assert len(activation_figure(activation("swish"), float(sums[0, 0]), sums).data) == 4
    still = {kind: shift_curve(np.zeros((30, 30)), kind) for kind in TITLES}
    assert len(shift_figure(still, 1).data) == 2 * len(TITLES)


def test_lessons_have_names_of_their_own_and_addresses_behind_any_prefix():
    assert len({entry.slug for entry in LESSONS}) == len(LESSONS)
    assert lesson("pooling").title == "Activation and pooling"
    assert address("https://a.org/lens/teaching", "pooling", "topic=Shift") == "https://a.org/lens/pooling?topic=Shift"
