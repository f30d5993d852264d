import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_voi, apply_windowing

from core.scan import (
    Scan,
    VoiTable,
    Window,
    apply_table,
    apply_window,
    default_window,
    display_frame,
    grey_levels,
    inverted_window,
    percentile_window,
    window_choices,
)

VALUES = np.arange(0, 4096, dtype=np.uint16)


def pydicom_levels(center, width, function):
    """Grey levels in [0, 1] as pydicom windows 12-bit pixels."""
    dataset = Dataset()
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsStored, dataset.PixelRepresentation = 12, 0
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = center, width, function
    return apply_windowing(VALUES, dataset) / 4095.0


def scan_of(pixels, **facts):
    return Scan(np.asarray(pixels), "single", "0" * 64, "test", "test", **facts)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("center", "width"), [(2048, 4096), (1000, 300), (1000.5, 301), (40, 2), (-200, 500)])
def test_window_gives_the_levels_of_pydicom(function, center, width):
    np.testing.assert_allclose(
        apply_window(VALUES, center, width, function), pydicom_levels(center, width, function), atol=2e-6
    )


def test_linear_and_exact_windows_differ_by_half_a_unit():
    assert apply_window(np.array([100.0]), 100, 10, "LINEAR_EXACT") == 0.5
    assert apply_window(np.array([99.5]), 100, 10, "LINEAR") == 0.5


def test_width_one_is_a_step_like_pydicoms():
    np.testing.assert_array_equal(apply_window(VALUES, 1000, 1), pydicom_levels(1000, 1, "LINEAR"))
    assert np.flatnonzero(apply_window(VALUES, 1000, 1))[0] == 1000


def test_sigmoid_never_clips_and_never_overflows():
    levels = apply_window(np.array([-1e9, 990.0, 1000.0, 1e9]), 1000, 10, "SIGMOID")
    np.testing.assert_allclose(levels, [0, 0.0179862, 0.5, 1], atol=1e-6)


@pytest.mark.parametrize(("function", "width"), [("LINEAR", 0.5), ("LINEAR_EXACT", 0), ("SIGMOID", -1)])
def test_width_that_the_function_forbids_is_refused(function, width):
    with pytest.raises(ValueError, match=function):
        apply_window(VALUES, 10, width, function)


def test_table_gives_the_levels_of_pydicom():
    entries = (np.linspace(0, 1, 200) ** 2 * 4095).astype(np.uint16)
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [200, 1000, 12], entries.tolist()
    item["LUTDescriptor"].VR = "US"
    item["LUTData"].VR = "US"
    dataset = Dataset()
    dataset.VOILUTSequence = [item]
    dataset.BitsStored, dataset.PixelRepresentation = 12, 0
    table = VoiTable(1000, (entries / np.float32(4095)).astype(np.float32))
    np.testing.assert_allclose(apply_table(VALUES, table), apply_voi(VALUES, dataset) / 4095.0, atol=1e-6)


@pytest.mark.parametrize("pivot", [4095, 0, 101.0, -1024])
@pytest.mark.parametrize(
    "window",
    [
        *(
            Window(c, w, f)
            for f in ("LINEAR", "LINEAR_EXACT", "SIGMOID")
            for c, w in ((900, 400), (900.5, 401), (3, 2))
        ),
        Window(1000, 1, "LINEAR"),
        Window(1000.5, 1, "LINEAR"),
        VoiTable(700, np.linspace(0.1, 0.9, 37, dtype=np.float32) ** 3),
    ],
    ids=str,
)
def test_turned_pixels_in_the_turned_window_are_the_negative(window, pivot):
    turned = grey_levels(pivot - VALUES.astype(np.float32), inverted_window(window, pivot))
    np.testing.assert_allclose(turned, 1 - grey_levels(VALUES, window), atol=2e-6)


def test_percentiles_leave_padding_and_broken_values_out():
    pixels = np.full((1, 100, 100), -2000.0, np.float32)
    pixels[0, :40] = np.linspace(0, 100, 4000).reshape(40, 100)
    pixels[0, 0, 0] = np.nan
    pixels[0, 0, 1] = np.inf
    window = percentile_window(pixels, padding=-2000)
    assert window.center == pytest.approx(50, abs=1)
    assert window.width == pytest.approx(99, abs=1)


def test_percentiles_of_a_volume_look_at_every_column():
    # As many pixels as make the step between samples the width of a row.
    pixels = np.zeros((489, 512, 512), np.uint8)
    pixels[:, :, 100:] = 200
    assert percentile_window(pixels).width == pytest.approx(200)


@pytest.mark.parametrize("value", [0, 7, -1000])
def test_constant_image_has_a_window_around_its_value(value):
    window = percentile_window(np.full((1, 8, 8), value, np.int16))
    assert window.width > 0
    np.testing.assert_allclose(grey_levels(np.array([value]), window), 0.5)


def test_image_of_nothing_but_padding_still_has_a_window():
    assert percentile_window(np.full((1, 8, 8), -2000, np.int16), padding=-2000).width > 0


def test_windows_of_the_file_come_first():
    scan = scan_of(np.arange(64, dtype=np.int16).reshape(1, 8, 8), windows=(Window(9, 8), Window(3, 2, name="Bony")))
    assert default_window(scan) == Window(9, 8)
    assert list(window_choices(scan)) == ["From the file", "Bony", "Full range"]


def test_reading_windows_are_offered_for_hounsfield_units_only():
    pixels = np.arange(64, dtype=np.int16).reshape(1, 8, 8)
    assert "Lung" in window_choices(scan_of(pixels, units="HU"))
    assert "Lung" not in window_choices(scan_of(pixels))


def test_display_is_eight_bit_without_wrapping():
    pixels = np.array([[[-1000, 0, 520, 802, 930, 1008]]], np.int16)
    shown = display_frame(scan_of(pixels), 0, Window(500, 1000, "LINEAR_EXACT"))
    assert shown.dtype == np.uint8
    assert shown.tolist() == [[0, 0, 133, 205, 237, 255]]


def test_inverting_the_display_turns_grey_and_colour_round():
    color = np.arange(48, dtype=np.uint8).reshape(1, 4, 4, 3)
    np.testing.assert_array_equal(display_frame(scan_of(color), 0, invert=True), 255 - color[0])
    grey = scan_of(np.arange(16, dtype=np.int16).reshape(1, 4, 4))
    np.testing.assert_array_equal(display_frame(grey, 0, invert=True), 255 - display_frame(grey, 0))


def test_undefined_pixels_are_shown_black():
    assert display_frame(scan_of(np.array([[[np.nan, 1.0]]], np.float32)), 0, Window(0.5, 1, "LINEAR_EXACT"))[0, 0] == 0


def test_constant_image_of_huge_values_still_has_a_window():
    window = percentile_window(np.full((4, 4), 1e20, np.float32))
    assert window.width > 0
    assert np.isfinite(apply_window(np.full(3, 1e20), window.center, window.width, window.function)).all()
