"""The table of models: what a search finds, and every text that the browser gets."""

from pathlib import Path

import pytest

from core.models.card import load_cards
from core.models.overview import Headline, overview
from ui.components.models_table import message, metric_cell
from ui.models.listing import grouped, matching

NAN = float("nan")
MODELS = Path(__file__).resolve().parents[3] / "models"


@pytest.fixture(scope="module")
def lines():
    return [overview(card) for card in load_cards(MODELS)[0].values()]


@pytest.mark.parametrize(
    ("text", "some", "none"),
    [
        ("", {"lung-cancer-ct", "fundus-vessels"}, set()),
        ("CHEST pneumonia", {"pneumonia-chest-xray"}, {"lung-cancer-ct", "brain-tumour-mri"}),
        ("segmentation", {"fundus-vessels", "breast-lesion-outline"}, {"breast-ultrasound"}),
        ("breast, us", {"breast-ultrasound"}, {"heart-cine-gru"}),
        ("meningioma", {"brain-tumour-mri"}, {"glioma-outline"}),
    ],
)
def test_a_search_finds_models_of_which_every_word_is_said(lines, text, some, none):
    found = {line.card.slug for line in matching(lines, text)}
    assert some <= found
    assert not none & found


def test_a_search_for_something_else_finds_nothing(lines):
    assert matching(lines, "no such thing") == []


def test_each_model_stands_once_under_one_heading(lines):
    found = [line.card.slug for _, members in grouped(lines) for line in members]
    assert sorted(found) == sorted(line.card.slug for line in lines)


def test_the_message_marks_the_chosen_and_the_own_model(lines):
    sent = message(grouped(lines), "fundus-vessels", frozenset({"lung-cancer-ct"}))
    rows = {row["slug"]: row for group in sent["groups"] for row in group["rows"]}
    assert [slug for slug, row in rows.items() if row["chosen"]] == ["fundus-vessels"]
    assert [slug for slug, row in rows.items() if row["own"]] == ["lung-cancer-ct"]
    origin = {slug: row["cells"][-1]["text"] for slug, row in rows.items()}
    assert origin["lung-cancer-ct"] == "Your own"
    assert origin["fundus-vessels"] == "Shipped"
    keys = [column["key"] for column in sent["columns"]]
    assert all([cell["key"] for cell in row["cells"]] == keys for row in rows.values())


def test_a_number_has_its_metric_interval_and_dataset():
    cell = metric_cell([Headline("AUC", "", "A place", 0.91234, 0.9, 0.95, 1200)], 2)
    assert (cell["text"], cell["unit"]) == ("0.912", "AUC")
    assert cell["lines"] == ["0.900 to 0.950", "largest of 2 datasets"]
    assert cell["title"] == "A place, 1,200 cases"


def test_what_is_not_defined_or_not_measured_says_so():
    assert metric_cell([])["lines"] == ["not measured"]
    assert metric_cell([Headline("AUC", "", "", NAN, NAN, NAN, 0)])["text"] == "not defined"


def test_several_labels_are_the_smallest_to_the_largest():
    found = [
        Headline("Dice by image", label, "", value, NAN, NAN, 4)
        for label, value in (("a", 0.5), ("b", 0.1), ("c", NAN))
    ]
    cell = metric_cell(found)
    assert (cell["text"], cell["lines"]) == ("0.100 to 0.500", ["3 labels"])
