"""Prediction sets: which labels a classifier cannot rule out, with a coverage that holds for each class.

Split conformal prediction, class by class (Mondrian; Vovk, Gammerman and Shafer 2005, *Algorithmic Learning in a Random
World*, section 4.5; Vovk 2012, arXiv:1209.2673), with the score 1 − probability of the label (Sadinle, Lei and
Wasserman 2019, arXiv:1609.00451). A label belongs to the set of an image where its score is at most the quantile of
the scores that validation cases of this label had. Then at least 90 % of the images of each class have their class in
their set, on average over validation splits, as long as they come from where the validation images came from. Nothing
is promised for other images, nor for one image alone; several images of one patient are not independent, which makes
the promise less exact.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.models.card import ModelCard

#: Fraction of the images of each class whose set is to hold their class.
COVERAGE = 0.9

#: Decimals of a quantile as it is stored; it is rounded up, so that no case falls out of its set by rounding.
DECIMALS = 6


def fewest_cases(coverage: float = COVERAGE) -> int:
    """Validation cases of a class from which on its quantile says anything: 9 for 0.9.

    Example:
        >>> fewest_cases(0.9), fewest_cases(0.8)
        (9, 4)
    """
    cases = 1
    while _rank(cases, coverage) > cases:
        cases += 1
    return cases


def _rank(cases: int, coverage: float) -> int:
    return math.ceil((cases + 1) * coverage - 1e-9)  # 10 * 0.9 may come out a hair above 9


def score_quantile(scores: ArrayLike, coverage: float = COVERAGE) -> float:
    """The score that at least `coverage` of further cases of the same kind do not exceed.

    Args:
        scores: (cases,) 1 − probability of the true label, of the validation cases of one label.
        coverage: The fraction to reach.

    Returns:
        The ⌈(n + 1) · coverage⌉-th smallest score, rounded up; 1.0 where there are fewer cases than that, so that the
        label belongs to every set.

    Example:
        >>> score_quantile([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]), score_quantile([0.1, 0.2])
        (0.9, 1.0)
    """
    ordered = np.sort(np.asarray(scores, np.float64))
    rank = _rank(len(ordered), coverage)
    if rank > len(ordered) or not np.isfinite(ordered).all():
        return 1.0
    return min(1.0, math.ceil(round(float(ordered[rank - 1]) * 10**DECIMALS, 3)) / 10**DECIMALS)


def class_quantiles(
    probabilities: NDArray[np.floating], y_true: ArrayLike, coverage: float = COVERAGE
) -> tuple[float, ...]:
    """One quantile a class.

    Args:
        probabilities: (cases, classes) of the validation split.
        y_true: (cases,) class indices.
        coverage: The fraction to reach in each class.
    """
    truth, count = np.asarray(y_true), probabilities.shape[1]
    return tuple(score_quantile(1.0 - probabilities[truth == index, index], coverage) for index in range(count))


def label_sets(probabilities: NDArray[np.floating], quantiles: ArrayLike) -> NDArray[np.bool_]:
    """Which labels belong to the set of each case: (cases, classes), for probabilities of that shape.

    A probability that is not a number rules nothing out.

    Example:
        >>> label_sets(np.array([[0.5, 0.5], [0.99, 0.01]]), [0.6, 0.6]).tolist()
        [[True, True], [True, False]]
    """
    limits = np.asarray(quantiles, np.float64) + 1e-7  # what float32 may add to a score
    return ~(1.0 - np.asarray(probabilities, np.float64) > limits)


def prediction_set(card: ModelCard, calibrated: NDArray[np.floating]) -> tuple[int, ...] | None:
    """The class indices that one row (classes,) of calibrated probabilities does not rule out; perhaps none.

    None for a model without quantiles, and for one whose findings may be present together, see `undecided_findings`.
    """
    if card.conformal is None or card.task in {"multilabel", "segmentation"}:
        return None
    quantiles = [card.conformal.quantiles[label][0] for label in card.labels]
    return tuple(int(index) for index in np.flatnonzero(label_sets(calibrated[None], quantiles)[0]))


def undecided_findings(card: ModelCard, calibrated: NDArray[np.floating]) -> tuple[int, ...]:
    """The findings of which one row (labels,) rules out neither their absence nor their presence, or both.

    Each finding of a multilabel model is a question of its own, with a quantile for the images that have it and one
    for those that have it not. Findings with too few validation cases have none and are never here.
    """
    if card.conformal is None or card.task != "multilabel":
        return ()
    found = []
    for index, label in enumerate(card.labels):
        if label in card.conformal.quantiles:
            row = np.array([[1.0 - float(calibrated[index]), float(calibrated[index])]])
            if label_sets(row, card.conformal.quantiles[label])[0].sum() != 1:
                found.append(index)
    return tuple(found)
