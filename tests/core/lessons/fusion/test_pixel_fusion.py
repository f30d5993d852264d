import numpy as np
import pytest

from core.lessons.fusion.alignment import Pose, moved
from core.lessons.fusion.pixel_fusion import dice, fit_pixels
from core.lessons.fusion.prior import with_prior
from core.lessons.phantom import CONTRASTS, phantom, phantom_scan


@pytest.fixture(scope="module")
def heads():
    return [phantom(seed, 96) for seed in range(6)]


def overlap(model, head, pose=None):
    images = [head.images[name] for name in model.contrasts]
    if pose is not None:
        images[1:] = [moved(image, pose) for image in images[1:]]
    return dice((model.probability(images) >= model.threshold) & head.head, head.lesion)


def test_two_contrasts_find_more_of_the_lesion_than_either_and_lose_it_where_they_do_not_fit(heads):
    fresh = [phantom(seed, 96) for seed in range(20, 26)]
    both = fit_pixels(heads, ["flair", "post"])
    alone = [fit_pixels(heads, [name]) for name in ("flair", "post")]
    fused = np.mean([overlap(both, head) for head in fresh])
    single = max(np.mean([overlap(model, head) for head in fresh]) for model in alone)
    apart = np.mean([overlap(both, head, Pose(6, 4)) for head in fresh])
    assert fused > single + 0.05
    assert apart < fused - 0.1


def test_the_fit_is_scikit_learns(heads):
    from sklearn.linear_model import LogisticRegression

    model = fit_pixels(heads[:3], ["flair", "post"])
    values = np.concatenate([np.column_stack([h.images[n][h.head] for n in ("flair", "post")]) for h in heads[:3]])
    truth = np.concatenate([h.lesion[h.head] for h in heads[:3]])
    theirs = LogisticRegression(C=1e3, max_iter=2000, tol=1e-8).fit(values, truth)
    np.testing.assert_allclose(model.weights, theirs.coef_[0], rtol=2e-2)


def test_overlap_of_nothing_with_nothing_is_not_defined():
    empty = np.zeros((3, 3), bool)
    assert np.isnan(dice(empty, empty))
    assert dice(empty, ~empty) == 0
    assert dice(~empty, ~empty) == 1


def test_heads_differ_by_seed_and_are_whole(heads):
    assert (phantom(0, 96).images["pre"] == heads[0].images["pre"]).all()
    assert (heads[0].lesion != heads[1].lesion).any()
    for head in heads:
        assert head.lesion.any()
        assert (head.head | ~head.lesion).all()
    assert not phantom(0, lesion=False).lesion.any()
    scans = [phantom_scan(heads[0], name) for name in CONTRASTS]
    assert len({scan.digest for scan in scans}) == 3
    assert scans[0].modality == "MR"


def test_a_prior_moves_the_odds_by_its_factor():
    assert with_prior(0.7, 0.4, 0.4) == pytest.approx(0.7)
    odds = with_prior(0.8, 0.5, 0.1) / (1 - with_prior(0.8, 0.5, 0.1))
    assert odds == pytest.approx(4 / 9)
    assert with_prior(1.0, 0.5, 0.5) == pytest.approx(1.0, abs=1e-5)
