"""What the cards of the fusing and the personalised models claim follows from the scores stored beside them."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.evaluation.metrics.registry import METRICS
from core.evaluation.results.case_scores import card_scores
from core.inference.bundle import open_bundle
from core.inference.predict import predict
from core.inference.study import Study
from core.models.card import load_card
from core.training.card.rivals import TITLE, compare, rivals_of, section
from core.training.data.opened import open_image
from core.training.recipe.reading import load_recipe, recipe_files

MODELS = Path(__file__).parents[2] / "models"
DATA = Path(os.environ.get("DATA", "../shared/data")) / "lgg_mri_flair"
SLUGS = [
    slug
    for slug in sorted(recipe_files())
    if slug.startswith(("glioma-", "dementia-"))
    and slug != "glioma-outline"
    and (MODELS / slug / "README.md").is_file()
]
FUSING = [slug for slug in SLUGS if slug.endswith("-fusion")]


def recipe(slug):
    return load_recipe(recipe_files()[slug])


def held_out(slug):
    """The card and the scores its comparisons rest on."""
    own = recipe(slug)
    split = "cross-validation" if own.cross_validation else "test"
    card = load_card(MODELS / slug)
    table = pd.read_parquet(card.folder / f"evaluations/{own.data.name}--{split}.parquet")
    return card, table, card_scores(table, card)


def lost_without_one(slug):
    """Sequence to the ROC AUC that is lost without it."""
    entries = load_card(MODELS / slug).front_matter["scanlens"]["variants"]
    return {entry["leave_out"][0]: entry["metrics"][0]["lost"] for entry in entries if len(entry["leave_out"]) == 1}


def test_all_models_of_both_questions_are_there():
    assert len(FUSING) == 3
    assert len(SLUGS) == 9


@pytest.mark.parametrize("slug", SLUGS)
def test_section_on_rivals_is_what_the_stored_scores_give(slug):
    own = recipe(slug)
    assert len(rivals_of(own)) == (2 if slug.startswith("dementia") else 5)
    words = section(own, compare(own, MODELS)).strip()
    assert f"## {TITLE}\n\n{words}\n\n## " in load_card(MODELS / slug).text


@pytest.mark.parametrize("slug", ["glioma-late-fusion", "glioma-attention-fusion"])
def test_models_with_a_branch_for_each_sequence_lean_on_flair_most(slug):
    single = lost_without_one(slug)
    assert max(single, key=single.get) == "flair"
    assert single["flair"] > 0.03


def test_early_fusion_learned_what_all_sequences_show_and_its_card_says_so():
    assert max(lost_without_one("glioma-early-fusion").values()) < 0.02
    assert "It is a lesson on fusing too early" in " ".join(load_card(MODELS / "glioma-early-fusion").text.split())


@pytest.mark.parametrize("slug", [slug for slug in SLUGS if slug.startswith("glioma")])
def test_glioma_cards_name_the_shortcut_and_the_licence(slug):
    card, table, scores = held_out(slug)
    assert card.license == "cc-by-nc-sa-4.0"
    for words in ('**"No tumour" is not a healthy head.**', "**Sexes are inferred**", "height along the head"):
        assert words in card.text
    chosen = (table["attr_height"] == "middle third").to_numpy()
    auc = METRICS["roc_auc"].function(scores.y_true[chosen], scores.y_score()[chosen], 0.5)
    (row,) = [line for line in card.text.splitlines() if "| height: middle third |" in line]
    assert f"| {auc:.3f} (" in row


@pytest.mark.parametrize("slug", [slug for slug in SLUGS if slug.startswith("dementia")])
def test_every_person_is_held_out_once_and_the_agreement_is_named(slug):
    card, table, _ = held_out(slug)
    assert table["patient"].is_unique
    assert len(table) > 150
    assert card.license == "other"
    assert "agreement's text was not seen" in " ".join(card.text.split())
    assert "OASIS data use agreement" in (card.folder / "LICENSE").read_text(encoding="utf-8")
    assert not any(feature.name == "mmse" for spec in card.inputs for feature in spec.features)


@pytest.mark.keras
def test_attention_of_the_shipped_model_can_be_read():
    import keras

    model = keras.models.load_model(MODELS / "glioma-attention-fusion" / "model.keras", compile=False)
    weights = keras.Model(model.inputs, model.get_layer("sequence_attention").output)
    card = load_card(MODELS / "glioma-attention-fusion")
    rng = np.random.default_rng(0)
    batch = {spec.name: rng.random((2, *spec.shape), dtype=np.float32) for spec in card.inputs}
    batch["post"][:] = 0
    found = np.asarray(weights(batch))
    assert [spec.name for spec in card.inputs] == ["pre", "flair", "post"]
    assert np.allclose(found.sum(axis=1), 1)
    assert np.all(found[:, 2] < 1e-12)


@pytest.mark.skipif(not DATA.is_dir(), reason="wants the slices")
@pytest.mark.parametrize("slug", FUSING)
@pytest.mark.parametrize("group", ["all three", "no post"])
def test_study_of_files_gets_the_stored_score_with_and_without_a_sequence(slug, group):
    card, table, _ = held_out(slug)
    row = table[table["attr_sequences"] == group].iloc[0]
    files = pd.read_csv(DATA / "labels.csv").set_index("id").loc[row["case"]]
    found = [spec.name for spec in card.inputs if isinstance(files[spec.name], str)]
    assert len(found) == (3 if group == "all three" else 2)
    prediction = predict(open_bundle(card), Study({name: open_image(DATA / files[name]) for name in found}, {}))
    assert prediction.probabilities[0, 1] == pytest.approx(row["y_score"], abs=1e-4)
