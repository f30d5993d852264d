"""The forest plot."""

import numpy as np
import pytest

from core.evaluation.results.subgroups import SubgroupRow, Subgroups
from core.evaluation.statistics.intervals import Estimate
from core.figures.comparing.lines import line_of
from core.figures.comparing.subgroups import describe_subgroups, subgroups_figure, subgroups_note, subgroups_rows

NAN = float("nan")


def row(name, value, low, high, cases=100, positives=40):
    return SubgroupRow(name, Estimate(value, low, high, cases, "DeLong"), cases, positives, cases)


def groups(p=0.03, rows=None, note="", fewest=80):
    rows = (row("F", 0.9, 0.85, 0.94), row("M", 0.8, 0.72, 0.86, 80)) if rows is None else rows
    return Subgroups("sex", "roc_auc", row("All", 0.86, 0.82, 0.9, 200), rows, p, "Cochran's Q", fewest, 20, note)


def test_all_cases_stand_first_then_each_group_with_its_interval(scene):
    figure = subgroups_figure(scene, [(line_of("A", 0), groups())])
    points = figure.data[0]
    assert list(points.x) == [0.86, 0.9, 0.8]
    np.testing.assert_allclose(points.error_x.array, [0.04, 0.04, 0.06])
    np.testing.assert_allclose(points.error_x.arrayminus, [0.04, 0.05, 0.08])
    assert points.marker.symbol[0] == "diamond"
    assert figure.layout.xaxis.range == (-0.008, 1.008)


def test_numbers_cases_and_what_is_not_known_are_written(scene, texts):
    words = texts(subgroups_figure(scene, [(line_of("A", 0), groups())]))
    assert "0.900 (0.850 to 0.940)" in words
    assert "<b>M</b><br>80 cases, 40 with" in words
    assert "not known of 20" in words


@pytest.mark.parametrize(
    ("p", "words"),
    [(0.03, "groups differ: p = 0.030"), (0.4, "no difference shown: p = 0.40"), (NAN, "cannot be tested")],
)
def test_the_interaction_is_said_beside_the_name(scene, texts, p, words):
    assert words in texts(subgroups_figure(scene, [(line_of("A", 0), groups(p))]))


def test_an_empty_group_is_not_defined_and_has_no_point(scene, texts):
    empty = (row("F", 0.9, 0.85, 0.94), row("M", NAN, NAN, NAN, 3, 0))
    figure = subgroups_figure(scene, [(line_of("A", 0), groups(rows=empty))])
    assert figure.data[0].x[2] is None
    assert "not defined" in texts(figure)


def test_groups_that_one_model_lacks_do_not_shift_the_others(scene):
    whole, part = groups(), groups(rows=(row("M", 0.7, 0.6, 0.8),))
    figure = subgroups_figure(scene, [(line_of("A", 0), whole), (line_of("B", 1), part)])
    assert figure.data[1].y[1] == pytest.approx(figure.data[0].y[2] - 20)


def test_a_measure_beyond_1_gets_an_axis_of_its_own(scene):
    slopes = (row("F", 1.4, 1.1, 1.8), row("M", 0.8, 0.6, 1.0))
    assert subgroups_figure(scene, [(line_of("A", 0), groups(rows=slopes))]).layout.xaxis.range is None


def test_notes_that_hold_for_all_models_are_said_once():
    found = [(line_of("A", 0), groups(note="Few.")), (line_of("B", 1), groups(note="Few."))]
    assert subgroups_note(found).count("Few.") == 1
    assert "A:" not in subgroups_note(found)
    assert "B: " in subgroups_note([found[0], (line_of("B", 1), groups(fewest=5))])


def test_words_and_rows_hold_every_group(scene):
    found = [(line_of("A", 0), groups())]
    assert "F 0.900 (0.850 to 0.940), M 0.800 (0.720 to 0.860); groups differ" in describe_subgroups(scene, found)
    assert [entry["group"] for entry in subgroups_rows(found)] == ["All", "F", "M"]
