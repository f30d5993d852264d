import numpy as np
import pytest

from core.figures.evidence import describe_evidence, evidence_figure

STRENGTHS = [0.0, 0.4, 1.8, 1.0]


def test_bars_are_the_strongest_value_of_each_slice_in_logit_units(make_stack):
    scan, explanation = make_stack(STRENGTHS)
    bars = evidence_figure(explanation, scan, None, 1).data[0]
    np.testing.assert_allclose(bars.y, STRENGTHS, rtol=1e-6)
    assert list(bars.x) == [1, 2, 3, 4]


def test_axis_starts_at_zero_and_states_the_absolute_scale(make_stack):
    scan, explanation = make_stack(STRENGTHS)
    axis = evidence_figure(explanation, scan, None, 1).layout.yaxis
    assert axis.range[0] == 0
    assert list(axis.ticktext) == ["0", "1.8"]


def test_current_frame_is_marked_in_both_panels(make_stack):
    scan, explanation = make_stack(STRENGTHS)
    marks = [s for s in evidence_figure(explanation, scan, np.full(4, 0.5), 2).layout.shapes if s.x0 == s.x1]
    assert [mark.x0 for mark in marks] == [3, 3]


def test_probabilities_have_their_own_panel_from_zero_to_one(make_stack):
    scan, explanation = make_stack(STRENGTHS)
    figure = evidence_figure(explanation, scan, np.array([0.1, 0.2, 0.9, 0.8]), 0, threshold=0.62)
    assert list(figure.data[1].y) == [0.1, 0.2, 0.9, 0.8]
    assert list(figure.layout.yaxis2.tickvals) == [0, 1]
    assert 0.62 in [shape.y0 for shape in figure.layout.shapes if shape.y0 == shape.y1]


@pytest.mark.parametrize(
    ("axis", "frame_time_ms", "title", "last"),
    [("slice", None, "slice", 4), ("time", None, "frame", 4), ("time", 33.5, "frame, time in ms", 100.5)],
)
def test_axis_counts_slices_frames_or_milliseconds(make_stack, axis, frame_time_ms, title, last):
    scan, explanation = make_stack(STRENGTHS, axis, frame_time_ms)
    figure = evidence_figure(explanation, scan, None, 0)
    assert figure.layout.xaxis.title.text == title
    assert figure.data[0].x[-1] == pytest.approx(last)


def test_points_know_their_frame(make_stack):
    scan, explanation = make_stack([0.5, 0.7], frames=(4, 9))
    assert [entry[0] for entry in evidence_figure(explanation, scan, None, 4).data[0].customdata] == [4, 9]


def test_empty_map_is_called_empty_and_not_scaled_up(make_stack):
    scan, explanation = make_stack([0.0, 1e-9])
    figure = evidence_figure(explanation, scan, None, 0)
    assert "no evidence found" in figure.layout.annotations[0].text
    assert figure.layout.yaxis.range[1] >= 1


def test_theme_decides_about_background_and_font(make_stack):
    scan, explanation = make_stack(STRENGTHS)
    layout = evidence_figure(explanation, scan, np.full(4, 0.5), 0).layout
    assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0, 0, 0, 0)"
    assert layout.font.color is None


def test_description_names_the_strongest_slice(make_stack):
    scan, explanation = make_stack(STRENGTHS)
    assert describe_evidence(explanation, scan, 0) == (
        "Evidence for Pneumonia is strongest in slice 3 of 4 (1.8 logit units), and above half of that in 2 slices. "
        "Slice 1 is shown."
    )


def test_description_of_an_empty_map_says_so(make_stack):
    scan, explanation = make_stack([0.0, 0.0], "time")
    assert describe_evidence(explanation, scan, 1) == (
        "No evidence for Pneumonia was found in any frame. Frame 2 is shown."
    )
