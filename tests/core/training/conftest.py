"""A data set of 96 small images that a model can learn in seconds: a bright blob or none."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

ENTRY = {
    "title": "Blobs",
    "summary": "Tells images with a blob from those without.",
    "task": "binary",
    "labels": ["Empty", "Blob"],
    "data": {
        "layout": "images", "name": "blobs", "title": "Blobs", "folder": "blobs", "table": "labels.csv", "file": "file",
        "patient": "patient", "split": "split", "label": "label", "classes": {"none": "Empty", "blob": "Blob"},
        "attributes": ["side"],
    },
    "inputs": [{
        "name": "image", "kind": "image", "size": [32, 32], "channels": 1, "range": [0.0, 1.0],
        "intensity": "percentile", "resize": "stretch", "modality": ["DX"], "body_part": ["chest"],
    }],
    "architecture": {"name": "compact_residual", "parameters": {"stem": 4, "widths": [8, 8], "blocks": 1}},
    "explain_layer": "activations",
    "augmentation": {"rotation": 5.0, "shift": 0.05, "noise": 0.02},
    "schedule": {"batch": 8, "patience": 9, "phases": [{"epochs": 2, "learning_rate": 0.01}]},
    "seed": 1,
    "card": {
        "license": "cc0-1.0", "training_modality": "a blob", "for": "Tests.", "not_for": "Patients.",
        "data": "Made by a test.", "population": "None.", "training": "", "failure_modes": "None known.",
        "credit": "None.",
    },
}  # fmt: skip


@pytest.fixture
def entry():
    """A recipe as YAML gives it, free to be changed."""
    return yaml.safe_load(yaml.safe_dump(ENTRY))


@pytest.fixture
def write_recipe(tmp_path):
    """Write an entry as a recipe file."""

    def write(entry, name="blobs") -> Path:
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(entry, sort_keys=False), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def blobs(tmp_path_factory) -> Path:
    """The data folder."""
    data = tmp_path_factory.mktemp("data")
    (data / "blobs").mkdir()
    rng = np.random.default_rng(0)
    rows = []
    for number in range(96):
        blob = number % 2 == 1
        image = rng.integers(0, 80, (40, 48)).astype(np.uint8)
        if blob:
            cv2.circle(image, (int(rng.integers(12, 36)), int(rng.integers(12, 28))), 8, 220, -1)
        cv2.imwrite(str(data / "blobs" / f"{number}.png"), image)
        split = "train" if number < 56 else "val" if number < 76 else "test"
        rows.append([f"{number}.png", "blob" if blob else "none", f"p{number // 2}", split, "left"])
    with (data / "blobs" / "labels.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["file", "label", "patient", "split", "side"], *rows])
    return data
