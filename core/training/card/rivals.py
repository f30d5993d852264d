"""Models of one question against each other on a card: who is better, by how much, paired by patient.

`python -m core.training.card.rivals` writes the section anew into the card of every model whose recipe names rivals,
from the scores that the bundles have stored; run it after the models of the question were made.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from core.errors import ScanLensError
from core.evaluation.results.case_scores import card_scores
from core.evaluation.results.estimates import estimate_of
from core.evaluation.statistics.intervals import Estimate
from core.models.card import ModelCard, load_card
from core.training.card.tables import interval, table
from core.training.recipe.reading import load_recipes
from core.training.recipe.schema import InvalidRecipe, Recipe
from core.training.tasks.variants import POOLED, paired_difference

TITLE = "Against the other models"

#: The section goes before this one.
NEXT = "## Failure modes\n"

METRIC = "roc_auc"


@dataclass(frozen=True, eq=False)
class Rival:
    """One model on the cases that all have in common.

    Attributes:
        slug: Of the model.
        title: For people.
        roc_auc: With its interval.
        gain: How much the model of the card is above it, paired; None for that model itself.
    """

    slug: str
    title: str
    roc_auc: Estimate
    gain: Estimate | None


def rivals_of(recipe: Recipe) -> tuple[str, ...]:
    """Slugs that the recipe's card wants to be compared with."""
    return recipe.card.rivals


def _stored(recipe: Recipe, folder: Path) -> tuple[ModelCard, pd.DataFrame]:
    """A model's card and what it scored on the pooled folds, or on the test split where there are none."""
    split = POOLED if recipe.cross_validation else "test"
    path = folder / f"evaluations/{recipe.studies.name}--{split}.parquet"
    if not path.is_file():
        raise InvalidRecipe(f"{folder.name} has no {split} scores", "make that model first")
    return load_card(folder), pd.read_parquet(path).set_index("case", drop=False).sort_index()


def compare(recipe: Recipe, models: Path) -> tuple[Rival, ...]:
    """The recipe's model and its rivals on the same held-out cases, the recipe's own first.

    Raises:
        InvalidRecipe: A rival was not made, or does not answer the same question for the same cases.
    """
    own_card, own = _stored(recipe, models / recipe.slug)
    found = [_rival(own_card, own, None)]
    for slug in rivals_of(recipe):
        card, scores = _stored(recipe, models / slug)
        if card.labels != own_card.labels or not own[["case", "y_true"]].equals(scores[["case", "y_true"]]):
            raise InvalidRecipe(f"{recipe.slug} and {slug} were scored on different cases", "make both anew")
        found.append(_rival(card, scores, (own_card, own)))
    return tuple(found)


def _rival(card: ModelCard, frame: pd.DataFrame, own: tuple[ModelCard, pd.DataFrame] | None) -> Rival:
    scores = card_scores(frame, card)
    gain = None if own is None else paired_difference(METRIC, card_scores(own[1], own[0]), scores)
    return Rival(card.slug, card.title, estimate_of(METRIC, scores.y_true, scores.y_score(), scores.patients), gain)


def section(recipe: Recipe, rivals: Sequence[Rival]) -> str:
    """The section's text."""
    rows = [
        [f"`{each.slug}`", interval(each.roc_auc), "" if each.gain is None else _signed(each.gain)] for each in rivals
    ]
    count, where = rivals[0].roc_auc.n, "the pooled folds" if recipe.cross_validation else "the test split"
    prose = recipe.card.against.strip()
    return (
        f"On {where}, {count} {recipe.studies.noun}, the same for all. The last column is how much this "
        "model is above the other in ROC AUC, paired by case, with a 95 % interval by patient; an "
        "interval that holds 0 leaves open which is better.\n\n"
        f"{table(['model', 'ROC AUC', 'this model above it'], rows)}\n"
        f"{prose}\n"
    )


def _signed(estimate: Estimate) -> str:
    return f"{estimate.value:+.3f} ({estimate.low:+.3f} to {estimate.high:+.3f})"


def with_section(text: str, words: str) -> str:
    """A card with the section put in, or in the place of an older one."""
    before, after = text.split(NEXT, 1)
    before = before.split(f"## {TITLE}\n", 1)[0]
    return f"{before}## {TITLE}\n\n{words.strip()}\n\n{NEXT}{after}"


def write(recipe: Recipe, models: Path) -> tuple[Rival, ...]:
    """Put the section into the card of one model.

    Raises:
        InvalidRecipe: See `compare`.
    """
    rivals, path = compare(recipe, models), models / recipe.slug / "README.md"
    text = with_section(path.read_text(encoding="utf-8"), section(recipe, rivals))
    path.write_text(text, encoding="utf-8")
    return rivals


def main(arguments: list[str] | None = None) -> int:
    """Write the sections of all recipes that name rivals; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m core.training.card.rivals", description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"), help="where the bundles are")
    options = parser.parse_args(arguments)
    try:
        for recipe in load_recipes().values():
            for rival in write(recipe, options.models) if rivals_of(recipe) else ():
                gain = "" if rival.gain is None else f", this model above it by {_signed(rival.gain)}"
                print(f"{recipe.slug}: {rival.slug} {interval(rival.roc_auc)}{gain}")
    except ScanLensError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
