"""What a model's card contributes to an evaluation: hash, title, thresholds, temperature and where they came from."""

from __future__ import annotations

from typing import Any

from core.evaluation.results.evaluation import Kind
from core.models.card import ModelCard


def model_hash(card: ModelCard) -> str:
    """sha256 of `model.keras`, or of `model.onnx` where the bundle has no other; `""` where the card lists neither."""
    return str(card.sha256.get("model.keras") or card.sha256.get("model.onnx") or "").lower()


def derived_labels(card: ModelCard) -> dict[str, list[str]]:
    """Name of the card's derived question to the labels that mean yes; empty where it has none."""
    return {str(card.derived["name"]): [str(label) for label in card.derived["labels"]]} if card.derived else {}


def card_facts(
    card: ModelCard, dataset: str, dataset_title: str, dataset_digest: str, split: str, kind: Kind
) -> dict[str, Any]:
    """Facts of an evaluation of this model, as `record.evaluation_from` takes them.

    Args:
        card: The model's.
        dataset: Short name of the dataset.
        dataset_title: For people.
        dataset_digest: sha256 of what is scored.
        split: train, val or test, or `""`.
        kind: Where the images come from as the model sees it.
    """
    return {
        "model": card.slug,
        "model_title": card.title,
        "model_sha256": model_hash(card),
        "dataset": dataset,
        "dataset_title": dataset_title,
        "dataset_digest": dataset_digest,
        "split": split,
        "kind": kind,
        "task": card.task,
        "labels": list(card.labels),
        "derived": derived_labels(card),
        "threshold": card.threshold if card.task in {"binary", "segmentation"} else None,
        "thresholds": dict(card.thresholds),
        "threshold_from": card.threshold_from,
        "temperature": card.temperature,
    }
