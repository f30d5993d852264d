import numpy as np
import pytest

from core.errors import UnsupportedModel
from core.lessons.inside.class_score import class_score
from core.lessons.inside.probe import Probe


@pytest.fixture
def picture():
    return {"image": np.random.default_rng(1).random((1, 21, 21, 1), np.float32)}


def test_bias_and_shares_of_a_pooled_head_add_up_to_the_logit(opened, picture):
    bundle = opened("branched")
    score = class_score(bundle, picture, 1)
    assert score.exact
    logit = float(bundle.run(picture).logits[0, 0])
    assert score.logit == pytest.approx(logit, abs=1e-5)
    assert score.bias + score.shares.sum() == pytest.approx(logit, abs=1e-9)
    np.testing.assert_allclose(score.maps.sum(axis=(1, 2)), score.shares, rtol=1e-4)


def test_bias_and_weights_are_those_of_the_dense_layer(builder, monkeypatch, opened, picture, models):
    b = builder(seed=3)
    models["single"] = b.finish(b.conv(b.first, "last", out=5))
    score = class_score(opened("single"), picture, 1)
    np.testing.assert_allclose(score.weights, b.weights[:, 0], rtol=1e-4)
    assert score.bias == pytest.approx(float(b.bias[0]), abs=1e-4)
    del models["single"]


def test_the_other_label_of_one_unit_has_everything_negated(opened, picture):
    bundle = opened("plain")
    yes, no = class_score(bundle, picture, 1), class_score(bundle, picture, 0)
    assert no.logit == -yes.logit
    np.testing.assert_allclose(no.shares, -yes.shares)
    assert (yes.label, no.label) == ("Yes", "No")


def test_left_out_channels_of_a_pooled_head_lose_exactly_their_share(opened, picture, monkeypatch):
    """The way for other heads, tried where the truth is known."""
    bundle = opened("plain")
    exact = class_score(bundle, picture, 1)
    bundle.__dict__["pooled_head"] = False
    estimate = class_score(bundle, picture, 1)
    assert not estimate.exact
    np.testing.assert_allclose(estimate.shares, exact.shares, atol=1e-4)


def test_strongest_channels_come_first_whatever_their_sign(opened, picture):
    score = class_score(opened("attended"), picture, 1)
    order = np.abs(score.shares[score.strongest(3)])
    assert (np.diff(order) <= 0).all()


def test_a_model_that_outlines_has_no_single_score(opened, picture):
    from dataclasses import replace

    bundle = opened("plain")
    bundle.card = replace(bundle.card, task="segmentation")
    with pytest.raises(UnsupportedModel, match="one score a class"):
        class_score(bundle, picture, 1)


def test_the_probe_gives_what_the_bundle_gives(opened, models, picture):
    bundle, probe = opened("attended"), Probe(models["attended"])
    network = probe.network
    found = probe.run(picture, [network.heat, len(network.boxes) - 1, 0])
    expected = bundle.run(picture)
    np.testing.assert_allclose(found[network.heat], np.moveaxis(expected.activations[0], -1, 0), rtol=1e-6)
    np.testing.assert_allclose(found[len(network.boxes) - 1], expected.logits[0], rtol=1e-6)
    np.testing.assert_array_equal(found[0], picture["image"][0, None, :, :, 0])
