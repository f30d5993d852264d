"""What the compare page computes after a change: a matrix of AUCs, and DeLong's test on a very large set.

The matrix is of 6 models on 6 datasets of 5,000 cases with intervals, all tests within a dataset and the drops; the
million cases are those of two models, with one image a patient and with two.
"""

from __future__ import annotations

import time
import tracemalloc

import numpy as np

from core.evaluation.comparison.matrix import matrix
from core.evaluation.comparison.ranking import compare
from core.evaluation.results.case_scores import CaseScores
from core.evaluation.results.evaluation import Evaluation, Finding

MODELS, DATASETS, CASES, MANY = 6, 6, 5_000, 1_000_000


def _evaluation(model: int, dataset: int) -> Evaluation:
    rng = np.random.default_rng(dataset)
    truth = rng.random(CASES) < 0.3
    shared = rng.normal(size=CASES) + 1.2 * truth
    logits = shared + np.random.default_rng(100 * model + dataset).normal(0, 0.3 + 0.1 * model, CASES)
    patients = np.array([f"patient {n // 2}" for n in range(CASES)], object)
    names = np.array([f"pictures/{n:05d}.png" for n in range(CASES)], object)
    scores = CaseScores("binary", ("Normal", "Pneumonia"), truth.astype(int), logits, patients)
    return Evaluation(
        f"model-{model}", f"Model {model}", f"{model}" * 64, f"data-{dataset}", f"Data {dataset}", "", "test",
        "external" if dataset else "internal", scores, names, threshold=0.5,
    )  # fmt: skip


def _many(images: int) -> tuple[Finding, Finding]:
    rng = np.random.default_rng(0)
    truth = rng.random(MANY) < 0.3
    base = rng.normal(size=MANY) + truth
    scores = [base + rng.normal(0, spread, MANY) for spread in (0.5, 0.6)]
    patients = np.array([f"patient {n // images}" for n in range(MANY)], object)
    names = np.array([f"pictures/{n}.png" for n in range(MANY)], object)
    one, two = (Finding("Pneumonia", truth, score, score, 0.5, patients, names) for score in scores)
    return one, two


def _seconds(task: object, times: int) -> float:
    # The least of a few: what else the machine does can only add to it.
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        task()  # type: ignore[operator]
        taken.append(time.perf_counter() - started)
    return min(taken)


def _row(name: str, value: float, limit: float, unit: str) -> dict[str, object]:
    return {"name": name, "value": value, "limit": limit, "unit": unit, "holds": value <= limit}


def run() -> list[dict[str, object]]:
    evaluations = [_evaluation(model, dataset) for model in range(MODELS) for dataset in range(DATASETS)]
    size = f"{MODELS} models × {DATASETS} datasets × {CASES:,} cases"
    rows = [
        _row(f"matrix of AUCs, {size}", _seconds(lambda: matrix(evaluations, "Pneumonia"), 5), 1.0, "s"),
        _row(
            f"matrix of F1 with bootstraps of 2,000 resamples, {size}",
            _seconds(lambda: matrix(evaluations, "Pneumonia", "f1"), 3), 5.0, "s",
        ),
    ]  # fmt: skip
    for images in (1, 2):
        one, two = _many(images)
        words = f"DeLong's test, {MANY:,} cases, {images} a patient"
        rows.append(_row(words, _seconds(lambda one=one, two=two: compare(one, two), 3), 3.0, "s"))
        tracemalloc.start()
        compare(one, two)
        rows.append(_row(f"{words}: memory on top", tracemalloc.get_traced_memory()[1] / 1e6, 1000.0, "MB"))
        tracemalloc.stop()
    return rows
