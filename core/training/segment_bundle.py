"""From a recipe of outlines to its bundle: trained, compiled, judged through the compiled file, with its card."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from core.inference.bundle import FINAL_OUTPUT, Bundle, open_bundle
from core.inference.ood import fit_reference, save_reference
from core.inference.origin import note_made_here
from core.keras_process.model.compile import CompiledFacts, compile_bundle
from core.models.card import ModelCard, load_card
from core.training.bundle import publish, sha256
from core.training.card.segmentation import MeasuredOutline, card_text
from core.training.data.masked_images import (
    MaskedCase,
    load_examples,
    load_masked_cases,
    prepare_picture,
    read_masks,
)
from core.training.fit import State, read_state
from core.training.recipe.schema import SPLITS, InvalidRecipe
from core.training.recipe.segmentation import SEGMENTATIONS, OutlineRecipe, load_outline_recipe
from core.training.segment_likeness import measure_outline_likeness, variations, with_variations
from core.training.tasks.mask_choices import choose_outlines
from core.training.tasks.mask_scores import ScoredOutline, counts_of, measure_split, score_outline
from core.training.tasks.segmentation import best_of, fit_outlines, state_from

Log = Callable[[str], None]


def recipes() -> dict[str, Path]:
    """Every recipe of outlines by slug."""
    return {path.stem: path for path in sorted(SEGMENTATIONS.glob("*.yaml"))}


def make(slug: str, options: argparse.Namespace, log: Log) -> None:
    """Make one bundle.

    Args:
        slug: One of `recipes()`.
        options: `data`, `out`, `work`, `as_is` and `evaluate_only`, as `python -m core.training` has them.
        log: Told of each step.

    Raises:
        InvalidRecipe: There is no such recipe, its data do not fit, or nothing is stored that could be judged again.
        UnsupportedModel: The network does not compile.
    """
    if slug not in recipes():
        raise InvalidRecipe(f"one of {', '.join(recipes())}", slug, "choose one of these")
    recipe = load_outline_recipe(recipes()[slug])
    work, made = options.work / slug, options.work / slug / "bundle"
    (made / "evaluations").mkdir(parents=True, exist_ok=True)
    parts = load_masked_cases(recipe, options.data)
    model, state = _model(recipe, options, parts, work, made, log)
    measured = make_outline_bundle(recipe, model, state, parts, options.data, made, log)
    stored = options.out / slug
    publish(made, stored)
    for (name, label), found in measured.results[-1].estimates.items():
        log(f"{slug}: test {name} {label} {found.value:.3f} ({found.low:.3f} to {found.high:.3f})")


def _model(
    recipe: OutlineRecipe,
    options: argparse.Namespace,
    parts: Mapping[str, Sequence[MaskedCase]],
    work: Path,
    made: Path,
    log: Log,
) -> tuple[keras.Model, State]:
    """The model, which is put into `made` as well, and how it was trained."""
    stored = options.out / recipe.slug
    (made / "model.onnx").unlink(missing_ok=True)
    if options.evaluate_only:
        if not (stored / "model.keras").is_file():
            raise InvalidRecipe(f"a stored model in {stored.name}", "none", "train it first")
        for name in ("model.keras", "model.onnx"):  # the same bytes, so that their hashes stay
            if (stored / name).is_file():
                shutil.copy2(stored / name, made)
        model = keras.models.load_model(made / "model.keras", compile=False)
        return model, state_from(load_card(stored).front_matter["scanlens"]["training"])
    if options.as_is:
        model = best_of(recipe, work)
    else:
        train, val = (load_examples(parts[split], recipe) for split in ("train", "val"))
        model = fit_outlines(recipe, train, val, work, log)
    model.save(made / "model.keras")
    return model, read_state(work)


def _provisional(recipe: OutlineRecipe, folder: Path) -> ModelCard:
    """The card as far as it is known before anything was measured, to open the bundle with."""
    return ModelCard(
        slug=recipe.slug,
        folder=folder,
        title=recipe.title,
        summary=recipe.summary,
        task="segmentation",
        labels=recipe.labels,
        inputs=(recipe.input,),
        threshold=0.5,
        threshold_from="",
        temperature=1.0,
        explain_layer=recipe.explain_layer,
        sha256={"model.onnx": sha256(folder / "model.onnx")},
        license="",
        non_commercial=False,
        training_modality="",
    )


def _samples(recipe: OutlineRecipe, cases: Sequence[MaskedCase], count: int = 2) -> dict[str, Any]:
    chosen = [cases[index] for index in np.unique(np.linspace(0, len(cases) - 1, count).astype(int))]
    return {recipe.input.name: np.stack([prepare_picture(case, recipe).batch[recipe.input.name][0] for case in chosen])}


def _compile(recipe: OutlineRecipe, model: keras.Model, folder: Path, cases: Sequence[MaskedCase]) -> CompiledFacts:
    """Compile; a compiled file that answers the same stays as it is, for two compilations differ in names alone."""
    sample, path = _samples(recipe, cases), folder / "model.onnx"
    content = path.read_bytes() if path.is_file() else b""
    before = _answers(recipe, folder, sample) if content else []
    facts = compile_bundle(model, folder, recipe.explain_layer, sample)
    note_made_here(facts.sha256, recipe.slug)
    after = _answers(recipe, folder, sample)
    if len(before) == len(after) and all(map(np.array_equal, before, after)):
        path.write_bytes(content)
    return facts


def _answers(recipe: OutlineRecipe, folder: Path, sample: Mapping[str, Any]) -> list[Any]:
    """The logits of the compiled model, and its final output where the file holds it."""
    found = open_bundle(_provisional(recipe, folder)).run(sample, outputs=("logits", FINAL_OUTPUT))
    return [array for array in (found.logits, found.output) if array is not None]


def _label_counts(
    recipe: OutlineRecipe, parts: Mapping[str, Sequence[MaskedCase]]
) -> dict[tuple[str, str], tuple[int, int]]:
    counts = {}
    for split in SPLITS:
        shown = [[bool(mask.any()) for mask in read_masks(case.mask, recipe)] for case in parts[split]]
        for index, label in enumerate(recipe.foreground):
            cases = [case for case, present in zip(parts[split], shown, strict=True) if present[index]]
            counts[split, label] = (len(cases), len({case.patient for case in cases}))
        counts[split, ""] = (len(parts[split]), len({case.patient for case in parts[split]}))
    return counts


def _score(bundle: Bundle, cases: Sequence[MaskedCase], recipe: OutlineRecipe) -> list[ScoredOutline]:
    return [score_outline(bundle, case, recipe) for case in cases]


def make_outline_bundle(
    recipe: OutlineRecipe,
    model: keras.Model,
    state: State,
    parts: Mapping[str, Sequence[MaskedCase]],
    data: Path,
    folder: Path,
    log: Log,
) -> MeasuredOutline:
    """Write everything of a bundle into `folder`, but `model.keras`, which has to be there.

    Args:
        recipe: Of the model.
        model: For whole pictures.
        state: How it was trained.
        parts: The cases by split.
        data: The data folder.
        folder: Where the bundle is made.
        log: Told of each step.
    """
    (folder / "evaluations").mkdir(parents=True, exist_ok=True)
    facts = _compile(recipe, model, folder, parts["val"])
    bundle = open_bundle(_provisional(recipe, folder))
    log("compiled")
    val = _score(bundle, parts["val"], recipe)
    choices = choose_outlines(
        counts_of(val), recipe.foreground, recipe.threshold_rule, len({one.case.patient for one in val})
    )
    log(f"thresholds {choices.thresholds}, temperature {choices.temperature}")
    results = [measure_split(val, recipe, choices, "val")]
    del val
    test = _score(bundle, parts["test"], recipe)
    results.append(measure_split(test, recipe, choices, "test"))
    for result in results:
        result.table.to_parquet(folder / result.file, index=False)
    log("measured")
    extra = variations(len(parts["val"]))
    reference = fit_reference(
        with_variations(bundle, recipe, parts["train"], min(extra, 1)),
        with_variations(bundle, recipe, parts["val"], extra),
    )
    save_reference(reference, folder / "similarity.npz")
    own = np.stack([one.features for one in test])
    likeness = measure_outline_likeness(bundle, recipe, reference, own, data, extra)
    files = ("model.keras", "model.onnx", "similarity.npz")
    measured = MeasuredOutline(
        choices=choices,
        results=tuple(results),
        counts=_label_counts(recipe, parts),
        likeness=likeness,
        sha256={name: sha256(folder / name) for name in files},
        bytes={name: (folder / name).stat().st_size for name in files},
        parameters=int(model.count_params()),
        max_difference=facts.max_difference,
        state=state,
    )
    (folder / "README.md").write_text(card_text(recipe, measured), encoding="utf-8")
    return measured
