"""What a network of studies is given: values, gaps, variation and changes."""

import numpy as np
import pytest

from core.models.card import input_spec
from core.training.data.study_batches import batch_of, changed, model_values, vary
from core.training.recipe.course import Augmentation
from core.training.recipe.schema import Timing, Variant

IMAGE = {"kind": "image", "size": [16, 16], "channels": 1, "range": [-1, 1], "resize": "stretch"}
SPECS = (
    input_spec({"name": "flair", **IMAGE, "optional": True}),
    input_spec({"name": "post", **IMAGE, "optional": True}),
    input_spec({"name": "film", **IMAGE, "kind": "sequence", "frames": 8}),
    input_spec(
        {
            "name": "about",
            "kind": "table",
            "features": [
                {"name": "age", "low": 0, "high": 100, "reference": 40},
                {"name": "sex", "choices": {"female": 0, "male": 1}, "reference": 0.5},
            ],
        }
    ),
)


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 16, 16, 1)).astype(np.uint8)
    film = np.repeat(np.arange(8, dtype=np.uint8)[None, :, None, None, None] * 30, 3, 0) + np.zeros(
        (16, 16, 1), np.uint8
    )
    table = np.array([[30, 0], [np.nan, 1], [70, np.nan]], np.float32)
    return {"flair": images, "post": images, "film": film, "about": table}


def one(arrays, case=0):
    return {name: array[0] for name, array in batch_of(arrays, SPECS, np.array([case])).items()}


def test_bytes_are_spread_over_the_value_range_and_unknown_facts_get_the_reference(arrays):
    batch = batch_of(arrays, SPECS)
    assert batch["flair"].min() >= -1
    assert batch["flair"].max() <= 1
    assert np.allclose(batch["film"][0, 0], -1)
    assert batch["about"].tolist() == [[30, 0], [40, 1], [70, 0.5]]
    gap = np.full((1, 16, 16, 1), np.nan, np.float32)
    assert (model_values(gap, SPECS[0]) == SPECS[0].absent).all()


def test_images_of_a_case_move_together(arrays):
    how = Augmentation(rotation=40, shift=0.2, zoom=0.2, flip=True)
    varied = vary(one(arrays), SPECS, how, Timing(), {}, (1, 2, 3))
    assert not np.allclose(varied["flair"], one(arrays)["flair"])
    assert np.allclose(varied["flair"], varied["post"])


def test_grey_levels_change_alike_over_time_and_apart_between_images(arrays):
    varied = vary(one(arrays), SPECS, Augmentation(gamma=0.5), Timing(), {}, (1, 2, 3))
    assert not np.allclose(varied["flair"], varied["post"])
    assert (np.diff(varied["film"].mean(axis=(1, 2, 3))) > 0).all()


def test_variation_depends_on_the_seed_alone(arrays):
    how, timing, missing = Augmentation(rotation=20, noise=0.1), Timing(2, 4), {"age": 0.5}
    first, again, other = (vary(one(arrays), SPECS, how, timing, missing, (1, 2, n)) for n in (3, 3, 4))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert any(not np.array_equal(first[name], other[name]) for name in first)


def test_inputs_and_facts_are_left_out_as_often_as_asked_but_never_all_images(arrays):
    missing = {"flair": 0.5, "post": 0.5, "film": 0.9, "age": 0.3}
    drawn = [vary(one(arrays), SPECS, Augmentation(), Timing(), missing, (0, n, 0)) for n in range(300)]
    gone = {name: np.array([(case[name] == -1).all() for case in drawn]) for name in ("flair", "post", "film")}
    assert 0.35 < gone["flair"].mean() < 0.6
    assert not np.all(list(gone.values()), axis=0).any()
    assert 0.2 < np.mean([case["about"][0] == 40 for case in drawn]) < 0.4
    assert all(case["about"][1] == 0 for case in drawn)


def test_repeated_frames_keep_their_order_and_their_number(arrays):
    drawn = [vary(one(arrays), SPECS, Augmentation(), Timing(0, 3), {}, (0, n, 0))["film"] for n in range(20)]
    levels = [film.mean(axis=(1, 2, 3)) for film in drawn]
    assert all(len(level) == 8 and (np.diff(level) >= 0).all() for level in levels)
    assert any(len(np.unique(level)) < 8 for level in levels)


def test_changes_reorder_frames_and_leave_out_what_is_named(arrays):
    batch = batch_of(arrays, SPECS)
    level = {
        change: changed(batch, SPECS, Variant("x", "film", change))["film"].mean(axis=(2, 3, 4))
        for change in ("freeze", "reverse", "shuffle")
    }
    plain = batch["film"].mean(axis=(2, 3, 4))
    assert np.allclose(level["freeze"], plain[:, :1])
    assert np.allclose(level["reverse"], plain[:, ::-1])
    assert np.allclose(np.sort(level["shuffle"], axis=1), np.sort(plain, axis=1))
    assert not np.array_equal(level["shuffle"][0], level["shuffle"][1])
    without = changed(batch, SPECS, Variant("y", leave_out=("flair", "age")))
    assert (without["flair"] == -1).all()
    assert without["about"][:, 0].tolist() == [40, 40, 40]
    assert np.array_equal(without["post"], batch["post"])
    assert not (batch["flair"] == -1).all()
