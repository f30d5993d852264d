"""Calibration, confusion, net benefit, predictive values, scores and classes: what each must show."""

import math

import numpy as np
import pytest

from core.evaluation.results.calibration_curve import calibration_curve
from core.evaluation.results.curves import score_distribution
from core.evaluation.results.decision_curve import net_benefit
from core.evaluation.results.operating_point import confusion_of, threshold_sweep
from core.evaluation.results.prevalence import ppv_npv_at
from core.figures.comparing.calibration import calibration_figure
from core.figures.comparing.class_confusion import class_confusion_figure, describe_class_confusion
from core.figures.comparing.confusion import confusion_figure, confusion_rows
from core.figures.comparing.lines import line_of
from core.figures.comparing.net_benefit import net_benefit_figure
from core.figures.comparing.predictive_values import at_fraction, meanings, predictive_values_figure
from core.figures.comparing.scores import scores_figure


def test_calibration_shows_wilsons_intervals_and_counts(scene, members):
    (line, found), _ = members()
    curve = calibration_curve(found)
    figure = calibration_figure(scene, [(line, curve)])
    points = next(trace for trace in figure.data if trace.mode == "markers")
    filled = [entry for entry in curve.bins if entry.n]
    np.testing.assert_allclose(points.y + points.error_y.array, [e.observed.high for e in filled], atol=1e-6)
    np.testing.assert_allclose(points.y - points.error_y.arrayminus, [e.observed.low for e in filled], atol=1e-6)
    bars = next(trace for trace in figure.data if trace.type == "bar")
    assert sum(bars.y) == curve.n


def test_bins_with_more_cases_have_larger_points(scene, members):
    line, found = members(1)[0]
    curve = calibration_curve(found)
    points = next(trace for trace in calibration_figure(scene, [(line, curve)]).data if trace.mode == "markers")
    sizes = dict(zip([entry.n for entry in curve.bins if entry.n], points.marker.size, strict=True))
    assert sizes[max(sizes)] == max(sizes.values())


def test_confusion_writes_counts_and_fractions_of_the_row(scene, finding, texts):
    found = finding([1, 1, 1, 0, 0], [0.9, 0.8, 0.1, 0.7, 0.2])
    words = texts(confusion_figure(scene, [(line_of("A", 0), confusion_of(found), threshold_sweep(found, 11))]))
    assert "<b>2</b><br><span style='font-size:12px'>67 %" in words
    assert "<b>1</b><br><span style='font-size:12px'>33 %" in words
    assert "<b>1</b><br><span style='font-size:12px'>50 %" in words


def test_confusion_tells_the_moved_threshold_from_that_of_validation(scene, members, texts):
    line, found = members(1)[0]
    figure = confusion_figure(scene, [(line, confusion_of(found, 0.3), threshold_sweep(found, 21))])
    assert "here 0.300" in texts(figure)
    assert "from validation 0.500" in texts(figure)
    dashes = {shape.line.dash for shape in figure.layout.shapes if shape.x0 == shape.x1}
    assert dashes == {"solid", "dot"}


def test_confusion_at_validations_threshold_names_it_once(scene, members, texts):
    line, found = members(1)[0]
    words = texts(confusion_figure(scene, [(line, confusion_of(found), threshold_sweep(found, 21))]))
    assert "from validation 0.500" in words
    assert "here" not in words


def test_confusion_rows_hold_both_thresholds(members):
    line, found = members(1)[0]
    row = confusion_rows([(line, confusion_of(found, 0.3), threshold_sweep(found, 21))])[0]
    assert (row["threshold"], row["validation_threshold"]) == (0.3, 0.5)


def test_net_benefit_is_drawn_beside_acting_on_all_and_on_none(scene, members, texts):
    curves = [(line, net_benefit(found, resamples=100)) for line, found in members()]
    words = texts(net_benefit_figure(scene, curves))
    assert "acting on all" in words
    assert "acting on none" in words


def test_predictive_values_mark_the_chosen_prevalence(scene, members):
    line, found = members(1)[0]
    at = [(line, ppv_npv_at(found, [0.1], resamples=100))]
    figure = predictive_values_figure(scene, [(line, ppv_npv_at(found, resamples=100))], at)
    marked = [trace for trace in figure.data if trace.mode == "markers"]
    assert [float(trace.x[0]) for trace in marked] == pytest.approx([0.1, 0.1])
    assert float(marked[0].y[0]) == pytest.approx(float(at[0][1].ppv[0]), abs=1e-6)
    assert "where 10 %" in figure.layout.title.text


def test_meanings_are_counts_of_a_hundred(scene, finding):
    truth = [1] * 100 + [0] * 100
    score = [0.9] * 90 + [0.1] * 10 + [0.9] * 20 + [0.1] * 80
    row = meanings(scene, [(line_of("A", 0), ppv_npv_at(finding(truth, score), [0.1], resamples=100))])[0]
    # 0.1 × 0.9 / (0.1 × 0.9 + 0.9 × 0.2) = 1/3
    assert row["Of 100 predicted positive, with Pneumonia"].startswith("33 (")
    assert row["Called from"] == "0.500"


def test_scores_are_mirrored_and_the_threshold_named(scene, members, texts):
    line, found = members(1)[0]
    figure = scores_figure(scene, [(line, score_distribution(found))])
    up, down = figure.data
    assert min(up.y) >= 0 >= max(down.y)
    assert sum(up.y) == pytest.approx(1)
    assert "threshold 0.500" in texts(figure)


def test_class_confusion_says_what_a_class_is_taken_for(scene):
    counts = [(line_of("A", 0), np.array([[8, 2], [0, 0]]))]
    words = describe_class_confusion(scene, ("Viral", "Bacterial"), counts)
    assert "Viral correct in 80 % and most often taken for Bacterial" in words
    assert "no case of Bacterial" in words
    shown = [note.text for note in class_confusion_figure(scene, ("Viral", "Bacterial"), counts).layout.annotations]
    assert any("<b>8</b>" in text and "80 %" in text for text in shown)
    assert any("not defined" in text for text in shown), "a class without cases has no fractions"
    assert not any(str(math.nan) in text for text in shown)


def test_values_at_one_prevalence_are_those_of_the_curve_there(members):
    _, found = members(1)[0]
    curve, alone = ppv_npv_at(found, [0.0, 0.1, 0.5], resamples=100), ppv_npv_at(found, [0.1], resamples=100)
    one = at_fraction(curve, 0.1)
    for name in ("prevalence", "ppv", "npv"):
        np.testing.assert_allclose(getattr(one, name), getattr(alone, name))
    assert one.ppv_band.low == pytest.approx(alone.ppv_band.low)
