from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from scipy.special import expit, softmax

from core.errors import IncompatibleInput
from core.inference.bundle import ModelOutput
from core.inference.decision import calibrate, calibrated_threshold, decide, near_threshold
from core.inference.ood import Similarity
from core.inference.predict import ANSWERS, Prediction, Segmentation, predict
from core.inference.study import Study, prepare_study
from core.models.card import InputSpec, ModelCard, Task, input_spec
from core.models.link import class_probabilities
from core.scan import Scan, Window

EXTREMES = np.array([-1e5, -800.0, -40.0, -1.0, 0.0, 1e-6, 3.0, 40.0, 800.0, 1e5])
SPEC = InputSpec("image", "image", (8, 8), 1, (0.0, 1.0), "display", "stretch", ("DX",))
CARD = ModelCard(
    "m", Path("m"), "M", "S", "binary", ("Normal", "Pneumonia"), (SPEC,), 0.62, "", 2.0, "layer", {}, "mit", False,
    "a chest radiograph",
)  # fmt: skip
SCAN = Scan(
    np.stack([np.full((8, 8), value, np.float32) for value in (0.1, 0.5, 0.9)]),
    "slice", "0", "test", "test", modality="DX", windows=(Window(0.5, 1.0, "LINEAR_EXACT"),),
)  # fmt: skip


def classify(bundle, scan, frames=None, **told):
    return predict(bundle, Study.of(bundle.card, scan), frames, expect=Prediction, **told)


class MeanModel:
    """Stands in for an opened model: its logit is ten times the mean of its input."""

    def __init__(self, card=CARD):
        self.card = card
        self.asked = {}

    def run(self, batch, progress=None, cancelled=None):
        self.asked = {"progress": progress, "cancelled": cancelled}
        means = batch["image"].mean(axis=(1, 2, 3))[:, None]
        return ModelOutput((10 * means - 5).astype(np.float32), None, means)

    def probabilities(self, logits, temperature=1.0):
        return class_probabilities(logits, self.card.task, temperature)

    def similarity(self, features):
        return tuple(Similarity(float(f), 50.0, True) for f in features[:, 0])


def test_one_output_is_scipys_sigmoid_of_the_second_label():
    found = class_probabilities(EXTREMES[:, None], "binary")
    np.testing.assert_allclose(found[:, 1], expit(EXTREMES), atol=1e-7)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-7)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_several_outputs_are_scipys_softmax(task):
    logits = np.stack([EXTREMES, EXTREMES[::-1], np.zeros(10)], axis=1)[:, : 2 if task == "binary" else 3]
    np.testing.assert_allclose(class_probabilities(logits, task), softmax(logits, axis=1), atol=1e-7)


def test_multilabel_outputs_are_independent_sigmoids():
    logits = np.stack([EXTREMES, EXTREMES[::-1]], axis=1)
    np.testing.assert_allclose(class_probabilities(logits, "multilabel"), expit(logits), atol=1e-7)


def test_multilabel_with_one_label_keeps_one_column():
    assert class_probabilities(np.array([[0.0]]), "multilabel").tolist() == [[0.5]]


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_temperature_divides_the_logits(task):
    logits = np.array([[2.0, -1.0]])
    np.testing.assert_array_equal(
        class_probabilities(logits, task, temperature=4.0), class_probabilities(logits / 4.0, task)
    )


@pytest.mark.filterwarnings("error")
def test_no_logit_overflows():
    for task in ("binary", "multilabel", "multiclass"):
        assert np.isfinite(class_probabilities(EXTREMES[None], task)).all()


@pytest.mark.parametrize(
    ("probability", "sentence"),
    [
        (0.9, "Pneumonia is likely"),
        (0.66, "Pneumonia: above the alarm threshold (0.56), but so near that it could turn"),
        (0.62, "Pneumonia: above the alarm threshold (0.56), but so near that it could turn"),
        (0.6199, "Pneumonia: below the alarm threshold (0.5609), but so near that it could turn"),
        (0.53, "Pneumonia: below the alarm threshold (0.56), but so near that it could turn"),
        (0.52, "Pneumonia: below the alarm threshold (0.56), though more probable than normal"),
        (0.49, "Pneumonia is unlikely"),
        (0.72, "Pneumonia is likely"),
        (0.0, "Pneumonia is unlikely"),
    ],
)
def test_binary_decision_is_taken_at_the_stored_threshold(probability, sentence):
    decision = decide(CARD, np.array([1 - probability, probability]))
    assert decision.sentence == sentence
    assert decision.label == ("Pneumonia" if probability >= 0.62 else "Normal")
    assert (decision.probability, decision.threshold) == (probability, 0.62)


