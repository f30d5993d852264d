"""A model in one line of the table, and its card in parts."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from core.models.card import load_card
from core.models.card_text import contract_facts, sections
from core.models.inputs import input_spec
from core.models.overview import OTHER, WITHOUT_IMAGES, measured, overview, region_of

MODELS = Path(__file__).resolve().parents[3] / "models"


@pytest.fixture(scope="module")
def card():
    return load_card(MODELS / "pneumonia-small-cnn")


def result(kind, n, *metrics, split="test", name=""):
    dataset = {"name": name or f"{kind} {n}", "split": split, "kind": kind}
    return {"dataset": dataset, "metrics": [{"n": n, **metric} for metric in metrics]}


def auc(value, name="roc_auc", **more):
    return {"type": name, "value": value, **more}


@pytest.fixture
def measured_as(card):
    """The card with other results: `measured_as(result(…), …, task="binary")`."""

    def made(*results, **changes):
        front = {"model-index": [{"results": list(results)}]}
        return replace(card, **{"front_matter": front, "answered": (), **changes})

    return made


def test_inside_is_the_first_test_set_of_its_own_kind_and_not_the_validation(measured_as):
    line = overview(
        measured_as(
            result("internal", 90, auc(0.99), split="val"), result("internal", 50, auc(0.9, low=0.8, high=0.95)),
            result("internal", 500, auc(0.7)), result("external", 10, auc(0.6)),
        )
    )  # fmt: skip
    (inside,) = line.inside
    assert (inside.value, inside.low, inside.high, inside.n) == (0.9, 0.8, 0.95, 50)
    assert [one.value for one in line.outside] == [0.6]


def test_outside_is_the_largest_and_says_of_how_many(measured_as):
    line = overview(
        measured_as(*(result("external", n, auc(n / 100)) for n in (30, 60, 40)), result("stress", 90, auc(1.0)))
    )
    assert line.inside == ()
    assert (line.outside[0].n, line.n_outside) == (60, 3)


def test_a_metric_that_is_not_defined_gives_way_to_one_that_is(measured_as):
    found = result("external", 9, auc(None, "roc_auc_macro"), auc(0.3, "accuracy_multiclass"))
    (headline,) = overview(measured_as(found, task="multiclass")).outside
    assert (headline.title, headline.value) == ("Accuracy", 0.3)
    (undefined,) = overview(measured_as(result("internal", 9, auc(None)))).inside
    assert math.isnan(undefined.value)


def test_a_segmentation_has_a_number_for_each_label(measured_as):
    found = result("internal", 9, *(auc(value, "dice", label=label) for value, label in ((0.2, "a"), (0.8, "b"))))
    assert [(one.label, one.value) for one in overview(measured_as(found, task="segmentation")).inside] == [
        ("a", 0.2),
        ("b", 0.8),
    ]


@pytest.mark.parametrize(("value", "kept"), [(0.87, 0.87), (0, 0.0), (1.2, None), ("most", None), (float("nan"), None)])
def test_the_answered_fraction_is_one_or_not_known(measured_as, value, kept):
    found = result("internal", 9, auc(0.9), auc(value, "answered_fraction"))
    assert overview(measured_as(found)).answered == kept


def test_the_answered_fraction_is_that_of_the_models_own_test_scans(measured_as):
    said = ({"role": "other kind", "withheld": 25, "n": 25}, {"role": "own", "withheld": 7, "n": 28})
    assert overview(measured_as(answered=said)).answered == 0.75
    assert overview(measured_as(answered=({"role": "own", "withheld": "x", "n": 0},))).answered is None


def test_results_without_the_main_metric_are_left_out(measured_as):
    assert measured(measured_as(result("internal", 9, auc(0.4, "brier")))) == []


@pytest.mark.parametrize(
    ("inputs", "region"),
    [
        ([{"body_part": ["chest"]}], "Chest"),
        ([{"body_part": ["hand", "wrist"]}], "Limbs"),
        ([{"modality": ["OP"]}], "Eye"),
        ([{"body_part": ["nose"]}], OTHER),
        ([], WITHOUT_IMAGES),
    ],
)
def test_a_model_stands_under_the_part_of_the_body_that_it_reads(card, inputs, region):
    grey = {"kind": "image", "size": [8, 8], "channels": 1, "resize": "stretch"}
    specs = tuple(input_spec({"name": f"image{n}", **grey, **entry}) for n, entry in enumerate(inputs))
    assert region_of(replace(card, inputs=specs)) == region


@pytest.mark.parametrize(
    "folder", sorted(path.parent for path in MODELS.glob("*/README.md")), ids=lambda path: path.name
)
def test_every_shipped_model_has_a_region_a_number_and_a_size(folder):
    line = overview(load_card(folder))
    assert line.region != OTHER
    assert line.inside
    assert line.inputs
    assert line.size_bytes > 0


def test_sections_are_split_at_headings_and_not_inside_code():
    text = "# Card\nBefore.\n\n## One ##\ntext\n### Deeper\n```\n## no heading\n```\n## Empty\n\n## Two\nend"
    assert sections(text) == [
        ("About", "Before."),
        ("One", "text\n### Deeper\n```\n## no heading\n```"),
        ("Two", "end"),
    ]
    assert sections("") == []


def test_the_contract_names_labels_thresholds_and_inputs(card):
    facts = dict(contract_facts(card))
    assert facts["Answers"] == "Normal, Pneumonia"
    assert "64 × 64" in " ".join(facts.values())
    assert float(facts["Threshold"]) == pytest.approx(card.threshold, rel=1e-2)
