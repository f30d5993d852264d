"""The ROC figure, and with it what curves of all kinds share."""

import numpy as np
import pytest

from core.evaluation.results.curves import precision_recall_curve, roc_curve
from core.figures.comparing.precision_recall import precision_recall_figure
from core.figures.comparing.roc import describe_roc, roc_figure, roc_rows


@pytest.fixture
def curves(members):
    return [(line, roc_curve(found, 100)) for line, found in members()]


def lines_of(figure):
    return [trace for trace in figure.data if trace.mode == "lines" and trace.line.width == 2.2]


def bands_of(figure):
    return [trace for trace in figure.data if trace.fill == "toself"]


def test_both_axes_run_from_0_to_1_at_the_same_scale(scene, curves):
    layout = roc_figure(scene, curves).layout
    assert layout.xaxis.range == layout.yaxis.range == (-0.008, 1.008)
    assert layout.yaxis.scaleanchor == "x"
    assert layout.yaxis.scaleratio == 1


def test_a_curve_is_drawn_as_it_was_computed(scene, curves):
    drawn = lines_of(roc_figure(scene, curves))[0]
    np.testing.assert_allclose(drawn.x, curves[0][1].false_positive_rate, atol=1e-6)
    np.testing.assert_allclose(drawn.y, curves[0][1].sensitivity, atol=1e-6)
    assert max(drawn.customdata) <= 1  # the infinite threshold at which nobody is predicted positive


def test_each_model_has_its_colour_and_its_band(scene, curves):
    figure = roc_figure(scene, curves)
    assert [trace.line.color for trace in lines_of(figure)] == [line.color for line, _ in curves]
    assert len(bands_of(figure)) == 2
    assert bands_of(figure)[0].fillcolor == "rgba(0, 114, 178, 0.16)"


def test_the_band_holds_the_curve(scene, curves):
    band = curves[0][1].band
    height = np.interp(band.x, curves[0][1].false_positive_rate, curves[0][1].sensitivity)
    assert np.mean((band.low - 0.02 <= height) & (height <= band.high + 0.02)) > 0.95


def test_a_models_own_threshold_is_a_point_on_its_curve(scene, curves):
    point = next(trace for trace in roc_figure(scene, curves).data if trace.mode == "markers")
    at = curves[0][1].operating
    assert point.x[0] == pytest.approx(1 - at.specificity.value, abs=1e-6)
    assert point.y[0] == pytest.approx(at.sensitivity.value, abs=1e-6)
    assert point.customdata[0] == 0.5


def test_a_model_without_a_threshold_has_no_point(scene, members):
    curves = [(line, roc_curve(found, 100)) for line, found in members(1, threshold=None)]
    assert not [trace for trace in roc_figure(scene, curves).data if trace.mode == "markers"]


def test_the_corner_is_enlarged_when_asked(scene, curves):
    layout = roc_figure(scene, curves, corner=True).layout
    assert layout.xaxis.range == pytest.approx((-0.002, 0.252))
    assert layout.yaxis.range == pytest.approx((0.748, 1.002))


def test_names_and_areas_stand_above_the_plot(scene, curves):
    words = [note.text for note in roc_figure(scene, curves).layout.annotations]
    assert any("Model 0" in text and "AUC 0." in text and " to " in text for text in words)


def test_description_gives_area_interval_and_operating_point(scene, curves):
    words = describe_roc(scene, curves)
    auc = curves[0][1].auc
    assert f"Model 0: AUC {auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f})" in words
    assert "at its own threshold sensitivity" in words


def test_rows_are_the_points(curves):
    rows = roc_rows(curves)
    assert len(rows) == sum(len(curve.threshold) for _, curve in curves)
    assert rows[0]["threshold"] == float("inf")
    assert (rows[0]["false_positive_rate"], rows[0]["sensitivity"]) == (0, 0)


def test_precision_is_drawn_in_steps(scene, members):
    curves = [(line, precision_recall_curve(found, 100)) for line, found in members()]
    figure = precision_recall_figure(scene, curves)
    assert {trace.line.shape for trace in lines_of(figure)} == {"vh"}
    assert any("calling every case: 0." in note.text for note in figure.layout.annotations)


def test_the_subtitle_says_when_models_scored_different_numbers_of_cases(scene, members):
    (one, first), (two, _) = members()
    fewer = roc_curve(members(1, n=100)[0][1], 100)
    figure = roc_figure(scene, [(one, roc_curve(first, 100)), (two, fewer)])
    assert "100 to 120 cases" in figure.layout.title.subtitle.text
