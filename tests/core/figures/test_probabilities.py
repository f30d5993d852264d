from dataclasses import replace

import numpy as np
import pytest

from core.colors import NEUTRAL, OKABE_ITO
from core.figures.probabilities import describe_probabilities, probability_figure
from core.inference.decision import calibrated_threshold, decide

ROW = np.array([0.13, 0.87])
CALIBRATED = np.array([0.19, 0.81])


def texts(figure):
    return [annotation.text for annotation in figure.layout.annotations]


@pytest.fixture
def figure(make_card):
    card = make_card()
    return probability_figure(card, ROW, CALIBRATED, decide(card, ROW))


def test_bars_are_the_calibrated_probabilities_with_the_asked_label_on_top(figure):
    bars = figure.data[0]
    assert {name: (shown, raw) for (name, raw), shown in zip(bars.customdata, bars.x, strict=True)} == {
        "Pneumonia": (0.81, 0.87),
        "Normal": (0.19, 0.13),
    }
    assert bars.y[0] > bars.y[1]
    assert figure.layout.xaxis.range == (0, 1)


def test_threshold_is_drawn_on_the_scale_and_the_bar_that_it_decides_about(figure, make_card):
    row = figure.data[0].y[0]
    for line in figure.layout.shapes:
        assert line.x0 == line.x1 == pytest.approx(calibrated_threshold(0.62, make_card().temperature))
        assert row - 0.5 < line.y0 < row < line.y1 <= row + 0.5
    assert f"threshold {calibrated_threshold(0.62, make_card().temperature):.2f}" in texts(figure)


def test_values_are_written_with_two_decimals_beside_the_bars(figure):
    written = " ".join(texts(figure))
    assert "<b>0.81</b>" in written


def test_without_calibration_bars_and_threshold_are_as_the_model_says(make_card):
    card = make_card()
    figure = probability_figure(card, ROW, None, decide(card, ROW))
    assert list(figure.data[0].x) == [0.87, 0.13]
    assert "threshold 0.62" in texts(figure)


def test_theme_decides_about_background_and_font(figure):
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0, 0, 0, 0)"
    assert figure.layout.font.color is None
    assert all(annotation.font.color is None for annotation in figure.layout.annotations)
    assert not figure.layout.showlegend


def test_binary_answer_is_a_small_figure(figure):
    assert 120 <= figure.layout.height <= 180


@pytest.mark.parametrize("background", ["#FFFFFF", "#0E1117"])
def test_bars_and_lines_stand_out_from_either_theme(contrast_of, background):
    assert contrast_of(OKABE_ITO[0], background) >= 3
    assert contrast_of(NEUTRAL, background) >= 3


def test_several_classes_come_in_order_of_probability(make_card):
    card = make_card(("A", "B", "C"), None, "multiclass")
    row = np.array([0.2, 0.5, 0.3])
    figure = probability_figure(card, row, None, decide(card, row))
    assert [name for name, _ in figure.data[0].customdata] == ["B", "C", "A"]
    assert not figure.layout.shapes


def test_ordered_classes_keep_their_order(make_card):
    card = make_card(("None", "Mild", "Severe"), None, "ordinal")
    row = np.array([0.2, 0.5, 0.3])
    figure = probability_figure(card, row, None, decide(card, row))
    assert [name for name, _ in figure.data[0].customdata] == ["None", "Mild", "Severe"]
    assert figure.data[0].y[0] > figure.data[0].y[-1]


def test_thresholds_of_several_findings_stand_beside_the_values_and_cover_no_bar(make_card):
    card = replace(make_card(("A", "B"), None, "multilabel"), thresholds={"A": 0.4, "B": 0.7})
    row = np.array([0.5, 0.3])
    figure = probability_figure(card, row, None, decide(card, row))
    assert {line.x0 for line in figure.layout.shapes} == {0.4, 0.7}
    named = [annotation for annotation in figure.layout.annotations if "threshold" in annotation.text]
    assert [annotation.xref for annotation in named] == ["paper", "paper"]
    assert "threshold 0.40" in named[0].text


def test_labels_of_strangers_cannot_carry_markup(make_card):
    card = make_card(("<b>no</b>", "<a href='https://example.org'>yes</a>"))
    drawn = probability_figure(card, ROW, CALIBRATED, decide(card, ROW)).to_plotly_json()
    assert "<a href" not in str(drawn)
    assert "&lt;a href" in str(drawn)


def test_certainty_is_never_written(make_card):
    card = make_card()
    row = np.array([0.0, 1.0], np.float32)
    written = " ".join(texts(probability_figure(card, row, row, decide(card, row))))
    assert "&gt;0.99" in written
    assert "1.00" not in written


def test_value_that_rounds_to_the_threshold_shows_its_side(make_card):
    card = make_card()
    row = np.array([0.3812, 0.6188])
    written = " ".join(texts(probability_figure(card, row, None, decide(card, row))))
    assert "0.619" in written
    assert "threshold 0.620" in written


def test_description_says_what_the_figure_shows(make_card):
    card = make_card()
    assert describe_probabilities(card, ROW, CALIBRATED, decide(card, ROW)) == (
        "Pneumonia is likely. Calibrated probability of Pneumonia 0.81; of Normal 0.19. "
        f"The threshold for Pneumonia is {calibrated_threshold(0.62, card.temperature):.2f}."
    )


def test_description_of_several_classes_names_no_threshold(make_card):
    card = make_card(("A", "B", "C"), None, "multiclass")
    row = np.array([0.2, 0.5, np.nan])
    text = describe_probabilities(card, row, None, decide(card, np.array([0.2, 0.5, 0.0])))
    assert text == "B is the most likely answer. Probability of B 0.50; of A 0.20; of C not defined."
