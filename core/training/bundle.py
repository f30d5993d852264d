"""From a trained model to a bundle: compiled, judged through the compiled file, with its card."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.results.case_scores import read_scores
from core.inference.bundle import FINAL_OUTPUT, OUTPUTS, open_bundle
from core.inference.ood import fit_reference, save_reference
from core.inference.origin import note_made_here
from core.keras_process.model.compile import CompiledFacts, compile_bundle
from core.models.card import ModelCard
from core.training.card.audit import audit_section, audited
from core.training.card.localisation import localisations
from core.training.card.writer import Measured, card_text
from core.training.data.images import LabelledCase, load_cases, prepare_cases, split_cases
from core.training.fit import Examples, State, fit
from core.training.likeness import measure_likeness
from core.training.recipe.schema import SPLITS, InvalidRecipe, Recipe, Source
from core.training.recipe.study import StudyRecipe
from core.training.tasks.case_scores import Result, case_table, estimates, score
from core.training.tasks.choices import Choices, choose, derived_question

Log = Callable[[str], None]


def train(recipe: Recipe, data: Path, work: Path, log: Log) -> keras.Model:
    """Train the recipe, or go on where an earlier run stopped."""
    parts = split_cases(recipe, data)
    examples = {
        split: Examples(
            prepare_cases([case.path for case in parts[split]], recipe.input),
            np.array([case.target for case in parts[split]]),
        )
        for split in ("train", "val")
    }

    def report(state: State) -> None:
        log(f"epoch {state.epoch}/{recipe.schedule.epochs}: best {recipe.schedule.monitor} {abs(state.best_score):.4f}")

    return fit(recipe, examples["train"], examples["val"], work, report)


def sha256(path: Path) -> str:
    """Hexadecimal hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def provisional(recipe: Recipe | StudyRecipe, folder: Path) -> ModelCard:
    """The card as far as it is known before anything was measured, to open the bundle with."""
    return ModelCard(
        slug=recipe.slug,
        folder=folder,
        title=recipe.title,
        summary=recipe.summary,
        task=recipe.task,
        labels=recipe.labels,
        inputs=recipe.inputs,
        threshold=0.5 if recipe.task == "binary" else None,
        threshold_from="",
        temperature=1.0,
        explain_layer=recipe.explain_layer,
        sha256={"model.onnx": sha256(folder / "model.onnx")},
        license=str(recipe.card["license"]),
        non_commercial=bool(recipe.card.get("non_commercial", False)),
        training_modality=str(recipe.card["training_modality"]),
    )


def _sample(recipe: Recipe, cases: list[LabelledCase]) -> dict[str, NDArray[np.float32]]:
    chosen = [cases[index].path for index in np.linspace(0, len(cases) - 1, 12).astype(int)]
    return {recipe.input.name: prepare_cases(chosen, recipe.input).astype(np.float32)}


def compile_kept(
    recipe: Recipe | StudyRecipe, model: keras.Model, folder: Path, sample: Mapping[str, NDArray[np.float32]]
) -> CompiledFacts:
    """Compile; a compiled file that answers the same stays as it is, for two compilations differ in names alone.

    One without the final output is replaced.

    Args:
        recipe: Names the layer to explain.
        model: Any network of the recipe.
        folder: Where `model.onnx` goes, or lies.
        sample: Input name to a dozen real inputs.
    """
    path = folder / "model.onnx"
    before = _answers(recipe, folder, sample) if path.is_file() else None
    content = path.read_bytes() if path.is_file() else b""
    facts = compile_bundle(model, folder, recipe.explain_layer or None, sample)
    note_made_here(facts.sha256, recipe.slug)
    after = _answers(recipe, folder, sample)
    if before is not None and len(before) == len(after) and all(map(np.array_equal, before, after)):
        path.write_bytes(content)
    return facts


def _answers(
    recipe: Recipe | StudyRecipe, folder: Path, sample: Mapping[str, NDArray[np.float32]]
) -> list[NDArray[np.float32]]:
    """All outputs of the compiled model that it has, and its Grad-CAM weights."""
    bundle = open_bundle(provisional(recipe, folder))
    output = bundle.run(sample, outputs=(*OUTPUTS, FINAL_OUTPUT))
    found = (output.logits, output.activations, output.features, output.output, bundle.cam_weights)
    return [array for array in found if array is not None]


