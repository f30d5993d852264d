"""Labels that come as arrays: numbers, texts, one-hot rows, findings; and those that nobody knows."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.datasets.arrays.container import read_small
from core.datasets.arrays.medmnist_names import is_multilabel, known_labels
from core.datasets.arrays.names import Pair
from core.datasets.dataset import UnusableDataset
from core.datasets.inquiry import Inquiry
from core.datasets.labels.missing import is_missing, perhaps_missing
from core.datasets.tables.labelling import NOT_KNOWN

#: Cases from which on rows with a single one each are no chance.
_ENOUGH = 30


@dataclass(frozen=True, eq=False)
class ArrayLabels:
    """The labels of all splits.

    Attributes:
        rows: Split to one tuple of labels a case.
        unknown: Split to one tuple a case, of findings of which nobody knows.
        labels: All of them in a stable order.
        multilabel: Whether a case may have several or none.
    """

    rows: Mapping[str, list[tuple[str, ...]]]
    unknown: Mapping[str, list[tuple[str, ...]]]
    labels: tuple[str, ...]
    multilabel: bool


def read_labels(archive: zipfile.ZipFile, pair: Pair, count: int) -> NDArray[np.generic]:
    """(cases, columns) whole numbers as float64 with NaN where nothing is known, or (cases, 1) texts.

    Raises:
        UnusableDataset: They are objects, probabilities, or not one for each image.
    """
    labels = read_small(archive, pair.labels)
    if labels.dtype.kind not in "biufUS" or labels.ndim > 2 or len(labels) != count:
        raise UnusableDataset(
            f"a label for each of the {count:,} images of {pair.images.removesuffix('.npy')}",
            f"{len(labels):,} of type {labels.dtype} in {' × '.join(map(str, labels.shape))}",
            "get the file again",
        )
    labels = labels.reshape(count, -1)
    if labels.dtype.kind in "US":
        if labels.shape[1] != 1:
            raise UnusableDataset("one text an image", f"{labels.shape[1]} of them", "save numbers or one text")
        return _texts(labels)
    numbers = labels.astype(np.float64)
    known = numbers[~np.isnan(numbers)]
    if not (known == np.round(known)).all():
        raise UnusableDataset(
            "labels that are whole numbers",
            f"numbers such as {known[known != np.round(known)][0]:.3g} in {pair.labels}, which look like probabilities",
            "save what is true of each image",
        )
    return numbers


def _texts(labels: NDArray[np.generic]) -> NDArray[np.generic]:
    """Texts without blanks at their ends; numbers where all are."""
    plain = [
        (bytes(cell).decode("utf-8", errors="replace") if isinstance(cell, bytes) else str(cell)).strip("\0 \t\r\n")
        for cell in labels[:, 0]
    ]
    filled = [text for text in plain if not is_missing(text)]
    if filled and all(text.lstrip("+-").isdecimal() for text in filled):
        return np.array([[np.nan if is_missing(text) else float(text)] for text in plain])
    return np.array(plain, dtype=np.str_)[:, None]


def name_labels(title: str, truths: Mapping[str, NDArray[np.generic]], inquiry: Inquiry) -> ArrayLabels:
    """Give the labels of every case their names.

    Labels are (cases, columns) in each split.

    Args:
        title: Name of the file, by which MedMNIST's own are known.
        truths: Split to what `read_labels` gave.
        inquiry: What cannot be known is asked.

    Raises:
        UnusableDataset: They are not of one kind in every split.
    """
    kinds = {(truth.shape[1], truth.dtype.kind == "U") for truth in truths.values()}
    if len(kinds) != 1 or not sum(len(truth) for truth in truths.values()):
        raise UnusableDataset("The labels are not of one kind in every split", "get the file again")
    columns, are_texts = kinds.pop()
    if are_texts:
        return _of_texts({split: [str(text) for text in truth[:, 0]] for split, truth in truths.items()}, inquiry)
    numbers = {split: truth.astype(np.float64) for split, truth in truths.items()}
    if columns == 1:
        return _of_numbers(title, {split: truth[:, 0] for split, truth in numbers.items()}, inquiry)
    values = np.unique(np.concatenate([truth.ravel() for truth in numbers.values()]))
    if not set(values[~np.isnan(values)].tolist()) <= {-1.0, 0.0, 1.0}:
        raise UnusableDataset(
            f"The {columns} columns of labels hold other numbers than 0 and 1",
            "save one label an image, or columns of 0 and 1",
        )
    if _is_one_hot(title, numbers, inquiry):
        return _of_numbers(title, {split: truth.argmax(axis=1) * 1.0 for split, truth in numbers.items()}, inquiry)
    return _of_findings(title, numbers, inquiry)


def _is_one_hot(title: str, numbers: Mapping[str, NDArray[np.float64]], inquiry: Inquiry) -> bool:
    """Whether each row marks one class; few rows may do so by chance."""
    rows = np.concatenate(list(numbers.values()))
    single = bool((rows.sum(axis=1) == 1).all() and (rows >= 0).all())
    if not single or is_multilabel(title, rows.shape[1]):
        return False
    certain = len(rows) >= _ENOUGH or bool(known_labels(title, rows.shape[1]))
    sentence = f"What do the {rows.shape[1]} columns of labels say?"
    answer = inquiry.settle(
        "several", sentence, ("one class an image", "several findings"), "one class an image", certain
    )
    return answer == "one class an image"


def _of_findings(title: str, numbers: Mapping[str, NDArray[np.float64]], inquiry: Inquiry) -> ArrayLabels:
    columns = next(iter(numbers.values())).shape[1]
    known = known_labels(title, columns)
    labels = known or tuple(f"finding {column}" for column in range(columns))
    if known:
        inquiry.understood.append(f"The labels are MedMNIST's: {', '.join(known)}.")
    rows = {
        split: [tuple(labels[k] for k in np.flatnonzero(row == 1)) for row in truth] for split, truth in numbers.items()
    }
    unknown = {
        split: [tuple(labels[k] for k in np.flatnonzero(np.isnan(row) | (row == -1))) for row in truth]
        for split, truth in numbers.items()
    }
    gaps = [len(case) for cases in unknown.values() for case in cases if case]
    if gaps:
        inquiry.warnings.append(
            f"{sum(gaps):,} findings of {len(gaps):,} cases are -1 or NaN and count as not known: such a case is left "
            "out where a model asks for one of them."
        )
    return ArrayLabels(rows, unknown, labels, True)


def _of_texts(texts: Mapping[str, list[str]], inquiry: Inquiry) -> ArrayLabels:
    gaps = _gaps([text for cases in texts.values() for text in cases], inquiry)
    rows: dict[str, list[tuple[str, ...]]] = {
        split: [() if text in gaps else (text,) for text in cases] for split, cases in texts.items()
    }
    labels = tuple(sorted({label for cases in rows.values() for case in cases for label in case}))
    inquiry.understood.append(f"The labels are texts: {', '.join(labels[:12])}.")
    return _one_class(rows, labels)


def _of_numbers(title: str, numbers: Mapping[str, NDArray[np.float64]], inquiry: Inquiry) -> ArrayLabels:
    texts = {
        split: ["" if np.isnan(number) else str(int(number)) for number in truth] for split, truth in numbers.items()
    }
    gaps = _gaps([text for cases in texts.values() for text in cases], inquiry)
    values = sorted({int(text) for cases in texts.values() for text in cases if text not in gaps})
    if not values:
        raise UnusableDataset("No image has a label that is known", "get the file again")
    names = _names(title, values, inquiry)
    rows: dict[str, list[tuple[str, ...]]] = {
        split: [() if text in gaps else (names[int(text)],) for text in cases] for split, cases in texts.items()
    }
    shown = tuple(names[value] for value in sorted(names))
    return _one_class(rows, shown[::-1] if shown == ("positive", "negative") else shown)


def _gaps(texts: list[str], inquiry: Inquiry) -> set[str]:
    """Texts that mean that a label is not known."""
    there = dict.fromkeys(texts)
    gaps = {text for text in there if is_missing(text)}
    doubtful = perhaps_missing(there)
    if doubtful:
        listed = " and ".join(repr(text) for text in doubtful)
        certain = set(there) - gaps <= {"-1", "0", "1"}
        answer = inquiry.settle(
            "gap", f"What does {listed} among the labels mean?", (NOT_KNOWN, "a label"), NOT_KNOWN, certain
        )
        gaps |= set(doubtful) if answer == NOT_KNOWN else set()
    count = sum(text in gaps for text in texts)
    if count:
        words = "1 case has no label and counts" if count == 1 else f"{count:,} cases have no label and count"
        inquiry.warnings.append(f"{words} in no metric.")
    return gaps


def _names(title: str, values: list[int], inquiry: Inquiry) -> dict[int, str]:
    """Number to label."""
    known = known_labels(title, values[-1] + 1) if values[0] >= 0 else ()
    if known and not is_multilabel(title, len(known)):
        inquiry.understood.append(f"The labels are MedMNIST's: {', '.join(known)}.")
        return dict(enumerate(known))  # a label that a split lacks is still one of the dataset's
    if set(values) == {0, 1}:
        yes = inquiry.settle("positive", "Which label means that it is present?", ("1", "0"), "1", False)
        return {0: "negative", 1: "positive"} if yes == "1" else {0: "positive", 1: "negative"}
    return {value: str(value) for value in values}


def _one_class(rows: Mapping[str, list[tuple[str, ...]]], labels: tuple[str, ...]) -> ArrayLabels:
    return ArrayLabels(rows, {split: [()] * len(cases) for split, cases in rows.items()}, labels, False)
