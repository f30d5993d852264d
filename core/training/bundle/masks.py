"""Bundles of models for segmentation, which learn from images with masks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from core.inference.bundle import Bundle
from core.inference.ood import fit_reference
from core.training.augment import augment
from core.training.bundle.control import Log
from core.training.checkpoints import OnDisk, State
from core.training.data.images import LabelledCase, prepare_case
from core.training.data.masked_images import (
    MaskedCase,
    load_examples,
    load_masked_cases,
    prepare_image,
    read_masks,
)
from core.training.fit import Epoch, fit
from core.training.ood_evaluation import evaluate_ood, limit_words, variations_wanted
from core.training.recipe.schema import SPLITS, Recipe
from core.training.tasks.mask_choices import choose_masks
from core.training.tasks.mask_scores import counts_of, measure_split, score_masks
from core.training.tasks.results import Measured
from core.training.tasks.segmentation import Segmentation, for_whole_images

#: Images to compile with.
FEW = 2


class Masks:
    """What a bundle needs of a recipe whose cases are images with masks.

    Args:
        recipe: Of the model.
        data: The data folder.
    """

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe, self.data = recipe, data

    @cached_property
    def _parts(self) -> dict[str, list[MaskedCase]]:
        return load_masked_cases(self.recipe, self.data)

    def train(self, work: Path, made: Path, log: Log) -> tuple[keras.Model, State]:  # noqa: ARG002
        """Train, or go on training."""
        train, val = (load_examples(self._parts[split], self.recipe) for split in ("train", "val"))

        def report(epoch: Epoch) -> None:
            said = ", ".join(f"{name} {value:.3f}" for name, value in epoch.found.items())
            count, seconds = f"{epoch.state.epoch}/{self.recipe.schedule.epochs}", epoch.state.seconds
            log(f"epoch {count}: loss {epoch.loss:.3f}, {said}, {seconds:.0f} s")

        checkpoints = OnDisk(work)
        return fit(Segmentation(self.recipe, train, val), checkpoints, report), checkpoints.state

    def newest(self, work: Path, made: Path, log: Log) -> tuple[keras.Model, State]:  # noqa: ARG002
        """The best checkpoint so far, for whole images."""
        checkpoints = OnDisk(work)
        return for_whole_images(self.recipe, checkpoints.best()), checkpoints.state

    def take_over(self, stored: Path, made: Path) -> None:
        """Nothing: all can be measured again."""

    def sample(self) -> dict[str, NDArray[np.float32]]:
        """Images of the validation split."""
        cases, name = self._parts["val"], self.recipe.input.name
        chosen = [cases[index] for index in np.unique(np.linspace(0, len(cases) - 1, FEW).astype(int))]
        return {name: np.stack([prepare_image(case, self.recipe).batch[name][0] for case in chosen])}

    def measure(self, bundle: Bundle, made: Path, log: Log) -> Measured:  # noqa: ARG002
        """Masks of validation and test against the truth, the similarity check."""
        recipe, parts = self.recipe, self._parts
        val = [score_masks(bundle, case, recipe) for case in parts["val"]]
        choices = choose_masks(
            counts_of(val), recipe.foreground, recipe.threshold_rule, len({one.case.patient for one in val})
        )
        log(f"thresholds {', '.join(f'{choices.of(name):.4f}' for name in recipe.foreground)}")
        results = [measure_split(val, recipe, choices, "val")]
        del val  # as large as its images
        test = [score_masks(bundle, case, recipe) for case in parts["test"]]
        results.append(measure_split(test, recipe, choices, "test"))
        log("measured")
        extra = variations_wanted(len(parts["val"]))
        reference = fit_reference(
            self._with_variations(bundle, parts["train"], min(extra, 1)),
            self._with_variations(bundle, parts["val"], extra),
        )
        own = np.stack([one.features for one in test])

        def features_of(cases: Sequence[LabelledCase]) -> NDArray[np.float32]:
            return _features(bundle, recipe, (prepare_case(case.path, recipe.input) for case in cases))

        return Measured(
            choices=choices,
            results=tuple(results),
            counts=self._counts(),
            reference=reference,
            ood=evaluate_ood(recipe, reference, own, features_of, self.data, limit_words(variations=extra)),
            contract={"recipe_sha256": recipe.sha256},
        )

    def _with_variations(self, bundle: Bundle, cases: Sequence[MaskedCase], count: int) -> NDArray[np.float32]:
        """(cases · (1 + count), D) features of images and of so many variations of each, drawn as in training."""
        recipe, images = self.recipe, []
        for place, case in enumerate(cases):
            image = prepare_image(case, recipe).batch[recipe.input.name][0]
            images.append(image)
            for turn in range(count):
                rng = np.random.default_rng((recipe.seed, place, turn))
                images.append(augment(image, recipe.augmentation, rng, recipe.input.value_range))
        return _features(bundle, recipe, images)

    def _counts(self) -> dict[tuple[str, str], tuple[int, int]]:
        counts = {}
        for split in SPLITS:
            cases = self._parts[split]
            shown = [[bool(mask.any()) for mask in read_masks(case.mask, self.recipe)] for case in cases]
            for index, label in enumerate(self.recipe.foreground):
                having = [case for case, present in zip(cases, shown, strict=True) if present[index]]
                counts[split, label] = (len(having), len({case.patient for case in having}))
            counts[split, ""] = (len(cases), len({case.patient for case in cases}))
        return counts


def _features(bundle: Bundle, recipe: Recipe, images: Iterable[NDArray[np.floating]]) -> NDArray[np.float32]:
    """(images, D) features, one image at a time, since the answers of a U-Net are as large as its input."""
    found = []
    for image in images:
        output = bundle.run({recipe.input.name: image[None].astype(np.float32)}, outputs=("features",))
        assert output.features is not None  # a U-Net has a spatial layer
        found.append(output.features[0])
    return np.stack(found)
