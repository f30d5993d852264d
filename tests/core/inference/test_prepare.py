from dataclasses import replace

import numpy as np
import pytest

from core.errors import IncompatibleInput
from core.inference.prepare import Geometry, plan_geometry, prepare
from core.models.card import InputSpec
from core.scan import Scan, Window

SPEC = InputSpec("image", "image", (64, 64), 1, (0.0, 1.0), "display", "stretch", ("DX",))
RESIZES = ["stretch", "letterbox", "crop"]
#: Tall, wide, odd, smaller than the grid, far larger than it.
SIZES = [(200, 120), (120, 200), (151, 149), (33, 47), (1023, 801)]


def scan_of(frame, **facts):
    stack = np.asarray(frame)[None]
    return Scan(stack, "single", "0" * 64, "test", "test", windows=(Window(0.5, 1.0, "LINEAR_EXACT"),), **facts)


def scan_with_square(size, center, side, **facts):
    frame = np.zeros(size, np.float32)
    top, left = (round(c - s / 2) for c, s in zip(center, side, strict=True))
    frame[max(top, 0) : top + side[0], max(left, 0) : left + side[1]] = 1.0
    return scan_of(frame, **facts), np.array(centroid(frame))


def centroid(image):
    rows, columns = np.indices(image.shape)
    return (rows * image).sum() / image.sum(), (columns * image).sum() / image.sum()


def cells_of(prepared, cells=8):
    """The model's input as a coarse heatmap: the mean of each cell."""
    grid = next(iter(prepared.batch.values()))[0, ..., 0]
    side = grid.shape[0] // cells
    return grid.reshape(cells, side, cells, side).mean(axis=(1, 3))


@pytest.mark.parametrize("pixel_aspect", [1.0, 4 / 3, 0.5])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("resize", RESIZES)
@pytest.mark.parametrize("place", [(0.5, 0.5), (0.42, 0.6), (0.61, 0.44)])
def test_planted_square_comes_back_to_its_place(resize, size, pixel_aspect, place):
    center = [place[0] * size[0], place[1] * size[1]]
    spec = replace(SPEC, resize=resize)
    geometry = plan_geometry(size, pixel_aspect, spec)
    side = tuple(max(3, round(8 * scale)) for scale in geometry.scale)
    scan, planted = scan_with_square(size, center, side, pixel_aspect=pixel_aspect)
    prepared = prepare(scan, spec)
    fine = prepared.geometry.to_scan(prepared.batch["image"][0, ..., 0])
    assert fine.shape == size
    # Half a model pixel, and half a scan pixel for rounding.
    assert np.all(np.abs(np.array(centroid(fine)) - planted) <= 0.5 * np.array(geometry.scale) + 0.5)
    coarse = prepared.geometry.to_scan(cells_of(prepared))
    peak = np.array(np.unravel_index(np.argmax(coarse), coarse.shape))
    assert np.all(np.abs(peak - planted) <= 8 * np.array(geometry.scale))


def test_true_centre_of_a_cell_is_kept():
    """A cell of 7 on 224 has its centre at 47.5; drawing aligned to corners would put it at 37.2."""
    grid = np.zeros((7, 7), np.float32)
    grid[1, 1] = 1.0
    geometry = plan_geometry((224, 224), 1.0, replace(SPEC, size=(224, 224)))
    np.testing.assert_allclose(centroid(geometry.to_scan(grid)), (47.5, 47.5), atol=1e-3)


def test_letterbox_keeps_the_shape_and_pads_with_black():
    scan = scan_of(np.ones((200, 100), np.float32))
    model_input = prepare(scan, replace(SPEC, resize="letterbox")).batch["image"][0, ..., 0]
    np.testing.assert_allclose(model_input[:, 16:48], 1.0, atol=1e-6)
    assert model_input[:, :16].max() == model_input[:, 48:].max() == 0.0


