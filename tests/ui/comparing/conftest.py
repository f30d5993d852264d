"""Evaluations of made-up models on made-up datasets."""

import numpy as np
import pytest

from core.evaluation.results.case_scores import CaseScores
from core.evaluation.results.evaluation import Evaluation


def evaluation_of(model="a", dataset="x", kind="internal", split="test", n=80, gain=2.0, truth=None, **facts):
    """The same dataset has the same cases and the same truth for every model."""
    rng = np.random.default_rng([*dataset.encode()])
    truth = rng.random(n) < 0.4 if truth is None else np.asarray(truth, bool)
    own = np.random.default_rng([*model.encode(), *dataset.encode()])
    logits = gain * (truth - 0.5) + own.normal(size=len(truth))
    cases = np.array([f"{dataset} {number:03d}" for number in range(len(truth))], object)
    scores = CaseScores("binary", ("Normal", "Pneumonia"), truth.astype(int), logits, cases)
    own_facts = {"threshold": 0.5, "threshold_from": "Chosen on validation"} | facts
    return Evaluation(
        model, f"Model {model}", model * 8, dataset, f"Data {dataset}", f"digest {dataset}", split, kind, scores, cases,
        **own_facts,
    )  # fmt: skip


@pytest.fixture
def evaluation():
    """One model on one dataset: `evaluation("a", "x", kind="external", gain=1.0)`."""
    return evaluation_of


@pytest.fixture
def several():
    """Three models on two datasets of their own and one from elsewhere, which c was not measured on."""
    gains = {"a": 3.0, "b": 2.9, "c": 0.3}
    return [
        evaluation_of(
            model, dataset, "external" if dataset == "z" else "internal", gain=gain * (0.4 if dataset == "z" else 1)
        )
        for model, gain in gains.items()
        for dataset in "xyz"
        if (model, dataset) != ("c", "z")
    ]
