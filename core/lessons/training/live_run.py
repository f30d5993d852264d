"""One training in class as the web process sees it: epoch after epoch, asked of the Keras process."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import ScanLensError
from core.keras_process.client import KerasProcess
from core.lessons.training.data import Division, LessonSet, cases_to_watch
from core.lessons.training.settings import LiveSettings
from core.models.card import ModelCard

Progress = Callable[[float, str], None]


@dataclass(frozen=True, eq=False)
class Epoch:
    """Where a network stood after an epoch; epoch 0 is before the first step.

    Attributes:
        number: From 0.
        loss: Cross-entropy on the training part, in nats, without variation and dropout.
        accuracy: Fraction of the training part that is correct.
        val_loss: Cross-entropy on the validation part, in nats.
        val_accuracy: Fraction of the validation part that is correct.
        probabilities: (val, classes) float32.
        case_probabilities: (cases, classes) float32 of the cases that are watched.
        grids: (cases, h, w) float32, the evidence for the true class, in logit units.
        seconds: That the epoch took in the Keras process; 0 for epoch 0.
        step: One weight before and after the epoch's first step, see `train_epoch`; empty for epoch 0.
    """

    number: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    probabilities: NDArray[np.float32]
    case_probabilities: NDArray[np.float32]
    grids: NDArray[np.float32]
    seconds: float = 0.0
    step: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class LiveRun:
    """A network that is, or was, trained in class.

    Attributes:
        name: For people, e.g. `"Run 2"`.
        settings: How it is trained.
        lesson_set: On what.
        division: How that was divided.
        size: Side of the images that the network sees.
        faults: Keys of the faults that were switched on: few, leak, rare.
        epochs: What came of it so far; appended to by the training thread.
        layers: Name, kind, shape and parameters of each layer.
        trainable: Weights that training moves.
        test_probabilities: (test, classes) float32, once it was judged.
        key: Its name in the Keras process.
    """

    name: str
    settings: LiveSettings
    lesson_set: LessonSet
    division: Division
    size: int
    faults: tuple[str, ...] = ()
    epochs: list[Epoch] = field(default_factory=list)
    layers: list[dict[str, Any]] = field(default_factory=list)
    trainable: int = 0
    test_probabilities: NDArray[np.float32] | None = None
    key: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def cases(self) -> NDArray[np.int64]:
        """(n,) indices into the set of the validation images whose heatmaps are followed."""
        return cases_to_watch(self.lesson_set, self.division.val)

    @property
    def val_labels(self) -> NDArray[np.int64]:
        """(n,) true classes of the validation part."""
        return self.lesson_set.labels[self.division.val]

    @property
    def test_labels(self) -> NDArray[np.int64]:
        """(n,) true classes of the test part."""
        return self.lesson_set.labels[self.division.test]

    @property
    def seconds(self) -> float:
        """That all epochs took together in the Keras process."""
        return sum(epoch.seconds for epoch in self.epochs)


def train_live(
    keras: KerasProcess,
    run: LiveRun,
    donor: ModelCard | None,
    progress: Progress,
    cancelled: Callable[[], bool],
) -> None:
    """Train until all epochs are done, or until it is stopped; what was done so far stays in `run.epochs`.

    Other users of the Keras process wait for one epoch at most: each is a request of its own.

    Args:
        keras: The process.
        run: Filled as it goes; its test part is judged at the end.
        donor: Card of the shipped network whose filters are the start; needed where the settings ask for them.
        progress: Told the fraction done.
        cancelled: Asked all the time.

    Raises:
        ScanLensError: The Keras process failed or refused.
    """
    total = run.settings.epochs
    progress(0.0, "Starting Keras" if keras.pid is None else "Building the network")
    answer, arrays = keras.call("train_start", _start(run, donor), _images(run), cancelled=cancelled)
    run.layers, run.trainable = list(answer["layers"]), int(answer["trainable"])
    run.epochs.append(_epoch(answer, arrays))
    try:
        for number in range(1, total + 1):
            if cancelled():
                break
            done = (number - 1) / total

            def within(fraction: float, done: float = done, number: int = number) -> None:
                progress(done + fraction / total, f"Epoch {number} of {total}")

            answer, arrays = keras.call("train_epoch", {"run": run.key}, progress=within, cancelled=cancelled)
            run.epochs.append(_epoch(answer, arrays))
    finally:
        with contextlib.suppress(ScanLensError):  # a process that failed cannot judge, and has said so already
            run.test_probabilities = judge(keras, run)


def judge(keras: KerasProcess, run: LiveRun) -> NDArray[np.float32]:
    """(test, classes) probabilities of the test part, as the network is now.

    Raises:
        ScanLensError: The Keras process failed, or has forgotten the run.
    """
    images = run.lesson_set.resized(run.size, run.division.test)
    _, arrays = keras.call("train_judge", {"run": run.key}, {"pictures": images})
    return np.asarray(arrays["probabilities"], np.float32)


def _start(run: LiveRun, donor: ModelCard | None) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "run": run.key,
        "settings": asdict(run.settings),
        "classes": len(run.lesson_set.names),
    }
    if run.settings.uses_donor:
        if donor is None:
            raise ScanLensError("The shipped small network is missing", "start from random weights")
        asked |= {"model": str(donor.folder / "model.keras"), "sha256": donor.sha256.get("model.keras", "")}
    return asked


def _images(run: LiveRun) -> dict[str, NDArray[np.generic]]:
    parts = {"train": run.division.train, "val": run.division.val, "case": run.cases}
    found: dict[str, NDArray[np.generic]] = {}
    for name, part in parts.items():
        found["cases" if name == "case" else name] = run.lesson_set.resized(run.size, part)
        found[f"{name}_labels"] = run.lesson_set.labels[part]
    return found


def _epoch(answer: dict[str, Any], arrays: dict[str, NDArray[np.generic]]) -> Epoch:
    return Epoch(
        number=int(answer["epoch"]),
        loss=float(answer["loss"]),
        accuracy=float(answer["accuracy"]),
        val_loss=float(answer["val_loss"]),
        val_accuracy=float(answer["val_accuracy"]),
        probabilities=np.asarray(arrays["probabilities"], np.float32),
        case_probabilities=np.asarray(arrays["case_probabilities"], np.float32),
        grids=np.asarray(arrays["grids"], np.float32),
        seconds=float(answer.get("seconds", 0.0)),
        step=dict(answer.get("step") or {}),
    )


def confusion(labels: NDArray[np.int64], probabilities: NDArray[np.floating], classes: int) -> NDArray[np.int64]:
    """(classes, classes) counts, true class in rows, the class with the largest probability in columns."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, probabilities.argmax(axis=1)), 1)
    return counts


def sensitivities(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """(classes,) fraction of each true class that is correct; NaN where there is no case of it."""
    totals = counts.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(totals > 0, np.diag(counts) / np.maximum(totals, 1), np.nan), np.float64)
