"""Maps of layers that have channels first, or axes turned, lie where the object is."""

import numpy as np
import pytest

from core.errors import UnsupportedModel

pytestmark = pytest.mark.keras
ROWS, COLUMNS, CELL = 24, 32, 4
#: Rows 4 to 11, columns 20 to 27 of the image: cells (1, 5) to (2, 6).
INSIDE = (slice(1, 3), slice(5, 7))


@pytest.fixture(scope="module")
def square():
    image = np.zeros((1, ROWS, COLUMNS, 3), np.float32)
    image[0, 4:12, 20:28] = 1.0
    return image


def _cells(data_format="channels_last", **options):
    """The mean grey of each cell, and its negative."""
    from keras import layers

    return layers.Conv2D(2, CELL, strides=CELL, data_format=data_format, name="cells", **options)


def _head(x, data_format="channels_last"):
    from keras import layers

    return layers.Dense(2, activation="softmax")(layers.GlobalAveragePooling2D(data_format=data_format)(x))


def _first():
    from keras import layers

    return "channels_first", layers.Permute((3, 1, 2))


def converted(image):
    form, turn = _first()
    return _head(_cells(form)(turn(image)), form)


def converted_by_operation(image):
    import keras

    return _head(_cells("channels_first")(keras.ops.transpose(image, (0, 3, 1, 2))), "channels_first")


def converted_and_normalised(image):
    from keras import layers

    form, turn = _first()
    x = layers.ReLU()(layers.BatchNormalization(axis=1)(_cells(form)(turn(image))))
    return _head(layers.Activation("linear", name="behind")(x), form)


def nested_and_converted(image):
    import keras

    form, turn = _first()
    inner = keras.Input((3, ROWS, COLUMNS))
    return _head(keras.Model(inner, _cells(form)(inner), name="backbone")(turn(image)), form)


def turned_before_flattening(image):
    from keras import layers

    turned = layers.Permute((3, 1, 2), name="turned")(_cells()(image))
    return layers.Dense(2, activation="softmax")(layers.Flatten()(turned))


def columns_before_rows(image):
    from keras import layers

    return _head(_cells()(layers.Permute((2, 1, 3))(image)))


def back_to_channels_last(image):
    from keras import layers

    form, turn = _first()
    return _head(layers.Permute((2, 3, 1), name="back")(_cells(form)(turn(image))))


@pytest.mark.parametrize(
    "network",
    [
        converted,
        converted_by_operation,
        converted_and_normalised,
        nested_and_converted,
        turned_before_flattening,
        columns_before_rows,
        back_to_channels_last,
    ],
)
def test_activations_are_rows_columns_and_channels(network, square):
    import keras

    from core.keras_process.model.gradients import layer_gradient_function
    from core.keras_process.model.split import split_model

    image = keras.Input((ROWS, COLUMNS, 3), name="image")
    model = keras.Model(image, network(image))
    _brighten(model)
    activations, gradient = layer_gradient_function(split_model(model))({"image": square}, np.array([0, 1], np.float32))
    assert activations.shape == gradient.shape == (1, ROWS // CELL, COLUMNS // CELL, 2)
    expected = np.zeros((ROWS // CELL, COLUMNS // CELL))
    expected[INSIDE] = 1.0
    np.testing.assert_allclose(activations[0, ..., 0], expected, atol=2e-3)
    assert np.abs(gradient).max() > 0


def _brighten(model):
    from core.keras_process.model.layers import walk_layers

    cells = next(layer for path, layer in walk_layers(model) if path.split("/")[-1] == "cells")
    kernel = np.full((CELL, CELL, 3, 1), 1 / (3 * CELL * CELL), np.float32)
    cells.set_weights([np.concatenate([kernel, -kernel], -1), np.array([0.0, 1.0], np.float32)])


def test_model_with_channels_first_throughout_is_given_channels_last(square, tmp_path, card_for):
    import keras

    from core.inference.bundle import open_bundle
    from core.keras_process.model.compile import compile_bundle

    image = keras.Input((3, ROWS, COLUMNS), name="image")
    model = keras.Model(image, _head(_cells("channels_first")(image), "channels_first"))
    _brighten(model)
    facts = compile_bundle(model, tmp_path, None, {"image": square})
    bundle = open_bundle(card_for(tmp_path, 2))
    found = bundle.run({"image": square}, outputs=("activations", "output"))
    assert (bundle.input_shapes, facts.grid) == ({"image": (ROWS, COLUMNS, 3)}, (ROWS // CELL, COLUMNS // CELL, 2))
    assert found.activations[0, ..., 0][INSIDE].min() == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_allclose(found.output, model(square.transpose(0, 3, 1, 2)), atol=1e-5)


def test_samples_of_another_shape_are_refused_in_one_sentence(square, tmp_path):
    import keras

    from core.keras_process.model.compile import compile_bundle

    image = keras.Input((3, ROWS, COLUMNS), name="image")
    model = keras.Model(image, _head(_cells("channels_first")(image), "channels_first"))
    with pytest.raises(UnsupportedModel, match="image of shape 24 × 32 × 3, received 24 × 24 × 3"):
        compile_bundle(model, tmp_path, None, {"image": square[:, :, :24]})


def test_masks_with_channels_first_are_turned(square):
    import keras
    from keras import layers

    from core.keras_process.model.split import call_recorded, split_model

    image = keras.Input((3, ROWS, COLUMNS), name="image")
    cells = _cells("channels_first")(image)
    model = keras.Model(image, layers.Softmax(axis=1)(layers.Conv2D(2, 1, data_format="channels_first")(cells)))
    recorded = call_recorded(split_model(model), {"image": square})
    assert recorded.logits.shape == (1, ROWS // CELL, COLUMNS // CELL, 2)
    np.testing.assert_allclose(np.sum(recorded.output, axis=-1), 1.0, atol=1e-5)
