import dataclasses

import numpy as np
import pytest

from core.errors import UnsupportedModel
from core.explain import EXPLAINERS
from core.explain.methods.cam import cam_grids, grad_cam, logit_of
from core.explain.request import Ask
from core.inference.prepare import Geometry, Prepared, prepare
from core.scan import Scan, Window


def prepared_noise(count=3, size=32, seed=0):
    batch = {"image": np.random.default_rng(seed).random((count, size, size, 3), np.float32)}
    whole = Geometry((size, size), (size, size), (1.0, 1.0), (0.0, 0.0), (0, 0, size, size))
    return Prepared(batch, whole, tuple(range(count)), ())


def scan_with_square(rows, columns, top, left, side, pixel_aspect=1.0):
    """Black with one white square; `side` is its height in pixels, its true shape is square."""
    pixels = np.zeros((1, rows, columns), np.uint8)
    pixels[0, top : top + side, left : left + round(side * pixel_aspect)] = 255
    window = Window(127.5, 255.0, "LINEAR_EXACT")
    return Scan(pixels, "single", "", "test", "test", pixel_aspect=pixel_aspect, windows=(window,))


def centre(image):
    """Centre of mass, (row, column)."""
    mass = image / image.sum()
    return np.array([(mass.sum(axis=1 - axis) * np.arange(image.shape[axis])).sum() for axis in (0, 1)])


def test_maps_are_rectified_and_keep_their_scale():
    activations = np.array([[[[1.0, 2.0], [3.0, 0.5]]]], np.float32)
    assert cam_grids(activations, np.array([10.0, -10.0], np.float32)).tolist() == [[[0.0, 25.0]]]


@pytest.mark.keras
@pytest.mark.parametrize(
    ("rows", "columns", "top", "left", "side", "aspect"),
    [
        (64, 64, 40, 8, 12, 1.0),  # the model's own grid
        (300, 200, 30, 120, 50, 1.0),  # portrait
        (150, 400, 80, 180, 40, 1.0),  # landscape; in the middle third, so that a crop keeps it
        (120, 240, 20, 90, 24, 1.5),  # pixels higher than wide
        (240, 180, 150, 60, 40, 0.5),  # pixels wider than high
        (40, 48, 4, 20, 10, 1.0),  # enlarged
    ],
)
@pytest.mark.parametrize("resize", ["stretch", "letterbox", "crop"])
def test_planted_square_is_found_where_it_is(
    open_model, brightness_model, resize, rows, columns, top, left, side, aspect
):
    bundle = open_model(brightness_model, "cells")
    spec = dataclasses.replace(bundle.card.inputs[0], resize=resize)
    scan = scan_with_square(rows, columns, top, left, side, aspect)
    prepared = prepare(scan, spec)
    explanation = grad_cam(bundle, prepared, target=1)
    heatmap, square = explanation.heatmap(0), scan.pixels[0].astype(float)
    cell = np.array(prepared.geometry.scale) * bundle.card.inputs[0].size / explanation.grids.shape[1:]
    assert heatmap.shape == (rows, columns)
    assert (np.abs(centre(heatmap) - centre(square)) <= cell).all()
    row, column = np.unravel_index(heatmap.argmax(), heatmap.shape)
    assert top - cell[0] <= row <= top + side + cell[0]
    assert left - cell[1] <= column <= left + side * aspect + cell[1]


@pytest.mark.keras
def test_cell_is_what_its_pixels_add_to_the_logit(open_model, brightness_model):
    bundle = open_model(brightness_model, "cells")
    prepared = prepare(scan_with_square(64, 64, 16, 16, 16), bundle.card.inputs[0])
    explanation = grad_cam(bundle, prepared, target=1)
    assert explanation.scale == pytest.approx(1 / 256)
    assert explanation.grids.sum() == pytest.approx(bundle.run(prepared.batch).logits[0, 1], abs=1e-6)


@pytest.mark.keras
def test_classes_have_different_maps(open_model, brightness_model):
    bundle = open_model(brightness_model, "cells")
    prepared = prepare(scan_with_square(64, 64, 16, 16, 16), bundle.card.inputs[0])
    dark, bright = (grad_cam(bundle, prepared, target) for target in (0, 1))
    assert (dark.label, bright.label) == ("dark", "bright")
    np.testing.assert_allclose(dark.grids + bright.grids, 1 / 256, atol=1e-7)


@pytest.mark.keras
def test_map_without_evidence_is_empty(open_model, brightness_model):
    bundle = open_model(brightness_model, "cells")
    black = scan_with_square(64, 64, 0, 0, 0)
    assert grad_cam(bundle, prepare(black, bundle.card.inputs[0]), target=1).is_empty


