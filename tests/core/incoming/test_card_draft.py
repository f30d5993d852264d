"""The card that is written for a model which was brought can be read again, whatever the form holds."""

import dataclasses

import pytest

from core.incoming.card_draft import write_card
from core.incoming.contract import Contract
from core.incoming.report import Report
from core.models.card import InputSpec, load_card

SPEC = InputSpec("image", "image", (16, 16), 1, (0.0, 1.0), "display", "stretch", ())
CONTRACT = Contract("Mine", "binary", ("Clear", "Opacity"), (SPEC,))
REPORT = Report("mine.keras", 10, "ab" * 32, "keras")
COMPILED = {"explain_layer": "conv", "max_difference": 1e-7, "activation": "sigmoid", "units": 1}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, None),
        ({"population": "  adults of 18 to 90 years "}, "adults of 18 to 90 years"),
        ({"population": "- a list?\n{no: mapping}"}, "- a list?\n{no: mapping}"),
    ],
)
def test_population_is_what_the_form_says(tmp_path, changes, words):
    (tmp_path / "model.onnx").write_bytes(b"x")
    write_card(tmp_path, dataclasses.replace(CONTRACT, **changes), REPORT, COMPILED)
    population = load_card(tmp_path).population
    assert (population.words if population else None) == words
    assert population is None or (population.age_years is None and population.sex == ())


@pytest.mark.parametrize(
    "changes",
    [
        {"task": "multiclass", "labels": ("A", "B", "C")},
        {"task": "multilabel", "labels": ("A", "B")},
        {"task": "segmentation", "labels": ("Background", "Lesion")},
        {"license": "cc-by-nc-4.0", "non_commercial": True, "training_modality": "a chest radiograph: front"},
        {"title": "# *Mine*: 'x'", "summary": "One: two"},
        {"inputs": (dataclasses.replace(SPEC, kind="sequence", frames=8),)},
    ],
)
def test_every_kind_of_contract_is_read_back(tmp_path, changes):
    (tmp_path / "model.onnx").write_bytes(b"x")
    contract = dataclasses.replace(CONTRACT, **changes)
    write_card(tmp_path, contract, REPORT, COMPILED)
    card = load_card(tmp_path)
    assert (card.title, card.task, card.labels, card.license) == (
        contract.title, contract.task, contract.labels, contract.license,
    )  # fmt: skip
    assert [(spec.kind, spec.frames, spec.size) for spec in card.inputs] == [
        (spec.kind, spec.frames, spec.size) for spec in contract.inputs
    ]
