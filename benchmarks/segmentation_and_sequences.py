"""How long one image takes a shipped outline model, and one heart cycle a shipped recurrent one.

Real bundles with random images: the time does not depend on what is in them. Outlines are counted at 256 × 256 pixels
of model input; a model with another size is scaled by its number of pixels, and its row says so.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import numpy as np

MODELS = Path(__file__).resolve().parent.parent / "models"
#: Milliseconds that are allowed, and how often it is measured.
OUTLINE, SEQUENCE, ROUNDS = 60.0, 150.0, 25


def run() -> list[dict[str, object]]:
    from core.models.card import load_cards

    rows = []
    for card in load_cards(MODELS)[0].values():
        kinds = {spec.kind for spec in card.inputs}
        if card.task == "segmentation":
            pixels = card.inputs[0].size[0] * card.inputs[0].size[1]
            scale = 256 * 256 / pixels
            words = "" if pixels == 256 * 256 else f", scaled from {card.inputs[0].size[0]} × {card.inputs[0].size[1]}"
            rows.append(_row(f"{card.slug}: an image of 256 × 256{words}", scale * _milliseconds(card), OUTLINE))
        elif "sequence" in kinds:
            frames = next(spec.frames for spec in card.inputs if spec.kind == "sequence")
            rows.append(_row(f"{card.slug}: a cycle of {frames} frames", _milliseconds(card), SEQUENCE))
    return rows


def _milliseconds(card: object) -> float:
    from core.inference.bundle import open_bundle

    bundle = open_bundle(card)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    batch = {name: rng.random((1, *shape), np.float32) for name, shape in bundle.input_shapes.items()}
    bundle.run(batch, outputs=("logits",))
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        bundle.run(batch, outputs=("logits",))
        times.append(time.perf_counter() - begin)
    return 1000 * statistics.median(times)


def _row(name: str, value: float, limit: float) -> dict[str, object]:
    return {"name": name, "value": round(value, 2), "limit": limit, "unit": "ms", "holds": value <= limit}