def _counts(recipe: Recipe, parts: dict[str, list[LabelledCase]]) -> dict[tuple[str, str], tuple[int, int]]:
    counts = {}
    for split in SPLITS:
        for target, label in enumerate(recipe.labels):
            cases = [case for case in parts[split] if case.has(target)]
            counts[split, label] = (len(cases), len({case.patient for case in cases}))
        counts[split, ""] = (len(parts[split]), len({case.patient for case in parts[split]}))
    return counts


def _result(recipe: Recipe, source: Source, split: str, table: pd.DataFrame, choices: Choices) -> Result:
    scores = read_scores(table, recipe.task, recipe.labels, derived_question(recipe))
    return Result(source, split, table, scores, estimates(scores, choices))


def make_bundle(recipe: Recipe, model: keras.Model, state: State, data: Path, folder: Path, log: Log) -> Measured:
    """Write everything of a bundle into `folder`, but `model.keras`, which has to be there.

    Raises:
        InvalidRecipe: The task is one that the cards cannot describe yet.
        UnsupportedModel: The model does not compile.
    """
    if recipe.task == "segmentation":
        raise InvalidRecipe("a task of classification", recipe.task, "extend core/training/tasks/case_scores.py first")
    (folder / "evaluations").mkdir(parents=True, exist_ok=True)
    parts = split_cases(recipe, data)
    parts["test"] = audited(recipe, parts["test"], parts["train"])
    facts = compile_kept(recipe, model, folder, _sample(recipe, parts["val"]))
    bundle = open_bundle(provisional(recipe, folder))
    scored = {split: score(bundle, [case.path for case in parts[split]], recipe.input) for split in SPLITS}
    log("scored train, val and test")
    tables = {split: case_table(parts[split], scored[split].logits, recipe.task) for split in ("val", "test")}
    choices = choose(recipe, read_scores(tables["val"], recipe.task, recipe.labels, derived_question(recipe)))
    results = [_result(recipe, recipe.data, split, tables[split], choices) for split in ("val", "test")]
    tests = [(results[-1], parts["test"])]
    for source in recipe.evaluate:
        cases = audited(recipe, load_cases(source, recipe.labels, data), parts["train"])
        logits = score(bundle, [case.path for case in cases], recipe.input, source.shrink).logits
        frame = case_table(cases, logits, recipe.task)
        results.append(_result(recipe, source, source.only_split or "test", frame, choices))
        tests.append((results[-1], cases))
        log(f"scored {source.name}: {results[-1].headline}")
    for result in results:
        result.table.to_parquet(folder / result.file, index=False)
    localised = localisations(bundle, recipe, choices, data)
    for each in localised:
        each.table.to_parquet(folder / each.file, index=False)
        log(f"measured {len(each.table)} heatmaps against {each.truth.title}")
    reference = fit_reference(scored["train"].features, scored["val"].features)
    save_reference(reference, folder / "similarity.npz")
    likeness = measure_likeness(bundle, recipe, reference, scored["test"].features, data)
    files = ("model.keras", "model.onnx", "similarity.npz")
    measured = Measured(
        choices=choices,
        results=tuple(results),
        counts=_counts(recipe, parts),
        likeness=likeness,
        sha256={name: sha256(folder / name) for name in files},
        bytes={name: (folder / name).stat().st_size for name in files},
        parameters=int(model.count_params()),
        max_difference=facts.max_difference,
        affine=facts.affine,
        state=state,
        split_targets=np.array([case.target for case in parts["train"]]),
        localised=localised,
        audit=audit_section(recipe, parts, tests, folder),
    )
    (folder / "README.md").write_text(card_text(recipe, measured), encoding="utf-8")
    return measured


def publish(made: Path, folder: Path) -> None:
    """Put a finished bundle in its place; the card comes last, so that a reader never meets a half-written one."""
    (folder / "evaluations").mkdir(parents=True, exist_ok=True)
    for old in (folder / "evaluations").glob("*.parquet"):
        old.unlink()
    for path in sorted(made.rglob("*"), key=lambda path: (path.name == "README.md", path)):
        if path.is_file():
            shutil.copy2(path, folder / path.relative_to(made))
