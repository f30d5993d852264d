import numpy as np
import pytest

from core.errors import UnsupportedModel
from core.inference.bundle import open_bundle
from core.keras_process.model.split import probabilities

pytestmark = pytest.mark.keras


def test_compiled_model_answers_as_keras(architecture, compiled, model_of, sample, card_for):
    name, activation, _ = architecture
    facts = compiled(name)
    bundle = open_bundle(card_for(facts.path.parent, facts.units))
    logits = bundle.run(sample).logits
    assert facts.activation == activation
    assert np.ptp(logits) > 0.05  # a model that always answers the same would prove nothing
    expected = np.asarray(model_of(name)(sample["image"], training=False))
    assert np.abs(probabilities(logits, activation) - expected).max() <= 1e-5


def test_affine_heads_are_found_and_no_others(architecture, compiled, card_for):
    name, _, affine = architecture
    facts = compiled(name)
    weights = open_bundle(card_for(facts.path.parent, facts.units)).cam_weights
    assert facts.affine == affine
    assert (weights is not None) == affine
    assert weights is None or weights.shape == (facts.units, 8)


def test_compiling_leaves_the_model_as_it_was(architecture, model_of, sample, tmp_path):
    from core.keras_process.model.compile import compile_bundle

    model = model_of(architecture[0])
    before, attributes = [w.copy() for w in model.get_weights()], [set(vars(layer)) for layer in model.layers]
    answer, config = np.asarray(model(sample["image"])), model.to_json()
    compile_bundle(model, tmp_path, "last", sample)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert [set(vars(layer)) for layer in model.layers] == attributes
    assert np.array_equal(np.asarray(model(sample["image"])), answer)
    assert model.to_json() == config


def test_weights_behind_global_average_pooling_are_the_dense_weights_over_the_cells(compiled, model_of, card_for):
    facts = compiled("nested backbone")
    kernel = np.asarray(model_of("nested backbone").layers[-1].kernel)
    weights = open_bundle(card_for(facts.path.parent)).cam_weights
    np.testing.assert_allclose(weights, kernel.T / (facts.grid[0] * facts.grid[1]), rtol=1e-5)


def test_cells_and_bias_add_up_to_the_logit_behind_global_average_pooling(compiled, model_of, sample, card_for):
    facts = compiled("flat functional")
    bundle = open_bundle(card_for(facts.path.parent))
    output = bundle.run(sample)
    fractions = np.einsum("nhwc,kc->nk", output.activations, bundle.cam_weights)
    bias = np.asarray(model_of("flat functional").layers[-1].bias)
    np.testing.assert_allclose(fractions + bias, output.logits, atol=1e-5)


def test_features_are_the_mean_of_the_activations(compiled, sample, card_for):
    facts = compiled("sequential around backbone")
    output = open_bundle(card_for(facts.path.parent)).run(sample)
    assert output.activations.shape == (5, *facts.grid)
    np.testing.assert_allclose(output.features, output.activations.mean(axis=(1, 2)), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("flat functional", "last"),
        ("nested backbone", "backbone/last"),
        ("sequential around backbone", "backbone/last"),
        ("head in nested model", "backbone/last"),
        ("squeeze and excitation", "gated"),
    ],
)
def test_last_spatial_layer_is_explained_by_default(name, found, compiled):
    assert compiled(name, None).explain_layer == found


def test_head_behind_the_gate_is_affine_where_the_one_before_it_is_not(compiled):
    assert compiled("squeeze and excitation", "gated").affine
    assert not compiled("squeeze and excitation", "last").affine


def test_unknown_layer_is_refused_by_name(model_of, sample, tmp_path):
    from core.keras_process.model.compile import compile_bundle

    with pytest.raises(UnsupportedModel, match="no layer called nothing_like_it"):
        compile_bundle(model_of("sequential"), tmp_path, "nothing_like_it", sample)
    assert not list(tmp_path.iterdir())


def test_grouped_convolutions_and_their_gradients_are_written_out(tmp_path):
    """Keras hands them to XLA, whose calls have no ONNX form."""
    import keras
    from keras import layers

    from core.keras_process.model.compile import compile_bundle

    image = keras.Input((8, 8, 4), name="image")
    x = layers.Conv2D(8, 3, groups=2, activation="relu", name="last")(layers.Conv2D(4, 3, groups=4)(image))
    model = keras.Model(image, layers.Dense(2, activation="softmax")(layers.GlobalAveragePooling2D()(x)))
    facts = compile_bundle(model, tmp_path, None, {"image": np.random.default_rng(0).random((2, 8, 8, 4), np.float32)})
    assert (facts.explain_layer, facts.affine) == ("last", True)


def test_several_inputs_keep_their_names(tmp_path, card_for):
    import keras
    from keras import layers

    from core.keras_process.model.compile import compile_bundle

    image, table = keras.Input((8, 8, 1), name="image"), keras.Input((2,), name="table")
    pooled = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(image))
    model = keras.Model([image, table], layers.Dense(2, activation="softmax")(layers.Concatenate()([pooled, table])))
    random = np.random.default_rng(0)
    batch = {"table": random.random((3, 2), np.float32), "image": random.random((3, 8, 8, 1), np.float32)}
    facts = compile_bundle(model, tmp_path, None, batch)
    bundle = open_bundle(card_for(tmp_path, 2, names=("image", "table")))
    assert facts.affine
    np.testing.assert_allclose(
        probabilities(bundle.run(batch).logits, "softmax"),
        np.asarray(model([batch["image"], batch["table"]])),
        atol=1e-6,
    )


def test_rectifier_that_no_sample_reaches_is_found(model_of, sample, tmp_path):
    """All samples lie on one side of it, so their gradients are the same; another image's need not be."""
    import keras

    from core.keras_process.model.compile import compile_bundle

    model = keras.models.clone_model(model_of("hidden dense layer"))
    model.set_weights(model_of("hidden dense layer").get_weights())
    model.layers[-2].bias.assign(np.full(16, 3.0))
    hidden = keras.Model(model.input, model.layers[-2].output)(sample["image"])
    assert np.min(hidden) > 0
    assert not compile_bundle(model, tmp_path, "last", sample).affine
