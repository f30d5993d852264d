"""A network that was trained in class, kept as a model like any other, with a card that says what it is."""

from __future__ import annotations

import hashlib
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from core.bounded import dump_yaml
from core.errors import ScanLensError
from core.home import home
from core.inference.bundle import open_bundle
from core.inference.ood import fit_reference, save_reference
from core.inference.origin import note_made_here
from core.keras_process.client import KerasProcess
from core.lessons.training.live_run import (
    Epoch,
    LiveRun,
    confusion,
    sensitivities,
)
from core.lessons.training.settings import NETWORKS, STARTS, VARIATIONS
from core.models.card import ModelCard, load_card
from core.models.own import own_models_folder

#: Start of the folder's name, and key on the card that marks what may be deleted again.
MARK = "trained-in-class"

DISCLAIMER = "Trained in class. For teaching only: not a medical device, and nobody checked it beyond the figures here."


class CannotKeep(ScanLensError):
    """A network that cannot be kept as a model."""


def keep_model(keras: KerasProcess, run: LiveRun, title: str) -> ModelCard:
    """Save, compile and describe the network as it is now; it can then be chosen wherever models can.

    Args:
        keras: The process that trained it.
        run: With at least one epoch.
        title: For people.

    Returns:
        Its card.

    Raises:
        CannotKeep: Nothing was trained yet, the title is empty, or the folder cannot be written.
        ScanLensError: The Keras process has forgotten the run, or the network does not compile.
    """
    cleaned = " ".join(title.split())[:60]
    if not cleaned or len(run.epochs) < 2:
        raise CannotKeep("There is no name, or no epoch to keep", "type a name, or train first")
    slug = f"{MARK}-{run.key[:8]}"
    folder, made = own_models_folder() / slug, home() / f"making-{slug}"  # never where models are looked for
    try:
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        kept, _ = keras.call("train_keep", {"run": run.key, "model": str(made / "model.keras")})
        facts = _compile(keras, run, made, str(kept["layer"]))
        _write_card(run, made, slug, cleaned, facts)
        _write_reference(run, made)
        _write_card(run, made, slug, cleaned, facts)
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(exist_ok=True)
        made.rename(folder)
    except OSError as error:
        raise CannotKeep("The user data folder cannot be written to", "free space there") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return load_card(folder)


def kept_models() -> list[ModelCard]:
    """The models that were trained in class, the newest first."""
    cards = []
    for path in own_models_folder().glob(f"{MARK}-*/README.md"):
        try:
            cards.append((path.stat().st_mtime, load_card(path.parent)))
        except (ScanLensError, OSError):
            continue
    return [card for _, card in sorted(cards, key=lambda entry: -entry[0])]


def delete_kept(card: ModelCard) -> None:
    """Delete a model that was trained in class, and no other."""
    if card.folder.parent == own_models_folder() and card.folder.name.startswith(f"{MARK}-"):
        shutil.rmtree(card.folder, ignore_errors=True)