def test_positive_answer_that_is_less_probable_than_not_is_never_called_likely():
    card = replace(CARD, threshold=0.22, temperature=1.0)
    decision = decide(card, np.array([0.57, 0.43]))
    assert decision.label == "Pneumonia"
    assert decision.sentence == "Pneumonia: above the alarm threshold (0.22), though normal is more probable"


def test_answer_within_the_uncertainty_of_the_threshold_says_so():
    card = replace(CARD, threshold=0.22, temperature=1.0, threshold_range=(0.1, 0.45))
    said = decide(card, np.array([0.57, 0.43])).sentence
    assert said == "Pneumonia: above the alarm threshold (0.22), but within its uncertainty (0.10 to 0.45)"
    assert decide(card, np.array([0.5, 0.5])).sentence == "Pneumonia is likely"


def test_calibrated_threshold_is_reached_by_the_same_cases():
    logits = np.linspace(-4, 4, 81)[:, None]
    raw, even = class_probabilities(logits, "binary")[:, 1], class_probabilities(logits, "binary", 2.0)[:, 1]
    limit = calibrated_threshold(0.62, 2.0)
    np.testing.assert_array_equal(raw >= 0.62, even >= limit)
    assert decide(CARD, np.array([0.2, 0.8])).calibrated_thresholds == {1: limit}


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_calibration_from_probabilities_is_that_of_the_logits(task):
    logits = np.random.default_rng(0).normal(0, 3, (1, 2 if task == "binary" else 3))
    card = replace(CARD, task=task)
    found = calibrate(card, class_probabilities(logits, task)[0])
    np.testing.assert_allclose(found, class_probabilities(logits, task, 2.0)[0], atol=1e-5)


def test_near_is_measured_between_logits_so_that_low_thresholds_have_few_neighbours():
    assert not near_threshold(0.0, 0.0455)
    assert not near_threshold(0.01, 0.0455)
    assert near_threshold(0.04, 0.0455)
    assert near_threshold(0.052, 0.0455)
    assert near_threshold(0.4502, 0.5)
    assert near_threshold(0.5498, 0.5)
    assert not near_threshold(0.449, 0.5)
    assert not near_threshold(0.551, 0.5)
    assert not near_threshold(1.0, 0.99)
    assert near_threshold(0.0, 0.0)
    assert near_threshold(1.0, 1.0)
    assert not near_threshold(float("nan"), 0.5)


@pytest.mark.parametrize("threshold", [0.0455, 0.3, 0.62])
def test_near_is_the_same_for_a_finding_and_its_absence(threshold):
    scores = np.linspace(0.0, 1.0, 201)
    for temperature in (0.5, 1.0, 3.0):
        present = [near_threshold(score, threshold, temperature) for score in scores]
        absent = [near_threshold(1 - score, 1 - threshold, temperature) for score in scores]
        assert present == absent


def test_overconfident_model_is_near_its_threshold_from_further_away():
    assert [near_threshold(0.4, 0.5, temperature) for temperature in (1.0, 3.0)] == [False, True]
    assert not near_threshold(0.9, 0.344, 20.0), "a model that cannot be calibrated is not near everything"


def test_threshold_holds_for_float32_probabilities():
    """0.62 as float32 is a little more or less than 0.62; a case at the threshold must not fall beneath it."""
    for threshold in (0.1, 0.2, 0.3, 0.62, 0.7, 0.9):
        row = np.array([1 - threshold, threshold], np.float32)
        assert decide(replace(CARD, threshold=threshold), row).class_index == 1


def test_largest_probability_decides_among_several_classes():
    card = replace(CARD, task="multiclass", labels=("A", "B", "C"), threshold=None)
    decision = decide(card, np.array([0.2, 0.5, 0.3]))
    assert (decision.label, decision.class_index, decision.probability, decision.threshold) == ("B", 1, 0.5, None)
    assert decision.sentence == "B is the most likely answer"


