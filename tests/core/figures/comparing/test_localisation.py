"""What cards say of heatmaps against marks is drawn with its interval, beside what knows nothing."""

from types import SimpleNamespace

import numpy as np

from core.explain.trust.localisation import MEASURES
from core.explain.trust.localised_models import localised_models
from core.figures.comparing.localisation import describe_localisation, localisation_figure, localisation_rows


def card(title, value, low, high, centre):
    numbers = {"value": value, "low": low, "high": high, "method": "patient bootstrap", "centre": centre, "chance": 0.1}
    parts = [
        {"group": {"marks": "boxes"}, "n": 40, "patients": 30, "measures": dict.fromkeys(MEASURES, numbers)},
        {"group": {"marks": "boxes", "called": True}, "n": 9, "patients": 9, "measures": {}},
    ]
    entry = {"name": "set", "method": "grad-cam", "parts": parts}
    return SimpleNamespace(title=title, front_matter={"scanlens": {"localisation": [entry]}})


def test_every_measure_of_every_card_is_gathered_once():
    found = localised_models([card("A", 0.8, 0.7, 0.9, 0.5), SimpleNamespace(title="B", front_matter={})])
    assert [(one.model, one.marks, one.measure) for one in found] == [("A", "boxes, set", name) for name in MEASURES]


def test_the_plot_shows_intervals_and_the_words_name_who_beats_the_centre():
    cards = [card("Good <one>", 0.8, 0.7, 0.9, 0.5), card("Poor", 0.5, 0.4, 0.6, 0.45)]
    found = [one for one in localised_models(cards) if one.measure == "hit"]
    dots = localisation_figure(found).data[0]
    np.testing.assert_allclose(np.array(dots.x) + dots.error_x.array, [0.9, 0.6])
    np.testing.assert_allclose(np.array(dots.x) - dots.error_x.arrayminus, [0.7, 0.4])
    assert "<one>" not in "".join(localisation_figure(found).layout.yaxis.ticktext)
    words = describe_localisation(found)
    assert "Good <one> (boxes, set) 0.800 against 0.500" in words
    assert "1 of 2 are not told apart" in words
    assert localisation_rows(found)[1]["low"] == 0.4
