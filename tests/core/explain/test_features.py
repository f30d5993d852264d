import numpy as np
import pytest

from core.errors import UnsupportedModel
from core.explain.methods.features import feature_fractions
from core.explain.request import Ask
from core.inference.prepare import Geometry, Prepared

pytestmark = pytest.mark.keras
WHOLE = Geometry((24, 24), (24, 24), (1.0, 1.0), (0.0, 0.0), (0, 0, 24, 24))
VALUES = np.array([1.0, 0.5, -2.0], np.float32)


@pytest.fixture
def prepared():
    rng = np.random.default_rng(0)
    batch = {"image": rng.random((2, 24, 24, 3), np.float32), "table": np.stack([np.zeros(3, np.float32), VALUES])}
    return Prepared(batch, WHOLE, (0, 1), ())


def test_behind_one_dense_layer_a_fraction_is_the_weight_times_the_value(taught, keras_process, prepared):
    """The head is linear: 30 / 11 for the own colour's column, half as much against for the others."""
    found = feature_fractions(taught("image and table"), prepared, Ask(1, keras=keras_process), index=1)
    own = (np.arange(8, 11) % 3 == 1).astype(float)
    weights = 30 / 11 * np.where(own, 1.0, -0.5)
    np.testing.assert_allclose(found.left_out, weights * VALUES, rtol=1e-4)
    np.testing.assert_allclose(found.slope, weights * VALUES, rtol=1e-4)
    assert found.names == ("feature 1", "feature 2", "feature 3")
    assert found.label == "green"


def test_reference_and_the_other_class_count(taught, keras_process, prepared):
    bundle, ask = taught("image and table"), Ask(1, against=0, keras=keras_process)
    found = feature_fractions(bundle, prepared, ask, reference=VALUES, names=("age", "sex", "fever"), index=1)
    assert np.abs(found.left_out).max() < 1e-5
    assert np.abs(found.slope).max() < 1e-5
    assert found.rather_than == "red"


def test_without_keras_there_is_no_slope(taught, prepared):
    assert feature_fractions(taught("image and table"), prepared, Ask(1)).slope is None


def test_what_does_not_fit_is_refused(taught, prepared):
    bundle = taught("image and table")
    with pytest.raises(UnsupportedModel, match="3 features"):
        feature_fractions(bundle, prepared, Ask(1), reference=np.zeros(2))
    with pytest.raises(UnsupportedModel, match="a table"):
        feature_fractions(bundle, prepared, Ask(1), table="image")
    alone = Prepared({"image": prepared.batch["image"]}, WHOLE, (0, 1), ())
    with pytest.raises(UnsupportedModel, match="without one"):
        feature_fractions(taught("flat functional"), alone, Ask(1))
