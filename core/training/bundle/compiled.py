"""A trained network as `model.onnx`, and the card as far as it is known before anything was measured."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from core.inference.bundle import FINAL_OUTPUT, OUTPUTS, open_bundle
from core.inference.origin import note_made_here
from core.keras_process.model.compile import CompiledFacts, compile_bundle
from core.models.card import ModelCard
from core.training.recipe.schema import Recipe

Batch = Mapping[str, NDArray[np.float32]]


def sha256(path: Path) -> str:
    """Hexadecimal hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def provisional(recipe: Recipe, folder: Path) -> ModelCard:
    """The card as far as it is known before anything was measured, to open the bundle with."""
    return ModelCard(
        slug=recipe.slug,
        folder=folder,
        title=recipe.title,
        summary=recipe.summary,
        task=recipe.task,
        labels=recipe.labels,
        inputs=recipe.inputs,
        threshold=0.5 if recipe.units == 1 else None,
        threshold_from="",
        temperature=1.0,
        explain_layer=recipe.explain_layer,
        sha256={"model.onnx": sha256(folder / "model.onnx")},
        license=recipe.card.license,
        non_commercial=recipe.card.non_commercial,
        training_modality=recipe.card.training_modality,
    )


def compile_kept(recipe: Recipe, model: keras.Model, folder: Path, sample: Batch) -> CompiledFacts:
    """Compile; a compiled file that answers the same stays as it is, for two compilations differ in names alone.

    One without the final output is replaced.

    Args:
        recipe: Names the layer to explain.
        model: Any network of the recipe.
        folder: Where `model.onnx` goes, or lies.
        sample: Input name to a few real inputs.
    """
    path = folder / "model.onnx"
    content = path.read_bytes() if path.is_file() else b""
    before = _answers(recipe, folder, sample) if content else []
    facts = compile_bundle(model, folder, recipe.explain_layer or None, sample)
    note_made_here(facts.sha256, recipe.slug)
    after = _answers(recipe, folder, sample)
    if len(before) == len(after) and all(map(np.array_equal, before, after)):
        path.write_bytes(content)
    return facts


def _answers(recipe: Recipe, folder: Path, sample: Batch) -> list[NDArray[np.float32]]:
    """All outputs of the compiled model that it has, and its Grad-CAM weights."""
    bundle = open_bundle(provisional(recipe, folder))
    wanted = ("logits", FINAL_OUTPUT) if recipe.task == "segmentation" else (*OUTPUTS, FINAL_OUTPUT)
    output = bundle.run(dict(sample), outputs=wanted)
    found = (output.logits, output.activations, output.features, output.output, bundle.cam_weights)
    return [array for array in found if array is not None]
