"""A dataset's labels in terms of a model's: what can be told from the words is suggested, the rest is left to people.

A wrong guess here would be a wrong truth for every case, so a label that is not clearly one of the model's stays `""`,
left out, and the sentence of `left_out` says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from core.card import ModelCard
from core.datasets.dataset import Case, Dataset
from core.datasets.label_words import Meaning, meaning
from core.errors import ScanLensError


class UnknownLabel(ScanLensError):
    """A label map names a label that the model does not have, or lacks one that it needs."""


def suggest_map(labels: Sequence[str], card: ModelCard) -> dict[str, str]:
    """Dataset label to model label, `""` where it is left out.

    Equal words, other spellings and endings, negations ("non fractured"), "normal" and its synonyms, yes and no for a
    binary model, a longer label that contains one of the model's ("bacterial pneumonia"), and grades in their order
    for an ordinal model with as many labels.

    Args:
        labels: Of the dataset.
        card: The model's.
    """
    known = frozenset().union(*(meaning(label).words for label in (*labels, *card.labels)))
    theirs = {label: meaning(label, known) for label in labels}
    ours = {label: meaning(label, known) for label in card.labels}
    grades = _by_grade(labels, card)
    pair = len(labels) == 2 and all(label.is_yes or label.is_no for label in theirs.values())
    return {label: grades.get(label) or _suggest(theirs[label], ours, card, pair) for label in labels}


def _by_grade(labels: Sequence[str], card: ModelCard) -> dict[str, str]:
    """Grades 0, 1, 2 … in order, where model and dataset have as many."""
    if card.task != "ordinal" or len(labels) != len(card.labels) or not all(label.isdigit() for label in labels):
        return {}
    ordered = sorted(labels, key=int)
    if [int(label) - int(ordered[0]) for label in ordered] != list(range(len(ordered))):
        return {}
    return dict(zip(ordered, card.labels, strict=True))


def _suggest(label: Meaning, ours: Mapping[str, Meaning], card: ModelCard, pair: bool) -> str:
    same = [name for name, other in ours.items() if other.text == label.text]
    if not same and label.words:
        same = [name for name, o in ours.items() if o.words == label.words and o.negated == label.negated]
    if len(same) == 1:
        return same[0]
    if card.task == "binary" and pair:  # among other labels, a 1 is a grade and no yes
        return card.labels[int(label.is_yes)]
    if card.task == "binary" and (found := _suggest_binary(label, ours, card)):
        return found
    normal = [name for name, other in ours.items() if other.is_normal]
    if label.is_normal:
        return normal[0] if len(normal) == 1 else ""
    return "" if label.negated else _contained(label, ours)


def _suggest_binary(label: Meaning, ours: Mapping[str, Meaning], card: ModelCard) -> str:
    """The negation of what the model looks for."""
    negative, positive = card.labels
    if label.negated and label.words and label.words == ours[positive].words:
        return negative
    # A normal picture has no fracture; the model's "no fracture" need not be normal.
    if label.is_normal and (ours[negative].negated or ours[negative].is_normal):
        return negative
    return positive if label.is_abnormal and ours[positive].is_abnormal else ""


def _contained(label: Meaning, ours: Mapping[str, Meaning]) -> str:
    """The one label of the model whose words are all in the dataset's, the longest where one contains another."""
    if label.is_unsure or "normal" in label.words:  # "normal, benign" is neither
        return ""
    found = {
        name: o.words
        for name, o in ours.items()
        if o.words and o.words <= label.words and not o.negated and not o.is_normal
    }
    longest = [name for name, words in found.items() if all(other <= words for other in found.values())]
    return longest[0] if len(longest) == 1 else ""


def targets(
    dataset: Dataset, mapping: Mapping[str, str], card: ModelCard, cases: Sequence[Case] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What is true of the cases in the model's terms.

    A case of one label counts where that label is mapped. In a dataset of findings, a finding that is not marked is
    absent: a binary model's answer is yes where any finding mapped to it is marked, else no. A multiclass model takes
    cases whose mapped findings agree on one class.

    Args:
        dataset: Whose labels are mapped.
        mapping: Dataset label to model label, `""` or missing for left out.
        card: The model's.
        cases: Which of the dataset's cases; None for all.

    Returns:
        (n,) places in `cases` of those that count, and their truth: (n,) class indices, or (n, labels) of 0 and 1 for
        a multilabel model.

    Raises:
        UnknownLabel: The map names a label that the model does not have, or a finding of the model has no counterpart.
    """
    _check(dataset, mapping, card)
    chosen = dataset.cases if cases is None else cases
    places, truths = [], []
    for place, case in enumerate(chosen):
        truth = _truth(case, dataset.multilabel, mapping, card)
        if truth is not None:
            places.append(place)
            truths.append(truth)
    shape = (len(places), len(card.labels)) if card.task == "multilabel" else (len(places),)
    return np.asarray(places, np.int64), np.asarray(truths, np.int64).reshape(shape)


def _truth(case: Case, multilabel: bool, mapping: Mapping[str, str], card: ModelCard) -> int | list[int] | None:
    found = {mapping.get(label, "") for label in case.labels} - {""}
    if card.task == "multilabel":
        if not multilabel and not found:  # one class that the model does not know says nothing of those it does
            return None
        return [int(label in found) for label in card.labels]
    if multilabel and card.task == "binary":
        return int(card.labels[1] in found)
    return card.labels.index(found.pop()) if len(found) == 1 else None


def _check(dataset: Dataset, mapping: Mapping[str, str], card: ModelCard) -> None:
    for label, wanted in mapping.items():
        if wanted and wanted not in card.labels:
            raise UnknownLabel(
                f"one of {card.title}'s labels ({', '.join(card.labels)})", f"{wanted!r} for {label!r}", "choose again"
            )
    mapped = {mapping.get(label, "") for label in dataset.labels} - {""}
    if not mapped:
        raise UnknownLabel(
            f"a label that {card.title} knows ({', '.join(card.labels)})",
            f"none among {', '.join(dataset.labels[:8])}",
            "say which of them mean the same",
        )
    if card.task == "multilabel" and (missing := [label for label in card.labels if label not in mapped]):
        raise UnknownLabel(
            f"a label of the dataset for each finding of {card.title}",
            f"none for {', '.join(missing)}, so that nobody knows where it is absent",
            "choose a dataset that was read for it",
        )
    if dataset.multilabel and card.task == "binary" and card.labels[1] not in mapped:
        raise UnknownLabel(
            f"a finding that means {card.labels[1]!r}", "none in the map", "say which finding of the dataset it is"
        )


def left_out(dataset: Dataset, mapping: Mapping[str, str], card: ModelCard, cases: Sequence[Case] | None = None) -> str:
    """A sentence on the cases that count in no metric, `""` where all do."""
    chosen = dataset.cases if cases is None else cases
    used = set(targets(dataset, mapping, card, chosen)[0].tolist())
    rest = Counter(", ".join(case.labels) or "no label" for place, case in enumerate(chosen) if place not in used)
    if not rest:
        return ""
    words = ", ".join(f"{label} ({count:,})" for label, count in rest.most_common(6))
    more = f" and {len(rest) - 6} other labels" if len(rest) > 6 else ""
    total = sum(rest.values())
    return f"{total:,} of {len(chosen):,} cases are left out, as {card.title} has no answer for them: {words}{more}."