def test_letterbox_of_flat_pixels_is_square_in_millimetres():
    geometry = plan_geometry((100, 100), 0.5, replace(SPEC, resize="letterbox"))
    assert geometry.view == (16, 0, 48, 64)


def test_letterbox_of_tall_pixels_fits_their_true_height():
    letterbox = replace(SPEC, resize="letterbox")
    assert plan_geometry((100, 100), 2.0, letterbox).view == (0, 16, 64, 48)
    assert plan_geometry((100, 50), 0.5, letterbox).view == (0, 0, 64, 64)


def test_crop_of_flat_pixels_keeps_their_true_shape():
    heat = plan_geometry((100, 100), 0.5, replace(SPEC, resize="crop")).to_scan(np.ones((4, 4), np.float32))
    assert heat[:, :24].max() == heat[:, 76:].max() == 0.0
    assert heat[:, 26:74].min() == 1.0


def test_stretch_fills_the_grid_whatever_the_pixels_are():
    assert plan_geometry((100, 40), 3.0, SPEC).view == (0, 0, 64, 64)


def test_crop_sees_the_centre_only_and_says_nothing_of_the_rest():
    geometry = plan_geometry((100, 200), 1.0, replace(SPEC, resize="crop"))
    heat = geometry.to_scan(np.ones((4, 4), np.float32))
    assert heat[:, :49].max() == heat[:, 151:].max() == 0.0
    assert heat[:, 51:149].min() == 1.0


def test_heatmap_in_the_padding_never_reaches_the_scan():
    geometry = plan_geometry((200, 100), 1.0, replace(SPEC, resize="letterbox"))
    grid = np.zeros((64, 64), np.float32)
    grid[:, :14] = 1.0
    assert geometry.to_scan(grid).max() == 0.0


def test_heatmap_can_be_drawn_at_another_size():
    geometry = plan_geometry((120, 200), 1.0, replace(SPEC, resize="letterbox"))
    grid = np.zeros((8, 8), np.float32)
    grid[4, 5] = 1.0
    small, large = geometry.to_scan(grid, (60, 100)), geometry.to_scan(grid, (240, 400))
    np.testing.assert_allclose(np.array(centroid(large)), 4 * np.array(centroid(small)) + 1.5, atol=0.2)


def test_one_cell_fills_what_the_model_saw():
    geometry = Geometry((64, 64), (10, 10), (10 / 64, 10 / 64), (0.0, 0.0), (0, 0, 64, 64))
    assert geometry.to_scan(np.full((1, 1), 3.0, np.float32)).max() == 3.0


def test_averages_when_shrinking_so_that_nothing_thin_is_lost():
    frame = np.zeros((640, 640), np.float32)
    frame[::10] = 1.0
    np.testing.assert_allclose(prepare(scan_of(frame), SPEC).batch["image"], 0.1, atol=1e-5)


@pytest.mark.parametrize("turned", [False, True])
def test_averages_where_only_one_side_shrinks(turned):
    frame = np.zeros((640, 32), np.float32)
    frame[::10] = 1.0
    batch = prepare(scan_of(frame.T if turned else frame), SPEC).batch["image"]
    np.testing.assert_allclose(batch, 0.1, atol=1e-5)


@pytest.mark.parametrize("intensity", ["percentile", "window"])
def test_model_gets_the_same_pixels_whatever_window_the_file_suggests(intensity):
    frame = np.random.default_rng(0).normal(40, 20, (80, 80)).astype(np.float32)
    spec = replace(SPEC, intensity=intensity, window=(40.0, 80.0))
    plain = Scan(frame[None], "single", "0", "test", "test")
    narrow = replace(plain, windows=(Window(10, 2), Window(90, 5)))
    np.testing.assert_array_equal(prepare(plain, spec).batch["image"], prepare(narrow, spec).batch["image"])


def test_display_intensity_follows_the_file():
    bright = replace(scan_of(np.full((64, 64), 0.25, np.float32)), windows=(Window(0.25, 0.5, "LINEAR_EXACT"),))
    np.testing.assert_allclose(prepare(bright, SPEC).batch["image"], 0.5)


