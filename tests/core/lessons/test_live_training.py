"""Training in class for real: in the Keras process, an epoch a request; stopped, judged, kept."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import UnsupportedModel
from core.inference.bundle import open_bundle
from core.inference.predict import Prediction, predict
from core.inference.study import Study
from core.lessons.training.data import digits_set, divide, lesions_set
from core.lessons.training.figure import (
    confusion_figure,
    curves_figure,
    describe_curves,
    evidence_figure,
)
from core.lessons.training.kept_model import (
    CannotKeep,
    delete_kept,
    keep_model,
    kept_models,
)
from core.lessons.training.live_run import (
    LiveRun,
    confusion,
    sensitivities,
    train_live,
)
from core.lessons.training.settings import DONOR, LiveSettings
from core.lessons.training.text import script, step_formula, weight_words
from core.models.card import load_card, load_cards
from core.models.own import own_models_folder
from core.readers import Source, open_sources
from ui.lessons.training.images import png_of

pytestmark = pytest.mark.keras
ROOT = Path(__file__).resolve().parents[3]


def classify(bundle, scan, frames=None, **told):
    return predict(bundle, Study.of(bundle.card, scan), frames, expect=Prediction, **told)


@pytest.fixture(scope="module")
def digits():
    return digits_set()


@pytest.fixture(scope="module")
def lesions():
    return lesions_set(240)


def started(lesson_set, size=28, faults=None, **settings):
    return LiveRun("Run 1", LiveSettings(**settings), lesson_set, divide(lesson_set, **(faults or {})), size)


def train(keras, run, cancelled=lambda: False):
    donor = load_card(ROOT / "models" / DONOR) if run.settings.uses_donor else None
    train_live(keras, run, donor, lambda *_: None, cancelled)
    return run


@pytest.fixture(scope="module")
def digit_run(keras, digits):
    return train(keras, started(digits, epochs=5))


def test_small_cnn_reads_95_percent_of_the_digits_after_five_epochs(digit_run):
    assert max(epoch.val_accuracy for epoch in digit_run.epochs) >= 0.95
    right = (digit_run.test_probabilities.argmax(axis=1) == digit_run.test_labels).mean()
    assert right > 0.92


def test_every_epoch_tells_where_the_network_stands(digit_run):
    assert [epoch.number for epoch in digit_run.epochs] == [0, 1, 2, 3, 4, 5]
    assert digit_run.epochs[0].val_accuracy < 0.4
    assert digit_run.epochs[0].loss == pytest.approx(np.log(10), abs=1.0)
    last = digit_run.epochs[-1]
    assert last.probabilities.shape == (360, 10)
    np.testing.assert_allclose(last.probabilities.sum(axis=1), 1, atol=1e-5)
    assert last.grids.shape == (6, 26, 26)
    counts = confusion(digit_run.val_labels, last.probabilities, 10)
    assert np.diag(counts).sum() / counts.sum() == pytest.approx(last.val_accuracy)
    index = np.arange(360)
    loss = -np.log(last.probabilities[index, digit_run.val_labels]).mean()
    assert loss == pytest.approx(last.val_loss, rel=1e-4)


def test_layers_have_the_sizes_of_the_formula(digit_run):
    shapes = {layer["name"]: layer["shape"] for layer in digit_run.layers}
    assert shapes["conv1"] == [26, 26, 32]
    assert shapes["pool1"] == [13, 13, 32]
    assert digit_run.trainable == 320 + (13 * 13 * 32 * 64 + 64) + 650


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_shown_step_is_the_step_that_was_taken(keras, lesions, optimizer):
    run = train(keras, started(lesions, 16, network="logistic", optimizer=optimizer, learning_rate=0.01, epochs=2))
    step = run.epochs[2].step
    moved = step["after"] - step["before"]
    slope = step["slope"] if optimizer == "sgd" else step["momentum"] / np.sqrt(step["velocity"])
    assert moved == pytest.approx(-0.01 * slope, rel=2e-3)
    assert "sqrt" in step_formula(step, run.settings) or optimizer == "sgd"
    assert weight_words(step).startswith("logits: input ")


def test_stopped_in_an_epoch_the_network_is_as_after_the_one_before(keras, lesions):
    run = started(lesions, 32, network="normalised", epochs=30)
    train(keras, run, cancelled=lambda: len(run.epochs) == 3)
    assert len(run.epochs) in {3, 4}
    _, arrays = keras.call("train_judge", {"run": run.key}, {"pictures": lesions.resized(32, run.division.val)})
    np.testing.assert_allclose(arrays["probabilities"], run.epochs[-1].probabilities, atol=1e-6)


def test_frozen_filters_of_the_shipped_network_stay_as_they_are(keras, lesions, tmp_path):
    run = train(keras, started(lesions, 16, start="frozen", epochs=1, variations=("shift", "mirror"), dropout=0.2))
    assert run.trainable == sum(layer["parameters"] for layer in run.layers) - 320
    keras.call("train_keep", {"run": run.key, "model": str(tmp_path / "model.keras")})
    kernels = [first_kernel(tmp_path / "model.keras"), first_kernel(ROOT / "models" / DONOR / "model.keras")]
    np.testing.assert_array_equal(*kernels)


def first_kernel(path):
    """The first convolution's weights, read without Keras."""
    import io
    import zipfile

    import h5py

    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
        return np.asarray(file["layers/conv2d/vars/0"])


