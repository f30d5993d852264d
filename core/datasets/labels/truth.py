"""What is true of cases in a model's terms, once it is settled what the labels of their dataset mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from core.datasets.dataset import Case, Dataset
from core.datasets.labels.mapping import UnknownLabel, check_answers
from core.datasets.labels.words import meaning
from core.models.card import ModelCard


def targets(
    dataset: Dataset, mapping: Mapping[str, str], card: ModelCard, cases: Sequence[Case] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What is true of the cases in the model's terms.

    A case of one label counts where that label is mapped. In a dataset of findings, a finding that is not marked is
    absent: a binary model's answer is yes where any finding mapped to it is marked, else no. A multiclass model takes
    cases whose mapped findings agree on one class. Where nobody knows of a finding that would decide, or the label
    only says that it is possible, the case does not count.

    Args:
        dataset: The dataset whose labels are mapped.
        mapping: Dataset label to model label, `""` or missing for left out.
        card: The model's.
        cases: Which of the dataset's cases; None for all.

    Returns:
        (n,) places in `cases` of those that count, and their truth: (n,) class indices, or (n, labels) of 0 and 1 for
        a multilabel model; all of them and 0 for one that segments, as masks say what is true.

    Raises:
        UnknownLabel: The map names a label that the model does not have, or a finding of the model has no counterpart.
    """
    chosen = dataset.cases if cases is None else cases
    if card.task == "segmentation":  # what is true of a case is in its mask
        return np.arange(len(chosen)), np.zeros(len(chosen), np.int64)
    _check(dataset, mapping, card)
    doubts = _doubts(dataset, mapping, card)
    places, truths = [], []
    for place, case in enumerate(chosen):
        truth = _truth(case, dataset.multilabel, mapping, card, doubts)
        if truth is not None:
            places.append(place)
            truths.append(truth)
    shape = (len(places), len(card.labels)) if card.task == "multilabel" else (len(places),)
    return np.asarray(places, np.int64), np.asarray(truths, np.int64).reshape(shape)


def _doubts(dataset: Dataset, mapping: Mapping[str, str], card: ModelCard) -> dict[str, frozenset[str]]:
    """Findings such as "possible pneumonia" that are left out, to the labels of the model that they put in doubt."""
    if not dataset.multilabel:
        return {}
    ours = {name: meaning(name).words for name in card.labels}
    found = {}
    for label in dataset.labels:
        if not mapping.get(label) and (said := meaning(label)).unsure:
            found[label] = frozenset(name for name, words in ours.items() if words and words <= said.words)
    return {label: names for label, names in found.items() if names}


def _truth(
    case: Case, multilabel: bool, mapping: Mapping[str, str], card: ModelCard, doubts: Mapping[str, frozenset[str]]
) -> int | list[int] | None:
    found = {mapping.get(label, "") for label in case.labels} - {""}
    open_ones = {mapping.get(label, "") for label in case.unknown} - {""}
    open_ones = (open_ones | frozenset().union(*(doubts.get(label, frozenset()) for label in case.labels))) - found
    if card.task == "multilabel":
        if open_ones or (not multilabel and not found):  # one class that the model lacks says nothing of those it has
            return None
        return [int(label in found) for label in card.labels]
    if multilabel and card.task == "binary":
        negative, positive = card.labels
        if positive in found or negative in found:
            return int(positive in found)
        return None if positive in open_ones else 0
    return card.labels.index(found.pop()) if len(found) == 1 and not open_ones else None


def _check(dataset: Dataset, mapping: Mapping[str, str], card: ModelCard) -> None:
    check_answers(mapping, card)
    mapped = {mapping.get(label, "") for label in dataset.labels} - {""}
    if not mapped:
        raise UnknownLabel(
            f"{card.title} knows none of the labels {', '.join(dataset.labels[:8])}",
            f"say which of them mean {', '.join(card.labels)}",
        )
    if card.task == "multilabel" and (missing := [label for label in card.labels if label not in mapped]):
        raise UnknownLabel(
            f"No label of the dataset stands for {', '.join(missing)}, so nobody knows where it is absent",
            "choose a dataset that was read for it",
        )
    if dataset.multilabel and card.task == "binary" and card.labels[1] not in mapped:
        raise UnknownLabel(
            f"The label map has no finding that means {card.labels[1]!r}", "say which finding of the dataset it is"
        )


def left_out(dataset: Dataset, mapping: Mapping[str, str], card: ModelCard, cases: Sequence[Case] | None = None) -> str:
    """A sentence on the cases that count in no metric, `""` where all do."""
    chosen = dataset.cases if cases is None else cases
    used = set(targets(dataset, mapping, card, chosen)[0].tolist())
    rest = Counter(_in_words(case, dataset.multilabel) for place, case in enumerate(chosen) if place not in used)
    if not rest:
        return ""
    words = ", ".join(f"{label} ({count:,})" for label, count in rest.most_common(6))
    more = f" and {len(rest) - 6} other labels" if len(rest) > 6 else ""
    total = sum(rest.values())
    return f"{total:,} of {len(chosen):,} cases are left out, as {card.title} has no answer for them: {words}{more}."


def _in_words(case: Case, multilabel: bool) -> str:
    if multilabel and case.unknown:
        return "finding not known"
    return ", ".join(case.labels) or "no label"
