"""Which models on which dataset are looked at closely."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.evaluation.comparison.matrix import Matrix
from core.evaluation.results.resamples import gain, merit

#: Curves that can still be told apart in one figure.
MOST = 6


@dataclass(frozen=True)
class Selection:
    """A dataset and some of the models that were measured on it, by their keys in the matrix."""

    dataset: str
    models: tuple[str, ...]


def models_on(table: Matrix, dataset: str) -> tuple[str, ...]:
    """Keys of the models with a cell in a column, in the order of the rows."""
    return tuple(model.key for model in table.models if (model.key, dataset) in table.cells)


def whole(table: Matrix, dataset: str) -> Selection:
    """All models of a dataset, the best few where there are many."""
    models = models_on(table, dataset)
    if len(models) <= MOST:
        return Selection(dataset, models)
    values = merit(table.metric, np.array([table.cells[key, dataset].estimate.value for key in models]))
    worth = {key: gain(table.metric, float(value)) for key, value in zip(models, values, strict=True)}
    best = sorted(models, key=lambda key: math.inf if math.isnan(worth[key]) else -worth[key])[:MOST]
    return Selection(dataset, tuple(key for key in models if key in best))


def first_selection(table: Matrix) -> Selection:
    """The dataset on which most models were measured, the first of these."""
    counts = [len(models_on(table, dataset.key)) for dataset in table.datasets]
    return whole(table, table.datasets[counts.index(max(counts))].key)


def chosen(table: Matrix, before: Selection, dataset: str, model: str | None) -> Selection:
    """The selection after a cell was chosen, or a dataset's name where `model` is None.

    A cell of another dataset stands alone; one more of the same dataset is added, one that was there is taken out. The
    last one stays.
    """
    if model is None:
        return whole(table, dataset)
    if dataset != before.dataset:
        return Selection(dataset, (model,))
    if model in before.models:
        return Selection(dataset, tuple(key for key in before.models if key != model) or (model,))
    there = {*before.models, model}
    kept = tuple(key for key in models_on(table, dataset) if key in there)
    return Selection(dataset, kept if len(kept) <= MOST else (*before.models[1:], model))


def fitting(table: Matrix, dataset: str, models: Sequence[str]) -> Selection:
    """What is left of a selection, such as one from an address, in this matrix."""
    if dataset not in {column.key for column in table.datasets}:
        return first_selection(table)
    there = models_on(table, dataset)
    kept = tuple(key for key in there if key in models)[:MOST]
    return Selection(dataset, kept) if kept else whole(table, dataset)
