"""Bundles of models with several inputs, trained in folds where the recipe asks for cross-validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.results.case_scores import read_scores
from core.inference.bundle import Bundle
from core.training.bundle.control import Log
from core.training.card.studies import facts_section, fold_section, variant_contract, variant_section
from core.training.checkpoints import State
from core.training.data.folds import splits
from core.training.data.images import LabelledCase
from core.training.data.studies import StudyCases, as_studies, load_study_cases
from core.training.data.study_batches import batch_of, changed
from core.training.ood_evaluation import ENOUGH, crossed_reference, evaluate_ood, limit_words
from core.training.recipe.schema import SPLITS, InvalidRecipe, Recipe
from core.training.tasks.case_scores import estimates
from core.training.tasks.choices import choose
from core.training.tasks.results import Choices, Measured, Result
from core.training.tasks.study import fit_or_load, logits_of
from core.training.tasks.variants import POOLED, MeasuredVariant, measure_variant, study_table

#: Cases that go through the compiled model at once, and cases to compile with.
BLOCK, FEW = 32, 12


class Studies:
    """What a bundle needs of a recipe whose cases have several inputs.

    Args:
        recipe: Of the model.
        data: The data folder.
    """

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe, self.data = recipe, data
        #: Name of a variant, `""` for unchanged inputs, to scores of the held-out cases of all folds.
        self._pooled: Mapping[str, pd.DataFrame] = {}

    @cached_property
    def _cases(self) -> StudyCases:
        return load_study_cases(self.recipe, self.data)

    @cached_property
    def _parts(self) -> dict[str, StudyCases]:
        """The cases by the split of the network that ships."""
        split = splits(self.recipe, self._cases)[0]
        return {name: self._cases.part(split == name).with_split(name) for name in SPLITS}

    def train(self, work: Path, made: Path, log: Log) -> tuple[keras.Model, State]:  # noqa: ARG002
        """Train what is not finished of the folds, and score the held-out cases of each; the first ships."""
        return self._folds(work, log, only_finished=False)

    def newest(self, work: Path, made: Path, log: Log) -> tuple[keras.Model, State]:  # noqa: ARG002
        """The first of finished folds."""
        return self._folds(work, log, only_finished=True)

    def take_over(self, stored: Path, made: Path) -> None:  # noqa: ARG002
        """Networks of other folds are not in a bundle, their scores are."""
        if self.recipe.cross_validation:
            names = {"": "", **{variant.name: variant.slug for variant in self.recipe.variants}}
            self._pooled = {name: pd.read_parquet(stored / self._file(POOLED, slug)) for name, slug in names.items()}

    def sample(self) -> dict[str, NDArray[np.float32]]:
        """Cases of the validation split, evenly spaced."""
        val = self._parts["val"]
        return batch_of(val.arrays, self.recipe.inputs, np.unique(np.linspace(0, len(val) - 1, FEW).astype(int)))

    def _folds(self, work: Path, log: Log, *, only_finished: bool) -> tuple[keras.Model, State]:
        recipe, cases = self.recipe, self._cases
        parts = splits(recipe, cases)
        tables: dict[str, list[pd.DataFrame]] = {"": [], **{variant.name: [] for variant in recipe.variants}}
        trained = []
        for number, split in enumerate(parts, start=1):
            folder = work / f"fold-{number}"
            if only_finished and not (folder / "model.keras").is_file():
                raise InvalidRecipe(f"{folder.name} holds no finished model", f"train all {len(parts)} folds first")
            train, val, test = (cases.part(split == name) for name in SPLITS)
            say = partial(_say, log, f"fold {number} of {len(parts)}")
            trained.append(fit_or_load(recipe, train, val, recipe.seed + number, folder, say))
            batch = batch_of(test.arrays, recipe.inputs)
            ways = {"": batch, **{each.name: changed(batch, recipe.inputs, each) for each in recipe.variants}}
            for name, way in ways.items():
                table = study_table(recipe, test, np.full(len(test), POOLED), logits_of(trained[-1][0], way))
                tables[name].append(table.assign(fold=number))
        if recipe.cross_validation:
            self._pooled = {name: pd.concat(found, ignore_index=True) for name, found in tables.items()}
        return trained[0]

    def measure(self, bundle: Bundle, made: Path, log: Log) -> Measured:  # noqa: ARG002
        """Scores of validation, test and pooled folds, what changed inputs do to them, the similarity check."""
        recipe, parts = self.recipe, self._parts
        run = {name: self._run(bundle, part) for name, part in parts.items()}
        tables = {name: study_table(recipe, parts[name], parts[name].split, run[name][0]) for name in ("val", "test")}
        choices = choose(recipe, read_scores(tables["val"], recipe.task, recipe.labels))
        if recipe.cross_validation:
            tables[POOLED] = self._pooled[""]
        results = tuple(self._result(name, table, choices) for name, table in tables.items())
        variants = self._variants(bundle, tables.get(POOLED, tables["test"]))
        log(f"scored; {', '.join(f'{each.split} {each.headline}' for each in results)}")
        reference, ood = None, {}
        train_features, val_features, test_features = (run[name][1] for name in SPLITS)
        if train_features is not None and val_features is not None and test_features is not None:
            reference = crossed_reference(train_features, val_features)
            limit = limit_words(crossed=len(parts["val"]) < ENOUGH)
            ood = evaluate_ood(recipe, reference, test_features, partial(self._features_of, bundle), self.data, limit)
        return Measured(
            choices=choices,
            results=results,
            counts=self._counts(),
            reference=reference,
            ood=ood,
            split_targets=parts["train"].class_index,
            tables={each.file: each.table for each in variants},
            sections=self._sections(tables, variants),
            contract={"variants": variant_contract(variants)} if variants else {},
        )

    def _run(self, bundle: Bundle, cases: StudyCases) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """(cases, units) logits and (cases, D) features by the compiled model."""
        logits, features = [], []
        for start in range(0, len(cases), BLOCK):
            batch = batch_of(cases.arrays, self.recipe.inputs, np.arange(start, min(start + BLOCK, len(cases))))
            output = bundle.run(batch, outputs=("logits", "features"))
            logits.append(output.logits)
            features.append(output.features)
        kept = [each for each in features if each is not None]
        return np.concatenate(logits), np.concatenate(kept) if kept else None

    def _features_of(self, bundle: Bundle, cases: Sequence[LabelledCase]) -> NDArray[np.float32]:
        """(N, features) pooled features where images of another set stand in the place of every image."""
        batch = as_studies([case.path for case in cases], self.recipe.inputs)
        features = bundle.run(batch, outputs=("logits", "features")).features
        assert features is not None  # asked for with features only
        return features

    def _result(self, split: str, table: pd.DataFrame, choices: Choices) -> Result:
        source, folds = self.recipe.studies.source, self.recipe.cross_validation
        if folds:
            of = f"pooled over {folds.folds} folds" if split == POOLED else "fold 1"
            source = msgspec.structs.replace(source, title=f"{source.title}, {of}")
        scores = read_scores(table, self.recipe.task, self.recipe.labels)
        return Result(source, split, table, scores, estimates(scores, choices))

    def _file(self, split: str, variant: str) -> str:
        return f"evaluations/{'--'.join(part for part in (self.recipe.data.name, split, variant) if part)}.parquet"

    def _variants(self, bundle: Bundle, plain: pd.DataFrame) -> list[MeasuredVariant]:
        """Changed inputs, on the pooled folds where there are some, else on the test split."""
        recipe, test, found = self.recipe, self._parts["test"], []
        for variant in recipe.variants:
            if recipe.cross_validation:
                table = self._pooled[variant.name]
            else:
                batch = changed(batch_of(test.arrays, recipe.inputs), recipe.inputs, variant)
                table = study_table(recipe, test, test.split, bundle.run(batch, outputs=("logits",)).logits)
            file = self._file(POOLED if recipe.cross_validation else "test", variant.slug)
            found.append(measure_variant(recipe, variant, file, plain, table))
        return found

    def _counts(self) -> dict[tuple[str, str], tuple[int, int]]:
        counts = {}
        for name, part in self._parts.items():
            for target, label in enumerate(self.recipe.labels):
                chosen = part.class_index == target
                counts[name, label] = (int(chosen.sum()), len(set(part.patients[chosen].tolist())))
        return counts

    def _sections(self, tables: Mapping[str, pd.DataFrame], variants: list[MeasuredVariant]) -> dict[str, str]:
        """Further sections of the card."""
        recipe, sections = self.recipe, {}
        if POOLED in tables:
            sections["Folds"] = fold_section(recipe, tables[POOLED])
        if facts := facts_section(recipe):
            sections["Facts about the patient"] = facts
        if variants:
            plain = tables.get(POOLED, tables["test"])
            sections[recipe.card.titles.get("variants", "Changed inputs")] = variant_section(recipe, plain, variants)
        return sections


def _say(log: Log, where: str, text: Any) -> None:
    log(f"{where}, {text}")
