"""Which layer is explained by default, and which can be asked for, in models of more than one plain image."""

import numpy as np
import pytest

from core.errors import UnsupportedModel

pytestmark = pytest.mark.keras


@pytest.mark.parametrize(
    ("name", "path", "calls", "tokens"),
    [
        ("several branches", "last", 1, None),
        ("time distributed and LSTM", "each_frame/encoder/last", 3, None),
        ("convolutional LSTM", "last", 1, None),
        ("volume", "last", 1, None),
        ("transformer with a grid", "last", 1, None),
    ],
)
def test_last_map_is_found_wherever_it_is(architectures, name, path, calls, tokens):
    from core.keras_process.model.layers import default_place

    found = default_place(architectures[name]())
    assert (found.path, found.calls, found.tokens) == (path, calls, tokens)


def test_tokens_are_the_map_they_were_cut_from(architectures):
    from core.keras_process.model.layers import default_place, walk_layers

    model = architectures["transformer"]()
    found = default_place(model)
    assert found.tokens == (6, 6, 0)
    assert found.layer is [layer for _, layer in walk_layers(model) if type(layer).__name__ == "Add"][-1]


def test_behind_the_last_attention_a_class_token_no_longer_looks_around(architectures):
    from core.keras_process.model.layers import default_place, walk_layers

    model = architectures["transformer with a class token"]()
    found, layers = default_place(model), [layer for _, layer in walk_layers(model)]
    attention = [index for index, layer in enumerate(layers) if type(layer).__name__ == "MultiHeadAttention"]
    assert found.tokens == (6, 6, 1)
    assert layers.index(found.layer) < attention[-1]


def test_dense_rows_of_another_model_are_no_tokens(architectures):
    from core.keras_process.model.layers import places_with_map

    assert all(place.tokens is None for place in places_with_map(architectures["time distributed and GRU"]()))


def test_layers_inside_a_time_distributed_are_described(architectures):
    from core.keras_process.model.layers import describe_layers

    described = {entry["path"]: entry for entry in describe_layers(architectures["time distributed and LSTM"]())}
    assert described["each_frame/encoder/last"]["explainable"]
    assert not described["each_frame"]["explainable"]


def test_frames_of_a_layer_that_sees_them_one_by_one_stay_apart(architectures, tmp_path):
    import keras

    from core.keras_process.model.compile import compile_bundle

    keras.utils.set_random_seed(2)
    model = architectures["time distributed and LSTM"]()
    sample = {"image": np.random.default_rng(0).random((3, 3, 24, 24, 3), np.float32)}
    facts = compile_bundle(model, tmp_path, None, sample)
    assert facts.grid == (3, 6, 6, 8)
    assert not facts.affine


def test_open_number_of_frames_is_refused_in_one_sentence(tmp_path):
    import keras
    from keras import layers

    from core.keras_process.model.compile import compile_bundle

    frames = keras.Input((None, 8, 8, 1), name="image")
    cells = layers.TimeDistributed(layers.Flatten())(frames)
    model = keras.Model(frames, layers.Dense(2)(layers.LSTM(3)(cells)))
    with pytest.raises(UnsupportedModel, match="number of frames is open"):
        compile_bundle(model, tmp_path, None, {"image": np.zeros((2, 3, 8, 8, 1), np.float32)})
