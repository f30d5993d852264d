"""One of several images, and the frames of sequences and volumes."""

import dataclasses

import numpy as np
import pytest

from core.errors import UnsupportedModel
from core.explain import EXPLAINERS
from core.explain.inputs import on_frames, stretch_depth
from core.explain.request import Ask
from core.inference.prepare import Geometry, Prepared

WHOLE = Geometry((24, 24), (24, 24), (1.0, 1.0), (0.0, 0.0), (0, 0, 24, 24))
GRADIENTS = ["saliency", "smooth-grad", "gradient-x-input", "integrated-gradients"]
ASKING = ["occlusion", "rise", "kernel-shap"]


def square(row, column):
    image = np.zeros((24, 24, 3), np.float32)
    image[row : row + 7, column : column + 7, 0] = 1.0
    return image


@pytest.fixture
def two_images():
    """Red at the top left of the first, and at the bottom right of the second."""
    batch = {"image": square(1, 1)[None], "second": square(16, 16)[None]}
    return Prepared(batch, WHOLE, (0,), ())


@pytest.fixture
def in_one_frame():
    """Red in the last of three frames only."""
    frames = np.stack([np.zeros((24, 24, 3), np.float32)] * 2 + [square(8, 8)])
    return Prepared({"image": frames[None]}, WHOLE, (4, 5, 6), ())


def hottest(found, position=0):
    grid = found.grids[position]
    return [
        int(index) * 24 // size
        for index, size in zip(np.unravel_index(grid.argmax(), grid.shape), grid.shape, strict=True)
    ]


@pytest.mark.keras
@pytest.mark.parametrize(
    ("name", "method"),
    [
        *((name, method) for name in ("several images", "shared backbone") for method in (*GRADIENTS, *ASKING)),
        # Where the images are added up at once, the slope is that of both, and only times the input is it of one.
        *(("images fused early", method) for method in ("gradient-x-input", "integrated-gradients", *ASKING)),
    ],
)
def test_each_image_has_the_map_of_its_own_square(taught, keras_process, two_images, name, method):
    bundle, explain = taught(name), EXPLAINERS[method].function
    first, second = (
        explain(bundle, two_images, Ask(0, input=which, keras=keras_process)) for which in ("image", "second")
    )
    assert max(hottest(first)) < 12
    assert min(hottest(second)) >= 12


@pytest.mark.keras
@pytest.mark.parametrize("method", ["grad-cam", "hires-cam", "score-cam", "ablation-cam", "guided-grad-cam"])
def test_map_of_a_layer_is_drawn_on_the_image_that_it_sees(taught, keras_process, two_images, method):
    bundle, explain = taught("several images", "of_the_second"), EXPLAINERS[method].function
    found = explain(bundle, two_images, Ask(0, input="second", keras=keras_process))
    assert min(hottest(found)) >= 12
    layer = (
        "" if method != "grad-cam" else "of_the_second"
    )  # without a name, Grad-CAM looks for one that sees the image
    with pytest.raises(UnsupportedModel, match="does not see the image image"):
        explain(bundle, two_images, Ask(0, input="image", layer=layer, keras=keras_process))


@pytest.mark.keras
def test_grad_cam_looks_for_the_layer_that_sees_the_image(taught, keras_process, two_images):
    found = EXPLAINERS["grad-cam"].function(
        taught("several images", "of_the_second"), two_images, Ask(0, input="image", keras=keras_process)
    )
    assert max(hottest(found)) < 12


@pytest.mark.keras
def test_other_layer_than_the_cards_is_looked_at_too(taught, keras_process, two_images):
    bundle, explain = taught("several images", "of_the_second"), EXPLAINERS["grad-cam"].function
    found = explain(bundle, two_images, Ask(0, input="image", layer="last", keras=keras_process))
    assert max(hottest(found)) < 12
    with pytest.raises(UnsupportedModel, match="does not see the image second"):
        explain(bundle, two_images, Ask(0, input="second", layer="last", keras=keras_process))


@pytest.mark.keras
@pytest.mark.parametrize("method", [*GRADIENTS, *ASKING, "grad-cam", "hires-cam", "score-cam-all", "ablation-cam"])
@pytest.mark.parametrize("name", ["time distributed and LSTM", "time distributed and GRU", "convolutional LSTM"])
def test_evidence_is_in_the_frame_where_it_is(taught, keras_process, in_one_frame, name, method):
    found = EXPLAINERS[method].function(taught(name), in_one_frame, Ask(0, keras=keras_process))
    assert found.frames == (4, 5, 6)
    assert found.strip.argmax() == 2
    assert found.strip[:2].max() < found.strip[2]
    assert hottest(found, 2)[0] in range(4, 18)


@pytest.mark.keras
def test_layer_that_has_no_frames_left_says_so(taught, keras_process, in_one_frame):
    bundle = taught("last state of a convolutional LSTM")
    found = EXPLAINERS["grad-cam"].function(bundle, in_one_frame, Ask(0, keras=keras_process))
    assert found.facts["frames_with_the_same_map"] == 3
    np.testing.assert_array_equal(found.grids[0], found.grids[2])


@pytest.mark.keras
def test_what_does_not_belong_together_is_refused(taught, two_images):
    bundle, explain = taught("several images"), EXPLAINERS["occlusion"].function
    with pytest.raises(UnsupportedModel, match="one of the images image, second"):
        explain(bundle, two_images, Ask(0, input="third"))
    elsewhere = dataclasses.replace(two_images, geometry=dataclasses.replace(WHOLE, model_size=(12, 12)))
    with pytest.raises(UnsupportedModel, match="The way back is not that of the image image"):
        explain(bundle, elsewhere, Ask(0))


def test_depth_is_stretched_between_the_true_centres():
    stack = np.arange(2, dtype=np.float32)[:, None, None] * np.ones((1, 2, 3), np.float32)
    found = stretch_depth(stack, 4)
    assert found.shape == (4, 2, 3)
    np.testing.assert_allclose(found[:, 0, 0], [0.0, 0.25, 0.75, 1.0])


def test_layer_with_frames_needs_an_image_with_frames(two_images):
    from core.explain.inputs import Image

    plain = Image("image", two_images.batch["image"], (0.0, 1.0), {})
    with pytest.raises(UnsupportedModel, match="one map an image"):
        on_frames(np.zeros((1, 3, 4, 4)), plain)
