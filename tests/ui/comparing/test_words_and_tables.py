"""The finding in words, the cases, and what is taken home."""

import csv
import io

import pytest

from core.evaluation.comparison.disagreement import disagreements
from core.evaluation.comparison.matrix import matrix
from core.evaluation.results.errors import mistakes
from core.figures.comparing.lines import line_of
from core.report.comparison import csv_text, matrix_rows
from ui.comparing.cases import disagreement_rows, disagreement_words, mistake_rows, mistake_words
from ui.comparing.members import Member
from ui.comparing.words import drop_words, pair_words


@pytest.fixture
def table(several):
    return matrix(several, "Pneumonia", resamples=50)


@pytest.fixture
def titles(table):
    return {model.key: model.title for model in table.models}


def test_a_difference_is_said_with_its_interval_and_corrected_p(table, titles):
    worst = next(pair for pair in table.pairs if titles[pair.second] == "Model c" and pair.dataset == "x--test")
    words = pair_words(worst, titles)
    assert words.startswith("▲ Model ")
    assert "is better than Model c on this dataset by 0." in words
    assert "after correction for 3 comparisons" in words


def test_no_difference_is_said_as_such(table, titles):
    near = next(pair for pair in table.pairs if {titles[pair.first], titles[pair.second]} == {"Model a", "Model b"})
    assert pair_words(near, titles).startswith("≈ No difference between Model a and Model b was shown")


def test_a_p_value_is_not_torn_apart(table, titles):
    assert "p\u00a0" in pair_words(table.pairs[0], titles)


def test_a_fall_on_external_data_is_said_with_its_sign(table, titles):
    words = [drop_words(drop, titles) for drop in table.drops if drop.kind == "external"]
    assert words
    assert all("worse, −0." in text or "no clear change" in text for text in words)


def test_the_matrix_is_taken_home_with_everything_in_its_cells(table):
    rows = list(csv.DictReader(io.StringIO(csv_text(matrix_rows(table)))))
    assert len(rows) == len(table.cells)
    first = next(row for row in rows if (row["model"], row["dataset"]) == ("Model a", "Data x"))
    assert float(first["low"]) < float(first["value"]) < float(first["high"])
    assert first["origin"] == "internal"
    assert first["cases"] == "80"


def test_a_cell_that_a_spreadsheet_would_run_is_text():
    assert csv_text([{"model": "=HYPERLINK(1)", "value": -0.5}]) == "model,value\n'=HYPERLINK(1),-0.5\n"


def member(evaluation, number):
    return Member(
        evaluation.model, line_of(evaluation.model_title, number), evaluation, evaluation.finding("Pneumonia")
    )


def test_disagreements_are_counted_and_listed(evaluation):
    one, two = member(evaluation("a", gain=3.0), 0), member(evaluation("b", gain=0.5), 1)
    found = disagreements(one.answered, two.answered)
    words = disagreement_words(found, one, two)
    assert f"{len(found.order)} cases of 80" in words
    assert f"Model a alone is right on {found.only_first}" in words
    row = disagreement_rows(found, one, two)[0]
    assert row["Case"] == found.cases[found.order[0]]
    assert {row["Model a"].split(",")[0], row["Model b"].split(",")[0]} == {"yes", "no"}


def test_mistakes_are_listed_the_most_confident_first(evaluation):
    found = mistakes(evaluation(gain=1.0).finding("Pneumonia"))
    rows = mistake_rows(found)
    assert {row["What went wrong"] for row in rows} == {"missed", "false alarm"}
    logits = [float(row["Logits off"]) for row in rows]
    assert logits == sorted(logits, reverse=True)
    assert "missed" in mistake_words(found)
    assert mistake_words(found[:1]).startswith("1 ")
