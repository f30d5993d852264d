"""Answers of made-up models, with ties or without, one case a patient or several."""

import numpy as np
import pytest

from core.evaluation.results.case_scores import CaseScores
from core.evaluation.results.evaluation import Evaluation, Finding


def _finding(truth, score, patients=None, cases=None, threshold=0.5, calibrated=None):
    truth, score = np.asarray(truth, bool), np.asarray(score, float)
    names = np.array([f"case {n}" for n in range(len(truth))], object) if cases is None else np.asarray(cases, object)
    n_patients = names if patients is None else np.asarray(patients)
    sure = score if calibrated is None else np.asarray(calibrated, float)
    return Finding("Pneumonia", truth, score, sure, threshold, n_patients, names)


@pytest.fixture
def finding():
    """Answers from plain arrays."""
    return _finding


@pytest.fixture
def pair():
    """Two models on the same random cases."""

    def make(n=200, seed=0, digits=None, n_patients=None, gain=(1.2, 0.8)):
        rng = np.random.default_rng(seed)
        truth, common = rng.random(n) < 0.4, rng.normal(size=n)
        logits = [common + more * truth + 0.7 * rng.normal(size=n) for more in gain]
        scores = [1 / (1 + np.exp(-logit)) for logit in logits]
        if digits is not None:
            scores = [np.round(score, digits) for score in scores]
        patients = None if n_patients is None else rng.integers(0, n_patients, n)
        return tuple(_finding(truth, score, patients) for score in scores)

    return make


@pytest.fixture
def evaluation():
    """One model on one dataset; the same dataset has the same truth for every model."""

    def make(model="a", dataset="x", n=200, gain=1.0, kind="internal", split="test", **more):
        rng = np.random.default_rng([*dataset.partition("~")[0].encode()])
        truth, common = rng.random(n) < 0.4, rng.normal(size=n)
        own = np.random.default_rng([*model.encode(), *dataset.encode()])
        logits = common + gain * truth + 0.5 * own.normal(size=n)
        names = np.array([f"case {k}" for k in range(n)], object)
        scores = CaseScores("binary", ("Normal", "Pneumonia"), truth.astype(int), logits, names)
        facts = {"threshold": 0.5, "attributes": {}} | more
        return Evaluation(
            model, f"Model {model}", model * 64, dataset, f"Data {dataset}", "", split, kind, scores, names, **facts
        )

    return make


@pytest.fixture
def classes():
    """A model of several classes."""

    def make(model="m", labels=("No", "Mild", "Severe"), task="multiclass", n=120, order=None):
        rng = np.random.default_rng(4)
        truth = rng.integers(0, 3, n)
        logits = rng.normal(size=(n, 3)) + 1.5 * np.eye(3)[truth]
        if order is not None:
            truth, logits = np.argsort(order)[truth], logits[:, order]
            labels = tuple(labels[k] for k in order)
        names = np.array([f"case {k}" for k in range(n)], object)
        scores = CaseScores(task, labels, truth, logits, names)
        return Evaluation(model, model, model * 64, "grades", "Grades", "", "test", "internal", scores, names)

    return make
