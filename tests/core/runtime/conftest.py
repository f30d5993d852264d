"""Small models of every shape that the compiler has to understand, and the one Keras process of the module."""

import dataclasses
import hashlib
import os

import numpy as np
import pytest

from core.card import InputSpec, ModelCard

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
SIZE = 24


def _body(x):
    from keras import layers

    x = layers.Conv2D(6, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    return layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="last")(x)


def _image():
    import keras

    return keras.Input((SIZE, SIZE, 3), name="image")


def _backbone():
    import keras

    image = keras.Input((SIZE, SIZE, 3))
    return keras.Model(image, _body(image), name="backbone")


def _pooled_head(units, activation):
    from keras import layers

    return [layers.GlobalAveragePooling2D(), layers.Dropout(0.2), layers.Dense(units, activation=activation)]


def _chain(x, layers):
    for layer in layers:
        x = layer(x)
    return x


def flat_functional():
    import keras

    image = _image()
    return keras.Model(image, _chain(_body(image), _pooled_head(3, "softmax")))


def sequential():
    import keras
    from keras import layers

    convolutions = [
        layers.Conv2D(6, 3, strides=2, activation="relu"),
        layers.Conv2D(8, 3, activation="relu", name="last"),
    ]
    return keras.Sequential([_image(), *convolutions, *_pooled_head(3, "softmax")])


def nested_backbone():
    import keras

    image = _image()
    return keras.Model(image, _chain(_backbone()(image), _pooled_head(3, "softmax")))


def sequential_around_backbone():
    import keras

    return keras.Sequential([_image(), _backbone(), *_pooled_head(3, "softmax")])


def one_sigmoid_unit():
    import keras

    image = _image()
    return keras.Model(image, _chain(_body(image), _pooled_head(1, "sigmoid")))


def softmax_layer():
    import keras
    from keras import layers

    image = _image()
    return keras.Model(image, _chain(_body(image), [*_pooled_head(3, None), layers.Softmax()]))


def activation_layer():
    import keras
    from keras import layers

    image = _image()
    head = [*_pooled_head(3, None), layers.Activation("softmax", dtype="float32")]
    return keras.Model(image, _chain(_body(image), head))


def softmax_operation():
    import keras

    image = _image()
    return keras.Model(image, keras.ops.softmax(_chain(_body(image), _pooled_head(3, None))))


def no_activation():
    import keras

    image = _image()
    return keras.Model(image, _chain(_body(image), _pooled_head(3, None)))


def head_in_nested_model():
    import keras

    image, features = _image(), keras.Input((6, 6, 8))
    head = keras.Model(features, _chain(features, _pooled_head(2, "softmax")), name="head")
    return keras.Model(image, head(_backbone()(image)))


def flatten_dense():
    import keras
    from keras import layers

    image = _image()
    return keras.Model(image, _chain(_body(image), [layers.Flatten(), layers.Dense(3, activation="softmax")]))


def hidden_dense():
    import keras
    from keras import layers

    image = _image()
    hidden = [
        layers.GlobalAveragePooling2D(),
        layers.Dense(16, activation="relu"),
        layers.Dense(3, activation="softmax"),
    ]
    return keras.Model(image, _chain(_body(image), hidden))


def maximum_pooling():
    import keras
    from keras import layers

    image = _image()
    head = [layers.GlobalMaxPooling2D(), layers.Dense(3, activation="softmax")]
    return keras.Model(image, _chain(_body(image), head))


def squeeze_and_excitation():
    import keras
    from keras import layers

    image = _image()
    found = _body(image)
    gate = _chain(
        found, [layers.GlobalAveragePooling2D(), layers.Dense(8, activation="sigmoid"), layers.Reshape((1, 1, 8))]
    )
    return keras.Model(image, _chain(layers.Multiply(name="gated")([found, gate]), _pooled_head(3, "softmax")))


#: Builder, final activation, and whether the head is affine in the output of the layer `last`.
ARCHITECTURES = {
    "flat functional": (flat_functional, "softmax", True),
    "sequential": (sequential, "softmax", True),
    "nested backbone": (nested_backbone, "softmax", True),
    "sequential around backbone": (sequential_around_backbone, "softmax", True),
    "one sigmoid unit": (one_sigmoid_unit, "sigmoid", True),
    "softmax layer": (softmax_layer, "softmax", True),
    "activation layer": (activation_layer, "softmax", True),
    "softmax operation": (softmax_operation, "softmax", True),
    "no activation": (no_activation, "linear", True),
    "head in nested model": (head_in_nested_model, "softmax", True),
    "flatten and dense": (flatten_dense, "softmax", True),
    "hidden dense layer": (hidden_dense, "softmax", False),
    "maximum pooling": (maximum_pooling, "softmax", False),
    "squeeze and excitation": (squeeze_and_excitation, "softmax", False),
}


@pytest.fixture(params=ARCHITECTURES)
def architecture(request):
    """Name, final activation and whether the head is affine, one after the other."""
    return (request.param, *ARCHITECTURES[request.param][1:])


@pytest.fixture(scope="session")
def sample():
    """Five inputs that differ in more than noise."""
    random = np.random.default_rng(3)
    picture = random.random((5, SIZE, SIZE, 3)).astype(np.float32) * 0.3
    for index in range(5):
        picture[index, 3 * index : 3 * index + 9, 5:14, index % 3] += 0.7
    return {"image": picture}


@pytest.fixture(scope="session")
def model_of():
    """Name of an architecture to a model with weights that make its logits differ clearly."""
    models = {}

    def build(name):
        if name not in models:
            import keras

            keras.utils.set_random_seed(7)
            models[name] = ARCHITECTURES[name][0]()
            for variable in models[name].trainable_variables:
                if variable.path.endswith("kernel"):
                    variable.assign(variable * 2.0)
        return models[name]

    return build


@pytest.fixture(scope="session")
def compiled(tmp_path_factory, model_of, sample):
    """Name of an architecture to its facts, compiled once for all tests at the layer `last`."""
    facts = {}

    def compile_once(name, layer="last"):
        from core.runtime.compile import compile_bundle

        if (name, layer) not in facts:
            folder = tmp_path_factory.mktemp("bundle")
            facts[name, layer] = compile_bundle(model_of(name), folder, layer, sample)
        return facts[name, layer]

    return compile_once


@pytest.fixture
def card_for():
    """A card for a folder with a `model.onnx`, as if it had been written for what lies there now."""

    def make(folder, units=3, names=("image",), **changes):
        labels = ("no", "yes") if units == 1 else tuple(f"class {index}" for index in range(units))
        spec = InputSpec("image", "image", (SIZE, SIZE), 3, (0.0, 1.0), "display", "stretch", ())
        files = [path for path in folder.iterdir() if path.suffix in {".onnx", ".keras"}]
        card = ModelCard(
            slug="test",
            folder=folder,
            title="Test",
            summary="",
            task="binary" if len(labels) == 2 else "multiclass",
            labels=labels,
            inputs=tuple(dataclasses.replace(spec, name=name) for name in names),
            threshold=0.5,
            threshold_from="",
            temperature=1.0,
            explain_layer="last",
            sha256={path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
            license="",
            non_commercial=False,
            training_modality="",
        )
        return dataclasses.replace(card, **changes)

    return make
