"""Bundles of models that learn from single images with labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.results.case_scores import read_scores
from core.inference.bundle import Bundle
from core.inference.ood import fit_reference
from core.training.bundle import control
from core.training.bundle.control import Log, train_on
from core.training.card.audit import audit_section, audited
from core.training.card.localisation import localisations
from core.training.checkpoints import OnDisk, State
from core.training.data.images import LabelledCase, load_cases, prepare_cases, split_cases
from core.training.ood_evaluation import evaluate_ood, limit_words
from core.training.recipe.schema import SPLITS, Recipe
from core.training.recipe.sources import Source
from core.training.tasks.case_scores import case_table, estimates, score
from core.training.tasks.choices import choose, derived_question
from core.training.tasks.results import Choices, Measured, Result

#: Images to compile with.
FEW = 12


class Images:
    """What a bundle needs of a recipe whose cases are single images.

    Args:
        recipe: Of the model.
        data: The data folder.
    """

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe, self.data = recipe, data

    @cached_property
    def _parts(self) -> dict[str, list[LabelledCase]]:
        """The recipe's own cases by split; those of the test split as the audit marks them."""
        parts = split_cases(self.recipe, self.data)
        return {**parts, "test": audited(self.recipe, parts["test"], parts["train"])}

    def train(self, work: Path, made: Path, log: Log) -> tuple[keras.Model, State]:
        """Train, and a control on a split by image where the recipe asks for one."""
        model, state = train_on(self.recipe, self.data, work, log)
        control.train(self.recipe, self.data, work, made, log)
        return model, state

    def newest(self, work: Path, made: Path, log: Log) -> tuple[keras.Model, State]:
        """The best checkpoint so far."""
        checkpoints = OnDisk(work)
        control.train(self.recipe, self.data, work, made, log)
        return checkpoints.best(), checkpoints.state

    def take_over(self, stored: Path, made: Path) -> None:
        """The scores of the control."""
        control.take_over(self.recipe, stored, made)

    def sample(self) -> dict[str, NDArray[np.float32]]:
        """Images of the validation split, evenly spaced."""
        cases, spec = self._parts["val"], self.recipe.input
        chosen = [cases[index].path for index in np.linspace(0, len(cases) - 1, FEW).astype(int)]
        return {spec.name: prepare_cases(chosen, spec).astype(np.float32)}

    def measure(self, bundle: Bundle, made: Path, log: Log) -> Measured:
        """Scores of all splits and other sets, heatmaps against marks, the similarity check."""
        recipe, parts = self.recipe, self._parts
        scored = {split: score(bundle, [case.path for case in parts[split]], recipe.input) for split in SPLITS}
        log("scored train, val and test")
        tables = {split: case_table(parts[split], scored[split].logits, recipe.task) for split in ("val", "test")}
        choices = choose(recipe, read_scores(tables["val"], recipe.task, recipe.labels, derived_question(recipe)))
        results = [self._result(recipe.images, split, tables[split], choices) for split in ("val", "test")]
        tests = [(results[-1], parts["test"])]
        for source in recipe.evaluate:
            tests.append(self._elsewhere(bundle, source, choices))
            results.append(tests[-1][0])
            log(f"scored {source.name}: {results[-1].headline}")
        localised = localisations(bundle, recipe, choices, self.data)
        for each in localised:
            log(f"measured {len(each.table)} heatmaps against {each.truth.title}")
        reference = fit_reference(scored["train"].features, scored["val"].features)

        def features_of(cases: Sequence[LabelledCase]) -> NDArray[np.float32]:
            return score(bundle, [case.path for case in cases], recipe.input).features

        return Measured(
            choices=choices,
            results=tuple(results),
            counts=_counts(recipe, parts),
            reference=reference,
            ood=evaluate_ood(recipe, reference, scored["test"].features, features_of, self.data, limit_words()),
            split_targets=np.array([case.target for case in parts["train"]]),
            tables={each.file: each.table for each in localised},
            localised=tuple(each.entry() for each in localised),
            audit=audit_section(recipe, parts, tests, made),
        )

    def _elsewhere(self, bundle: Bundle, source: Source, choices: Choices) -> tuple[Result, list[LabelledCase]]:
        """The result on another set, with its cases."""
        recipe = self.recipe
        cases = audited(recipe, load_cases(source, recipe.labels, self.data), self._parts["train"])
        logits = score(bundle, [case.path for case in cases], recipe.input, source.shrink).logits
        table = case_table(cases, logits, recipe.task)
        return self._result(source, source.only_split or "test", table, choices), cases

    def _result(self, source: Source, split: str, table: pd.DataFrame, choices: Choices) -> Result:
        scores = read_scores(table, self.recipe.task, self.recipe.labels, derived_question(self.recipe))
        return Result(source, split, table, scores, estimates(scores, choices))


def _counts(recipe: Recipe, parts: Mapping[str, list[LabelledCase]]) -> dict[tuple[str, str], tuple[int, int]]:
    counts = {}
    for split in SPLITS:
        for target, label in enumerate(recipe.labels):
            cases = [case for case in parts[split] if case.has(target)]
            counts[split, label] = (len(cases), len({case.patient for case in cases}))
        counts[split, ""] = (len(parts[split]), len({case.patient for case in parts[split]}))
    return counts
