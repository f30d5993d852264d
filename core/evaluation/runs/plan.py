"""What a run is about, checked before anything is computed."""

from __future__ import annotations

import dataclasses
import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.datasets.dataset import Dataset, UnusableDataset
from core.datasets.digest import changed_since, with_digest
from core.datasets.labels.truth import targets
from core.errors import UnsupportedModel
from core.evaluation.results.evaluation import Kind
from core.evaluation.runs.from_card import card_facts, model_hash
from core.evaluation.store.cases import RunCases
from core.models.card import ModelCard
from core.version import VERSION

Progress = Callable[[float, str], None]
Stopper = Callable[[], bool]


def check_model(card: ModelCard) -> None:
    """Refuse what cannot be evaluated.

    Raises:
        UnsupportedModel: The model takes something else than one picture, does not classify, or has no hash.
    """
    if len(card.inputs) != 1 or card.inputs[0].kind != "image":
        received = f"{card.title}, which takes {', '.join(f'{spec.name} ({spec.kind})' for spec in card.inputs)}"
        raise UnsupportedModel("a model that takes one picture", received, "choose another model")
    if card.task == "segmentation":
        raise UnsupportedModel("a model that classifies", f"{card.title}, which segments", "choose another model")
    if not model_hash(card):
        raise UnsupportedModel(f"The card of {card.title} lacks the hash of its model", "restore the folder")


@dataclass(frozen=True, eq=False)
class Plan:
    """What a run is about.

    Attributes:
        dataset: With its digest.
        facts: For the store.
        cases: All cases of the split, and what is true of those that count.
        split: Name of the split.
    """

    dataset: Dataset
    facts: Mapping[str, Any]
    cases: RunCases
    split: str


def make_plan(
    card: ModelCard,
    dataset: Dataset,
    split: str,
    mapping: Mapping[str, str],
    kind: Kind = "unknown",
    known: tuple[str, str] | None = None,
    progress: Progress | None = None,
    cancelled: Stopper | None = None,
) -> Plan:
    """Check a dataset against a model and take its hash where it has none.

    Args:
        card: The model's.
        dataset: Without open questions.
        split: train, val or test; `""` for all cases.
        mapping: Dataset label to model label, `""` for left out.
        kind: Where the images come from as the model sees it.
        known: Digest and fingerprint of an earlier time, as `Store.known` gives them.
        progress: Called with a fraction from 0 to 1 and a few words while the hash is taken.
        cancelled: Asked now and then whether to stop.

    Raises:
        UnusableDataset: Questions are open, no case counts, or it changed since its hash was taken.
        UnknownLabel: The label map does not fit the model.
        Cancelled: `cancelled` said so.
    """
    if dataset.questions:
        raise UnusableDataset(
            "a dataset without open questions", f"one that asks: {dataset.questions[0].sentence}", "answer it first"
        )
    chosen = dataset.split(split)
    if not chosen:
        splits = sorted({case.split or "none" for case in dataset.cases})
        raise UnusableDataset(
            f"the split {split} in {dataset.title}", f"only {', '.join(splits)}", "choose one of these"
        )
    usable, y_true = targets(dataset, mapping, card, chosen)
    if not len(usable):
        raise UnusableDataset(
            f"{card.title} has an answer for none of the {len(chosen):,} cases", "look at the label map"
        )
    check_unchanged(dataset)
    hashed = dataset if dataset.digest else with_digest(dataset, progress, cancelled, known)
    names = sorted({name for case in chosen for name in case.attributes})
    cases = RunCases(
        [case.name for case in chosen],
        [case.patient for case in chosen],
        usable,
        y_true,
        {name: [case.attributes.get(name, "") for case in chosen] for name in names},
    )
    found = card_facts(card, hashed.name, hashed.title, hashed.digest, split, "stress" if hashed.variant else kind)
    facts = found | {
        "mapping": dict(sorted(mapping.items())),
        "input": dataclasses.asdict(card.inputs[0]),
        "versions": versions(),
    }
    return Plan(hashed, json.loads(json.dumps(facts)), cases, split)


def versions() -> dict[str, str]:
    """Names and versions of what computes scores."""
    from core.onnx_runtime import onnxruntime

    return {
        "scanlens": VERSION,
        "onnxruntime": str(onnxruntime.__version__),
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def check_unchanged(dataset: Dataset) -> None:
    """Compare the files with those whose hash was taken.

    Raises:
        UnusableDataset: They were changed or removed since.
    """
    if changed_since(dataset):
        raise UnusableDataset(
            f"Files of {dataset.title} were changed or removed since its hash was taken",
            "open it again",
        )
