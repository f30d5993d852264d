"""What a result on a set without patients is worth: the card's section on near-duplicates and shortcuts, in numbers.

Asked for by `audit` in the recipe's card: `among` names the classes that come from one source, the fairer question;
`control` has the recipe trained once more on a split by image.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.datasets.quality.groups import nearest
from core.evaluation.results.case_scores import CaseScores, read_scores
from core.evaluation.results.estimates import estimate_of
from core.evaluation.statistics.intervals import Estimate
from core.training.card.shortcuts import NUMBERS, by_most_alike, by_numbers
from core.training.card.tables import interval, number, table
from core.training.data.images import LabelledCase
from core.training.data.near_duplicates import ATTRIBUTE, BANDS, marked, running_number, thumbnails
from core.training.recipe.schema import Recipe
from core.training.tasks.results import ATTRIBUTE as STORED
from core.training.tasks.results import Result

#: Where the scores of the control lie in a bundle.
CONTROL = "evaluations/by-picture--test--control.parquet"

Tests = Sequence[tuple[Result, Sequence[LabelledCase]]]

UNDEFINED = Estimate(math.nan, math.nan, math.nan, 0, "")

#: Correlation from which two images are compared by their running numbers.
CLOSE = 0.9


def audited(recipe: Recipe, cases: Sequence[LabelledCase], training: Sequence[LabelledCase]) -> list[LabelledCase]:
    """The cases, with the attribute of `look_alikes.marked` if the recipe asks for an audit."""
    return marked(cases, training) if recipe.card.audit else list(cases)


def _classes(name: str, scores: CaseScores) -> Estimate:
    """A metric of all classes; undefined where one has no case."""
    if set(np.unique(scores.y_true)) != set(range(len(scores.labels))):
        return UNDEFINED
    return estimate_of(name, scores.y_true, scores.y_score(), scores.patients)


def among(scores: CaseScores, labels: Sequence[str]) -> CaseScores:
    """Cases of some classes only, with probabilities of these classes alone."""
    chosen = [scores.labels.index(label) for label in labels]
    keep = np.isin(scores.y_true, chosen)
    return replace(
        scores,
        labels=tuple(labels),
        y_true=np.array([chosen.index(target) for target in scores.y_true[keep]], int),
        logits=scores.logits[keep][:, chosen],
        patients=scores.patients[keep],
        derived={},
    )


def _some(scores: CaseScores, keep: NDArray[np.bool_]) -> CaseScores:
    return replace(scores, y_true=scores.y_true[keep], logits=scores.logits[keep], patients=scores.patients[keep])


def _answers(scores: CaseScores, logits: NDArray[np.float64]) -> CaseScores:
    """Another answer to the same cases."""
    return replace(scores, logits=logits)


def _cells(scores: CaseScores, labels: Sequence[str]) -> list[str]:
    cells = [str(len(scores.y_true))]
    cells += [_shown(_classes(name, scores)) for name in ("roc_auc_macro", "balanced_accuracy_multiclass")]
    for label in [label for label in scores.labels if label not in labels]:
        positive, score = scores.of_label(label)
        cells.append(_shown(estimate_of("roc_auc", positive, score, scores.patients)))
    inside = among(scores, labels)
    return cells + [_shown(_classes(name, inside)) for name in ("roc_auc_macro", "balanced_accuracy_multiclass")]


def _shown(estimate: Estimate) -> str:
    return interval(estimate) if not math.isnan(estimate.value) else "–"


def _compared(
    recipe: Recipe, parts: Mapping[str, Sequence[LabelledCase]], tests: Tests, folder: Path
) -> list[tuple[str, str, CaseScores]]:
    """Who answers, on what, with which answers; the model first."""
    found: list[tuple[str, str, CaseScores]] = []
    for result, _ in tests:
        found.append(("this model", result.source.title, result.classes))
        bands = result.table[STORED + ATTRIBUTE].to_numpy()
        if result.source.name != recipe.images.name and result.kind == "internal":
            for _, words in (BANDS[0], BANDS[-1]):
                where = f"… of these, most alike image in training {words}"
                found.append(("this model", where, _some(result.classes, bands == words)))
    if (folder / CONTROL).is_file():
        control = read_scores(pd.read_parquet(folder / CONTROL), recipe.task, recipe.labels)
        found.append(("**control**: same network and images, split image by image", "its own test split", control))
    for who, answer in (
        ("no learning: class of the most alike training image", by_most_alike),
        (f"no anatomy: linear model on {len(NUMBERS)} numbers of the whole image", by_numbers),
    ):
        for result, cases in tests:
            logits = answer(parts["train"], cases, len(recipe.labels))
            found.append((who, result.source.title, _answers(result.classes, logits)))
    return found


def _rank_correlation(one: Sequence[int], other: Sequence[int]) -> float:
    """Spearman's; NaN of fewer than 5 pairs."""
    return float(pd.Series(one).rank().corr(pd.Series(other).rank())) if len(one) >= 5 else math.nan


