"""The table as the browser gets it: every state of a cell in words."""

import dataclasses

import numpy as np
import pytest

from core.evaluation.comparison.matrix import matrix
from ui.comparing.members import model_lines
from ui.comparing.selection import first_selection
from ui.components.matrix import (
    BEST,
    NOT_TOLD,
    bar_scale,
    message,
)


@pytest.fixture
def send():
    """Evaluations to the message of their matrix."""

    def sent(evaluations, metric="roc_auc", pending=False):
        table = matrix(evaluations, "Pneumonia", metric, resamples=100)
        sizes = {column.key: (80, 32) for column in table.datasets}
        return message(table, model_lines(evaluations), first_selection(table), sizes, pending)

    return sent


def cells(data):
    """(model title, dataset title) to cell."""
    return {
        (row["title"], column["title"]): cell
        for row in data["rows"]
        for column, cell in zip(data["columns"], row["cells"], strict=True)
    }


def test_a_cell_has_its_value_and_its_interval(send, several):
    cell = cells(send(several))["Model a", "Data x"]
    assert cell["text"].startswith("0.9")
    low, high = (float(end) for end in cell["lines"][0].split(" to "))
    assert low < float(cell["text"]) < high


def test_the_best_is_marked_and_those_not_told_from_it_say_so(send, several):
    column = {model: cell for (model, dataset), cell in cells(send(several)).items() if dataset == "Data x"}
    best = [model for model, cell in column.items() if cell["mark"] == BEST]
    near = [model for model, cell in column.items() if cell["mark"] == NOT_TOLD]
    assert sorted(best + near) == ["Model a", "Model b"]
    assert not column["Model c"]["mark"]


def test_marks_are_in_the_words_for_those_who_cannot_see_them(send, several):
    labels = [cell["label"] for cell in cells(send(several)).values()]
    assert any("best on this dataset" in label for label in labels)
    assert any("no significant difference from the best" in label for label in labels)


def test_a_model_alone_on_a_dataset_is_not_called_the_best(send, evaluation):
    assert not cells(send([evaluation()]))["Model a", "Data x"]["mark"]


def test_what_was_not_measured_says_so_and_cannot_be_chosen(send, several):
    cell = cells(send(several))["Model c", "Data z"]
    assert (cell["value"], cell["text"]) == (False, "not measured")


def test_what_is_not_defined_says_so(send, evaluation):
    cell = cells(send([evaluation(truth=[1] * 30), evaluation("b", truth=[1] * 30)]))["Model a", "Data x"]
    assert cell["text"] == "not defined"
    assert cell["lines"] == ["no interval"]
    assert cell["bar"] is None


def test_datasets_stand_below_where_they_come_from(send, several):
    groups = send(several)["groups"]
    assert [(group["title"], group["columns"]) for group in groups] == [("Internal", 2), ("External", 1)]


def test_a_dataset_that_is_internal_for_some_says_so_in_its_cells(send, evaluation):
    data = send([evaluation("a"), evaluation("b", kind="external")])
    assert data["groups"][0]["title"] == "Internal for some"
    assert [cell["lines"][-1] for cell in cells(data).values()] == ["internal", "external"]


def test_the_largest_loss_on_external_data_stands_beside(send, several):
    rows = {row["title"]: row["change"] for row in send(several)["rows"]}
    assert rows["Model a"]["text"].startswith("−")
    assert rows["Model c"]["lines"] == ["not measured"]
    assert send(several)["change"]


def test_without_external_data_there_is_no_such_column(send, evaluation):
    assert send([evaluation("a"), evaluation("b")])["change"] == ""


def test_for_an_error_a_rise_is_a_loss(send, several):
    change = next(row["change"] for row in send(several, "brier")["rows"] if row["title"] == "Model a")
    assert change["text"].startswith("+")
    assert "worse" in change["lines"]


def test_bars_share_one_scale(send, several):
    data = cells(send(several)).values()
    ends = [end for cell in data if cell["value"] for end in (cell["bar"]["low"], cell["bar"]["high"])]
    assert 0 <= min(ends) < max(ends) <= 1


def test_a_scale_of_nothing_is_that_of_a_fraction():
    assert bar_scale([]) == (0.0, 1.0)


def test_while_intervals_are_computed_the_cells_keep_their_place(send, evaluation):
    table_like = send([evaluation(truth=[1] * 20)], pending=True)
    assert cells(table_like)["Model a", "Data x"]["lines"] == ["interval …"]


def test_a_note_is_in_the_words_of_the_cell(send, evaluation):
    bare = dataclasses.replace(evaluation(), threshold=None)
    assert "0.5 was taken" in cells(send([bare], "sensitivity"))["Model a", "Data x"]["label"]


def test_two_versions_of_a_model_have_their_own_rows(send, evaluation):
    other = dataclasses.replace(evaluation(), model_sha256="f" * 64)
    assert len(send([evaluation(), other])["rows"]) == 2
    lines = model_lines([evaluation(), other])
    assert len({line.title for line in lines.values()}) == 2
    assert len({line.color for line in lines.values()}) == 2


def test_a_case_without_a_score_is_counted_in_the_words(send, evaluation):
    found = evaluation()
    logits = found.scores.logits.copy()
    logits[3] = np.nan
    holed = dataclasses.replace(found, scores=dataclasses.replace(found.scores, logits=logits))
    label = cells(send([holed]))["Model a", "Data x"]["label"]
    assert "79 cases" in label
    assert "1 case has no score" in label
