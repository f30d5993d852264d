"""From a recipe with several inputs to its bundle: trained in folds, compiled, measured, with its card."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.results.case_scores import read_scores
from core.inference.bundle import Bundle, open_bundle
from core.inference.ood import save_reference
from core.models.card import load_card
from core.training.bundle import compile_kept, provisional, publish, sha256
from core.training.card.rivals import write
from core.training.card.studies import facts_section, fold_section, variant_contract, variant_section
from core.training.card.writer import Measured, card_text
from core.training.data.folds import splits
from core.training.data.studies import LOADERS, StudyCases
from core.training.data.study_batches import batch_of, changed
from core.training.fit import State
from core.training.recipe.schema import SPLITS, InvalidRecipe
from core.training.recipe.study import STUDY_RECIPES, StudyRecipe, load_study_recipe
from core.training.study_likeness import measure_study_likeness, reference_of
from core.training.tasks.case_scores import Result, estimates
from core.training.tasks.choices import Choices, choose
from core.training.tasks.study import fit_or_load, logits_of
from core.training.tasks.variants import POOLED, MeasuredVariant, measure_variant, study_table

Log = Callable[[str], None]

#: Cases that go through the compiled model at once.
BLOCK = 32


@dataclass(frozen=True, eq=False)
class Trained:
    """What training gave.

    Attributes:
        model: The network that ships.
        state: How its training went.
        tables: Name of a variant, `""` for unchanged inputs, to scores of the held-out cases, where there are folds.
    """

    model: keras.Model
    state: State
    tables: Mapping[str, pd.DataFrame]


def recipes() -> dict[str, Path]:
    """Every recipe with several inputs by slug."""
    return {path.stem: path for path in sorted(STUDY_RECIPES.glob("*.yaml"))}


def _scores_file(recipe: StudyRecipe, split: str, variant: str = "") -> str:
    return f"evaluations/{'--'.join(part for part in (recipe.data.name, split, variant) if part)}.parquet"


def load_study_cases(recipe: StudyRecipe, data: Path) -> StudyCases:
    """The recipe's cases; its loader is told of the inputs as well as of the options.

    Raises:
        InvalidRecipe: There is no such loader, or it gives no array for an input, or one of another shape.
    """
    if recipe.data.loader not in LOADERS:
        raise InvalidRecipe(f"one of the loaders {', '.join(LOADERS)}", recipe.data.loader, "correct the recipe")
    options = {**recipe.data.options, "inputs": recipe.inputs, "labels": recipe.labels}
    cases = LOADERS[recipe.data.loader](data / recipe.data.folder, options)
    for spec in recipe.inputs:
        found = cases.arrays[spec.name].shape[1:] if spec.name in cases.arrays else None
        if found != spec.shape:
            raise InvalidRecipe(f"{spec.name} of shape {spec.shape}", f"{found}", "correct the recipe or its loader")
    return cases


def _say(log: Log, where: str, text: str) -> None:
    log(f"{where}, {text}")


def _train_folds(recipe: StudyRecipe, cases: StudyCases, work: Path, log: Log, *, only_finished: bool) -> Trained:
    """Train what is not finished, and score the held-out cases of every fold."""
    parts = splits(recipe, cases)
    tables: dict[str, list[pd.DataFrame]] = {"": [], **{variant.name: [] for variant in recipe.variants}}
    first: tuple[keras.Model, State] | None = None
    for number, split in enumerate(parts, start=1):
        folder = work / f"fold-{number}"
        if only_finished and not (folder / "model.keras").is_file():
            raise InvalidRecipe(f"{len(parts)} finished folds", f"none in {folder.name}", "train them first")
        train, val, test = (cases.part(split == name) for name in SPLITS)
        say = partial(_say, log, f"fold {number} of {len(parts)}")
        model, state = fit_or_load(recipe, train, val, recipe.seed + number, folder, say)
        first = first or (model, state)
        batch = batch_of(test.arrays, recipe.inputs)
        ways = {"": batch, **{each.name: changed(batch, recipe.inputs, each) for each in recipe.variants}}
        for name, way in ways.items():
            table = study_table(recipe, test, np.full(len(test), POOLED), logits_of(model, way))
            tables[name].append(table.assign(fold=number))
    assert first is not None  # there is one split at least
    pooled = {name: pd.concat(found, ignore_index=True) for name, found in tables.items()} if recipe.folds else {}
    return Trained(*first, pooled)


def _stored(recipe: StudyRecipe, stored: Path, made: Path) -> Trained:
    """What a published bundle has, to be judged again; networks of other folds are not in it, their scores are."""
    if not (stored / "model.keras").is_file():
        raise InvalidRecipe(f"a stored model in {stored}", "none", "train it first")
    for name in ("model.keras", "model.onnx"):  # the same bytes, so that their hashes stay
        if (stored / name).is_file():
            shutil.copy2(stored / name, made)
    tables = {}
    if recipe.folds:
        names = {"": "", **{variant.name: variant.slug for variant in recipe.variants}}
        tables = {name: pd.read_parquet(stored / _scores_file(recipe, POOLED, slug)) for name, slug in names.items()}
    state = State(**load_card(stored).front_matter["scanlens"]["training"])
    return Trained(keras.models.load_model(made / "model.keras", compile=False), state, tables)


def _run(
    bundle: Bundle, cases: StudyCases, recipe: StudyRecipe
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """(cases, units) logits and (cases, D) features by the compiled model."""
    logits, features = [], []
    for start in range(0, len(cases), BLOCK):
        batch = batch_of(cases.arrays, recipe.inputs, np.arange(start, min(start + BLOCK, len(cases))))
        output = bundle.run(batch, outputs=("logits", "features"))
        logits.append(output.logits)
        features.append(output.features)
    kept = [each for each in features if each is not None]
    return np.concatenate(logits), np.concatenate(kept) if kept else None


def _result(recipe: StudyRecipe, split: str, table: pd.DataFrame, choices: Choices) -> Result:
    source = recipe.data.source
    if split == POOLED and recipe.folds:
        source = replace(source, title=f"{source.title}, pooled over {recipe.folds.folds} folds")
    elif recipe.folds:
        source = replace(source, title=f"{source.title}, fold 1")
    scores = read_scores(table, recipe.task, recipe.labels)
    return Result(source, split, table, scores, estimates(scores, choices))


def _variants(
    recipe: StudyRecipe, bundle: Bundle, test: StudyCases, plain: pd.DataFrame, trained: Trained
) -> list[MeasuredVariant]:
    """Changed inputs, on the pooled folds where there are some, else on the test split."""
    split = POOLED if recipe.folds else "test"
    found = []
    for variant in recipe.variants:
        if recipe.folds:
            table = trained.tables[variant.name]
        else:
            batch = changed(batch_of(test.arrays, recipe.inputs), recipe.inputs, variant)
            table = study_table(recipe, test, test.split, bundle.run(batch, outputs=("logits",)).logits)
        file = _scores_file(recipe, split, variant.slug)
        found.append(measure_variant(recipe, variant, file, plain, table))
    return found


def _counts(recipe: StudyRecipe, cases: StudyCases, split: NDArray[np.str_]) -> dict[tuple[str, str], tuple[int, int]]:
    counts = {}
    for name in SPLITS:
        for target, label in enumerate(recipe.labels):
            chosen = (split == name) & (cases.class_index == target)
            counts[name, label] = (int(chosen.sum()), len(set(cases.patients[chosen].tolist())))
    return counts


def _sections(
    recipe: StudyRecipe, tables: Mapping[str, pd.DataFrame], variants: list[MeasuredVariant]
) -> dict[str, str]:
    """Further sections of the card."""
    titles = recipe.card.get("titles", {})
    sections = {}
    if POOLED in tables:
        sections["Folds"] = fold_section(recipe, tables[POOLED])
    if facts := facts_section(recipe):
        sections["Facts about the patient"] = facts
    if variants:
        plain = tables.get(POOLED, tables["test"])
        sections[str(titles.get("variants", "Changed inputs"))] = variant_section(recipe, plain, variants)
    return sections


def make_study_bundle(
    recipe: StudyRecipe, trained: Trained, cases: StudyCases, data: Path, folder: Path, log: Log
) -> Measured:
    """Write everything of a bundle into `folder`, but `model.keras`, which has to be there.

    Raises:
        UnsupportedModel: The model does not compile.
    """
    (folder / "evaluations").mkdir(parents=True, exist_ok=True)
    split = splits(recipe, cases)[0]
    parts = {name: replace(cases.part(split == name), split=split[split == name]) for name in SPLITS}
    few = np.unique(np.linspace(0, len(parts["val"]) - 1, 12).astype(int))
    sample = batch_of(parts["val"].arrays, recipe.inputs, few)
    facts = compile_kept(recipe, trained.model, folder, sample)
    bundle = open_bundle(provisional(recipe, folder))
    run = {name: _run(bundle, part, recipe) for name, part in parts.items()}
    tables = {name: study_table(recipe, parts[name], parts[name].split, run[name][0]) for name in ("val", "test")}
    choices = choose(recipe, read_scores(tables["val"], recipe.task, recipe.labels))
    if recipe.folds:
        tables[POOLED] = trained.tables[""]
    results = tuple(_result(recipe, name, table, choices) for name, table in tables.items())
    variants = _variants(recipe, bundle, parts["test"], tables.get(POOLED, tables["test"]), trained)
    for file, table in [(each.file, each.table) for each in results] + [(each.file, each.table) for each in variants]:
        table.to_parquet(folder / file, index=False)
    log(f"scored; {', '.join(f'{each.split} {each.headline}' for each in results)}")
    likeness: dict[str, Any] = {}
    train_features, val_features, test_features = (run[name][1] for name in SPLITS)
    if train_features is not None and val_features is not None and test_features is not None:
        reference = reference_of(train_features, val_features)
        save_reference(reference, folder / "similarity.npz")
        likeness = measure_study_likeness(bundle, recipe, reference, test_features, len(parts["val"]), data)
    files = [name for name in ("model.keras", "model.onnx", "similarity.npz") if (folder / name).is_file()]
    measured = Measured(
        choices=choices,
        results=results,
        counts=_counts(recipe, cases, split),
        likeness=likeness,
        sha256={name: sha256(folder / name) for name in files},
        bytes={name: (folder / name).stat().st_size for name in files},
        parameters=int(trained.model.count_params()),
        max_difference=facts.max_difference,
        affine=facts.affine,
        state=trained.state,
        split_targets=parts["train"].class_index,
        sections=_sections(recipe, tables, variants),
        contract={"variants": variant_contract(variants)} if variants else {},
    )
    (folder / "README.md").write_text(card_text(recipe, measured), encoding="utf-8")
    return measured


def make(slug: str, options: argparse.Namespace, log: Log) -> None:
    """Make one bundle.

    Args:
        slug: One of `recipes()`.
        options: `data`, `out`, `work`, `as_is` and `evaluate_only`, as `python -m core.training` has them.
        log: Told of each step.

    Raises:
        InvalidRecipe: The recipe does not hold, its data do not fit, or nothing is stored that could be judged again.
        UnsupportedModel: The network does not compile.
    """
    recipe = load_study_recipe(recipes()[slug])
    work, stored = options.work / slug, options.out / slug
    made = work / "bundle"
    shutil.rmtree(made, ignore_errors=True)
    (made / "evaluations").mkdir(parents=True)
    cases = load_study_cases(recipe, options.data)
    if options.evaluate_only:
        trained = _stored(recipe, stored, made)
    else:
        trained = _train_folds(recipe, cases, work, log, only_finished=options.as_is)
        trained.model.save(made / "model.keras")
    make_study_bundle(recipe, trained, cases, options.data, made, log)
    if bool(recipe.card.get("non_commercial", False)) and not (stored / "LICENSE").is_file():
        log(f"{slug}: put the licence's text into {stored.name}/LICENSE")
    publish(made, stored)
    if recipe.card.get("rivals"):
        try:
            write(recipe, options.out)
        except InvalidRecipe as missing:  # from scratch the others are made later: then the whole is written at the end
            log(f"{slug}: not compared with its rivals yet; python -m core.training.card.rivals does it. {missing}")
