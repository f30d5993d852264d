import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from core.display import inferno
from core.errors import IncompatibleInput
from core.report.image import evidence_caption, original_pixels, overlay_pixels, overlay_png
from core.scan import Window, display_frame


def opened(data):
    return np.asarray(Image.open(io.BytesIO(data)))


@pytest.fixture
def explained(scan, predict, explain):
    return explain(predict(scan, [[1.9]]), [1.8])


def test_image_without_explanation_is_the_display(scan):
    shown = opened(overlay_png(scan, 0, scale_bar=False))
    np.testing.assert_array_equal(shown, np.repeat(display_frame(scan, 0)[..., None], 3, axis=-1))


def test_overlay_has_the_full_resolution_of_the_scan(scan, explained):
    assert opened(overlay_png(scan, 0, explanation=explained, scale_bar=False)).shape == (96, 80, 3)


def test_heat_lies_where_the_heatmap_is(scan, explained):
    heat = explained.heatmap(0)
    plain, laid = original_pixels(scan, 0), overlay_pixels(scan, 0, None, False, explained, 1.0)
    changed = np.any(laid != plain[..., None], axis=-1)
    assert not changed[heat == 0].any()
    peak = np.unravel_index(np.argmax(heat), heat.shape)
    # The hottest pixel shows the colour of its fraction of the scale.
    fraction = np.array([[heat[peak] / explained.scale]], np.float32)
    np.testing.assert_allclose(laid[peak], inferno(fraction)[0, 0], atol=2)


def test_opacity_of_zero_leaves_the_image(scan, explained):
    np.testing.assert_array_equal(overlay_pixels(scan, 0, None, False, explained, 0.0), overlay_pixels(scan, 0))


@pytest.mark.parametrize(("pixel_aspect", "size"), [(1.5, (144, 80)), (0.5, (96, 160))])
def test_pixels_become_square_without_losing_any(make_scan, predict, explain, pixel_aspect, size):
    scan = make_scan((96, 80), pixel_aspect=pixel_aspect)
    explanation = explain(predict(scan, [[1.0]]), [1.0])
    assert opened(overlay_png(scan, 0, explanation=explanation, scale_bar=False)).shape[:2] == size


def test_window_and_inversion_are_the_viewers(scan):
    window = Window(100, 50)
    expected = display_frame(scan, 0, window, invert=True)
    np.testing.assert_array_equal(original_pixels(scan, 0, window, invert=True), expected)


def test_empty_explanation_colours_nothing(scan, predict, explain):
    empty = explain(predict(scan, [[-3.0]]), [0.0])
    np.testing.assert_array_equal(overlay_pixels(scan, 0, explanation=empty, opacity=1.0), overlay_pixels(scan, 0))
    assert evidence_caption(scan, 0, empty) == "No evidence found for Pneumonia (Grad-CAM)"


def test_frame_that_was_not_explained_is_left_alone_and_says_so(make_scan, predict, explain):
    scan = make_scan((40, 40), frames=3, axis="slice")
    explanation = replace(explain(predict(scan, [[1.0]] * 3), [1.0]), frames=(1,))
    np.testing.assert_array_equal(overlay_pixels(scan, 2, explanation=explanation), overlay_pixels(scan, 2))
    assert evidence_caption(scan, 2, explanation).endswith("was not computed here, slice 3 of 3")


def test_frames_share_one_colour_scale(make_scan, predict, explain):
    scan = make_scan((40, 40), frames=2, axis="slice")
    explanation = explain(predict(scan, [[1.0]] * 2), [0.1, 2.0])
    assert overlay_pixels(scan, 0, explanation=explanation).astype(int).sum() != 0
    weak = np.abs(overlay_pixels(scan, 0, explanation=explanation, opacity=1.0).astype(int) - overlay_pixels(scan, 0))
    strong = np.abs(overlay_pixels(scan, 1, explanation=explanation, opacity=1.0).astype(int) - overlay_pixels(scan, 1))
    assert weak.max() < strong.max() / 3


@pytest.mark.parametrize("size", [(96, 80), (700, 900)])
def test_caption_stands_beneath_the_untouched_image(make_scan, predict, explain, size):
    scan = make_scan(size)
    explanation = explain(predict(scan, [[1.0]]), [1.0])
    alone = opened(overlay_png(scan, 0, explanation=explanation, scale_bar=False))
    captioned = opened(overlay_png(scan, 0, explanation=explanation))
    left = (captioned.shape[1] - size[1]) // 2
    np.testing.assert_array_equal(captioned[: size[0], left : left + size[1]], alone)
    beneath = captioned[size[0] :]
    assert beneath.max() > 200
    assert len(np.unique(beneath.reshape(-1, 3), axis=0)) > 200  # the colours of the scale


def test_image_without_heat_has_no_colour_scale(scan):
    beneath = opened(overlay_png(scan, 0))[96:].astype(int)
    assert np.ptp(beneath, axis=-1).max() == 0
    assert beneath.max() > 200


def test_file_holds_pixels_and_no_metadata(scan, explained):
    data = overlay_png(scan, 0, explanation=explained)
    kinds, at = set(), 8
    while at < len(data):
        kinds.add(data[at + 4 : at + 8])
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    assert kinds == {b"IHDR", b"IDAT", b"IEND"}


def test_long_and_foreign_labels_fit_into_the_image(scan, predict, explain):
    prediction = predict(scan, [[1.0]])
    for label in ("Ménière ≥ 2", "肺炎", "A very long label " * 40, ""):
        shown = opened(overlay_png(scan, 0, explanation=explain(prediction, [1.0], label)))
        assert shown[:, -4:].max() == 0  # nothing runs over the edge


@pytest.mark.parametrize("frame", [-1, 1])
def test_frame_that_does_not_exist_is_refused(scan, frame):
    with pytest.raises(IncompatibleInput, match="from 1 to 1"):
        overlay_png(scan, frame)


def test_colour_scan_keeps_its_colours(make_scan):
    scan = replace(make_scan((40, 40)), pixels=np.full((1, 40, 40, 3), (200, 30, 90), np.uint8))
    assert opened(overlay_png(scan, 0, scale_bar=False))[5, 5].tolist() == [200, 30, 90]
