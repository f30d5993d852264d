import pytest

from core.csv_cells import as_cell, from_cell, reversible_cell


@pytest.mark.parametrize("text", ["=1+1", "+1", "-cmd", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"])
def test_text_that_a_spreadsheet_would_run_is_marked(text):
    assert as_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", [-1, -0.5, None, "", "Normal", "a=b", True])
def test_everything_else_stays_as_it_is(value):
    assert as_cell(value) is value


@pytest.mark.parametrize("text", ["=1", "'=1", "'", "''", "", "plain", "it's", "-", "\t"])
def test_marked_text_comes_back(text):
    assert from_cell(reversible_cell(text)) == text
