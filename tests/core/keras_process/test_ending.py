"""Wherever a model's last activation is, the link of its logits is Keras' own final output."""

import numpy as np
import pytest

from core.errors import UnsupportedModel
from core.inference.bundle import open_bundle

pytestmark = pytest.mark.keras
SIZE = 12


class Heads:
    """One small image and what stands behind it; every head is made of `features` or of a `map`."""

    def __init__(self):
        import keras
        from keras import layers, ops

        keras.utils.set_random_seed(0)
        self.layers, self.ops = layers, ops
        self.image = keras.Input((SIZE, SIZE, 3), name="image")
        self.map = layers.Conv2D(6, 3, padding="same", activation="relu", name="last")(self.image)
        self.features = layers.GlobalAveragePooling2D()(self.map)

    def dense(self, units, activation=None, **options):
        # Biases far from 0, so that a sigmoid of a sigmoid could not pass as one.
        bias = np.linspace(-3.0, -1.0, units)
        start = lambda shape, dtype=None: bias.astype(np.float32)  # noqa: E731
        return self.layers.Dense(units, activation=activation, bias_initializer=start, **options)(self.features)

    def several(self, count, units=1, activation="sigmoid"):
        return [self.dense(units, activation) for _ in range(count)]

    def one_pixel(self):
        return self.layers.Reshape((1, 1, 1))(self.dense(1, "sigmoid"))

    def masks(self, units, activation):
        return self.layers.Conv2D(units, 3, padding="same", activation=activation)(self.map)

    def nested(self):
        import keras

        given = keras.Input((6,))
        return keras.Model(given, self.layers.Activation("sigmoid")(self.layers.Dense(1)(given)))(self.features)


def _beside_what_hangs_on_it(h):
    p = h.dense(1, "sigmoid")
    return h.layers.Concatenate()([p, h.layers.Multiply()([p, p])])


def _made_to_add_up(h):
    p = h.dense(3, "sigmoid")
    return p / h.ops.sum(p, axis=-1, keepdims=True)


def _and_what_is_left(h):
    p = h.dense(1, "sigmoid")
    return h.layers.Concatenate()([1.0 - p, p])


def _softmax_over_rows(h):
    return h.layers.Flatten()(h.layers.Softmax(axis=1)(h.layers.Reshape((3, 1))(h.dense(3))))


def _hierarchy(h):
    sick, which = h.dense(1, "sigmoid"), h.dense(1, "sigmoid")
    return h.layers.Concatenate()([1.0 - sick, sick * which, sick * (1.0 - which)])


#: Name to (head, link, whether the logits are log-odds of the output).
HEADS = {
    "sigmoid, then Flatten": (
        lambda h: h.layers.Flatten()(h.layers.Reshape((1, 1, 1))(h.dense(1, "sigmoid"))),
        "sigmoid",
        False,
    ),
    "sigmoid, then Dropout": (lambda h: h.layers.Dropout(0.3)(h.dense(1, "sigmoid")), "sigmoid", False),
    "sigmoid, then linear": (lambda h: h.layers.Activation("linear")(h.dense(1, "sigmoid")), "sigmoid", False),
    "sigmoid in a nested model": (lambda h: h.layers.Flatten()(h.nested()), "sigmoid", False),
    "sigmoid heads joined": (
        lambda h: h.layers.Concatenate()([h.dense(1, "sigmoid") for _ in range(4)]),
        "sigmoid",
        False,
    ),
    "sigmoid heads stacked": (
        lambda h: h.layers.Reshape((2,))(h.ops.stack([h.dense(1, "sigmoid") for _ in range(2)], axis=1)),
        "sigmoid",
        False,
    ),
    "sigmoid joined with what hangs on it": (_beside_what_hangs_on_it, "sigmoid", True),
    "two sigmoid units": (lambda h: h.dense(2, "sigmoid"), "sigmoid", False),
    "one less sigmoid": (lambda h: 1.0 - h.dense(1, "sigmoid"), "sigmoid", True),
    "noisy or": (lambda h: 1.0 - (1.0 - h.dense(1, "sigmoid")) * (1.0 - h.dense(1, "sigmoid")), "sigmoid", True),
    "sigmoid by hand": (lambda h: 1.0 / (1.0 + h.ops.exp(-h.dense(1))), "sigmoid", True),
    "sigmoid, clipped": (lambda h: h.ops.clip(h.dense(1, "sigmoid"), 0.001, 0.999), "sigmoid", True),
    "hard sigmoid": (lambda h: h.dense(2, "hard_sigmoid"), "sigmoid", True),
    "greatest of sigmoids": (lambda h: h.layers.GlobalMaxPooling2D()(h.masks(2, "sigmoid")), "sigmoid", False),
    "mean of sigmoids": (lambda h: h.layers.GlobalAveragePooling2D()(h.masks(2, "sigmoid")), "sigmoid", True),
    "softmax, then Reshape": (lambda h: h.layers.Reshape((3,))(h.dense(3, "softmax")), "softmax", False),
    "softmax of a layer": (lambda h: h.layers.Softmax()(h.dense(3)), "softmax", False),
    "softmax with temperature": (lambda h: h.layers.Softmax()(h.layers.Rescaling(0.4)(h.dense(3))), "softmax", False),
    "softmax, columns turned": (lambda h: h.dense(3, "softmax")[:, ::-1], "softmax", False),
    "softmax over another axis": (
        lambda h: h.layers.Flatten()(h.layers.Softmax(axis=1)(h.layers.Reshape((3, 1))(h.dense(3)))),
        "softmax",
        True,
    ),
    "softmax, one column left": (lambda h: h.dense(2, "softmax")[:, 1:], "sigmoid", True),
    "softmax, two of three left": (lambda h: h.dense(3, "softmax")[:, 1:], "sigmoid", True),
    "mean of two softmaxes": (
        lambda h: h.layers.Average()([h.dense(3, "softmax"), h.dense(3, "softmax")]),
        "softmax",
        True,
    ),
    "half the sum of two softmaxes": (lambda h: (h.dense(3, "softmax") + h.dense(3, "softmax")) / 2.0, "softmax", True),
    "sigmoids made to add up": (_made_to_add_up, "softmax", True),
    "a class and what is left": (_and_what_is_left, "softmax", True),
    "hierarchy": (_hierarchy, "softmax", True),
    "logits": (lambda h: h.dense(3), "linear", False),
    "logits with temperature": (lambda h: h.layers.Rescaling(0.4)(h.dense(3)), "linear", False),
    "logits of two heads added": (lambda h: h.layers.Add()([h.dense(3), h.dense(3)]), "linear", False),
    "logits as logarithms": (lambda h: h.dense(3, "log_softmax"), "linear", False),
    "in a dict": (lambda h: {"answer": h.dense(3, "softmax")}, "softmax", False),
    "in a list": (lambda h: [h.dense(1, "sigmoid")], "sigmoid", False),
    "mask, cropped": (lambda h: h.layers.Cropping2D(2)(h.masks(1, "sigmoid")), "sigmoid", False),
    "mask, made larger": (lambda h: h.layers.Resizing(20, 20)(h.masks(1, "sigmoid")), "sigmoid", True),
    "masks of classes, cropped": (lambda h: h.layers.Cropping2D(2)(h.masks(3, "softmax")), "softmax", False),
    "masks of classes, padded": (lambda h: h.layers.ZeroPadding2D(2)(h.masks(3, "softmax")), "sigmoid", True),
}


