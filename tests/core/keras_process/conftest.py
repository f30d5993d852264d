"""The small models of `tests/core`, with weights and compiled, and the one Keras process of the module."""

import dataclasses
import hashlib
import os

import numpy as np
import pytest

from core.models.card import InputSpec, ModelCard

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
SIZE = 24


@pytest.fixture(scope="session")
def sample():
    """Five inputs that differ in more than noise."""
    random = np.random.default_rng(3)
    image = random.random((5, SIZE, SIZE, 3)).astype(np.float32) * 0.3
    for index in range(5):
        image[index, 3 * index : 3 * index + 9, 5:14, index % 3] += 0.7
    return {"image": image}


@pytest.fixture(scope="session")
def model_of(architectures):
    """Name of an architecture to a model with weights that make its logits differ clearly."""
    models = {}

    def build(name):
        if name not in models:
            import keras

            keras.utils.set_random_seed(7)
            models[name] = architectures[name]()
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
        from core.keras_process.model.compile import compile_bundle

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
