"""The scores that lie beside the models, `models/<slug>/evaluations/<dataset>--<split>.parquet`, as evaluations.

They are there from the first start, so that a comparison is never empty.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from core.errors import InvalidCard
from core.evaluation.results.case_scores import card_scores, read_masks
from core.evaluation.results.evaluation import Evaluation, Kind
from core.evaluation.results.record import evaluation_from
from core.evaluation.runs.from_card import card_facts
from core.models.card import ModelCard

if TYPE_CHECKING:
    import pandas as pd

#: Other tables lie there too, such as `<dataset>--test--grad-cam.parquet`, and are not scores of cases.
_SCORES = re.compile(r"(?P<dataset>.+?)--(?P<split>train|val|test|cross-validation)\.parquet")

#: Cases that were each scored by the network of the fold which held them out: a test of the procedure, not of the
#: weights that ship, hence a dataset of its own.
_FOLDS = "cross-validation"

_ATTRIBUTE = "attr_"


def shipped(cards: Iterable[ModelCard]) -> list[Evaluation]:
    """Every evaluation that the bundles bring along; a table that cannot be read is left out (see `shipped_of`)."""
    return [evaluation for card in cards for evaluation in shipped_of(card)[0]]


def shipped_of(card: ModelCard) -> tuple[list[Evaluation], list[InvalidCard]]:
    """The evaluations of one bundle in order of their files, and what was wrong with the others.

    Titles and kinds are those of the card's model-index; a table that is not in it is of kind `unknown`.
    """
    found, faults = [], []
    for path in sorted((card.folder / "evaluations").glob("*.parquet")):
        match = _SCORES.fullmatch(path.name)
        if match is None:
            continue
        try:
            found.append(_read(path, match["dataset"], match["split"], card))
        except InvalidCard as fault:
            faults.append(fault)
    return found, faults


def case_digest(dataset: str, split: str, cases: Iterable[str]) -> str:
    """sha256 over a dataset's name, a split and the names of its cases, in no particular order.

    It stands in for the hash of the contents where the images are not at hand. Labels are not in it, so that models
    that name them otherwise (Normal and Pneumonia, or Normal, Bacterial and Viral) meet on the same cases.

    Example:
        >>> case_digest("a", "test", ["2", "1"]) == case_digest("a", "test", ["1", "2"])
        True
    """
    text = "\0".join((dataset, split, *sorted(cases)))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def disagreements(evaluations: Iterable[Evaluation]) -> tuple[str, ...]:
    """Sentences on findings of the same name whose truth differs between models on the same cases.

    Such a pair must not be compared; with tables that the product made there is none.
    """
    return tuple(
        f"{a.model_title} and {b.model_title} differ in what is true of {count} of {total} cases of {a.dataset_title} "
        f"({a.split}) for {name}: their results on it are not comparable."
        for a, b in combinations(evaluations, 2)
        if a.dataset_digest == b.dataset_digest and a.split == b.split
        for name, count, total in _differences(a, b)
    )


def _differences(a: Evaluation, b: Evaluation) -> Iterator[tuple[str, int, int]]:
    _, in_a, in_b = np.intersect1d(a.cases, b.cases, return_indices=True)
    for name in (name for name in a.findings if name in b.findings):
        differing = int((a.finding(name).truth[in_a] != b.finding(name).truth[in_b]).sum())
        if differing:
            yield name, differing, len(in_a)


def _read(path: Path, dataset: str, split: str, card: ModelCard) -> Evaluation:
    import pandas as pd  # most of a second that the first page need not wait for

    entry = _entry(card, dataset, split)
    if split == _FOLDS:
        dataset, split = f"{dataset}-folds", "test"
    kind: Kind = entry["kind"] if entry.get("kind") in get_args(Kind) else "unknown"
    try:
        table = pd.read_parquet(path)
        if card.task == "segmentation":
            return _masks(table, dataset, split, kind, entry, card)
        scores, cases = card_scores(table, card), _texts(table["case"])
        digest = case_digest(dataset, split, cases)
        return evaluation_from(
            card_facts(card, dataset, str(entry.get("name") or dataset), digest, split, kind),
            cases,
            _texts(table["patient"]),
            scores.y_true,
            scores.logits,
            {
                str(name).removeprefix(_ATTRIBUTE): _texts(table[name])
                for name in table.columns
                if str(name).startswith(_ATTRIBUTE)
            },
            failed={},
        )
    except (OSError, KeyError, TypeError, ValueError) as error:  # pyarrow's errors are ValueError or OSError
        raise InvalidCard(
            f"{card.slug}/evaluations/{path.name} is no table of scores by case",
            "restore the model's folder",
        ) from error


def _masks(
    table: pd.DataFrame, dataset: str, split: str, kind: Kind, entry: Mapping[str, Any], card: ModelCard
) -> Evaluation:
    """A table of masks, which has a row a case and label."""
    cases, patients, measures = read_masks(table, card.labels)
    first = table.drop_duplicates("case")
    return evaluation_from(
        card_facts(card, dataset, str(entry.get("name") or dataset), case_digest(dataset, split, cases), split, kind),
        cases,
        patients,
        np.zeros(len(cases)),
        measures,
        {
            str(name).removeprefix(_ATTRIBUTE): _texts(first[name])
            for name in table.columns
            if str(name).startswith(_ATTRIBUTE)
        },
        failed={},
    )


def _texts(column: pd.Series) -> list[str]:
    return [str(value) for value in column.fillna("")]


def _entry(card: ModelCard, dataset: str, split: str) -> dict[str, Any]:
    """What the model-index says of a dataset's split, `{}` where it is silent."""
    for model in card.front_matter.get("model-index") or []:
        for result in model.get("results") or []:
            described = result.get("dataset") or {}
            if described.get("type") == dataset and described.get("split") == split and "scores" in described:
                return dict(described)
    return {}