def _batch(run: LiveRun, part: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    """(N, size, size, 1) the images of one part as the network takes them."""
    images = run.lesson_set.resized(run.size, getattr(run.division, part))
    return np.asarray(images[..., None].astype(np.float32) / 255, np.float32)


def _compile(keras: KerasProcess, run: LiveRun, folder: Path, layer: str) -> dict[str, Any]:
    asked = {"model": str(folder / "model.keras"), "folder": str(folder), "layer": layer}
    facts, _ = keras.call("compile", asked, {"image": _batch(run, "val")[:12]})
    note_made_here(_sha256(folder / "model.onnx"), folder.name)
    return facts


def _write_reference(run: LiveRun, folder: Path) -> None:
    """What its own images look like to it, so that it can say when one is unlike them."""
    bundle = open_bundle(load_card(folder))
    train, val = (bundle.run({"image": _batch(run, part)}).features for part in ("train", "val"))
    if train is not None and val is not None:
        save_reference(fit_reference(train, val), folder / "similarity.npz")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write_card(run: LiveRun, folder: Path, slug: str, title: str, facts: dict[str, Any]) -> None:
    matter = {
        "license": run.lesson_set.licence,
        "library_name": "keras",
        "pipeline_tag": "image-classification",
        "tags": ["teaching", MARK],
        "scanlens": _contract(run, folder, title, str(facts["explain_layer"])),
    }
    front = dump_yaml(matter, width=120)
    (folder / "README.md").write_text(f"---\n{front}---\n\n{_text(run, slug, title)}", encoding="utf-8")


def _contract(run: LiveRun, folder: Path, title: str, layer: str) -> dict[str, Any]:
    found = run.lesson_set
    binary = len(found.names) == 2
    contract: dict[str, Any] = {
        "title": title,
        "summary": f"A network trained in class on {found.title.lower()}, to tell {_names(run)} apart.",
        "task": "binary" if binary else "multiclass",
        "labels": list(found.names),
        "inputs": [
            {
                "name": "image",
                "kind": "image",
                "size": [run.size, run.size],
                "channels": 1,
                "range": [0.0, 1.0],
                **_intensity(found.as_displayed),
                "resize": "stretch",
                "modality": list(found.modality),
                "body_part": list(found.body_part),
            }
        ],
        "threshold_from": "Nothing was chosen: the larger probability decides, and no temperature was fitted",
        "temperature": 1.0,
        "explain_layer": layer,
        "training_modality": found.kind,
        "non_commercial": False,
        MARK: True,
        "sha256": {path.name: _sha256(path) for path in sorted(folder.iterdir()) if path.name != "README.md"},
    }
    if binary:
        contract["threshold"] = 0.5
    return contract


def _intensity(as_displayed: bool) -> dict[str, Any]:
    """How a scan's values become the network's, so that a kept model sees what it saw in class."""
    return {"intensity": "display"} if as_displayed else {"intensity": "window", "window": [128, 256]}


def _names(run: LiveRun) -> str:
    names = run.lesson_set.names
    return ", ".join(names[:-1]) + f" and {names[-1]}"


def _text(run: LiveRun, slug: str, title: str) -> str:
    """The card in words; every number is the run's own."""
    last = run.epochs[-1]
    lines = [
        f"# {title}",
        "",
        DISCLAIMER,
        "",
        "## Data",
        "",
        f"{run.lesson_set.title}. {run.lesson_set.about}",
        " ".join(run.division.words),
        _counts(run),
        *_warnings(run),
        "",
        "## Training",
        "",
        _how(run, last),
        "",
        "## What it was measured to do",
        "",
        f"Validation, which was watched while training: accuracy {last.val_accuracy:.3f}, loss {last.val_loss:.3f}.",
        *_judged(run),
        "",
        "No intervals were computed, and the test part may have been looked at for several runs.",
        "",
        f"Folder `{slug}`, kept on {time.strftime('%Y-%m-%d')}.",
        "",
    ]
    return "\n".join(lines)


def _counts(run: LiveRun) -> str:
    parts = (("Training", run.division.train), ("validation", run.division.val), ("test", run.division.test))
    return ", ".join(f"{name} {len(part)}" for name, part in parts) + " images."


def _warnings(run: LiveRun) -> list[str]:
    if not run.faults:
        return []
    return ["", "**Trained with a fault switched on for the lesson; its validation figures do not hold.**"]


def _how(run: LiveRun, last: Epoch) -> str:
    settings = run.settings
    name, made_of = NETWORKS[settings.network]
    varied = ", ".join(VARIATIONS[key][0].lower() for key in settings.variations) or "none"
    return (
        f"{name}: {made_of}. {sum(layer['parameters'] for layer in run.layers):,} weights, {run.trainable:,} of them "
        f"trained. Start: {STARTS[settings.start].lower()}. {last.number} of {settings.epochs} epochs with "
        f"{settings.optimizer}, learning rate {settings.learning_rate:g}, {settings.batch_size} images a step, "
        f"dropout {settings.dropout:g}, variation of the images: {varied}."
        + (" Rare classes weigh more." if settings.weigh_classes else "")
    )


def _judged(run: LiveRun) -> list[str]:
    if run.test_probabilities is None:
        return ["The test part was not judged."]
    names = run.lesson_set.names
    counts = confusion(run.test_labels, run.test_probabilities, len(names))
    fractions = ", ".join(
        f"{name} {'not defined' if np.isnan(fraction) else f'{fraction:.2f}'}"
        for name, fraction in zip(names, sensitivities(counts), strict=True)
    )
    return [
        f"Test part, {int(counts.sum())} images: accuracy {np.diag(counts).sum() / counts.sum():.3f}; fraction of each "
        f"class that is correct: {fractions}."
    ]
