"""Mirror images: no doubt where they agree, doubt where they do not, and the range of the area."""

import numpy as np
import pytest

from core.errors import Cancelled
from core.inference.predict import Segmentation, predict
from core.inference.study import Study
from core.segmentation.tta import FLIPS, tta_uncertainty


def segment(bundle, scan, frames=None, **told):
    return predict(bundle, Study.of(bundle.card, scan), frames, expect=Segmentation, **told)


def test_a_model_that_looks_at_brightness_alone_has_no_doubt(segmenter, planted):
    spread = tta_uncertainty(segmenter(), planted((70, 50), [(10, 10, 30, 25)]))
    assert spread.is_empty
    low, high = spread.area_range(0, 0)
    assert low == high > 0


def test_a_model_that_leans_to_one_side_is_caught_where_it_leans(segmenter, planted):
    scan = planted((64, 64), [(20, 50, 40, 60, 118)])  # just below the middle; the slope lifts it on the right
    bundle = segmenter(slope=20.0)
    spread = tta_uncertainty(bundle, scan)
    assert spread.scale == 1.0
    heat = spread.heatmap(0)
    assert heat[30, 55] > 0.8, "an outline that its mirror image does not have"
    assert heat[30, 20] < 0.01, "both agree on the dark"
    assert spread.area_range(0, 0) == (0, int(segment(bundle, scan).pixels[0, 0]))
    assert spread.areas.shape == (1, len(FLIPS), 1)


def test_doubt_of_a_stack_can_be_stopped(segmenter, planted):
    scan, told = planted((16, 16), *[[]] * 9), []
    assert len(tta_uncertainty(segmenter(), scan, progress=told.append).frames) == 9
    assert told[-1] == 1.0
    with pytest.raises(Cancelled):
        tta_uncertainty(segmenter(slug="again"), scan, cancelled=lambda: True)


def test_doubt_lies_on_the_scan_like_the_mask(segmenter, planted):
    spread = tta_uncertainty(segmenter(resize="crop", slope=40.0), planted((100, 300), [(0, 0, 100, 300, 128)]))
    assert np.all(spread.heatmap(0)[:, :90] == 0)
