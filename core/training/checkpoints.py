"""What a training leaves behind after each epoch, so that it can be killed at any time and goes on where it was.

On disk the whole model with its optimizer is saved under a new name, then `state.json` is replaced to point to it; so
state and weights always belong together. In memory there is nothing to go on with after the process has ended, which
suits trainings of minutes.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import keras
from numpy.typing import NDArray


@dataclass
class State:
    """How far training has come.

    Attributes:
        epoch: Epochs done.
        phase: Index of the phase that goes on.
        phase_epoch: Epochs done in it.
        last: File of the newest model, `""` before the first.
        best: File of the model that did best on the validation split.
        best_score: How well, higher is better: the AUC, the negative log loss, kappa or Dice.
        best_epoch: Its epoch, counted from 1.
        since_best: Epochs of the phase since it got better.
        seconds: Time spent so far.
        done: Whether nothing is left to do.
    """

    epoch: int = 0
    phase: int = 0
    phase_epoch: int = 0
    last: str = ""
    best: str = ""
    best_score: float = -1e9
    best_epoch: int = 0
    since_best: int = 0
    seconds: float = 0.0
    done: bool = False


class Checkpoints(Protocol):
    """Where a training keeps its state and its weights."""

    state: State

    def resume(self) -> keras.Model | None:
        """The newest model, or in a new phase the best one; None before the first epoch."""

    def save(self, model: keras.Model, weights: Sequence[NDArray[Any]], row: dict[str, Any]) -> None:
        """Keep what an epoch made; it is the best so far where `state.since_best` is 0.

        Args:
            model: As it goes on being trained.
            weights: As they are judged and kept: the model's, or their moving average.
            row: What is known of the epoch.
        """

    def next_phase(self, phases: int) -> None:
        """Move on to the next of so many phases, which starts from the best so far."""

    def best(self) -> keras.Model:
        """The model that did best so far."""


class OnDisk:
    """Checkpoints in a folder: models `epoch-NNN.keras`, `state.json`, and `log.csv` with a row an epoch."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.state = folder, read_state(folder)

    def resume(self) -> keras.Model | None:
        """The newest model with its optimizer, or in a new phase the best one."""
        return keras.models.load_model(self.folder / self.state.last) if self.state.last else None

    def save(self, model: keras.Model, weights: Sequence[NDArray[Any]], row: dict[str, Any]) -> None:  # noqa: ARG002
        """Write the model and the state, then remove what nothing points to."""
        self.state.last = f"epoch-{self.state.epoch:03d}.keras"
        model.save(self.folder / self.state.last)
        if self.state.since_best == 0:
            self.state.best = self.state.last
        write_state(self.folder, self.state)
        for path in self.folder.glob("epoch-*.keras"):
            if path.name not in {self.state.last, self.state.best}:
                path.unlink()
        self._log(row)

    def _log(self, row: dict[str, Any]) -> None:
        path = self.folder / "log.csv"
        fresh = not path.is_file()
        with path.open("a", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(row))
            if fresh:
                writer.writeheader()
            writer.writerow(row)

    def next_phase(self, phases: int) -> None:
        """Point to the best so far, and say so on disk."""
        _advance(self.state, phases)
        self.state.last = self.state.best
        write_state(self.folder, self.state)

    def best(self) -> keras.Model:
        """The best model, without its optimizer."""
        return keras.models.load_model(self.folder / self.state.best, compile=False)


@dataclass(eq=False)
class InMemory:
    """Checkpoints of a training that nobody goes on with after its process has ended.

    Attributes:
        state: How far it has come.
        kept: The best weights so far.
    """

    state: State = field(default_factory=State)
    kept: list[NDArray[Any]] = field(default_factory=list)
    _model: keras.Model | None = None

    def resume(self) -> keras.Model | None:
        """The model, in a new phase with the best weights so far."""
        return None if self._model is None else self.best()

    def save(self, model: keras.Model, weights: Sequence[NDArray[Any]], row: dict[str, Any]) -> None:  # noqa: ARG002
        """Remember the model, and its weights where they are the best so far."""
        self._model = model
        if self.state.since_best == 0:
            self.kept = [array.copy() for array in weights]

    def next_phase(self, phases: int) -> None:
        """Count on."""
        _advance(self.state, phases)

    def best(self) -> keras.Model:
        """The model with the best weights so far.

        Raises:
            ValueError: Nothing was trained yet.
        """
        if self._model is None:
            raise ValueError("Expected at least one epoch. Received none.")
        self._model.set_weights(self.kept)
        return self._model


def _advance(state: State, phases: int) -> None:
    state.phase, state.phase_epoch, state.since_best = state.phase + 1, 0, 0
    state.done = state.phase >= phases


def write_state(folder: Path, state: State) -> None:
    """Replace `state.json` in one step."""
    (folder / "state.tmp").write_text(json.dumps(asdict(state), indent=2), encoding="utf-8")
    os.replace(folder / "state.tmp", folder / "state.json")


def read_state(folder: Path) -> State:
    """Where an earlier run stopped, or the start."""
    path = folder / "state.json"
    return State(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else State()
