"""Training the end of a network whose beginning stays as it is: what the beginning says is computed once.

A warm start leaves layers that need no further learning. Their outputs are taken for a number of variations of each
case, and the rest of the network learns from those, which takes a fraction of the time.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import NDArray

from core.training.data.studies import StudyCases
from core.training.data.study_batches import Batch, batch_of, vary
from core.training.losses import class_targets, class_weights
from core.training.recipe.schema import Frozen, Recipe

#: Cases that go through the frozen part at once.
BLOCK = 12


class Halves:
    """A network cut after some of its layers.

    Attributes:
        frozen: From the images to the outputs of those layers.
        rest: From there, and from tables, to the logits; it shares its weights with the whole network.
        names: Names of the rest's inputs: the layers, then the tables.
    """

    def __init__(self, model: keras.Model, inputs: Sequence, frozen: Frozen) -> None:  # type: ignore[type-arg]
        entries = {tensor.name: tensor for tensor in model.inputs}
        self.inputs, self.images = tuple(inputs), [spec.name for spec in inputs if spec.is_image]
        self.tables = [spec.name for spec in inputs if not spec.is_image]
        cuts = {name: model.get_layer(name).output for name in frozen.layers}
        self.frozen = keras.Model({name: entries[name] for name in self.images}, cuts)
        with warnings.catch_warnings():  # our names of the cuts are not those of Keras' tensors
            warnings.filterwarnings("ignore", message="When providing `inputs` as a dict")
            self.rest = keras.Model({**cuts, **{name: entries[name] for name in self.tables}}, model.output)
        self.names = [*frozen.layers, *self.tables]

    def pass_on(self, batch: Batch) -> Batch:
        """What the rest is given for a batch of the whole network."""
        found = self.frozen.predict({name: batch[name] for name in self.images}, batch_size=BLOCK, verbose=0)
        return {**{name: np.asarray(array) for name, array in found.items()}, **{n: batch[n] for n in self.tables}}


class FrozenBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of one epoch for the rest of the network; images vary as often as was computed, tables each time."""

    def __init__(self, recipe: Recipe, cases: StudyCases, halves: Halves, seed: int) -> None:
        super().__init__(workers=1)
        assert recipe.frozen is not None  # asked for only then
        self.recipe, self.seed, self.epoch = recipe, seed, 0
        self.targets = class_targets(cases.class_index, recipe)
        self.weights = class_weights(cases.class_index, len(recipe.labels), recipe.schedule.class_weights)
        self.weights = self.weights[cases.class_index]
        plain = batch_of(cases.arrays, recipe.inputs)
        self.tables = {name: plain[name] for name in halves.tables}
        self.specs = [spec for spec in recipe.inputs if not spec.is_image]
        self.variations = [
            halves.pass_on(self._varied(plain, recipe.inputs, number)) for number in range(recipe.frozen.variations)
        ]

    def _varied(self, batch: Batch, specs: Sequence, number: int) -> Batch:  # type: ignore[type-arg]
        recipe = self.recipe
        varied = [
            vary(
                {spec.name: batch[spec.name][case] for spec in specs},
                specs,
                recipe.augmentation,
                recipe.timing,
                recipe.missing,
                (self.seed, number, case),
            )
            for case in range(len(self.targets))
        ]
        return {spec.name: np.stack([one[spec.name] for one in varied]) for spec in specs}

    def of_epoch(self, epoch: int) -> FrozenBatches:
        """Draw the variations of an epoch from now on."""
        self.epoch = epoch
        return self

    def __len__(self) -> int:
        return max(1, len(self.targets) // self.recipe.schedule.batch)

    def __getitem__(self, index: int) -> tuple[Batch, NDArray[np.float32], NDArray[np.float32]]:
        size, rng = self.recipe.schedule.batch, np.random.default_rng((self.seed, self.epoch))
        chosen = rng.permutation(len(self.targets))[index * size : (index + 1) * size]
        which = rng.integers(len(self.variations), size=len(self.targets))[chosen]
        batch = {
            name: np.stack([self.variations[k][name][case] for k, case in zip(which, chosen, strict=True)])
            for name in self.variations[0]
        }
        if self.specs:  # facts are left out anew in each epoch
            facts = self._varied(self.tables, self.specs, len(self.variations) + self.epoch)
            batch |= {name: array[chosen] for name, array in facts.items()}
        return batch, self.targets[chosen], self.weights[chosen]