def test_each_frame_has_its_own_answer():
    prediction = classify(MeanModel(), SCAN)
    assert prediction.frames == (0, 1, 2)
    np.testing.assert_allclose(prediction.probabilities[:, 1], expit([-4.0, 0.0, 4.0]), atol=1e-5)
    assert [prediction.decision(position).label for position in range(3)] == ["Normal", "Normal", "Pneumonia"]


def test_calibrated_probabilities_use_the_cards_temperature():
    prediction = classify(MeanModel(), SCAN, frames=[2])
    assert prediction.frames == (2,)
    assert prediction.calibrated[0, 1] == pytest.approx(expit(2.0), abs=1e-5)


def test_similarity_comes_from_the_same_frames():
    distances = [entry.distance for entry in classify(MeanModel(), SCAN, frames=[2, 0]).similarity]
    assert distances == pytest.approx([0.9, 0.1])


def test_scan_that_does_not_fit_is_read_and_wears_the_reason():
    prediction = classify(MeanModel(), replace(SCAN, modality="MR"))
    assert prediction.warning == "expects a chest radiograph, this is an MRI"
    assert prediction.note == ""
    assert len(prediction.probabilities) == 3


def test_what_could_not_be_checked_is_a_note_and_no_warning():
    prediction = classify(MeanModel(), replace(SCAN, modality=""))
    assert prediction.warning == ""
    assert "does not say" in prediction.note


def test_progress_and_stopping_reach_the_model():
    model = MeanModel()
    classify(model, SCAN, progress=print, cancelled=bool)
    assert model.asked == {"progress": print, "cancelled": bool}


def several(task, **more):
    return replace(CARD, task=task, labels=("Caries", "Crown", "Root"), threshold=None, **more)


THRESHOLDS = {"Caries": 0.6, "Crown": 0.2, "Root": 0.5}


@pytest.mark.parametrize(
    ("scores", "sentence", "predicted", "label"),
    [
        ([0.9, 0.3, 0.1], "Found: Caries, Crown", (0, 1), "Caries"),
        ([0.1, 0.1, 0.1], "None of the 3 findings", (), "Crown"),
        ([0.1, 0.9, 0.52], "Found: Crown, Root. Near the threshold: Root", (1, 2), "Crown"),
        ([0.1, 0.2, 0.1], "Found: Crown. Near the threshold: Crown", (1,), "Crown"),
        ([np.nan, 0.1, 0.1], "None of the 3 findings", (), "Crown"),
    ],
)
def test_findings_are_called_each_at_its_own_threshold(scores, sentence, predicted, label):
    decision = decide(several("multilabel", thresholds=THRESHOLDS), np.array(scores, np.float32))
    assert (decision.sentence, decision.predicted, decision.label) == (sentence, predicted, label)
    assert decision.threshold == THRESHOLDS[label]
    assert decision.thresholds == {0: 0.6, 1: 0.2, 2: 0.5}


def test_largest_probability_decides_between_classes():
    decision = decide(several("multiclass"), np.array([0.2, 0.5, 0.3], np.float32))
    assert decision.sentence == "Crown is the most likely answer"
    assert (decision.threshold, decision.about, decision.predicted, decision.thresholds) == (None, 1, (1,), {})


def test_derived_question_is_answered_at_its_own_threshold():
    card = several("ordinal", derived={"name": "Treat", "labels": ("Crown", "Root")}, thresholds={"Treat": 0.4})
    decision = decide(card, np.array([0.45, 0.35, 0.2], np.float32))
    assert decision.sentence == "Caries is the most likely answer. Treat is likely"
    assert decision.derived.probability == pytest.approx(0.55)
    assert "Treat is unlikely, but near the threshold" in decide(card, np.array([0.62, 0.2, 0.18])).sentence


def test_every_task_of_a_card_has_its_answer():
    assert set(ANSWERS) == set(get_args(Task))


def test_an_answer_of_another_kind_than_is_expected_is_refused():
    with pytest.raises(IncompatibleInput, match="only a model that segments"):
        predict(MeanModel(), Study.of(CARD, SCAN), expect=Segmentation)


def test_a_frame_that_is_not_there_is_refused_for_one_input_and_for_several():
    table = input_spec(
        {"name": "patient", "kind": "table", "optional": True, "features": [{"name": "age", "low": 0, "high": 99}]}
    )
    for card in (CARD, replace(CARD, inputs=(*CARD.inputs, table))):
        with pytest.raises(IncompatibleInput, match="no other frames than 1 to 3"):
            prepare_study(Study.of(card, SCAN), card, [3])
