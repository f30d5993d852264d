import numpy as np
import pytest

from core.errors import UnsupportedModel
from core.explain.methods.attention import attention_rollout, rolled_out
from core.explain.request import Ask
from core.inference.prepare import Geometry, Prepared

WHOLE = Geometry((24, 24), (24, 24), (1.0, 1.0), (0.0, 0.0), (0, 0, 24, 24))


def test_flow_is_the_product_of_what_the_layers_mix():
    rng = np.random.default_rng(0)
    scores = rng.random((2, 3, 5, 5))
    scores /= scores.sum(axis=-1, keepdims=True)
    found = rolled_out(scores)
    for one, expected in zip(scores, found, strict=True):
        flow = np.eye(5)
        for layer in one:
            flow = (0.5 * layer + 0.5 * np.eye(5)) @ flow
        np.testing.assert_allclose(expected, flow)
    np.testing.assert_allclose(found.sum(axis=-1), 1.0)


def prepared():
    image = np.zeros((1, 24, 24, 3), np.float32)
    image[0, 4:8, 16:20] = 1.0  # one patch of the six by six
    return Prepared({"image": image}, WHOLE, (0,), ())


@pytest.mark.keras
@pytest.mark.parametrize("name", ["transformer", "transformer with a grid", "transformer with a class token"])
def test_attention_goes_to_the_bright_patch_for_every_class(taught, keras_process, name):
    bundle = taught(name)
    found, other = (attention_rollout(bundle, prepared(), Ask(target, keras=keras_process)) for target in (0, 1))
    assert np.unravel_index(found.grids[0].argmax(), (6, 6)) == (1, 4)
    np.testing.assert_array_equal(found.grids, other.grids)
    assert found.grids.sum() <= 1.0 + 1e-5


@pytest.mark.keras
def test_recording_leaves_the_model_as_it_was(taught, keras_process):
    bundle = taught("transformer")
    arguments = {"model": str(bundle.card.folder / "model.keras")}
    before = keras_process.call("predict", arguments, prepared().batch)[1]["output"]
    attention_rollout(bundle, prepared(), Ask(0, keras=keras_process))
    np.testing.assert_array_equal(before, keras_process.call("predict", arguments, prepared().batch)[1]["output"])


@pytest.mark.keras
def test_what_is_no_transformer_is_refused_and_so_is_asking_without_keras(taught, keras_process):
    with pytest.raises(UnsupportedModel, match="no vision transformer"):
        attention_rollout(taught("flat functional"), prepared(), Ask(0, keras=keras_process))
    with pytest.raises(UnsupportedModel, match="the Keras process"):
        attention_rollout(taught("transformer"), prepared(), Ask(0))
