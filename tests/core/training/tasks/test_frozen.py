"""The beginning of a cine network stays, and what it says is computed once."""

import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace

from core.training.data.studies import StudyCases
from core.training.recipe.reading import load_recipe, recipe_files
from core.training.recipe.schema import Frozen, Timing

pytestmark = pytest.mark.keras


@pytest.fixture(scope="module")
def recipe():
    """The recipe with height and weight, without its warm start, of 4 frames and 32 pixels."""
    whole = load_recipe(recipe_files()["heart-cine-body"])
    cine, patient = whole.input_entries
    phases = (replace(whole.schedule.phases[0], epochs=2),)
    return replace(
        whole,
        input_entries=({**cine, "frames": 4, "size": [32, 32]}, patient),
        warm_start="",
        timing=Timing(),
        frozen=Frozen(("sizes",), 2),
        schedule=replace(whole.schedule, phases=phases, batch=4),
    )


@pytest.fixture(scope="module")
def cases():
    rng = np.random.default_rng(0)
    return StudyCases(
        case_ids=np.array([f"c{n}" for n in range(10)]),
        patients=np.array([f"p{n}" for n in range(10)]),
        arrays={
            "cine": rng.integers(0, 256, (10, 4, 32, 32, 1)).astype(np.uint8),
            "patient": rng.uniform([150, 50], [190, 100], (10, 2)).astype(np.float32),
        },
        class_index=np.arange(10) % 5,
        split=np.full(10, "train"),
        attributes=pd.DataFrame(index=range(10)),
    )


def test_two_halves_answer_like_the_whole(recipe, cases):
    from core.training.data.study_batches import batch_of
    from core.training.tasks.frozen import Halves
    from core.training.tasks.study import build, logits_of

    model, batch = build(recipe), batch_of(cases.arrays, recipe.inputs)
    halves = Halves(model, recipe.inputs, recipe.frozen)
    passed = halves.pass_on(batch)
    assert set(passed) == {"sizes", "patient"}
    assert np.allclose(logits_of(halves.rest, passed), logits_of(model, batch), atol=1e-5)


def test_training_changes_the_rest_and_not_the_beginning(recipe, cases):
    import keras

    from core.training.tasks.study import build, fit_study

    keras.utils.set_random_seed(7)
    before = {layer.name: layer.get_weights() for layer in build(recipe).layers}
    after, state = fit_study(recipe, cases, cases, 7)
    changed = {
        layer.name
        for layer in after.layers
        if any(not np.array_equal(a, b) for a, b in zip(layer.get_weights(), before[layer.name], strict=True))
    }
    cell = recipe.architecture.parameters["cell"]
    assert {"logits", cell, "patient_features", "frame_features"} >= changed >= {"logits"}
    assert (state.epoch, state.done) == (2, True)


def test_facts_are_left_out_anew_in_each_epoch(recipe, cases):
    from core.training.tasks.frozen import FrozenBatches, Halves
    from core.training.tasks.study import build

    batches = FrozenBatches(recipe, cases, Halves(build(recipe), recipe.inputs, recipe.frozen), 1)
    references = np.array([feature.reference for feature in recipe.inputs[1].features])
    gone = [batches.of_epoch(epoch)[0][0]["patient"] == references for epoch in range(40)]
    assert 0.15 < np.mean(gone) < 0.35
    assert len(batches.variations) == 2


def test_heart_is_outlined_on_a_drawn_one():
    """A bright disc that shrinks in a dark ring, beside a bright crescent."""
    from core.training.architectures.cine_warm_start import find_ventricle, outline_heart

    down, across = np.mgrid[:64, :64]
    frames = []
    for radius in (12, 10, 8, 8, 10, 12):
        distance = np.hypot(down - 32, across - 36)
        image = np.full((64, 64), 0.05)
        image[np.hypot(down - 32, across - 26) < 18 + radius / 6] = 0.7  # the right ventricle, in part hidden
        image[distance < 18] = 0.2
        image[distance < radius] = 0.9
        frames.append(image)
    row, column, radius = find_ventricle(np.array(frames))
    assert np.hypot(row - 32, column - 36) < 4
    assert 7 < radius < 16
    left, wall, right = np.moveaxis(outline_heart(np.array(frames)), -1, 0)
    areas = left.sum(axis=(1, 2))
    assert areas[0] == pytest.approx(np.pi * 144, rel=0.15)
    assert areas[2] == pytest.approx(np.pi * 64, rel=0.2)
    assert wall[0].sum() == pytest.approx(np.pi * (18**2 - 144), rel=0.35)
    assert right[0, 32, 12] == 1
    assert right[0, 32, 58] == 0
