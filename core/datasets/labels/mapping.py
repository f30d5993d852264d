"""A dataset's labels in terms of a model's: what can be told from the words is suggested, the rest is left to people.

A wrong guess here would be a wrong truth for every case, so a label that is not clearly one of the model's stays `""`,
left out, and the sentence of `left_out` says so. `label_map` says which labels nobody has settled yet; a run begins
only when none is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.datasets.dataset import Dataset
from core.datasets.labels.marks import find_marks
from core.datasets.labels.missing import is_missing
from core.datasets.labels.words import (
    KINDS,
    PLACES,
    Meaning,
    meaning,
    plain_text,
)
from core.errors import ScanLensError
from core.models.card import ModelCard

#: In place of a label in what the user says: all that nobody has settled.
REST = "*"
#: What a finding may be called and still not be cancer when it is benign.
_LUMPS = frozenset({"tumor", "lesion", "nodul", "mass", "cyst"})


#: Before a column of a table, and before a value of a mask, in the mapping of a dataset's words to a model's. They
#: stand beside its labels: all that was said of a dataset and a model is one mapping, with which runs are stored.
COLUMN, VALUE = "column:", "mask value:"


def labels_in(mapping: Mapping[str, str]) -> dict[str, str]:
    """The part of a mapping that is about labels."""
    return {key: answer for key, answer in mapping.items() if not key.startswith((COLUMN, VALUE))}


class UnknownLabel(ScanLensError):
    """A label map names a label that the model does not have, or lacks one that it needs."""


class OpenLabels(ScanLensError):
    """Nobody has said what labels of the dataset mean for the model."""


@dataclass(frozen=True)
class LabelMap:
    """What the labels of a dataset mean for a model.

    Attributes:
        mapping: Dataset label to model label, `""` for left out.
        open: Labels that the words do not settle and nobody has; they are `""` in `mapping`.
    """

    mapping: Mapping[str, str]
    open: tuple[str, ...] = ()


def label_map(
    dataset: Dataset,
    card: ModelCard,
    before: Mapping[str, str] | None = None,
    said: Mapping[str, str] | None = None,
) -> LabelMap:
    """What the words suggest, then what was chosen for this dataset before, then what is said now.

    Args:
        dataset: The dataset whose labels are mapped.
        card: The model's.
        before: An earlier map of this dataset; answers that the model no longer has do not count.
        said: What the user says, `""` for left out; `REST` stands for all labels that would be open.

    Raises:
        UnknownLabel: What is said names a label that dataset or model does not have.
    """
    if card.task == "segmentation":  # masks say what is true, not labels
        return LabelMap({})
    said, before = labels_in(said or {}), labels_in(before or {})
    wrong = sorted(set(said) - {*dataset.labels, REST})
    if wrong:
        raise UnknownLabel(
            f"The dataset has no label {', '.join(wrong)}", f"correct --map; it has {', '.join(dataset.labels)}"
        )
    check_answers(said, card)
    kept = {label: answer for label, answer in (before or {}).items() if answer in ("", *card.labels)}
    mapping = suggest_map(dataset.labels, card)
    for source in (kept, said):
        mapping |= {label: source[label] for label in dataset.labels if label in source}
    known = {label for label in dataset.labels if label in kept or label in said}
    # Of several findings those that the model does not look for are no question, unless one of its own is missing.
    covered = card.task != "multilabel" or set(card.labels) <= set(mapping.values())
    unsettled = tuple(
        label
        for label in dataset.labels
        if not mapping[label]
        and label not in known
        and not is_missing(label)
        and not (dataset.multilabel and covered and _is_another(label, card))
    )
    if REST in said:
        return LabelMap(mapping | dict.fromkeys(unsettled, said[REST]))
    return LabelMap(mapping, unsettled)


def _is_another(label: str, card: ModelCard) -> bool:
    """Whether a finding says nothing of what the model looks for."""
    ours = [meaning(name).words for name in card.labels]
    said = meaning(label, frozenset().union(*ours))
    related = any(words <= said.words or said.words <= words for words in ours)
    return bool(said.words) and not related and not said.is_abnormal and not said.is_normal


def open_words(found: LabelMap) -> str:
    """The open labels in a sentence: `"'COVID-19', 'ruled out' and 3 more"`."""
    listed = ", ".join(repr(label) for label in found.open[:6])
    return f"{listed} and {len(found.open) - 6} more" if len(found.open) > 6 else listed


def open_labels(found: LabelMap, card: ModelCard) -> OpenLabels:
    """The error of the shell for a map with open labels; its one sentence names them and says what to answer."""
    one, first = len(found.open) == 1, found.open[0]
    means = "means" if one else "mean"
    return OpenLabels(
        f"Nobody has said what {open_words(found)} {means} for {card.title}",
        f"choose among {', '.join(card.labels)}, "
        f'e.g. --map "{first}={card.labels[0]}"; --map "{first}=" leaves it out, --map "{REST}=" all that are open',
    )


def suggest_map(labels: Sequence[str], card: ModelCard) -> dict[str, str]:
    """Dataset label to model label, `""` where it is left out.

    Equal words, other spellings and endings, negations ("non fractured", "fracture-"), "normal" and its synonyms, yes
    and no for a binary model, a longer label that adds a place or a kind to one of the model's ("bacterial pneumonia"),
    and grades in their order for an ordinal model with as many labels. Labels with words that are not understood stay
    out: "pneumonia ruled out" has all words of "pneumonia".

    Args:
        labels: Of the dataset.
        card: The model's.
    """
    texts = _without_numbering(labels)
    known = frozenset().union(*(meaning(text).words for text in (*texts.values(), *card.labels)))
    theirs = {label: meaning(text, known) for label, text in texts.items()}
    ours = {label: meaning(label, known) for label in card.labels}
    grades = _by_grade(labels, card)
    marks = find_marks(labels)  # among other labels, a 1 is a grade and no yes
    marked = dict(zip(labels, marks.cells, strict=True)) if marks and marks.both and card.task == "binary" else {}
    found = {
        label: ""
        if is_missing(label)
        else grades.get(label) or _suggest(theirs[label], ours, card, marked.get(label, ""))
        for label in labels
    }
    return _without_contradictions(found | _last_pairs(found, theirs, ours), theirs)


def _without_numbering(labels: Sequence[str]) -> dict[str, str]:
    """Labels without the running number before each of them: `0_normal`, `1_pneumonia`."""
    parts = {label: re.fullmatch(r"\s*(\d+)\s*[\s_.:)-]\s*(\D.*)", label) for label in labels}
    if len(labels) < 2 or not all(parts.values()):
        return {label: label for label in labels}
    numbers = sorted(int(part[1]) for part in parts.values() if part)
    rest = {label: part[2] for label, part in parts.items() if part}
    whole = numbers == list(range(numbers[0], numbers[0] + len(numbers))) and numbers[0] in (0, 1)
    distinct = len({plain_text(text) for text in rest.values()}) == len(rest)
    return rest if whole and distinct else {label: label for label in labels}


def _by_grade(labels: Sequence[str], card: ModelCard) -> dict[str, str]:
    """Grades 0, 1, 2 … in order, where model and dataset have as many."""
    numbers = {label: plain_text(label) for label in labels}
    if card.task != "ordinal" or len(labels) != len(card.labels):
        return {}
    if not all(re.fullmatch(r"\d{1,3}", number) for number in numbers.values()):
        return {}
    ordered = sorted(labels, key=lambda label: int(numbers[label]))
    values = [int(numbers[label]) for label in ordered]
    return (
        dict(zip(ordered, card.labels, strict=True))
        if values == list(range(values[0], values[0] + len(values)))
        else {}
    )


def _suggest(label: Meaning, ours: Mapping[str, Meaning], card: ModelCard, mark: str) -> str:
    same = [name for name, other in ours.items() if other.text == label.text]
    if len(same) == 1:
        return same[0]
    if label.unsure:
        return ""
    if label.words:
        same = [name for name, o in ours.items() if o.words == label.words and o.negated == label.negated]
    if len(same) == 1:
        return same[0]
    if mark in ("yes", "no"):
        return card.labels[int(mark == "yes")]
    if card.task == "binary" and (found := _suggest_binary(label, ours, card)):
        return found
    if label.is_normal:
        return _nothing(ours)
    return "" if label.negated else _contained(label, ours)


def _nothing(ours: Mapping[str, Meaning]) -> str:
    """The model's one label for an image without any of what it looks for."""
    normal = [name for name, other in ours.items() if other.is_normal]
    without = [name for name, other in ours.items() if other.negated]
    found = normal or without
    return found[0] if len(found) == 1 else ""


