"""What a model that outlines is asked: the answers in one region."""

import numpy as np
import pytest

from core.errors import UnsupportedModel
from core.explain import EXPLAINERS
from core.explain.region import explained_region, weighted_scores
from core.explain.request import Ask
from core.inference.prepare import Geometry, Prepared

pytestmark = pytest.mark.keras
WHOLE = Geometry((24, 24), (24, 24), (1.0, 1.0), (0.0, 0.0), (0, 0, 24, 24))


@pytest.fixture
def bundle(taught):
    return taught("U-Net")


@pytest.fixture
def prepared():
    """Two red squares, far from each other."""
    image = np.zeros((1, 24, 24, 3), np.float32)
    image[0, 2:7, 2:7, 0] = image[0, 17:22, 17:22, 0] = 1.0
    return Prepared({"image": image}, WHOLE, (0,), ())


def corner():
    region = np.zeros((24, 24), np.float32)
    region[:10, :10] = 1.0
    return region


@pytest.mark.parametrize("method", ["saliency", "integrated-gradients", "occlusion", "hires-cam", "gradient-x-input"])
def test_only_what_the_region_answers_to_is_shown(bundle, prepared, keras_process, method):
    found = EXPLAINERS[method].function(bundle, prepared, Ask(0, region=corner(), keras=keras_process))
    near, far = found.grids[0][:14, :14].max(), found.grids[0][16:, 16:].max()
    assert near > 0
    assert far <= 1e-4 * near


def test_without_a_region_it_is_where_the_model_calls_the_label(bundle, prepared):
    region = explained_region(bundle, prepared, Ask(0))
    logits = bundle.run(prepared.batch).logits
    np.testing.assert_array_equal(region, (logits.argmax(-1) == 0).astype(np.float32))
    assert region[0, 4, 4] == 1


def test_bottom_of_the_net_can_be_asked_too(bundle, prepared, keras_process):
    found = EXPLAINERS["grad-cam"].function(bundle, prepared, Ask(0, layer="bottom", keras=keras_process))
    assert found.grids.shape == (1, 12, 12)
    assert found.grids[0, 2, 2] > found.grids[0, 6, 6]


def test_region_that_does_not_fit_is_refused(bundle, prepared, taught):
    for region, words in ((np.ones((3, 3)), "24 × 24 cells"), (np.zeros((24, 24)), "No pixel was segmented as red")):
        with pytest.raises(UnsupportedModel, match=words):
            explained_region(bundle, prepared, Ask(0, region=region))
    with pytest.raises(UnsupportedModel, match="one answer for the whole scan"):
        explained_region(taught("flat functional"), prepared, Ask(0, region=corner()))


def test_score_is_the_sum_over_the_region():
    logits = np.arange(24, dtype=np.float32).reshape(1, 3, 4, 2)
    region = np.zeros((3, 4), np.float32)
    region[1, 2] = region[2, 3] = 1.0
    found = weighted_scores(logits, np.array([0.0, 1.0], np.float32), region)
    assert found.tolist() == [logits[0, 1, 2, 1] + logits[0, 2, 3, 1]]
    with pytest.raises(UnsupportedModel, match="a segmentation"):
        weighted_scores(logits, np.array([0.0, 1.0], np.float32))
