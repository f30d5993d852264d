"""Scoring a dataset end to end, against `keras.Model.predict` with the images decoded in its loop.

The model is a shipped one, so that both sides run the weights that users run. The images are made here: 512-pixel
grey JPEGs with the smooth shades and the grain of a radiograph, in a folder a class. Keras' side is the loop that one
would write: decode with OpenCV, resize, scale, predict, image by image (timed on some of them), and 32 at a time.
Ours is the product from opening the folder to the stored run, with everything it does for every
image (readers by content, percentiles, hashes, a database). All take turns, so that other work hits them alike.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

MODEL = Path(__file__).resolve().parent.parent / "models" / "pneumonia-chest-xray"
FEW, MANY, SIZE, BATCH, ALONE, ROUNDS = 200, 800, 512, 32, 40, 3


def run() -> list[dict[str, object]]:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_images(folder / "few", FEW)
        make_images(folder / "many", MANY)
        alone, batches = _against_keras(folder)
        growth = _growth(folder)
    what = f"evaluation of {FEW} images / decoding and Keras' predict in one loop"
    return [
        _row(f"{what}, image by image", alone, 0.5),
        _row(f"{what}, {BATCH} at a time", batches, 1.0),
        _row(f"time a case in a run of {MANY} / in a run of {FEW}", growth, 1.25),
    ]


def _row(name: str, value: float, limit: float) -> dict[str, object]:
    return {"name": name, "value": round(value, 4), "limit": limit, "unit": "×", "holds": value <= limit}


def make_images(folder: Path, count: int) -> None:
    """Write as many grey JPEGs of two classes, 512 pixels wide."""
    rng = np.random.default_rng(0)
    for label in ("NORMAL", "PNEUMONIA"):
        (folder / label).mkdir(parents=True)
    for number in range(count):
        shades = cv2.resize(rng.random((12, 12)).astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
        image = np.clip(220 * shades + rng.normal(0, 5, (SIZE, SIZE)), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / ("PNEUMONIA" if number % 2 else "NORMAL") / f"{number}.jpg"), image)


class _Ours:
    """Evaluates a folder of images into a database of its own, each time from the beginning."""

    def __init__(self, folder: Path) -> None:
        from core.datasets.digest import with_digest
        from core.datasets.labels.mapping import suggest_map
        from core.datasets.readers import open_dataset
        from core.evaluation.store.evaluations import Store
        from core.inference.bundle import open_bundle
        from core.models.card import load_card

        self._card = load_card(MODEL)
        self._bundle = open_bundle(self._card, threads=1)
        self._store = Store(f"sqlite:///{folder / 'results.sqlite'}")
        self._open = lambda name: with_digest(open_dataset(folder / name))
        self._map = suggest_map
        self.size = self._card.inputs[0].size

    def score(self, name: str) -> float:
        """Seconds from opening the folder to the stored evaluation."""
        from core.evaluation.runs.run import evaluate

        begin = time.perf_counter()
        dataset = self._open(name)
        mapping = self._map(dataset.labels, self._card)
        evaluate(self._card, self._bundle, dataset, "", mapping, self._store)
        spent = time.perf_counter() - begin
        for run in self._store.evaluations():
            self._store.delete(run.id)
        return spent


def _by_keras(model: Any, paths: list[Path], size: tuple[int, int], batch: int) -> float:
    """Seconds an image of the usual loop."""
    begin = time.perf_counter()
    for start in range(0, len(paths), batch):
        images = []
        for path in paths[start : start + batch]:
            image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            small = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)
            images.append(small[..., None].astype(np.float32) / 255.0)
        model.predict(np.stack(images), verbose=0)
    return (time.perf_counter() - begin) / len(paths)


def _against_keras(folder: Path) -> tuple[float, float]:
    """Our time an image over that of Keras' predict for one, and for a batch."""
    import keras

    ours, model = _Ours(folder), keras.models.load_model(MODEL / "model.keras", compile=False)
    paths = sorted((folder / "few").rglob("*.jpg"))

    def turn() -> tuple[float, float, float]:
        own, alone = ours.score("few") / FEW, _by_keras(model, paths[:ALONE], ours.size, 1)
        return own, alone, _by_keras(model, paths, ours.size, BATCH)

    turn()
    own, alone, batches = (statistics.median(times) for times in zip(*[turn() for _ in range(ROUNDS)], strict=True))
    return own / alone, own / batches


def _growth(folder: Path) -> float:
    """Time a case of many over time a case of few; a cost that grows with the square would come to four."""
    ours = _Ours(folder)
    ours.score("few")
    times = [(ours.score("few") / FEW, ours.score("many") / MANY) for _ in range(ROUNDS)]
    return statistics.median(many for _, many in times) / statistics.median(few for few, _ in times)
