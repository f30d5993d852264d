"""From features to what is known of the kinds, and how well that tells them from each other and from all else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from core.inference.kinds import KINDS
from core.inference.recognise import Learnt, squeeze
from core.training.recogniser.cases import KindCase

#: Directions of the space in which distances are measured.
DIRECTIONS = 64

#: Part of each kind's covariance that is replaced by a sphere of the same size (Ledoit and Wolf 2004).
SHRINKAGE = 0.05

#: Fraction of a kind's validation images that its limit lets through. The brain has less: one of its sets is gathered
#: from the web and so broad that slices of the chest and CTs of the head would lie within. Cut-outs have more, as
#: nothing comes near them.
KEPT, KEPT_OF = 0.98, {"brain-mri": 0.97, "limb-cut-out": 0.984, "nodule-cut-out": 0.99}

#: Kinds that are learnt from variations of their images as well. Of the others there are enough, and a part of a
#: radiograph or of a cut-out is an image of another kind.
VARIED = ("dental-panoramic", "fundus", "breast-ultrasound", "chest-ct", "heart-mri")

#: Strength of the choice between kinds, the inverse of its penalty.
STRENGTH = 0.1


@dataclass(frozen=True, eq=False)
class Described:
    """Images of all splits as features.

    Attributes:
        features: (N, F).
        kinds: (N,) slugs.
        variants: (N,) slugs, `""` where the set does not say.
        sources: (N,) parts of sets.
        splits: (N,) train, val or test.
        own: (N,) whether it is the image itself, no variation of it.
    """

    features: NDArray[np.float32]
    kinds: NDArray[np.str_]
    variants: NDArray[np.str_]
    sources: NDArray[np.str_]
    splits: NDArray[np.str_]
    own: NDArray[np.bool_]

    def where(self, keep: NDArray[np.bool_]) -> Described:
        """Some of them."""
        return Described(**{name: value[keep] for name, value in vars(self).items()})


def described(cases: Sequence[KindCase], features: NDArray[np.float32], rows: NDArray[np.int64]) -> Described:
    """What `features.describe` gave, with what is known of each case."""
    chosen = [cases[place] for place in rows[:, 0]]
    columns = {
        name: np.array([getattr(case, name[:-1]) for case in chosen])
        for name in ("kinds", "variants", "sources", "splits")
    }
    return Described(features=features, own=rows[:, 1] == 0, **columns)


def learn(images: Described, choices: bool = True) -> Learnt:
    """What is known of the kinds that occur, from the training split, with limits from the validation split.

    Args:
        images: Of both splits.
        choices: Whether to learn how sure a kind is, and its variants, too; distances need neither.
    """
    train = images.where((images.splits == "train") & (images.own | np.isin(images.kinds, VARIED)))
    squeezed = squeeze(train.features)
    mean, scale = squeezed.mean(axis=0), np.maximum(squeezed.std(axis=0), 1e-6)
    pca = PCA(DIRECTIONS, random_state=0).fit((squeezed - mean) / scale)
    directions = (pca.components_ / scale).T.astype(np.float32)
    kinds = tuple(slug for slug in KINDS if slug in set(train.kinds))
    points = np.asarray((squeezed - mean) @ directions, np.float32)
    empty = np.zeros((DIRECTIONS, len(kinds)), np.float32), np.zeros(len(kinds), np.float32)
    coefficients, intercepts = _choice(points, train.kinds, kinds) if choices else empty
    centres, whitening = zip(*(_gaussian(points[train.kinds == kind]) for kind in kinds), strict=True)
    variants = {
        kind: (names, *_choice(points[told], train.variants[told], names))
        for kind in kinds
        if choices and (names := tuple(slug for slug, _ in KINDS[kind].variants))
        for told in [(train.kinds == kind) & (train.variants != "")]
    }
    open_ended = Learnt(
        kinds=kinds,
        mean=mean.astype(np.float32),
        directions=directions,
        coefficients=coefficients,
        intercepts=intercepts,
        centres=np.stack(centres),
        whitening=np.stack(whitening),
        limits=np.ones(len(kinds), np.float32),
        variants=variants,
    )
    return Learnt(**{**vars(open_ended), "limits": _limits(open_ended, images.where(images.splits == "val"))})


def _choice(
    points: NDArray[np.float32], labels: NDArray[np.str_], names: tuple[str, ...]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(D, K) coefficients and (K,) intercepts of a softmax over the names, in their order."""
    fitted = LogisticRegression(C=STRENGTH, max_iter=500).fit(points, labels)
    weights, intercepts = fitted.coef_, fitted.intercept_
    if len(fitted.classes_) == 2:  # one row stands for the second
        weights, intercepts = np.vstack([-weights, weights]) / 2, np.concatenate([-intercepts, intercepts]) / 2
    order = [list(fitted.classes_).index(name) for name in names]
    return weights[order].T.astype(np.float32), intercepts[order].astype(np.float32)


