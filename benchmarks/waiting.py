"""What a user waits for besides answers: a network that trains, a process that starts, a database, an estimate."""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from core.evaluation.store.cases import RunCases

ROOT = Path(__file__).resolve().parent.parent
CASES, ROUNDS = 10_000, 9

#: What a stored run says of itself.
FACTS = {
    "model": "finder", "model_title": "Finder", "model_sha256": "a" * 64, "dataset": "clinic",
    "dataset_title": "Clinic", "dataset_digest": "d" * 64, "split": "test", "kind": "unknown",
    "threshold_from": "val", "task": "binary", "labels": ["Normal", "Ill"], "derived": {}, "threshold": 0.5,
    "thresholds": {}, "temperature": 1.5, "input": {"size": [16, 16]}, "mapping": {"ill": "Ill"},
}  # fmt: skip


def run() -> list[dict[str, object]]:
    started, trained = _keras()
    with tempfile.TemporaryDirectory() as folder:
        return [
            _row("asking for the Keras process, until the page goes on", started, 0.5, "s"),
            _row("small CNN of the training lesson, five epochs of digits", trained, 60.0, "s"),
            _row("a database that another program keeps locked, until it is said", _locked(Path(folder)), 5.0, "s"),
            _row(f"loading a stored run of {CASES:,} cases", _loading(Path(folder)), 0.1, "s"),
            _row("estimate of a run / what it took, or the inverse", _estimate(Path(folder)), 2.5, "ratio"),
        ]


def _row(name: str, value: float, limit: float, unit: str) -> dict[str, object]:
    return {"name": name, "value": round(value, 4), "limit": limit, "unit": unit, "holds": value <= limit}


def _keras() -> tuple[float, float]:
    """Seconds that `warm` keeps its caller, and that a training takes once the process is there."""
    from core.keras_process.client import KerasProcess
    from core.lessons.training.data import digits_set, divide
    from core.lessons.training.live_run import LiveRun, train_live
    from core.lessons.training.settings import LiveSettings

    keras, digits = KerasProcess(), digits_set()
    try:
        begin = time.perf_counter()
        thread = keras.warm()
        started = time.perf_counter() - begin
        thread.join(120)
        lesson = LiveRun("Run 1", LiveSettings(epochs=5), digits, divide(digits), 28)
        begin = time.perf_counter()
        train_live(keras, lesson, None, lambda *_: None, lambda: False)
        return started, time.perf_counter() - begin
    finally:
        keras.close()


def _cases() -> RunCases:
    places = np.arange(CASES)
    names = [f"case-{number}" for number in places]
    return RunCases(names, names, places, places % 2)


def _locked(folder: Path) -> float:
    from core.evaluation.store.evaluations import Store
    from core.evaluation.store.faults import StoreFault

    store = Store(f"sqlite:///{folder / 'locked.sqlite'}", patience=0.2)
    other = sqlite3.connect(str(store.engine.url.database), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    begin = time.perf_counter()
    try:
        store.begin(FACTS, _cases())
    except StoreFault:
        return time.perf_counter() - begin
    finally:
        other.execute("ROLLBACK")
        other.close()
    raise RuntimeError("a locked database was written to")


def _loading(folder: Path) -> float:
    from core.evaluation.store.evaluations import Store

    store, places = Store(f"sqlite:///{folder / 'many.sqlite'}"), np.arange(CASES)
    with store.begin(FACTS, _cases()) as open_run:
        for start in range(0, CASES, 64):
            part = places[start : start + 64]
            open_run.append(part, part[:, None] / CASES, {})
        open_run.finish()
    seconds = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        store.load(open_run.id)
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def _estimate(folder: Path) -> float:
    """How far an estimate is from the run that follows, as a factor of 1 or more."""
    import cv2

    from core.datasets.digest import with_digest
    from core.datasets.labels.mapping import suggest_map
    from core.datasets.readers import open_dataset
    from core.evaluation.runs.run import estimate_seconds, evaluate
    from core.evaluation.store.evaluations import Store
    from core.inference.bundle import open_bundle
    from core.models.card import load_card

    rng = np.random.default_rng(0)
    for number in range(200):
        path = folder / "chest" / ("PNEUMONIA" if number % 2 else "NORMAL") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), rng.integers(0, 256, (512, 512), dtype=np.uint8))
    card = load_card(ROOT / "models" / "pneumonia-chest-xray")
    dataset, bundle = with_digest(open_dataset(folder / "chest")), open_bundle(card, threads=1)
    mapping = suggest_map(dataset.labels, card)
    estimate = estimate_seconds(card, bundle, dataset, "", mapping)
    begin = time.perf_counter()
    evaluate(card, bundle, dataset, "", mapping, Store(f"sqlite:///{folder / 'estimate.sqlite'}"))
    took = time.perf_counter() - begin
    return max(estimate / took, took / estimate)
