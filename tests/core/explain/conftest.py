"""Bundles made on the spot, and one model whose heatmap is known beforehand."""

import dataclasses
import hashlib
import os

import numpy as np
import pytest

from core.models.card import InputSpec, ModelCard

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
SIZE, CELLS = 64, 16


@pytest.fixture(scope="session")
def open_model(tmp_path_factory):
    """A Keras model to an opened bundle with a card, its .keras file beside it."""
    opened = {}

    def make(model, layer, **changes):
        from core.inference.bundle import open_bundle
        from core.keras_process.model.compile import compile_bundle

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
    rows, columns, channels = model.inputs[0].shape[1:] if model is not None else (1, 1, 1)
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
    from core.keras_process.client import KerasProcess

    process = KerasProcess()
    yield process
    process.close()


def _passed_on(shape, channels=None):
    """A kernel (…, in, out) that hands colour c of three on to every third channel, as a mean over the places."""
    colour_in = np.arange(shape[-2]) % (channels or shape[-2]) % 3
    same = (colour_in[:, None] == np.arange(shape[-1]) % 3) / np.prod(shape[:-2])
    return np.broadcast_to(same / np.maximum(same.sum(axis=0), 1e-9) / np.prod(shape[:-2]), shape).astype(np.float32)


def _speaks(shape, channels=None):
    """A kernel (…, in, classes): colour c speaks for class c and half as much against the others."""
    colour_in = np.arange(shape[-2]) % (channels or shape[-2]) % 3
    kernel = np.where(colour_in[:, None] == np.arange(shape[-1]), 1.0, -0.5)
    return np.broadcast_to(30 * kernel / shape[-2], shape).astype(np.float32)


def _attention_weights(layer):
    """Every token looks at the bright ones, and takes a little of what they are."""
    for part in (layer.query_dense, layer.key_dense, layer.value_dense, layer.output_dense):
        part.kernel.assign(np.zeros(part.kernel.shape))
    layer.query_dense.bias.assign(np.full(layer.query_dense.bias.shape, 2.0))
    layer.key_dense.kernel.assign(np.full(layer.key_dense.kernel.shape, 2.0))
    channels, heads, size = layer.value_dense.kernel.shape
    value = np.arange(channels)[:, None, None] % 3 == np.arange(size) % 3
    layer.value_dense.kernel.assign(np.broadcast_to(value / 2, (channels, heads, size)))
    layer.output_dense.kernel.assign(0.1 * np.broadcast_to(np.moveaxis(value, 0, -1)[0], (heads, size, channels)))


def _teach(model):
    """Weights by hand: bright red speaks for class 0, green for 1, blue for 2, wherever it is. Dark says nothing."""
    from core.keras_process.model.layers import walk_layers

    def is_trained(layer):
        return not hasattr(layer, "layers") and type(layer).__name__ != "TimeDistributed"

    trained = [layer for _, layer in walk_layers(model) if is_trained(layer) and layer.trainable_weights]
    channels = None
    for layer in trained:
        kind = type(layer).__name__
        if kind == "BatchNormalization":
            layer.beta.assign(np.full(layer.beta.shape, -0.1))
        elif kind == "MultiHeadAttention":
            _attention_weights(layer)
        elif kind in {"LSTM", "GRU", "ConvLSTM2D"}:
            _teach_recurrent(layer.cell, 3 if kind == "GRU" else 4)
        elif layer is trained[-1]:
            flattened = channels if kind == "Dense" and layer.kernel.shape[0] % (channels or 1) == 0 else None
            layer.kernel.assign(_speaks(layer.kernel.shape, flattened))
            layer.bias.assign(np.zeros(layer.bias.shape))
        else:
            layer.kernel.assign(_passed_on(layer.kernel.shape))
            channels = layer.kernel.shape[-1] if layer.kernel.shape[-1] > 1 else channels  # 1 is a gate
            if layer.use_bias:
                layer.bias.assign(np.full(layer.bias.shape, -0.1 if kind.startswith("Conv") else 0.0))
    return model


def _teach_recurrent(cell, gates):
    """Gates half open, and the candidate is what comes in."""
    units = cell.kernel.shape[-1] // gates
    block = slice(2 * units, 3 * units)  # of the candidate, in LSTM as in GRU
    kernel, bias = np.zeros(cell.kernel.shape, np.float32), np.zeros(cell.bias.shape, np.float32)
    kernel[..., block] = _passed_on((*kernel.shape[:-1], units))
    bias[..., block] = -0.1 if kernel.ndim == 4 else 0.0
    cell.kernel.assign(kernel)
    cell.recurrent_kernel.assign(np.zeros(cell.recurrent_kernel.shape))
    cell.bias.assign(bias)


@pytest.fixture(scope="session")
def taught(architectures, tmp_path_factory):
    """Name of an architecture to its bundle, compiled once, with a head that knows colours."""
    folders = {}

    def make(name, layer=None):
        from core.inference.bundle import open_bundle
        from core.keras_process.model.compile import compile_bundle

        if (name, layer) not in folders:
            folder, model = tmp_path_factory.mktemp("bundle"), _teach(architectures[name]())
            rng = np.random.default_rng(0)
            sample = {t.name: rng.random((4, *t.shape[1:])).astype(np.float32) for t in model.inputs}
            facts = compile_bundle(model, folder, layer, sample if len(sample) > 1 else {"image": sample.popitem()[1]})
            model.save(folder / "model.keras")
            folders[name, layer] = (folder, _taught_card(folder, name, model, facts))
        folder, card = folders[name, layer]
        return open_bundle(card)

    return make


def _taught_card(folder, name, model, facts):
    labels = ("not red", "red") if facts.units == 1 else ("red", "green", "blue")[: facts.units]
    kinds = {2: "table", 4: "image", 5: "sequence"}
    size = tuple(model.inputs[0].shape[-3:-1])
    base = InputSpec("image", "image", size, 3, (0.0, 1.0), "display", "stretch", ())
    specs = (
        dataclasses.replace(base, name=n, kind=kinds[len(t.shape)])
        for n, t in zip(facts.input_names, model.inputs, strict=True)
    )
    task = "binary" if len(labels) == 2 else {"U-Net": "segmentation", "multi-label": "multilabel"}.get(name)
    return dataclasses.replace(
        _card(folder, None, facts), labels=labels, inputs=tuple(specs), task=task or "multiclass"
    )