@pytest.mark.keras
def test_first_label_of_one_unit_is_the_negated_logit(open_model, one_unit_model):
    bundle, prepared = open_model(one_unit_model, "last"), prepared_noise()
    output = bundle.run(prepared.batch)
    raw = output.activations @ bundle.cam_weights[0]
    no, yes = (grad_cam(bundle, prepared, target, output).grids for target in (0, 1))
    np.testing.assert_allclose(yes, np.maximum(raw, 0), atol=1e-7)
    np.testing.assert_allclose(no, np.maximum(-raw, 0), atol=1e-7)


@pytest.mark.keras
def test_given_output_and_own_run_agree_and_repeat(open_model, flat_model):
    bundle, prepared = open_model(flat_model, "last"), prepared_noise()
    given = grad_cam(bundle, prepared, 2, bundle.run(prepared.batch))
    for _ in range(2):
        np.testing.assert_array_equal(given.grids, grad_cam(bundle, prepared, 2).grids)


@pytest.mark.keras
@pytest.mark.parametrize("target", [0, 1, 2])
def test_matrix_product_is_the_tape_is_tf_keras_vis(open_model, flat_model, keras_process, target):
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    bundle, prepared = open_model(flat_model, "last"), prepared_noise()
    ours = grad_cam(bundle, prepared, target).grids
    tape = grad_cam(without_weights(bundle), prepared, target, keras=keras_process).grids
    theirs = Gradcam(flat_model, model_modifier=ReplaceToLinear(), clone=True)(
        CategoricalScore(target),
        prepared.batch["image"],
        penultimate_layer="last",
        expand_cam=False,
        normalize_cam=False,
    )
    assert ours.max() > 1e-4
    np.testing.assert_allclose(ours, tape, atol=1e-6)
    np.testing.assert_allclose(ours, np.asarray(theirs), atol=1e-6)
    np.testing.assert_allclose(ours / ours.max(), np.asarray(theirs) / np.max(theirs), atol=1e-4)


def without_weights(bundle):
    """The same bundle, made to ask the Keras process."""
    from core.inference.bundle import open_bundle

    other = open_bundle(bundle.card)
    other.cam_weights = None
    return other


@pytest.mark.keras
@pytest.mark.parametrize("target", [0, 1])
def test_tape_negates_the_logit_of_one_unit_too(open_model, one_unit_model, keras_process, target):
    bundle, prepared = open_model(one_unit_model, "last"), prepared_noise()
    tape = grad_cam(without_weights(bundle), prepared, target, keras=keras_process).grids
    np.testing.assert_allclose(tape, grad_cam(bundle, prepared, target).grids, atol=1e-6)


@pytest.mark.keras
def test_head_that_is_not_affine_goes_to_the_keras_process(open_model, hidden_model, keras_process):
    bundle, prepared = open_model(hidden_model, "last"), prepared_noise(10)
    assert bundle.cam_weights is None
    explanation = grad_cam(bundle, prepared, 0, keras=keras_process)
    assert explanation.grids.shape == (10, 7, 7)
    assert not explanation.is_empty
    with pytest.raises(UnsupportedModel, match="is not affine"):
        grad_cam(bundle, prepared, 0)


@pytest.mark.keras
def test_saturated_model_has_a_map_all_the_same(open_model, flat_model):
    """At a probability of exactly 1 the gradient of the softmax is 0; that of the logit is not."""
    import keras

    sure = keras.models.clone_model(flat_model)
    sure.set_weights(flat_model.get_weights())
    sure.layers[-1].kernel.assign(sure.layers[-1].kernel * 1e5)
    bundle, prepared = open_model(sure, "last"), prepared_noise(1)
    winner = int(bundle.run(prepared.batch).logits[0].argmax())
    assert np.asarray(sure(prepared.batch["image"]))[0, winner] == 1.0
    expected = 1e5 * grad_cam(open_model(flat_model, "last"), prepared, winner).grids
    assert expected.max() > 1
    np.testing.assert_allclose(grad_cam(bundle, prepared, winner).grids, expected, rtol=1e-4)


@pytest.mark.keras
def test_label_that_does_not_exist_is_refused(open_model, flat_model):
    card = open_model(flat_model, "last").card
    for target in (-1, 3):
        with pytest.raises(UnsupportedModel, match=f"none is number {target}"):
            logit_of(card, 3, target)


@pytest.mark.keras
@pytest.mark.parametrize("name", [name for name in EXPLAINERS if EXPLAINERS[name].family != "attention"])
def test_every_explainer_keeps_the_contract(open_model, flat_model, keras_process, name):
    bundle, prepared, explainer = open_model(flat_model, "last"), prepared_noise(2), EXPLAINERS[name]
    output = bundle.run(prepared.batch)
    target = int(output.logits[0].argmax())
    explanation = explainer.function(bundle, prepared, Ask(target, output=output, keras=keras_process))
    assert explainer.name == explanation.method == name
    assert explanation.label == f"class {target}"
    assert explanation.frames == prepared.frames
    assert explanation.grids.dtype == np.float32
    assert explanation.grids.min() >= 0
    assert explanation.strip.shape == (2,)
    assert explanation.heatmap(1).shape == (32, 32)
