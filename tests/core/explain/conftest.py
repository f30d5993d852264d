"""Bundles made on the spot, and one model whose heatmap is known beforehand."""

import dataclasses
import hashlib
import os

import numpy as np
import pytest

from core.card import InputSpec, ModelCard

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
SIZE, CELLS = 64, 16


@pytest.fixture(scope="session")
def open_model(tmp_path_factory):
    """A Keras model to an opened bundle with a card, its .keras file beside it."""
    opened = {}

    def make(model, layer, **changes):
        from core.runtime.compile import compile_bundle
        from core.runtime.session import open_bundle

        if id(model) not in opened:
            folder = tmp_path_factory.mktemp("bundle")
            sample = np.random.default_rng(0).random((4, *model.inputs[0].shape[1:])).astype(np.float32)
            facts = compile_bundle(model, folder, layer, {"image": sample})
            model.save(folder / "model.keras")
            opened[id(model)] = (model, folder, facts)  # the model is kept so that its id stays its own
        _, folder, facts = opened[id(model)]
        return open_bundle(dataclasses.replace(_card(folder, model, facts), **changes))

    return make


def _card(folder, model, facts):
    rows, columns, channels = model.inputs[0].shape[1:]
    labels = ("dark", "bright") if facts.units <= 2 else tuple(f"class {index}" for index in range(facts.units))
    spec = InputSpec("image", "image", (rows, columns), channels, (0.0, 1.0), "display", "stretch", ())
    return ModelCard(
        slug="test",
        folder=folder,
        title="Test",
        summary="",
        task="binary" if len(labels) == 2 else "multiclass",
        labels=labels,
        inputs=(spec,),
        threshold=0.5,
        threshold_from="",
        temperature=1.0,
        explain_layer=facts.explain_layer,
        sha256={path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()},
        license="",
        non_commercial=False,
        training_modality="",
    )


@pytest.fixture(scope="session")
def brightness_model():
    """Each cell is the mean grey of its 4 × 4 pixels, m: "bright" adds m of each cell, "dark" adds 1 - m."""
    import keras
    from keras import layers

    image = keras.Input((SIZE, SIZE, 1), name="image")
    cells = layers.Conv2D(2, SIZE // CELLS, strides=SIZE // CELLS, name="cells")(image)
    dense = layers.Dense(2, activation="softmax")(layers.GlobalAveragePooling2D()(cells))
    model = keras.Model(image, dense)
    mean = np.full((4, 4, 1, 1), 1 / 16, np.float32)
    model.get_layer("cells").set_weights([np.concatenate([mean, -mean], axis=-1), np.array([0.0, 1.0], np.float32)])
    model.layers[-1].set_weights([np.array([[0.0, 1.0], [1.0, 0.0]], np.float32), np.zeros(2, np.float32)])
    return model


def _flat(units, activation, hidden=0):
    import keras
    from keras import layers

    keras.utils.set_random_seed(5)
    image = keras.Input((32, 32, 3), name="image")
    x = layers.Conv2D(8, 3, activation="relu", strides=2)(image)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(12, 3, activation="relu", strides=2, name="last")(x))
    if hidden:
        x = layers.Dense(hidden, activation="relu")(x)
    model = keras.Model(image, layers.Dense(units, activation=activation)(x))
    kernel = np.asarray(model.layers[-1].kernel)
    favourite = np.arange(len(kernel))[:, None] % max(units, 2) == np.arange(units)
    # Each class has channels that speak for it, so that no map is empty by the luck of the draw.
    model.layers[-1].kernel.assign(np.where(favourite, np.abs(kernel) + 0.5, -np.abs(kernel) / 4))
    return model


@pytest.fixture(scope="session")
def flat_model():
    """Three classes, softmax in the last dense layer."""
    return _flat(3, "softmax")


@pytest.fixture(scope="session")
def one_unit_model():
    """One sigmoid unit for two labels."""
    return _flat(1, "sigmoid")


@pytest.fixture(scope="session")
def hidden_model():
    """A head that is not affine."""
    return _flat(3, "softmax", hidden=16)


@pytest.fixture(scope="session")
def keras_process():
    """One Keras process for the folder; it starts with the first test that calls it."""
    from core.runtime.keras_process import KerasProcess

    process = KerasProcess()
    yield process
    process.close()
