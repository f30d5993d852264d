"""Training for real on a tiny data set: it learns, repeats itself and survives being killed."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import msgspec
import numpy as np
import pytest

pytestmark = pytest.mark.keras

#: Trains until it is killed: one epoch a checkpoint, far more epochs than there is time for.
KILLED = """
import sys
from pathlib import Path
from tests_helper import examples
from core.training.checkpoints import OnDisk
from core.training.fit import fit
from core.training.recipe.reading import load_recipe
from core.training.tasks.classification import Classification
recipe = load_recipe(Path(sys.argv[1]))
fit(Classification(recipe, *examples(recipe, Path(sys.argv[2]))), OnDisk(Path(sys.argv[3])))
"""

HELPER = """
import numpy as np
from core.training.data.images import prepare_cases, split_cases
from core.training.tasks.classification import Examples
def examples(recipe, data):
    parts = split_cases(recipe, data)
    return [Examples(prepare_cases([c.path for c in parts[s]], recipe.input),
                     np.array([c.target for c in parts[s]])) for s in ("train", "val")]
"""


@pytest.fixture
def examples(blobs):
    from core.training.data.images import prepare_cases, split_cases
    from core.training.tasks.classification import Examples

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
    from core.training.checkpoints import OnDisk, read_state
    from core.training.fit import fit
    from core.training.recipe.reading import load_recipe
    from core.training.tasks.classification import Classification

    entry["schedule"]["phases"] = [{"epochs": 1, "learning_rate": 0.02}, {"epochs": 4, "learning_rate": 0.02}]
    recipe = load_recipe(write_recipe(entry))
    task = Classification(recipe, *examples(recipe))
    whole = fit(task, OnDisk(tmp_path / "whole"))
    fit(task, OnDisk(tmp_path / "parts"), epochs=3)
    resumed = fit(task, OnDisk(tmp_path / "parts"))
    assert task.judge(whole)["auc"] > 0.8
    assert np.abs(weights(resumed) - weights(whole)).max() < 1e-5
    assert read_state(tmp_path / "parts").done
    rows = list(csv.DictReader((tmp_path / "parts" / "log.csv").open(encoding="utf-8")))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4", "5"]


def test_phases_train_only_what_they_name(entry, write_recipe, examples, tmp_path):
    from core.training.checkpoints import OnDisk
    from core.training.fit import fit
    from core.training.recipe.reading import load_recipe
    from core.training.tasks.classification import Classification, build

    entry["schedule"]["phases"] = [{"epochs": 1, "learning_rate": 0.01, "trainable": "head"}]
    recipe = load_recipe(write_recipe(entry))
    trained = fit(Classification(recipe, *examples(recipe)), OnDisk(tmp_path / "work"))
    import keras

    keras.utils.set_random_seed(recipe.seed)
    fresh = build(recipe)
    assert np.array_equal(
        fresh.get_layer("stem_conv").get_weights()[0], trained.get_layer("stem_conv").get_weights()[0]
    )
    assert not np.array_equal(fresh.get_layer("logits").get_weights()[0], trained.get_layer("logits").get_weights()[0])


def test_phase_from_an_unknown_layer_is_refused(entry, write_recipe):
    from core.training.recipe.reading import load_recipe
    from core.training.schedule import set_trainable
    from core.training.tasks.classification import build

    with pytest.raises(ValueError, match="from:nowhere"):
        set_trainable(build(load_recipe(write_recipe(entry))), "from:nowhere")


def test_training_goes_on_after_a_kill(entry, write_recipe, blobs, examples, tmp_path):
    from core.training.checkpoints import OnDisk, read_state
    from core.training.fit import fit
    from core.training.recipe.reading import load_recipe
    from core.training.tasks.classification import Classification

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
    fit(Classification(recipe, *examples(recipe)), OnDisk(work), epochs=stopped.epoch + 1)
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


def test_label_smoothing_of_findings_keeps_their_prevalence():
    from core.training.losses import smoothed_findings

    targets = np.array([[1, 0], [0, 0], [1, 0], [0, 1]])
    found = smoothed_findings(targets, targets.mean(axis=0), 0.2)
    assert found[0].tolist() == pytest.approx([0.9, 0.05])
    assert found.mean(axis=0).tolist() == pytest.approx([0.5, 0.25])


class Ramp:
    """A task whose network is one number that every epoch brings nearer to 1; what it is worth is told by the test."""

    def __init__(self, worth, **schedule):
        from core.training.recipe.course import Phase, Schedule

        phases = (Phase(epochs=len(worth), learning_rate=0.1),)
        plain = {"optimizer": "sgd", "decay": "constant", "monitor": "auc", "batch": 4}
        self.schedule, self.seed = Schedule(phases, **{**plain, **schedule}), 0
        self.worth, self.seen = list(worth), []

    def start(self):
        import keras

        entry = keras.Input((1,))
        head = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros", name="logits")
        return keras.Model(entry, head(entry))

    def loss(self):
        return "mse"

    def batches(self, epoch):
        import keras

        class Ones(keras.utils.PyDataset):
            def __len__(self):
                return 1

            def __getitem__(self, index):
                return np.ones((4, 1), np.float32), np.ones((4, 1), np.float32)

        return Ones()

    def judge(self, model):
        self.seen.append(float(model.get_weights()[0].ravel()[0]))
        return {"auc": self.worth[len(self.seen) - 1]}

    def finish(self, model):
        return model


def value(model):
    return float(model.get_weights()[0].ravel()[0])


def trained(**schedule):
    """The number after training for each of the epochs' worth, and the state."""
    from core.training.checkpoints import InMemory
    from core.training.fit import fit

    task, kept = Ramp(**schedule), InMemory()
    return value(fit(task, kept)), kept.state, task.seen


