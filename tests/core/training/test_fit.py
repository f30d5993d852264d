"""Training for real on a tiny data set: it learns, repeats itself and survives being killed."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

pytestmark = pytest.mark.keras

#: Trains until it is killed: one epoch a checkpoint, far more epochs than there is time for.
KILLED = """
import sys
from pathlib import Path
from tests_helper import examples
from core.training.fit import fit
from core.training.recipe.schema import load_recipe
recipe = load_recipe(Path(sys.argv[1]))
fit(recipe, *examples(recipe, Path(sys.argv[2])), Path(sys.argv[3]))
"""

HELPER = """
import numpy as np
from core.training.data.images import prepare_cases, split_cases
from core.training.fit import Examples
def examples(recipe, data):
    parts = split_cases(recipe, data)
    return [Examples(prepare_cases([c.path for c in parts[s]], recipe.input),
                     np.array([c.target for c in parts[s]])) for s in ("train", "val")]
"""


@pytest.fixture
def examples(blobs):
    from core.training.data.images import prepare_cases, split_cases
    from core.training.fit import Examples

    def read(recipe):
        parts = split_cases(recipe, blobs)
        return [
            Examples(
                prepare_cases([case.path for case in parts[split]], recipe.input),
                np.array([case.target for case in parts[split]]),
            )
            for split in ("train", "val")
        ]

    return read


def weights(model):
    return np.concatenate([w.ravel() for w in model.get_weights()])


def test_model_learns_and_repeats_itself_also_when_stopped_between(entry, write_recipe, examples, tmp_path):
    from core.training.fit import fit, judge, read_state
    from core.training.recipe.schema import load_recipe

    entry["schedule"]["phases"] = [{"epochs": 1, "learning_rate": 0.02}, {"epochs": 4, "learning_rate": 0.02}]
    recipe = load_recipe(write_recipe(entry))
    train, val = examples(recipe)
    whole = fit(recipe, train, val, tmp_path / "whole")
    fit(recipe, train, val, tmp_path / "parts", epochs=3)
    resumed = fit(recipe, train, val, tmp_path / "parts")
    assert judge(whole, recipe, val)["auc"] > 0.8
    assert np.abs(weights(resumed) - weights(whole)).max() < 1e-5
    assert read_state(tmp_path / "parts").done
    rows = list(csv.DictReader((tmp_path / "parts" / "log.csv").open(encoding="utf-8")))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4", "5"]


def test_phases_train_only_what_they_name(entry, write_recipe, examples, tmp_path):
    from core.training.fit import build, fit
    from core.training.recipe.schema import load_recipe

    entry["schedule"]["phases"] = [{"epochs": 1, "learning_rate": 0.01, "trainable": "head"}]
    recipe = load_recipe(write_recipe(entry))
    trained = fit(recipe, *examples(recipe), tmp_path / "work")
    import keras

    keras.utils.set_random_seed(recipe.seed)
    fresh = build(recipe)
    assert np.array_equal(
        fresh.get_layer("stem_conv").get_weights()[0], trained.get_layer("stem_conv").get_weights()[0]
    )
    assert not np.array_equal(fresh.get_layer("logits").get_weights()[0], trained.get_layer("logits").get_weights()[0])


def test_phase_from_an_unknown_layer_is_refused(entry, write_recipe):
    from core.training.fit import build, set_trainable
    from core.training.recipe.schema import load_recipe

    with pytest.raises(ValueError, match="from:nowhere"):
        set_trainable(build(load_recipe(write_recipe(entry))), "from:nowhere")


def test_training_goes_on_after_a_kill(entry, write_recipe, blobs, examples, tmp_path):
    from core.training.fit import fit, read_state
    from core.training.recipe.schema import load_recipe

    entry["schedule"]["phases"] = [{"epochs": 1000, "learning_rate": 0.01}]
    entry["schedule"]["patience"] = 1000
    path, work = write_recipe(entry), tmp_path / "work"
    (tmp_path / "tests_helper.py").write_text(HELPER, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.getcwd()}", "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen([sys.executable, "-c", KILLED, path, blobs, work], env=environment)
    deadline = time.monotonic() + 90
    while not (work / "state.json").is_file() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    stopped = read_state(work)
    assert stopped.epoch >= 1
    recipe = load_recipe(path)
    fit(recipe, *examples(recipe), work, epochs=stopped.epoch + 1)
    assert read_state(work).epoch == stopped.epoch + 1
    assert json.loads((work / "state.json").read_text(encoding="utf-8"))["last"]


def test_rare_class_weighs_more():
    from core.training.losses import class_weights

    found = class_weights(np.array([0, 1, 1, 1]), 2)
    assert found.tolist() == pytest.approx([2.0, 2 / 3])
    assert class_weights(np.array([0, 1, 1, 1]), 2, balanced=False).tolist() == [1.0, 1.0]


def test_exponent_takes_weights_half_the_way():
    from core.training.losses import class_weights

    targets = np.array([0] + [1] * 9)
    full, half = class_weights(targets, 2), class_weights(targets, 2, 0.5)
    assert full[0] / full[1] == pytest.approx(9)
    assert half[0] / half[1] == pytest.approx(3)
    assert half[targets].mean() == pytest.approx(1)


def test_target_of_a_grade_is_spread_over_its_neighbours_only():
    from core.training.losses import spread_targets

    middle, edge = spread_targets(np.array([2, 0]), 5, 0.6)
    assert middle.sum() == pytest.approx(1)
    assert middle.argmax() == 2
    assert middle[1] == pytest.approx(middle[3])
    assert middle[1] / middle[2] == pytest.approx(np.exp(-0.5 / 0.36))
    assert edge[1] > 20 * edge[2]


def test_doubt_softens_findings_and_keeps_how_common_they_are():
    from core.training.losses import doubted_targets

    targets = np.array([[1, 0], [0, 0], [1, 0], [0, 1]])
    found = doubted_targets(targets, targets.mean(axis=0), 0.2)
    assert found[0].tolist() == pytest.approx([0.9, 0.05])
    assert found.mean(axis=0).tolist() == pytest.approx([0.5, 0.25])