@pytest.mark.parametrize("value_range", [(-1.0, 1.0), (0.0, 255.0)])
def test_values_fill_the_range_of_the_contract(value_range):
    ramp = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (64, 1))
    batch = prepare(scan_of(ramp), replace(SPEC, value_range=value_range)).batch["image"]
    assert (batch.min(), batch.max()) == value_range


def test_grey_becomes_three_equal_channels_and_colour_becomes_luma():
    grey = prepare(scan_of(np.full((64, 64), 0.3, np.float32)), replace(SPEC, channels=3)).batch["image"]
    assert grey.shape == (1, 64, 64, 3)
    assert np.ptp(grey[0, 0, 0]) == 0
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 255
    np.testing.assert_allclose(prepare(scan_of(red), SPEC).batch["image"], 0.299, atol=1e-6)


def test_padding_value_does_not_darken_the_image():
    frame = np.full((64, 64), -2000.0, np.float32)
    frame[16:48, 16:48] = np.linspace(0, 100, 1024).reshape(32, 32)
    scan = Scan(frame[None], "single", "0", "test", "test", padding=-2000)
    batch = prepare(scan, replace(SPEC, intensity="percentile")).batch["image"][0, 16:48, 16:48, 0]
    assert batch.mean() == pytest.approx(0.5, abs=0.01)


def test_pixels_of_eight_bit_are_read_as_those_of_more():
    ramp = np.tile(np.arange(256, dtype=np.uint8), (256, 1))
    window = (Window(100.0, 80.0),)
    small = Scan(ramp[None], "single", "0", "test", "test", windows=window)
    large = replace(small, pixels=ramp[None].astype(np.float32))
    batch = prepare(small, SPEC).batch["image"]
    assert batch[0, 0, 0, 0] == 0.0
    assert batch[0, 0, -1, 0] == 1.0
    np.testing.assert_allclose(batch, prepare(large, SPEC).batch["image"], atol=1e-6)


def test_pixels_that_are_not_numbers_are_black_to_a_model():
    frame = np.full((64, 64), 0.5, np.float32)
    frame[10] = np.nan
    batch = prepare(scan_of(frame), SPEC).batch["image"][0, ..., 0]
    assert (batch[10] == 0.0).all()
    np.testing.assert_allclose(np.delete(batch, 10, axis=0), 0.5)


def test_frames_come_in_the_order_asked_for():
    stack = np.stack([np.full((8, 8), value, np.float32) for value in (0.0, 0.5, 1.0)])
    scan = Scan(stack, "slice", "0", "test", "test", windows=(Window(0.5, 1.0, "LINEAR_EXACT"),))
    prepared = prepare(scan, SPEC, frames=[2, 0])
    assert prepared.frames == (2, 0)
    assert prepared.batch["image"][:, 0, 0, 0].tolist() == [1.0, 0.0]


@pytest.mark.parametrize("frame", [-1, 1])
def test_frame_that_does_not_exist_is_refused(frame):
    with pytest.raises(IncompatibleInput, match="no other frames than 1 to 1"):
        prepare(scan_of(np.zeros((8, 8), np.float32)), SPEC, frames=[frame])


def test_input_without_an_image_is_refused():
    with pytest.raises(IncompatibleInput, match="table"):
        prepare(scan_of(np.zeros((8, 8), np.float32)), replace(SPEC, kind="table"))


def test_thin_strip_does_not_take_the_machines_memory():
    with pytest.raises(IncompatibleInput, match="1 × 60000"):
        prepare(scan_of(np.zeros((1, 60_000), np.float32)), replace(SPEC, resize="crop"))


def test_provenance_says_how_the_models_input_was_made():
    steps = prepare(scan_of(np.zeros((80, 40), np.float32)), replace(SPEC, resize="letterbox")).provenance
    assert [step.name for step in steps] == ["Model's grey levels", "Model's grid"]
    assert "80 × 40 to 64 × 64" in steps[1].detail
