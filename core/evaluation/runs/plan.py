"""What a run is about, checked before anything is computed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.datasets.dataset import Case, Dataset, UnusableDataset
from core.datasets.digest import changed_since, with_digest
from core.datasets.labels.truth import targets
from core.datasets.tables.inputs import check_columns, columns_in, lacking, missing_in, values_in
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
        UnsupportedModel: The model segments whole volumes at once, or has no hash.
    """
    first = next((spec for spec in card.inputs if spec.is_image), card.inputs[0])
    if card.task == "segmentation" and first.kind != "image":
        raise UnsupportedModel(
            f"{card.title} segments a {first.kind} at once, not one image at a time",
            "choose another model",
        )
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
        mapping: What the dataset's words mean for the model.
    """

    dataset: Dataset
    facts: Mapping[str, Any]
    cases: RunCases
    split: str
    mapping: Mapping[str, str]


def usable_cases(
    dataset: Dataset, mapping: Mapping[str, str], card: ModelCard, cases: Sequence[Case]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which cases count, and what is true of them: those that have a truth and all that the model must have.

    Args:
        dataset: The dataset that the cases belong to.
        mapping: What its words, columns among them, mean for the model.
        card: Of the model.
        cases: Of one split.

    Returns:
        (n,) places in `cases`, and their truth as `core.datasets.labels.truth.targets` gives it.

    Raises:
        UnusableDataset: The model needs something for which there is no column.
        UnknownLabel: The mapping names what the dataset or the model does not have.
    """
    check_columns(mapping, card, dataset)
    columns = columns_in(mapping)
    if card.task == "segmentation" and dataset.variant.startswith("rotation"):
        raise UnusableDataset(
            "A rotation moves the image away from its masks",
            "choose another stress",
        )
    if missing := lacking(card, dataset, columns):
        offered = ", ".join(dataset.columns[:12]) or "no table"
        raise UnusableDataset(
            f"{card.title} needs {' and '.join(missing)}, and the dataset has {offered}",
            "say which column it is, or choose another model",
        )  # fmt: skip
    places, truth = targets(dataset, mapping, card, cases)
    whole = np.array([not missing_in(card, dataset, cases[place], columns) for place in places], bool)
    return places[whole], truth[whole]


def without_inputs(dataset: Dataset, mapping: Mapping[str, str], card: ModelCard, cases: Sequence[Case]) -> str:
    """A sentence on the cases that lack something which the model must have, `""` where none does."""
    columns = columns_in(mapping)
    places, _ = targets(dataset, mapping, card, cases)
    lists = [missing_in(card, dataset, cases[place], columns) for place in places]
    counts = Counter(title for missing in lists for title in missing)
    if not counts:
        return ""
    number = sum(bool(missing) for missing in lists)
    words = ", ".join(f"{title} ({count:,})" for title, count in counts.most_common())
    return (
        f"{number:,} of {len(cases):,} cases {'is' if number == 1 else 'are'} left out, as {card.title} needs "
        f"what is missing: {words}."
    )


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
        raise UnusableDataset(f"The dataset has an open question, “{dataset.questions[0].sentence}”", "answer it first")
    chosen = dataset.split(split)
    if not chosen:
        splits = sorted({case.split or "none" for case in dataset.cases})
        raise UnusableDataset(f"{dataset.title} has no split {split}", f"choose {', '.join(splits)}")
    usable, y_true = usable_cases(dataset, mapping, card, chosen)
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
        "input": _input(card, dataset, chosen, mapping),
        "versions": versions(),
    }
    return Plan(hashed, json.loads(json.dumps(facts)), cases, split, mapping)


def _input(card: ModelCard, dataset: Dataset, cases: Sequence[Case], mapping: Mapping[str, str]) -> dict[str, Any]:
    """What scores were made from: stored scores count no longer once it changes.

    For one image that is the model's input. Columns and values of masks, the cells behind them, and the thresholds that
    cut masks belong to it where a model reads them.
    """
    columns, values = columns_in(mapping), values_in(mapping)
    if len(card.inputs) == 1 and card.task != "segmentation" and not columns:
        return dataclasses.asdict(card.inputs[0])
    table, cells = dataset.table, hashlib.sha256()
    for case in cases if table is not None else ():
        assert table is not None  # asked in the line above
        cells.update("\x1f".join(table.cell(case, column) for column in columns.values()).encode() + b"\n")
    found: dict[str, Any] = {
        "inputs": [dataclasses.asdict(spec) for spec in card.inputs], "columns": columns, "cells": cells.hexdigest(),
    }  # fmt: skip
    if card.task == "segmentation":
        found |= {
            "values": {str(value): label for value, label in values.items()},
            "thresholds": [card.threshold, dict(card.thresholds)],
        }
    return found


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