def _suggest_binary(label: Meaning, ours: Mapping[str, Meaning], card: ModelCard) -> str:
    """The negation of what the model looks for."""
    negative, positive = card.labels
    if label.negated and label.words and label.words == ours[positive].words:
        return negative
    # A normal image has no fracture; the model's "no fracture" need not be normal.
    if label.is_normal and (ours[negative].negated or ours[negative].is_normal):
        return negative
    if _is_benign(label) and ours[positive].words == {"cancer"} and ours[negative].negated:
        return negative
    return positive if label.is_abnormal and ours[positive].is_abnormal else ""


def _is_benign(label: Meaning) -> bool:
    return "benign" in label.words and label.words - PLACES - _LUMPS == {"benign"} and not label.negated


def _contained(label: Meaning, ours: Mapping[str, Meaning]) -> str:
    """The one label of the model to which the dataset's adds no more than a place or a kind.

    Where one of the model's contains another, it is the longest.
    """
    if "normal" in label.words:  # "normal, benign" is neither
        return ""
    found = {
        name: o.words
        for name, o in ours.items()
        if o.words and o.words <= label.words and not o.negated and not o.is_normal
    }
    longest = [name for name, words in found.items() if all(other <= words for other in found.values())]
    if len(longest) != 1:
        return ""
    shared = frozenset().union(*(o.words for o in ours.values()))
    lumps = _LUMPS if found[longest[0]] == {"cancer"} else frozenset()
    return longest[0] if label.words - found[longest[0]] <= PLACES | KINDS | shared | lumps else ""


