"""What each input adds, and what if one fact were another, on models whose weights are known."""

import dataclasses
import hashlib

import numpy as np
import pytest

from core.errors import IncompatibleInput
from core.explain.methods.input_fractions import input_fractions
from core.explain.request import Ask
from core.inference.study import Study, prepare_study
from core.inference.what_if import answer_over_time, what_if
from core.models.card import ModelCard, input_spec

pytestmark = pytest.mark.keras
IMAGE = {"kind": "image", "size": [4, 4], "channels": 1, "resize": "stretch"}
TABLE = {
    "name": "patient", "kind": "table", "optional": True,
    "features": [{"name": "age", "low": 0, "high": 100, "reference": 50}, {"name": "sex", "choices": {"f": 0, "m": 1}}],
}  # fmt: skip


def opened(folder, model, entries, keras_save=False):
    from core.inference.bundle import open_bundle
    from core.keras_process.model.compile import compile_bundle

    specs = tuple(input_spec(entry) for entry in entries)
    rng = np.random.default_rng(0)
    facts = compile_bundle(model, folder, None, {s.name: rng.random((4, *s.shape)).astype(np.float32) for s in specs})
    model.save(folder / "model.keras")
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    card = ModelCard(
        "m", folder, "M", "S", "binary", ("no", "yes"), specs, 0.5, "", 1.0, facts.explain_layer, hashes, "mit", False,
        "anything",
    )  # fmt: skip
    return open_bundle(card)


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """The logit is 4 × mean of `one` + 2 × mean of `two` + 0.03 × age - 1 × sex."""
    import keras
    from keras import layers

    one, two = (keras.Input((4, 4, 1), name=name) for name in ("one", "two"))
    table = keras.Input((2,), name="patient")
    pooled = [layers.GlobalAveragePooling2D()(layers.Conv2D(1, 1, name=f"see_{x.name}")(x)) for x in (one, two)]
    logits = layers.Dense(1, name="logits")(layers.Concatenate()([*pooled, table]))
    model = keras.Model([one, two, table], logits)
    for layer in model.layers:
        if layer.name.startswith("see"):
            layer.set_weights([np.ones((1, 1, 1, 1)), np.zeros(1)])
    model.get_layer("logits").set_weights([np.array([[4.0], [2.0], [0.03], [-1.0]]), np.zeros(1)])
    entries = [{"name": "one", **IMAGE}, {"name": "two", "optional": True, **IMAGE}, TABLE]
    return opened(tmp_path_factory.mktemp("known"), model, entries)


def scan_of(value):
    from core.scan import Scan, Window

    pixels = np.full((1, 4, 4), value, np.float32)
    return Scan(pixels, "single", str(value), "test", "", windows=(Window(0.5, 1.0, "LINEAR_EXACT"),))


def test_what_is_lost_without_an_input_is_what_it_adds(known, keras_process):
    study = Study({"one": scan_of(0.5), "two": scan_of(0.25)}, {"age": 70.0, "sex": 1.0})
    found = input_fractions(known, prepare_study(study, known.card), Ask(1, keras=keras_process))
    expected = {"one": 2.0, "two": 0.5, "patient": 0.03 * 20 - 0.5}
    for fraction in found:
        assert fraction.left_out == pytest.approx(expected[fraction.name], abs=1e-4)
        assert fraction.slope == pytest.approx(expected[fraction.name], abs=1e-4)  # exact for a linear model
    assert [fraction.trained_without for fraction in found] == [False, True, True]


def test_an_input_that_is_not_there_adds_nothing(known):
    found = input_fractions(known, prepare_study(Study({"one": scan_of(0.5)}), known.card), Ask(1))
    assert [fraction.given for fraction in found] == [True, False, False]
    assert [fraction.left_out for fraction in found[1:]] == [0.0, 0.0]
    assert found[0].slope is None


def test_what_if_follows_the_model_and_marks_where_the_patient_is(known):
    prepared = prepare_study(Study({"one": scan_of(0.5)}, {"age": 70.0}), known.card)
    curve = what_if(known, prepared, "age")
    logit = 4 * 0.5 + 0.03 * curve.values - 1 * 0.5
    np.testing.assert_allclose(curve.probabilities[:, 1], 1 / (1 + np.exp(-logit)), atol=1e-5)
    assert curve.here == 70.0
    by_sex = what_if(known, prepared, "sex", known=False)
    assert by_sex.answers == ("f", "m")
    assert by_sex.probabilities[0, 1] > by_sex.probabilities[1, 1]
    assert np.isnan(by_sex.here)
    with pytest.raises(IncompatibleInput, match="weight"):
        what_if(known, prepared, "weight")


def test_the_answer_over_time_is_that_of_a_cine_that_stops(tmp_path):
    import keras
    from keras import layers

    cine = keras.Input((3, 4, 4, 1), name="cine")
    frames = layers.TimeDistributed(layers.GlobalAveragePooling2D())(layers.TimeDistributed(layers.Conv2D(1, 1))(cine))
    model = keras.Model(cine, layers.Dense(1, name="logits")(layers.Flatten()(frames)))
    model.layers[1].set_weights([np.ones((1, 1, 1, 1)), np.zeros(1)])
    model.get_layer("logits").set_weights([np.array([[0.0], [0.0], [8.0]]), np.array([-4.0])])
    bundle = opened(tmp_path, model, [{"name": "cine", **IMAGE, "kind": "sequence", "frames": 3}])
    scan = scan_of(0.0)
    scan = dataclasses.replace(scan, axis="time", pixels=np.stack([np.full((4, 4), v, np.float32) for v in (0, 0, 1)]))
    curve = answer_over_time(bundle, prepare_study(Study({"cine": scan}), bundle.card), "cine")
    assert curve.probabilities[:2, 1].max() < 0.05
    assert curve.probabilities[2, 1] > 0.95
