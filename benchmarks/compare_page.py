"""A change on the compare page with 6 models on 6 datasets of 5,000 cases, server side, by Streamlit's test client.

Each change is a first one: what it shows was not computed before. The numbers are kept by content, so going back to
something that was looked at costs less than what is timed here.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
MODELS, DATASETS, CASES, PATIENTS = 6, 6, 5000, 3500
LIMIT = 1.0


def synthetic() -> list[Any]:
    """Evaluations of models of different strength, with the same cases for all models of a dataset."""
    from core.evaluation.results.case_scores import CaseScores
    from core.evaluation.results.evaluation import Evaluation

    rng, made = np.random.default_rng(0), []
    for dataset in range(DATASETS):
        truth = (rng.random(CASES) < 0.2 + 0.1 * dataset).astype(int)
        person = rng.integers(0, PATIENTS, CASES)
        age = np.array([str(value) for value in rng.integers(20, 90, PATIENTS)], object)[person]
        sex = np.array(["F", "M"], object)[rng.integers(0, 2, PATIENTS)][person]
        patients = np.array([f"p{number}" for number in person], object)
        cases = np.array([f"case {number:05d}" for number in range(CASES)], object)
        shared = rng.normal(size=CASES)
        for model in range(MODELS):
            logits = 0.6 * shared + rng.normal(size=CASES) + truth * (1.0 + 0.3 * model - 0.1 * dataset) - 0.5
            scores = CaseScores("binary", ("Normal", "Finding"), truth, logits, patients)
            made.append(
                Evaluation(
                    f"model-{model}", f"Model {model + 1}", f"{model:064d}", f"set-{dataset}", f"Dataset {dataset + 1}",
                    f"{dataset:064d}", "test", "internal" if dataset < 2 else "external", scores, cases,
                    {"age": age, "sex": sex}, 0.5,
                )
            )  # fmt: skip
    return made


def run() -> list[dict[str, object]]:
    from streamlit.testing.v1 import AppTest

    made = synthetic()
    with patch("ui.comparing.results.cached_shipped", lambda: (made, [])):
        app = AppTest.from_file(str(ROOT / "pages" / "evidence" / "compare.py"), default_timeout=120)
        app.query_params["dataset"] = "set-0--test"
        app.run()
        _check(app)
        return [_timed(name, app, change) for name, change in _changes(app).items()]


def _check(app: Any) -> None:
    assert not app.exception, app.exception
    assert not app.error, [error.value for error in app.error]
    assert f"{MODELS} models on {DATASETS} test sets" in app.subheader[0].value


def _changes(app: Any) -> dict[str, list[Callable[[], Any]]]:
    """What is changed, each several times to a value that was not there yet."""

    def measure(name: str) -> Callable[[], Any]:
        return lambda: app.selectbox(key="compare-metric-binary").set_value(name)

    def figure(name: str) -> Callable[[], Any]:
        return lambda: app.button_group(key="compare-figure").set_value(name)

    def dataset(number: int) -> Callable[[], Any]:
        return lambda: app.selectbox(key="compare-dataset").set_value(f"set-{number}--test")

    return {
        "another measure": [measure(name) for name in ("average_precision", "sensitivity", "brier", "ece", "f1")],
        "another dataset": [dataset(number) for number in (1, 2, 3)],
        "another figure": [
            figure(name)
            for name in (
                "precision-recall",
                "calibration",
                "confusion",
                "scores",
                "net-benefit",
                "predictive-values",
                "subgroups",
            )
        ],
    }


def _timed(name: str, app: Any, changes: list[Callable[[], Any]]) -> dict[str, object]:
    times = []
    for change in changes:
        widget = change()
        begin = time.perf_counter()
        widget.run()
        times.append(time.perf_counter() - begin)
        _check(app)
    worst = max(times)
    label = f"compare page, {MODELS} models on {DATASETS} datasets of {CASES:,} cases: {name}, slowest of {len(times)}"
    print(f"{name}: median {statistics.median(times):.2f} s, {[round(value, 2) for value in times]}")
    return {"name": label, "value": round(worst, 3), "limit": LIMIT, "unit": "s", "holds": worst <= LIMIT}
