"""Where two models disagree, and the most confident errors of one."""

import numpy as np
import pytest

from core.evaluation.comparison.disagreement import disagreement_by, disagreements
from core.evaluation.results.errors import mistakes
from core.evaluation.results.questions import answer


def test_every_common_case_is_counted_once(pair):
    a, b = pair()
    found = disagreements(a, b)
    assert found.both_right + found.both_wrong + found.only_first + found.only_second == 200
    assert len(found.order) == found.only_first + found.only_second
    assert found.agreement.value == pytest.approx(1 - len(found.order) / 200)


def test_widest_gap_comes_first(pair):
    found = disagreements(*pair())
    gaps = np.abs(found.first - found.second)[found.order]
    assert (np.diff(gaps) <= 0).all()
    assert found.differ[found.order].all()


def test_right_and_wrong_are_told_by_the_threshold_of_each_model(finding):
    a = finding([1, 1, 0], [0.9, 0.3, 0.3], threshold=0.2)
    b = finding([1, 1, 0], [0.9, 0.3, 0.3], threshold=0.5)
    found = disagreements(a, b)
    assert (found.both_right, found.only_first, found.only_second) == (1, 1, 1)


def test_attributes_show_where_models_part(finding):
    truth, names = np.ones(40, bool), np.array([f"c{k}" for k in range(40)])
    a, b = finding(truth, np.full(40, 0.9), cases=names), finding(truth, np.arange(40) < 30, cases=names)
    rows = disagreement_by(disagreements(a, b), "site", names, np.repeat(["A", "B"], 20))
    assert [(row.name, row.differ.value, row.only_first) for row in rows] == [("B", 0.5, 10), ("A", 0.0, 0)]


def test_several_classes_disagree_by_their_largest_probability(classes):
    a, b = answer(classes("a"), "classes:No | Mild | Severe"), answer(classes("b"), "classes:No | Mild | Severe")
    assert disagreements(a, b).both_right == (a.score.argmax(1) == a.truth).sum()


def test_most_confident_mistake_comes_first(finding):
    found = mistakes(finding([1, 1, 1, 0, 0], [0.9, 0.4, 0.01, 0.95, 0.55]))
    assert [(m.case, m.kind) for m in found] == [
        ("case 2", "missed"), ("case 3", "false alarm"), ("case 1", "missed"), ("case 4", "false alarm"),
    ]  # fmt: skip
    assert found[0].probability == pytest.approx(0.99)
    assert (found[1].truth, found[1].answer) == ("", "Pneumonia")


def test_mistakes_are_measured_from_the_threshold(finding):
    found = mistakes(finding([1, 0], [0.15, 0.6], threshold=0.2))
    assert [m.case for m in found] == ["case 1", "case 0"]


def test_one_kind_of_mistake_can_be_asked_for(finding):
    answers = finding([1, 1, 0], [0.1, 0.2, 0.9])
    assert {m.kind for m in mistakes(answers, kind="missed")} == {"missed"}
    assert len(mistakes(answers, most=1)) == 1


def test_wrong_class_names_both(classes):
    answers = answer(classes(), "classes:No | Mild | Severe")
    found = mistakes(answers, most=3)
    assert all(m.truth != m.answer for m in found)
    assert [m.certainty for m in found] == sorted((m.certainty for m in found), reverse=True)
