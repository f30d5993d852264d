"""What the cards of models with several inputs or over time say of folds and of changed inputs follows from scores."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.evaluation.metrics.registry import METRICS
from core.evaluation.results.case_scores import card_scores
from core.inference.bundle import open_bundle
from core.models.card import load_card
from core.training.recipe.reading import load_recipe, load_recipes, recipe_files
from core.training.tasks.variants import POOLED, paired_difference

MODELS = Path(__file__).parents[2] / "models"
SLUGS = sorted(
    slug for slug, recipe in load_recipes().items() if recipe.layout == "studies" and (MODELS / slug).is_dir()
)
HEARTS = [slug for slug in SLUGS if slug.startswith("heart-")]


@pytest.fixture(params=SLUGS)
def card(request):
    return load_card(MODELS / request.param)


def pooled(card):
    """Scores of the pooled folds, None for a model without."""
    found = list((card.folder / "evaluations").glob(f"*--{POOLED}.parquet"))
    return pd.read_parquet(found[0]) if found else None


def unchanged(card):
    table = pooled(card)
    return pd.read_parquet(next((card.folder / "evaluations").glob("*--test.parquet"))) if table is None else table


def variants(card):
    """Entries on changed inputs with their scores."""
    for entry in card.front_matter["scanlens"].get("variants", ()):
        yield entry, pd.read_parquet(card.folder / entry["scores"])


def test_each_case_is_in_one_fold_and_no_patient_in_two(card):
    table = pooled(card)
    if table is None:
        pytest.skip("no folds")
    folds = load_recipe(recipe_files()[card.slug]).cross_validation
    assert table["case"].is_unique
    assert sorted(table["fold"].unique()) == list(range(1, folds.folds + 1))
    assert (table.groupby("patient")["fold"].nunique() == 1).all()
    assert table.groupby("fold")["y_true"].nunique().eq(len(card.labels)).all()


def test_test_split_is_fold_1_of_the_pooled_scores(card):
    table = pooled(card)
    if table is None:
        pytest.skip("no folds")
    test = pd.read_parquet(next((card.folder / "evaluations").glob("*--test.parquet")))
    first = table[table["fold"] == 1].set_index("case").loc[test["case"]]
    assert set(first.index) == set(table.loc[table["fold"] == 1, "case"])
    scores = [name for name in test.columns if name.startswith("y_score")]
    assert np.abs(test[scores].to_numpy() - first[scores].to_numpy()).max() < 1e-5
    assert "those of fold 1" in card.text


def test_numbers_on_changed_inputs_follow_from_the_scores(card):
    plain = card_scores(unchanged(card), card)
    recipe = load_recipe(recipe_files()[card.slug])
    assert [entry["name"] for entry, _ in variants(card)] == [each.name for each in recipe.variants]
    for entry, table in variants(card):
        assert table["case"].tolist() == unchanged(card)["case"].tolist()
        changed = card_scores(table, card)
        for metric in entry["metrics"]:
            value = METRICS[metric["type"]].function(changed.y_true, changed.y_score(), 0.5)
            assert metric["value"] == pytest.approx(value, abs=6e-6, nan_ok=True)
            assert f"{metric['lost']:.3f} ({metric['lost_low']:.3f} to {metric['lost_high']:.3f})" in card.text
        main = entry["metrics"][0]
        again = paired_difference(main["type"], plain, changed)
        if main["method"] != again.method:
            pytest.skip("the card has intervals of an earlier method: write it anew")
        found = (main["lost"], main["lost_low"], main["lost_high"])
        assert found == pytest.approx((again.value, again.low, again.high), abs=2e-5)


@pytest.mark.parametrize("slug", HEARTS)
def test_heart_model_says_that_it_is_not_for_commerce_to_be_shared_alike_and_whom_to_name(slug):
    card = load_card(MODELS / slug)
    assert (card.license, card.non_commercial) == ("cc-by-nc-sa-4.0", True)
    assert "not for commercial use" in card.text
    assert "shared under the same licence" in card.text
    assert "Bernard O" in card.text
    assert sum(path.stat().st_size for path in card.folder.rglob("*") if path.is_file()) < 5e6


@pytest.mark.parametrize("slug", [slug for slug in HEARTS if "cine" in slug])
def test_cine_of_20_frames_is_answered_for_each_kind(slug):
    card = load_card(MODELS / slug)
    bundle = open_bundle(card)
    assert bundle.input_shapes["cine"][0] == 20
    batch = {name: np.full((1, *shape), 0.5, np.float32) for name, shape in bundle.input_shapes.items()}
    logits = bundle.run(batch, outputs=("logits",)).logits
    assert logits.shape == (1, len(card.labels))
    assert np.isfinite(logits).all()


@pytest.mark.parametrize("slug", [slug for slug in HEARTS if "cine" in slug])
def test_answer_of_a_cine_model_depends_on_the_order_of_the_frames(slug):
    card = load_card(MODELS / slug)
    entry = next(entry for entry, _ in variants(card) if entry["name"] == "frozen at end-diastole")
    changed = card_scores(next(table for each, table in variants(card) if each is entry or each == entry), card)
    assert np.abs(changed.y_score() - card_scores(unchanged(card), card).y_score()).max() > 0.1
