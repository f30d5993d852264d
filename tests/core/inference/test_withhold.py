"""An answer outside the contract is withheld, each reason by itself and in its order, and every file says so."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.inference import withhold
from core.inference.kinds import KINDS
from core.inference.ood import Similarity
from core.inference.recognise import Recognition
from core.inference.study import Study
from core.inference.withhold import scan_reasons, withheld
from core.models.card import InputSpec, ModelCard
from core.models.population import Population, read_population
from core.readers.dicom.scan import age_in_years
from core.scan import Scan

SPEC = InputSpec("image", "image", (64, 64), 1, (0.0, 1.0), "display", "stretch", ("DX",), ("chest",))
CARD = ModelCard(
    "m", Path("m"), "M", "S", "binary", ("Normal", "Pneumonia"), (SPEC,), 0.5, "", 1.0, "layer", {}, "mit", False,
    "a chest radiograph", population=Population("children of one to five years", (1, 5), ("F",)),
)  # fmt: skip
SCAN = Scan(np.zeros((1, 64, 64), np.uint8), "single", "0", "DICOM", "t", modality="DX", body_part="chest")
FAR, NEAR = Similarity(9.0, 100.0, False), Similarity(1.0, 50.0, True)


def about(scan, similarity=NEAR, card=CARD):
    found = withheld(card, scan_reasons(card, Study.of(card, scan)), similarity)
    return [] if found is None else [reason.about for reason in found.reasons]


def test_scan_inside_the_contract_is_answered():
    assert about(SCAN) == []
    assert about(replace(SCAN, modality="", body_part="")) == [], "what a file does not say is not held against it"


@pytest.mark.parametrize(
    ("changes", "reason", "said"),
    [
        ({"modality": "CT"}, "modality", "this is a CT of the chest"),
        ({"body_part": "hand"}, "modality", "this is a radiograph of the hand"),
        ({"pixels": np.zeros((1, 16, 300), np.uint8)}, "resolution", "16 × 300 pixels are too few"),
        ({"age_years": 54.0}, "age", "the patient is 54 years old"),
        ({"age_years": 0.5}, "age", "the patient is 6 months old"),
        ({"sex": "M"}, "sex", "the patient is male"),
    ],
)
def test_each_reason_withholds_by_itself_and_is_the_headline(changes, reason, said):
    scan = replace(SCAN, **changes)
    assert about(scan) == [reason]
    headline = withheld(CARD, scan_reasons(CARD, Study.of(CARD, scan)), NEAR).headline
    assert headline.startswith(f"No answer: {said}")
    assert headline.endswith("The model expects a chest radiograph of children of one to five years.")


def test_age_is_included_to_the_last_day_and_other_sexes_are_not_held_against_a_scan():
    assert about(replace(SCAN, age_years=5.99, sex="O")) == []
    assert about(replace(SCAN, age_years=6.0)) == ["age"]
    assert about(replace(SCAN, age_years=1.0)) == []


def test_frames_of_a_sequence_are_asked_for():
    card = replace(CARD, inputs=(replace(SPEC, kind="sequence", frames=8),))
    assert about(SCAN, card=card) == ["frames"]


def test_image_unlike_the_validation_split_is_withheld():
    assert about(SCAN, FAR) == ["similarity"]
    assert about(SCAN, None) == []


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Recognition(None, "", 0.1, {}), "this looks like none of the images that the models here were trained on"),
        (Recognition(KINDS["fundus"], "", 0.9, {}), "this looks like a fundus photograph"),
        (Recognition(KINDS["chest-radiograph"], "adult", 0.9, {}), "this looks like a chest radiograph of an adult"),
    ],
)
def test_what_the_image_looks_like_comes_first(monkeypatch, found, said):
    monkeypatch.setattr(withhold, "recognise", lambda _: found)
    card = replace(CARD, kinds=("chest-radiograph/child",))
    scan = replace(SCAN, modality="CT", age_years=54.0, pixels=np.zeros((1, 16, 16), np.uint8))
    assert about(scan, FAR, card) == ["kind", "modality", "resolution", "age", "similarity"]
    refusal = withheld(card, scan_reasons(card, Study.of(card, scan)), FAR)
    assert refusal.headline.startswith(f"No answer: {said}.")
    assert refusal.warning.startswith(f"Not valid: {said}; this is a CT of the chest; 16 × 16 pixels")


def test_kind_that_the_model_knows_is_answered(monkeypatch):
    monkeypatch.setattr(withhold, "recognise", lambda _: Recognition(KINDS["chest-radiograph"], "child", 0.9, {}))
    assert about(SCAN, card=replace(CARD, kinds=("chest-radiograph/child",))) == []


@pytest.mark.parametrize(
    ("text", "years"),
    [("054Y", 54.0), ("006M", 0.5), ("003W", 21 / 365.25), ("010D", 10 / 365.25), ("", None), ("54", None)],
)  # fmt: skip
def test_age_is_read_in_each_unit_that_dicom_has(text, years):
    assert age_in_years(text) == (None if years is None else pytest.approx(years))


def test_population_of_words_alone_names_no_ages():
    assert read_population({"population": "adults"}) == Population("adults")


@pytest.mark.parametrize(
    "entry", [{"words": "w", "age_years": [5, 1]}, {"words": "w", "sex": ["female"]}, ["adults"], 18]
)
def test_population_that_makes_no_sense_is_refused(entry):
    with pytest.raises(ValueError, match="population"):
        read_population({"population": entry})


def test_answer_that_is_shown_all_the_same_keeps_its_warning_in_every_file(make_withheld):
    from pypdf import PdfReader

    from core.report.image import overlay_png, remarks_of
    from core.report.numbers import as_csv, as_json
    from core.report.pdf import as_pdf

    scan, prediction = make_withheld
    warning = prediction.withheld().warning
    told = json.loads(as_json(scan, prediction))
    assert told["prediction"]["frames"][0]["withheld"]["warning"] == warning
    assert told["warnings"][0] == warning
    (row, *_) = csv.DictReader(io.StringIO(as_csv(scan, prediction).decode()))
    assert row["withheld"] == warning
    text = " ".join(PdfReader(io.BytesIO(as_pdf(scan, prediction))).pages[0].extract_text().split())
    assert prediction.withheld().headline in text
    assert "Shown all the same: " in text
    remarks = remarks_of(None, None, prediction.withheld())
    assert remarks == (warning,)
    assert len(overlay_png(scan, 0, remarks=remarks)) > len(overlay_png(scan, 0))


@pytest.fixture
def make_withheld():
    from core.inference.bundle import ModelOutput
    from core.inference.predict import Prediction
    from core.inference.prepare import prepare

    scan = replace(SCAN, age_years=54.0)
    logits = np.array([[1.0]], np.float32)
    rows = np.array([[0.27, 0.73]], np.float32)
    prepared = prepare(scan, SPEC, [0])
    return scan, Prediction(
        CARD, (0,), logits, rows, rows, (NEAR,), "", "", prepared, ModelOutput(logits), Study.of(CARD, scan)
    )
