"""Training on studies: cases with several inputs. What is drawn depends on the recipe's seed, fold and epoch alone.

A training here takes minutes, so what can be resumed is a fold: a finished one lies in its folder with its state.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics.calibration import sigmoid, softmax
from core.training.architectures.registry import WARM_STARTS, architecture
from core.training.checkpoints import InMemory, State, read_state, write_state
from core.training.data.studies import StudyCases
from core.training.data.study_batches import Batch, batch_of, vary
from core.training.fit import Epoch, fit
from core.training.losses import class_targets, class_weights
from core.training.recipe.schema import Recipe
from core.training.tasks.classification import judge_classes
from core.training.tasks.frozen import FrozenBatches, Halves

Report = Callable[[str], None]

#: Cases that go through a network at once where nothing is learned.
BLOCK = 16

#: Epochs between two lines of the log.
SAID = 10


class Study:
    """The task of a recipe whose cases have several inputs.

    Args:
        recipe: What to train and how.
        train: Cases to learn from.
        val: Cases that choose the epoch, where the recipe keeps the best.
        seed: Of this training.
        report: Told of a warm start.
        keep: Folder for warm starts that recipes share.
    """

    def __init__(
        self,
        recipe: Recipe,
        train: StudyCases,
        val: StudyCases,
        seed: int,
        report: Report = lambda _text: None,
        keep: Path | None = None,
    ) -> None:
        self.recipe, self.train, self.val = recipe, train, val
        self.schedule, self.seed = recipe.schedule, seed
        self._report, self._keep = report, keep
        self._batch = batch_of(val.arrays, recipe.inputs)
        self._batches: Callable[[int], Any] = partial(_Batches, recipe, train, seed)
        self._network: keras.Model | None = None

    def start(self) -> keras.Model:
        """The recipe's network, or its end where a warm start leaves the beginning as it is."""
        recipe, self._network = self.recipe, build(self.recipe)
        if recipe.warm_start:
            WARM_STARTS[recipe.warm_start](self._network, recipe, self.train, self.seed, self._report, self._keep)
        if recipe.frozen is None:
            return self._network
        halves = Halves(self._network, recipe.inputs, recipe.frozen)
        self._batch = halves.pass_on(self._batch)
        self._batches = FrozenBatches(recipe, self.train, halves, self.seed).of_epoch
        return halves.rest

    def loss(self) -> Any:
        """Cross-entropy of logits."""
        binary = self.recipe.task == "binary"
        loss = keras.losses.BinaryCrossentropy if binary else keras.losses.CategoricalCrossentropy
        return loss(from_logits=True)

    def batches(self, epoch: int) -> keras.utils.PyDataset:
        """Varied batches, in an order that depends on seed and epoch."""
        return self._batches(epoch)

    def judge(self, model: keras.Model) -> dict[str, float]:
        """AUC, log loss and quadratic kappa, classes weighing as in training."""
        scores = probabilities(self.recipe, logits_of(model, self._batch))
        return judge_classes(scores, self.val.class_index, self.schedule.class_weights)

    def finish(self, model: keras.Model) -> keras.Model:
        """The whole network, without the optimizer."""
        whole = build(self.recipe)
        whole.set_weights((self._network or model).get_weights())  # the end shares its weights with the whole
        return whole


class _Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Varied batches of one epoch, in an order that depends on seed and epoch."""

    def __init__(self, recipe: Recipe, cases: StudyCases, seed: int, epoch: int) -> None:
        super().__init__(workers=1)
        self.recipe, self.cases, self.seed, self.epoch = recipe, cases, seed, epoch
        self.order = np.random.default_rng((seed, epoch)).permutation(len(cases))
        self.weights = class_weights(cases.class_index, len(recipe.labels), recipe.schedule.class_weights)
        self.targets = class_targets(cases.class_index, recipe)

    def __len__(self) -> int:
        return max(1, len(self.order) // self.recipe.schedule.batch)  # a short last batch would disturb the norms

    def __getitem__(self, index: int) -> tuple[Batch, NDArray[np.float32], NDArray[np.float32]]:
        size = self.recipe.schedule.batch
        chosen = self.order[index * size : (index + 1) * size]
        plain = batch_of(self.cases.arrays, self.recipe.inputs, chosen)
        varied = [self._varied(plain, place, int(case)) for place, case in enumerate(chosen)]
        batch = {spec.name: np.stack([one[spec.name] for one in varied]) for spec in self.recipe.inputs}
        return batch, self.targets[chosen], self.weights[self.cases.class_index[chosen]]

    def _varied(self, batch: Batch, place: int, case: int) -> Batch:
        recipe, seed = self.recipe, (self.seed, self.epoch, case)
        one = {name: array[place] for name, array in batch.items()}
        return vary(one, recipe.inputs, recipe.augmentation, recipe.timing, recipe.missing, seed)


def build(recipe: Recipe) -> keras.Model:
    """The recipe's network with fresh weights: one unit for a binary task, else one a class; logits.

    Raises:
        ValueError: It does not end in a layer `logits`, or its inputs are not the recipe's.
    """
    builder = architecture(recipe.architecture.name)
    model = builder(recipe.inputs, recipe.units, **recipe.architecture.parameters)
    names, wanted = [tensor.name for tensor in model.inputs], [spec.name for spec in recipe.inputs]
    if model.layers[-1].name != "logits" or sorted(names) != sorted(wanted):
        raise ValueError(
            f"Expected inputs {wanted} and a last layer logits. Received {names}, {model.layers[-1].name}."
        )
    return model


def logits_of(model: keras.Model, batch: Batch) -> NDArray[np.float32]:
    """(cases, units) by Keras."""
    return np.asarray(model.predict(batch, batch_size=BLOCK, verbose=0), np.float32)


def probabilities(recipe: Recipe, logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """(cases, units) what logits mean for the task."""
    values = np.asarray(logits, np.float64)
    return sigmoid(values) if recipe.task == "binary" else softmax(values)


def fit_study(
    recipe: Recipe,
    train: StudyCases,
    val: StudyCases,
    seed: int,
    report: Report = lambda _text: None,
    keep: Path | None = None,
) -> tuple[keras.Model, State]:
    """Train one network.

    Args:
        recipe: What to train and how.
        train: Cases to learn from.
        val: Cases that choose the epoch, where the recipe keeps the best.
        seed: Of this training.
        report: Told of progress now and then.
        keep: Folder for warm starts that recipes share.

    Returns:
        The network with the weights to keep, and how training went.
    """

    def say(epoch: Epoch) -> None:
        if epoch.state.epoch % SAID == 0 and epoch.found:
            said = f"loss {epoch.loss:.3f}, val {epoch.found['log_loss']:.3f}, AUC {epoch.found['auc']:.3f}"
            report(f"epoch {epoch.state.epoch}: {said}")

    checkpoints = InMemory()
    return fit(Study(recipe, train, val, seed, report, keep), checkpoints, say), checkpoints.state


def fit_or_load(
    recipe: Recipe, train: StudyCases, val: StudyCases, seed: int, folder: Path, report: Report
) -> tuple[keras.Model, State]:
    """The network of a finished training in `folder`, or a new one, which is put there."""
    state = read_state(folder)
    if state.done and (folder / "model.keras").is_file():
        return keras.models.load_model(folder / "model.keras", compile=False), state
    folder.mkdir(parents=True, exist_ok=True)
    model, state = fit_study(recipe, train, val, seed, report, folder.parents[1] / "warm-starts")
    model.save(folder / "model.keras")
    state.last = state.best = "model.keras"
    write_state(folder, state)
    return model, state
