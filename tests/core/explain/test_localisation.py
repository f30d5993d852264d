"""Heat against marked regions, on maps whose answer is known."""

import numpy as np
import pytest

from core.explain.trust.localisation import (
    InvalidTruth,
    centre_heat,
    energy_inside,
    iou,
    localise,
    localise_explanation,
    mean_estimate,
    pointing_game,
    summarise,
)


def square(top, left, side, shape=(40, 60)):
    mask = np.zeros(shape, bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_heat_on_the_truth_alone_reaches_one_everywhere():
    truth = square(5, 40, 8)
    found = localise(truth.astype(np.float32), truth).found
    assert (found.hit, found.energy, found.iou) == (1.0, 1.0, pytest.approx(1.0))


def test_even_map_reaches_chance_everywhere():
    truth = square(5, 40, 8)
    case = localise(np.full((40, 60), 0.3, np.float32), truth)
    for measure in ("hit", "energy", "iou"):
        assert getattr(case.found, measure) == pytest.approx(getattr(case.chance, measure), rel=1e-5)
    assert case.area == pytest.approx(64 / 2400)


def test_pointing_game_forgives_what_the_tolerance_says_and_no_more():
    truth, heat = square(10, 10, 5), np.zeros((40, 60))
    heat[12, 16] = 1.0  # two columns right of the last marked one, which is the 14th
    assert pointing_game(heat, truth, tolerance=2 / 60) == 1.0
    assert pointing_game(heat, truth, tolerance=1.9 / 60) == 0.0


def test_negative_heat_is_no_evidence():
    truth = square(10, 10, 5)
    heat = np.where(truth, -5.0, 0.0)
    heat[0, 0] = 1.0
    assert energy_inside(heat, truth) == 0.0
    assert localise(-np.ones((40, 60)), truth).is_empty


def test_empty_map_is_a_miss():
    case = localise(np.zeros((40, 60), np.float32), square(10, 10, 5))
    assert (case.found.hit, case.found.energy, case.found.iou, case.is_empty) == (0.0, 0.0, 0.0, True)


def test_overlap_takes_as_many_pixels_as_are_marked():
    heat = np.arange(8, 0, -1, dtype=float)[None]
    truth = np.array([[0, 1, 1, 1, 0, 0, 0, 0]], bool)
    assert iou(heat, truth) == pytest.approx(2 / 4)  # the hottest three meet two of three
    assert iou(heat, truth, above=0.5) == pytest.approx(3 / 4)  # 8, 7, 6 and 5 exceed half of 8


def test_overlap_never_counts_cold_pixels_as_hot():
    heat = np.zeros((40, 60))
    heat[0, 0] = 1.0
    assert iou(heat, square(0, 0, 5)) == pytest.approx(1 / 25)


def test_centred_map_wins_for_a_central_truth_only():
    centred, cornered = (
        localise(centre_heat((40, 60)), square(16, 26, 8)),
        localise(centre_heat((40, 60)), square(0, 0, 8)),
    )
    assert centred.found == centred.centre
    assert centred.centre.energy > centred.chance.energy > cornered.centre.energy
    assert (centred.centre.hit, cornered.centre.hit) == (1.0, 0.0)


@pytest.mark.parametrize("truth", [np.zeros((40, 60), bool), np.ones((40, 59), bool), np.ones((40, 60), np.uint8)])
def test_truth_that_cannot_be_compared_is_refused(truth):
    with pytest.raises(InvalidTruth):
        energy_inside(np.ones((40, 60)), truth)


def test_explanation_is_drawn_on_the_pixels_of_the_truth():
    from core.explain.explanation import Explanation
    from core.inference.prepare import Geometry

    geometry = Geometry((32, 32), (64, 64), (2.0, 2.0), (0.5, 0.5), (0, 0, 32, 32))
    grids = np.zeros((1, 8, 8), np.float32)
    grids[0, 6, 1] = 2.0  # rows 48 to 55 and columns 8 to 15 of the scan
    explanation = Explanation(grids, (0,), geometry, "grad-cam", "x", "y")
    assert localise_explanation(explanation, 0, square(48, 8, 8, (64, 64))).found.hit == 1.0
    assert localise_explanation(explanation, 0, square(96, 16, 16, (128, 128))).found.hit == 1.0
    assert localise_explanation(explanation, 0, square(8, 48, 8, (64, 64))).found.hit == 0.0


def test_images_of_one_patient_do_not_narrow_the_interval():
    values = np.tile([0.0, 1.0], 20)
    alone = mean_estimate(values, np.arange(40))
    copied = mean_estimate(np.repeat(values, 5), np.repeat(np.arange(40), 5))
    assert copied.value == alone.value == 0.5
    assert copied.high - copied.low == pytest.approx(alone.high - alone.low, rel=0.1)


def test_difference_to_the_centre_is_taken_case_by_case():
    rng = np.random.default_rng(0)
    centre = rng.random(50)
    summary = summarise(centre + 0.1 + 0.01 * rng.random(50), centre / 2, centre, np.arange(50))
    assert summary.over_centre.value == pytest.approx(0.105, abs=0.002)
    assert 0 < summary.over_centre.high - summary.over_centre.low < 0.002
    assert summary.found.high - summary.found.low > 0.1
    assert summary.chance == pytest.approx(centre.mean() / 2)


def test_all_hits_and_no_hits_get_an_interval():
    assert mean_estimate(np.ones(4), ["a", "b", "c", "c"]).low < 1
    assert mean_estimate(np.zeros(4), ["a", "b", "c", "c"]).high > 0
    assert np.isnan(mean_estimate(np.zeros(0), []).value)