def _last_pairs(found: Mapping[str, str], theirs: Mapping[str, Meaning], ours: Mapping[str, Meaning]) -> dict[str, str]:
    """Shorter names for what is left, where they and the rest then answer each of the model's labels just once.

    With glioma, meningioma and no tumour told, `pituitary` can only be the pituitary tumour.
    """
    rest = [label for label, answer in found.items() if not answer]
    free = [name for name in ours if name not in found.values()]
    if not rest or len(rest) != len(free) or len(rest) == len(found):
        return {}
    pairs = {}
    for label in rest:
        said = theirs[label]
        names = [name for name in free if said.words and said.words < ours[name].words and not ours[name].negated]
        if len(names) != 1 or said.unsure or said.negated:
            return {}
        pairs[label] = names[0]
    return pairs if len(set(pairs.values())) == len(rest) else {}


def _without_contradictions(found: dict[str, str], theirs: Mapping[str, Meaning]) -> dict[str, str]:
    """Labels of the same words and another sign never mean the same."""
    signs: dict[tuple[str, frozenset[str]], set[bool]] = {}
    for label, answer in found.items():
        signs.setdefault((answer, theirs[label].words), set()).add(theirs[label].negated)
    return {label: answer if len(signs[answer, theirs[label].words]) == 1 else "" for label, answer in found.items()}


def check_answers(mapping: Mapping[str, str], card: ModelCard) -> None:
    """Refuse answers that the model does not have.

    Raises:
        UnknownLabel: One of them.
    """
    for label, wanted in labels_in(mapping).items():
        if wanted and wanted not in card.labels:
            raise UnknownLabel(
                f"one of {card.title}'s labels ({', '.join(card.labels)})", f"{wanted!r} for {label!r}", "choose again"
            )
