"""What is switched off is off, and nothing else changes."""

import numpy as np
import pytest

from core.lessons.inside.probe import Probe
from core.lessons.inside.switchboard import Switchboard


@pytest.fixture
def image():
    return {"image": np.random.default_rng(1).random((2, 21, 21, 1), np.float32)}


@pytest.mark.parametrize("name", ["plain", "branched", "attended"])
def test_with_everything_on_the_model_is_the_same(models, image, name):
    from core.onnx_runtime import onnxruntime

    whole = onnxruntime.InferenceSession(models[name].SerializeToString(), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(Switchboard(models[name]).logits(image), whole.run(["logits"], image)[0], atol=1e-5)


def test_every_branch_has_a_switch_named_by_its_kernel(models):
    board = Switchboard(models["branched"])
    assert [switch.title for switch in board.switches] == ["3 × 3", "3 × 3, every 2nd", "3 × 3, every 4th"]
    assert [switch.span for switch in board.switches] == [3, 5, 9]
    assert Switchboard(models["plain"]).switches == ()


def test_a_silent_branch_is_zero_in_what_follows(models, image):
    """Computed by hand from the maps: without branch 2, channel 1 of the join holds the shortcut alone."""
    board, probe = Switchboard(models["branched"]), Probe(models["branched"])
    boxes = probe.network.boxes
    stem, join = 1, next(box.number for box in boxes if box.kind == "join")
    maps = probe.run(image, [stem, join])
    silent = maps[join].copy()
    silent[1] = 0
    expected = np.maximum(silent + maps[stem], 0).mean(axis=(1, 2)) @ _head(models["branched"])[0]
    one = {"image": image["image"][:1]}
    found = board.logits(one, [board.switches[1].name])
    np.testing.assert_allclose(found[0], expected + _head(models["branched"])[1], rtol=1e-4)


def _head(model):
    from onnx import numpy_helper

    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    return constants["m_1/logits_1/kernel"], constants["m_1/logits_1/bias"]


def test_a_branch_that_keeps_its_mean_changes_less_than_a_silent_one(models, image):
    board = Switchboard(models["branched"])
    whole, silent = board.each_alone(image, "silent")
    _, mean = board.each_alone(image, "mean")
    for switch in board.switches:
        assert np.abs(mean[switch.name] - whole).max() < np.abs(silent[switch.name] - whole).max()


def test_attention_that_is_off_weighs_all_alike(models, image):
    board, probe = Switchboard(models["attended"]), Probe(models["attended"])
    kinds = {switch.kind: switch for switch in board.switches}
    assert set(kinds) == {"places", "channels"}
    one = {"image": image["image"][:1]}
    stem, by_channel, by_place = 1, kinds["channels"].number, kinds["places"].number
    maps = probe.run(one, [stem, by_channel, by_place])
    gated = maps[stem] * maps[by_channel] + maps[stem] * maps[by_place].mean()
    weights, bias = _head(models["attended"])
    expected = np.maximum(gated, 0).mean(axis=(1, 2)) @ weights + bias
    np.testing.assert_allclose(board.logits(one, [kinds["places"].name])[0], expected, rtol=1e-4)
    assert not np.allclose(board.logits(one), board.logits(one, [kinds["places"].name]), rtol=1e-5)
