"""Reports on answers with several classes or findings."""

import csv
import io
import json
from dataclasses import replace

import pytest
from pypdf import PdfReader

from core.figures.probabilities import describe_probabilities, probability_figure
from core.report.measured import measurements
from core.report.numbers import as_csv, as_json
from core.report.pdf import as_pdf

LABELS = ("Caries", "Crown", "Root")
THRESHOLDS = {"Caries": 0.6, "Crown": 0.2, "Root": 0.5}
METRICS = [
    {"type": "label_roc_auc", "label": "Crown", "value": 0.5, "low": 0.4, "high": 0.6, "n": 20},
    {"type": "roc_auc_labels", "value": 0.8, "low": 0.7, "high": 0.9, "n": 20},
]


@pytest.fixture
def findings(card):
    matter = {"model-index": [{"results": [{"dataset": {"name": "Teeth", "split": "test"}, "metrics": METRICS}]}]}
    return replace(card, task="multilabel", labels=LABELS, threshold=None, thresholds=THRESHOLDS, front_matter=matter)


@pytest.fixture
def grades(card):
    derived = {"name": "Treat", "labels": ("Crown", "Root")}
    return replace(card, task="ordinal", labels=LABELS, threshold=None, thresholds={"Treat": 0.4}, derived=derived)


def pdf_text(pdf):
    return " ".join(PdfReader(io.BytesIO(pdf)).pages[0].extract_text().split())


def test_findings_are_in_json_and_csv_each_with_its_threshold(scan, findings, predict):
    prediction = predict(scan, [[2.0, -1.0, -3.0]], card=findings)
    found = json.loads(as_json(scan, prediction))["prediction"]
    assert found["thresholds"] == THRESHOLDS
    assert found["frames"][0]["decision"]["called_labels"] == ["Caries", "Crown"]
    rows = list(csv.DictReader(io.StringIO(as_csv(scan, prediction).decode())))
    assert [(row["label"], row["threshold"], row["is_decision"]) for row in rows] == [
        ("Caries", "0.6", "true"), ("Crown", "0.2", "true"), ("Root", "0.5", "false")
    ]  # fmt: skip


def test_derived_question_is_in_the_json(scan, grades, predict):
    prediction = predict(scan, [[0.0, 0.0, 0.0]], card=grades)
    found = json.loads(as_json(scan, prediction))["prediction"]["frames"][0]["decision"]
    assert found["derived"] == {"name": "Treat", "probability": pytest.approx(2 / 3), "threshold": 0.4}


def test_page_names_findings_and_thresholds(scan, findings, predict, explain):
    prediction = predict(scan, [[2.0, -1.0, -3.0]], card=findings)
    pdf = as_pdf(scan, prediction, explain(prediction, [1.5], "Caries"))
    assert pdf.startswith(b"%PDF")
    text = pdf_text(pdf)
    assert "Found: Caries, Crown" in text
    assert "Caries 0.6, Crown 0.2, Root 0.5" in text


def test_page_answers_the_derived_question(scan, grades, predict):
    text = pdf_text(as_pdf(scan, predict(scan, [[0.0, 0.0, 0.0]], card=grades)))
    assert "Before calibration Treat 0.67, threshold 0.40" in text


def test_figure_draws_a_threshold_for_each_finding(scan, findings, predict):
    prediction = predict(scan, [[2.0, -1.0, -3.0]], card=findings)
    decision, row = prediction.decision(), prediction.probabilities[0]
    figure = probability_figure(findings, row, None, decision)
    assert sorted({shape.x0 for shape in figure.layout.shapes}) == [0.2, 0.5, 0.6]
    assert [note.text for note in figure.layout.annotations if "threshold" in note.text] == [
        "<b>0.88</b> ▏threshold 0.60", "<b>0.27</b> ▏threshold 0.20", "<b>0.05</b> ▏threshold 0.50"
    ]  # fmt: skip
    words = describe_probabilities(findings, row, None, decision)
    assert "The threshold for Root is 0.50." in words


def test_figure_of_classes_draws_no_threshold(scan, grades, predict):
    prediction = predict(scan, [[2.0, -1.0, -3.0]], card=grades)
    figure = probability_figure(grades, prediction.probabilities[0], None, prediction.decision())
    assert not figure.layout.shapes


def test_main_number_is_of_all_findings_not_of_one(findings):
    ((_, line),) = measurements(findings)
    assert line == "mean ROC AUC of the findings 0.800 (0.700–0.900)"