@pytest.fixture(scope="module")
def heads():
    return Heads()


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(5)
    ends = [np.full((1, SIZE, SIZE, 3), value) for value in (0.0, 1.0)]
    return np.concatenate([random.random((3, SIZE, SIZE, 3)), *ends])


@pytest.mark.parametrize("name", HEADS)
def test_link_of_the_logits_is_the_final_output(heads, images, name):
    import keras

    from core.keras_process.model.ending import only
    from core.keras_process.model.split import call_recorded, probabilities, split_model

    head, activation, of_output = HEADS[name]
    model = keras.Model(heads.image, head(heads))
    given = images.astype(np.float32)
    before = np.asarray(only(model(given)))
    graph = split_model(model)
    recorded = call_recorded(graph, {"image": given})
    assert (graph.activation, graph.ending.of_output) == (activation, of_output)
    # What is drawn is the last map before the answer; where maps are averaged to one answer, these maps.
    assert graph.layer_name == "last" or name in {"greatest of sigmoids", "mean of sigmoids"}
    np.testing.assert_allclose(probabilities(recorded.logits, activation), before, atol=1e-6)
    np.testing.assert_allclose(recorded.output, before, atol=1e-6)
    assert np.array_equal(np.asarray(only(model(given))), before), "the model is as it was"


@pytest.mark.parametrize(
    ("head", "fault"),
    [
        (lambda h: h.dense(1, "tanh"), "received tanh"),
        (lambda h: h.dense(2, "relu"), "received relu"),
        (lambda h: h.dense(1, "softmax"), "1 as its only answer"),
        (lambda h: h.layers.Concatenate()([h.dense(1, "sigmoid"), h.dense(1)]), "probabilities beside other numbers"),
        (lambda h: h.dense(2, "sigmoid") * 2.0 - 1.0, "values from -1 to 1"),
    ],
)
def test_output_that_is_neither_probability_nor_logit_is_refused(heads, head, fault):
    import keras

    from core.keras_process.model.split import split_model

    with pytest.raises(UnsupportedModel, match=fault):
        split_model(keras.Model(heads.image, head(heads)))


@pytest.mark.parametrize("name", ["sigmoid heads joined", "mean of two softmaxes", "one less sigmoid"])
def test_compiled_file_holds_the_final_output(heads, images, tmp_path, card_for, name):
    import keras

    from core.keras_process.model.compile import compile_bundle

    head, activation, _ = HEADS[name]
    model = keras.Model(heads.image, head(heads))
    facts = compile_bundle(model, tmp_path, None, {"image": images[:3].astype(np.float32)})
    task = {"sigmoid": "multilabel", "softmax": "multiclass"}[activation] if facts.units > 1 else "binary"
    bundle = open_bundle(card_for(tmp_path, facts.units, task=task))
    found = bundle.run({"image": images.astype(np.float32)}, outputs=("logits", "output"))
    expected = np.asarray(model(images.astype(np.float32)))
    np.testing.assert_allclose(found.output, expected, atol=1e-5)
    np.testing.assert_allclose(bundle.probabilities(found.logits)[:, -facts.units :], expected, atol=1e-5)


def test_check_compares_the_final_output_and_not_the_logits_alone(heads, images, tmp_path, monkeypatch):
    """The compiled file must be refused as soon as Keras itself answers otherwise."""
    import keras

    from core.keras_process.model import compile as compiling

    model = keras.Model(heads.image, heads.dense(1, "sigmoid"))
    monkeypatch.setattr(compiling, "own_output", lambda graph, inputs: np.asarray(model(inputs["image"])) + 2e-5)
    with pytest.raises(UnsupportedModel, match="which is more than 1e-05"):
        compiling.compile_bundle(model, tmp_path, None, {"image": images.astype(np.float32)})
    assert not list(tmp_path.iterdir())