def _gaussian(points: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Centre, and the root of the inverse covariance."""
    covariance = np.cov(points.T.astype(np.float64))
    sphere = np.eye(len(covariance)) * np.trace(covariance) / len(covariance)
    root = np.linalg.cholesky(np.linalg.inv((1 - SHRINKAGE) * covariance + SHRINKAGE * sphere))
    return points.mean(axis=0), root.astype(np.float32)


def _limits(learnt: Learnt, val: Described) -> NDArray[np.float32]:
    """(K,) for each kind the distance that `KEPT` of its validation images stay below.

    Each part of a set counts alike, so that a large one does not speak for the others.
    """
    over = learnt.over_limit(learnt.project(val.features))
    limits = []
    for place, kind in enumerate(learnt.kinds):
        mine = val.kinds == kind
        parts, counts = np.unique(val.sources[mine], return_counts=True)
        weights = {part: 1.0 / max(count, 30) for part, count in zip(parts, counts, strict=True)}
        found = over[mine, place]
        order = np.argsort(found)
        weight = np.array([weights[part] for part in val.sources[mine]])[order]
        upto = (np.cumsum(weight) - weight / 2) / weight.sum()
        limits.append(float(np.interp(KEPT_OF.get(kind, KEPT), upto, found[order])))
    return np.array(limits, np.float32)


@dataclass(frozen=True, eq=False)
class Judged:
    """What was answered for images.

    Attributes:
        best: (N,) slug of the nearest kind.
        inside: (N,) whether the image lies within that kind's limit.
    """

    best: NDArray[np.str_]
    inside: NDArray[np.bool_]


def judge(learnt: Learnt, features: NDArray[np.float32]) -> Judged:
    """What `recognise` says of images, many at once."""
    points = learnt.project(features)
    over = learnt.over_limit(points)
    return Judged(np.array(learnt.kinds)[over.argmin(axis=1)], over.min(axis=1) <= 1.0)


def left_out(images: Described, kind: str) -> tuple[float, str]:
    """How well images of a kind are rejected by a recogniser that never saw any of it.

    Returns:
        Fraction of all its images that are rejected, and the kind that most of the others are taken for.
    """
    learnt = learn(images.where(images.kinds != kind), choices=False)
    found = judge(learnt, images.features[(images.kinds == kind) & images.own])
    names, counts = np.unique(found.best[found.inside], return_counts=True)
    return 1.0 - float(found.inside.mean()), str(names[counts.argmax()]) if len(names) else ""


def variants_right(learnt: Learnt, test: Described) -> Mapping[str, tuple[float, float, int]]:
    """For each kind with variants: fraction that is named, fraction of these that is right, and how many were asked."""
    points = learnt.project(test.features)
    found = {}
    for kind in learnt.variants:
        mine = (test.kinds == kind) & (test.variants != "")
        named = np.array([learnt.variant(kind, point) for point in points[mine]])
        told = named != ""
        right = float((named[told] == test.variants[mine][told]).mean()) if told.any() else float("nan")
        found[kind] = (float(told.mean()), right, int(mine.sum()))
    return found