def numbering(
    own: Sequence[LabelledCase], elsewhere: Sequence[LabelledCase], labels: Sequence[str]
) -> list[tuple[str, float, float, int, float]]:
    """Whether running numbers follow the people, by class.

    Args:
        own: Cases of the part that is divided by running number.
        elsewhere: Cases of another part, with numbers of its own.
        labels: Names of the classes.

    Returns:
        Rows of label, median correlation of images with successive numbers, that of any two, number of images
        elsewhere with one here that correlates by `CLOSE`, and the rank correlation of the numbers of these pairs.
    """
    rows = []
    for target, label in enumerate(labels):
        mine = sorted((case for case in own if case.target == target), key=_place)
        images = thumbnails([case.path for case in mine])
        steps = np.diff([_place(case) for case in mine])
        products = images @ images.T
        successive = np.diagonal(products, 1)[steps == 1]
        other = [case for case in elsewhere if case.target == target]
        closest, closeness = nearest(thumbnails([case.path for case in other]), images)
        pairs = [
            (_place(case), _place(mine[index]))
            for case, index, value in zip(other, closest, closeness, strict=True)
            if value >= CLOSE
        ]
        any_two = float(np.median(products[np.triu_indices(len(mine), 1)]))
        beside = float(np.median(successive)) if len(successive) else math.nan
        rows.append(
            (label, beside, any_two, len(pairs), _rank_correlation(*zip(*pairs, strict=True)) if pairs else math.nan)
        )
    return rows


def _place(case: LabelledCase) -> int:
    return int(running_number(case.name) or -1)


def audit_section(recipe: Recipe, parts: Mapping[str, Sequence[LabelledCase]], tests: Tests, folder: Path) -> str:
    """The section in Markdown, `""` if the recipe does not ask for it.

    Args:
        recipe: With `audit` in its card.
        parts: Its own cases by split.
        tests: Results on test splits with their cases; the cases carry `ATTRIBUTE`.
        folder: The bundle, for the scores of the control.
    """
    if recipe.card.audit is None:
        return ""
    labels = recipe.card.audit.among
    rest = [f"AUC of {label}" for label in recipe.labels if label not in labels]
    head = ["answer", "images", "number", "macro AUC", "balanced accuracy", *rest]
    head += [f"macro AUC among the {len(labels)}", f"balanced accuracy among the {len(labels)}"]
    rows = [[who, where, *_cells(scores, labels)] for who, where, scores in _compared(recipe, parts, tests, folder)]
    text = f"Among the {len(labels)}: images of {', '.join(labels)} only, with probabilities of these alone.\n\n"
    own = [case for part in parts.values() for case in part]
    sibling = next(cases for result, cases in tests if result.source.name != recipe.images.name)
    numbers = [
        (label, number(beside), number(any_two), count, number(rank))
        for label, beside, any_two, count, rank in numbering(own, sibling, recipe.labels)
    ]
    return (
        f"{text}{table(head, rows)}\nThe {len(NUMBERS)} numbers: {', '.join(NUMBERS)}.\n\n"
        + table(
            ["class", "correlation of successive images (median)", "of any two of the class",
             f"test images with one alike (≥ {CLOSE:g}) here", "rank correlation of their running numbers"],
            numbers,
        )
    )  # fmt: skip
