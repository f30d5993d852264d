"""Thresholds are the decimals that people write: none is missed by one unit in the last place."""

import numpy as np
import pytest

from core.evaluation.metrics.grids import even_grid
from core.evaluation.results.curves import score_distribution
from core.evaluation.results.decision_curve import net_benefit
from core.evaluation.results.evaluation import Finding
from core.evaluation.results.operating_point import threshold_sweep


def at_every_hundredth():
    """One case with the finding and one without at each of 0.01 to 0.99."""
    score = np.repeat([k / 100 for k in range(1, 100)], 2)
    return Finding("x", np.arange(198) % 2 == 0, score, score, 0.5, np.arange(198), np.arange(198))


@pytest.mark.parametrize(("points", "last"), [(101, 1.0), (11, 1.0), (41, 1.0), (100, 0.99), (201, 1.0), (51, 0.5)])
def test_every_point_is_the_double_of_its_decimals(points, last):
    expected = [float(f"{k * last / (points - 1):.9f}") for k in range(points)]
    assert even_grid(points, last).tolist() == expected


def test_sensitivity_at_a_threshold_counts_the_case_that_lies_on_it():
    sweep = threshold_sweep(at_every_hundredth())
    expected = [sum(s >= k / 100 for s in range_of_scores()) / 99 for k in range(101)]
    assert sweep.sensitivity == pytest.approx(expected, abs=1e-12)
    assert sweep.thresholds[35] == 0.35


def range_of_scores():
    return [k / 100 for k in range(1, 100)]


def test_net_benefit_counts_the_case_on_the_threshold():
    curve = net_benefit(at_every_hundredth(), resamples=100)
    for place, threshold in enumerate(k / 100 for k in range(1, 100)):
        predicted = sum(s >= threshold for s in range_of_scores())
        assert curve.net_benefit[place] == pytest.approx(predicted / 198 * (1 - threshold / (1 - threshold)), abs=1e-12)


def test_histogram_puts_a_score_on_an_edge_into_the_bin_above():
    found = score_distribution(at_every_hundredth(), bins=20)
    assert found.with_finding.tolist() == [4] + [5] * 19
