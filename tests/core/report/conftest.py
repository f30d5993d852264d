from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.explain.explanation import Explanation
from core.inference.bundle import ModelOutput
from core.inference.ood import Similarity
from core.inference.predict import Prediction
from core.inference.prepare import prepare
from core.models.card import InputSpec, ModelCard
from core.models.link import class_probabilities
from core.scan import Scan, Step, Window

METRICS = [
    {"name": "ROC AUC", "type": "roc_auc", "value": 0.964, "low": 0.948, "high": 0.977, "n": 624},
    {"name": "Sensitivity", "type": "sensitivity", "value": 0.974, "low": 0.953, "high": 0.988, "n": 390},
    {"name": "Specificity", "type": "specificity", "value": float("nan"), "low": None, "high": None, "n": 0},
]

INPUT = InputSpec("image", "image", (56, 56), 1, (0.0, 1.0), "display", "letterbox", ("DX", "CR"), ("chest",))


@pytest.fixture
def card():
    matter = {
        "datasets": ["example/chest-radiographs"],
        "model-index": [{"results": [{"dataset": {"name": "Example", "split": "test"}, "metrics": METRICS}]}],
    }
    return ModelCard(
        slug="pneumonia",
        folder=Path("models/pneumonia"),
        title="Pneumonia, chest X-ray",
        summary="Is there pneumonia on a frontal radiograph of a child?",
        task="binary",
        labels=("Normal", "Pneumonia"),
        inputs=(INPUT,),
        threshold=0.62,
        threshold_from="sensitivity 0.95 on the validation split",
        temperature=1.4,
        explain_layer="out_relu",
        sha256={"model.keras": "a" * 64, "model.onnx": "b" * 64},
        license="cc-by-nc-4.0",
        non_commercial=True,
        training_modality="a chest radiograph",
        out_of_distribution={"roc_auc": 0.981},
        front_matter=matter,
    )


@pytest.fixture
def scan():
    return image_of((96, 80))


def image_of(size, frames=1, axis="single", **facts):
    """A grey ramp with a bright disc, in HU-like units."""
    rows, columns = size
    down, across = np.mgrid[:rows, :columns]
    disc = (down - rows * 0.4) ** 2 + (across - columns * 0.6) ** 2 < (min(size) / 6) ** 2
    frame = (down * 4 + across * 2 + disc * 400).astype(np.int16)
    described = {
        "source": "DICOM",
        "title": "Chest radiograph, one image",
        "modality": "DX",
        "body_part": "chest",
        "spacing_mm": (0.2, 0.2),
        "windows": (Window(400.0, 800.0),),
        "facts": {"View": "PA"},
        "provenance": (Step("Rescale", "slope 1, intercept 0"),),
        **facts,
    }
    return Scan(np.stack([frame] * frames), axis, "c" * 64, **described)


@pytest.fixture
def make_scan():
    return image_of


@pytest.fixture
def predict(card):
    """A prediction for all frames from logits (frames, outputs)."""

    def made(scan, logits, card=card, similar=True):
        values = np.asarray(logits, np.float32)
        prepared = prepare(scan, card.inputs[0])
        near = tuple(Similarity(12.5, 61.0 if similar else 99.9, similar) for _ in prepared.frames)
        return Prediction(
            card=card,
            frames=prepared.frames,
            logits=values,
            probabilities=class_probabilities(values, card.task),
            calibrated=class_probabilities(values, card.task, card.temperature),
            similarity=near,
            warning="",
            note="",
            prepared=prepared,
            output=ModelOutput(values, None, None),
        )

    return made


@pytest.fixture
def explain():
    """An explanation with one hot cell a frame, of the given strengths in logit units."""

    def made(prediction, strengths, label="Pneumonia"):
        grids = np.zeros((len(strengths), 7, 7), np.float32)
        grids[:, 2, 4] = strengths
        return Explanation(grids, prediction.frames, prediction.prepared.geometry, "grad-cam", label, "out_relu")

    return made


@pytest.fixture
def wordy(card):
    """A card whose every text is far longer than it should be."""
    long = "A very long description that never comes to its point, "
    metrics = [{"name": f"{long}{n}", "value": 0.5, "low": 0.4, "high": 0.6, "n": 10} for n in range(12)]
    return replace(
        card,
        title=long * 3,
        labels=(long * 2, "Pneumonoultramicroscopicsilicovolcanoconiosis" * 4),
        threshold_from=long * 4,
        license=long * 2,
        training_modality=long * 3,
        front_matter={"datasets": [long] * 6, "model-index": [{"results": [{"metrics": metrics}]}]},
    )