#: A step of 0.1 towards 1 by the mean squared error's slope: 1 − 0.8 to the power of the epoch.
STEPS = [1 - 0.8**epoch for epoch in range(1, 13)]


def test_best_epoch_is_kept_and_patience_ends_the_phase():
    found, state, _ = trained(worth=[0.5, 0.9, 0.8, 0.7, 0.95], patience=2)
    assert found == pytest.approx(STEPS[1], abs=1e-6)
    assert (state.epoch, state.best_epoch, state.best_score, state.done) == (4, 2, 0.9, True)


def test_last_epoch_is_kept_where_nothing_is_chosen_and_the_split_is_looked_at_now_and_then():
    found, state, seen = trained(worth=[0.9] * 12, checkpoint="last", patience=1)
    assert found == pytest.approx(STEPS[11], abs=1e-6)
    assert (state.epoch, state.best_epoch) == (12, 12)
    assert seen == pytest.approx([STEPS[9], STEPS[11]], abs=1e-6)


def test_moving_average_of_the_weights_is_judged_and_kept_and_training_goes_on_from_the_weights():
    found, _, seen = trained(worth=[0.1, 0.2, 0.3], ema=0.5)
    averages = [STEPS[0]]
    for step in STEPS[1:3]:
        averages.append(0.5 * averages[-1] + 0.5 * step)
    assert seen == pytest.approx(averages, abs=1e-6)
    assert found == pytest.approx(averages[-1], abs=1e-6)


def test_next_phase_starts_from_the_best_of_the_one_before():
    from core.training.checkpoints import InMemory
    from core.training.fit import Training
    from core.training.recipe.course import Phase

    task, kept = Ramp([0.9, 0.1, 0.2]), InMemory()
    task.schedule = msgspec.structs.replace(task.schedule, phases=(Phase(2, 0.1), Phase(1, 0.1)))
    training = Training(task, kept)
    while not training.state.done:
        training.epoch()
    assert task.seen == pytest.approx([STEPS[0], STEPS[1], STEPS[1]], abs=1e-6)


def test_epoch_that_is_stopped_leaves_the_network_as_it_was():
    import keras

    from core.training.checkpoints import InMemory
    from core.training.fit import Training

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    training = Training(Ramp([0.1, 0.2, 0.3]), InMemory())
    training.epoch()
    with pytest.raises(KeyboardInterrupt):
        training.epoch([Stop()])
    assert value(training.model) == pytest.approx(STEPS[0], abs=1e-6)
    assert training.epoch().state.epoch == 2
    assert value(training.model) == pytest.approx(STEPS[1], abs=1e-6)


@pytest.mark.parametrize(("warm_up", "highest"), [(None, 5), (0.1, 2), (0.5, 10)])
def test_learning_rate_rises_over_an_epoch_or_the_fraction_that_is_asked_for(warm_up, highest):
    from core.training.recipe.course import Phase, Schedule
    from core.training.schedule import learning_rate

    phase = Phase(epochs=4, learning_rate=0.3)
    rate = learning_rate(Schedule((phase,), warm_up=warm_up), phase, steps=5)
    values = [float(rate(step)) for step in range(21)]
    assert int(np.argmax(values)) == highest
    assert values[0] == pytest.approx(0.3 / 20)
    assert values[highest] == pytest.approx(0.3)
    assert values[20] == pytest.approx(0, abs=1e-6)