def test_class_weights_help_the_rare_class(keras, lesions):
    fractions = []
    for weigh in (False, True):
        run = train(keras, started(lesions, 16, {"rare": True}, weigh_classes=weigh, epochs=4))
        fractions.append(sensitivities(confusion(run.test_labels, run.test_probabilities, 2))[1])
    assert fractions[1] > fractions[0]


def test_forgotten_run_is_said_in_words(keras):
    with pytest.raises(UnsupportedModel, match="start the training again"):
        keras.call("train_epoch", {"run": "nobody"})


def test_epoch_beyond_those_that_were_asked_for_is_refused(keras, digit_run):
    with pytest.raises(UnsupportedModel, match="ended after its 5 epochs"):
        keras.call("train_epoch", {"run": digit_run.key})


def test_figures_show_the_run(digit_run):
    figure = curves_figure([digit_run], 3)
    assert len(figure.data) == 5  # training and validation twice, and the test part
    assert "Run 1 after epoch 5" in describe_curves([digit_run])
    assert len(evidence_figure(digit_run, digit_run.epochs[-1]).data) == 7
    counts = confusion(digit_run.test_labels, digit_run.test_probabilities, 10)
    assert confusion_figure(counts, digit_run.lesson_set.names, "test").data[0].z.shape == (10, 10)


def test_kept_model_answers_like_the_network_and_tells_what_it_is(keras, digit_run, tmp_path, monkeypatch):
    monkeypatch.setenv("SCANLENS_HOME", str(tmp_path))
    card = keep_model(keras, digit_run, "Our digits")
    assert [card.slug for card in kept_models()] == [card.slug]
    assert load_cards(own_models_folder())[1] == []
    bundle = open_bundle(card)
    case = int(digit_run.division.test[0])
    scan = open_sources([Source("case.png", png_of(digit_run.lesson_set.images[case]))]).scans[0]
    prediction = classify(bundle, scan)
    np.testing.assert_allclose(prediction.probabilities[0], digit_run.test_probabilities[0], atol=1e-4)
    assert prediction.similarity[0].is_similar
    assert "Trained in class" in card.text
    assert "5 of 5 epochs" in card.text
    assert {path.name for path in tmp_path.iterdir()} == {"models", "made-here.txt"}
    delete_kept(card)
    assert kept_models() == []
    delete_kept(replace(card, folder=tmp_path / "models"))
    assert (tmp_path / "models").is_dir()


def test_kept_model_sees_a_shrunk_case_on_the_page_as_it_did_in_class(keras, lesions, tmp_path, monkeypatch):
    """The file's own range is not stretched: what is grey stays grey."""
    monkeypatch.setenv("SCANLENS_HOME", str(tmp_path))
    run = train(keras, started(lesions, 32, epochs=2))
    bundle = open_bundle(keep_model(keras, run, "Our lesions"))
    for number in range(4):
        source = Source("case.png", png_of(lesions.images[run.division.test[number]]))
        found = classify(bundle, open_sources([source]).scans[0]).probabilities[0]
        np.testing.assert_allclose(found, run.test_probabilities[number], atol=0.03)


def test_nothing_is_kept_before_anything_was_trained(keras, digits):
    with pytest.raises(CannotKeep, match="no epoch to keep"):
        keep_model(keras, started(digits), "Empty")


def test_script_of_the_listing_runs_as_it_is(digits, tmp_path):
    settings = LiveSettings(network="normalised", epochs=1, batch_size=128, variations=("shift", "noise"), dropout=0.1)
    (tmp_path / "run.py").write_text(script(settings, digits, 16))
    command = [sys.executable, "run.py"]
    done = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-800:]
    assert "val_accuracy" in done.stdout
