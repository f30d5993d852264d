"""Small models of every shape that has to be compiled and explained."""

import os

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
SIZE, FRAMES = 24, 3


def _body(x):
    from keras import layers

    x = layers.Conv2D(6, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    return layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="last")(x)


def _image(name="image", frames=()):
    import keras

    return keras.Input((*frames, SIZE, SIZE, 3), name=name)


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


def multi_label():
    import keras

    image = _image()
    return keras.Model(image, _chain(_body(image), _pooled_head(3, "sigmoid")))


def several_branches():
    import keras
    from keras import layers

    image = _image()
    branches = [
        layers.Conv2D(6, size, strides=4, padding="same", activation="relu", name=f"scale_{size}")(image)
        for size in (3, 5, 9)
    ]
    return keras.Model(image, _chain(layers.Concatenate(name="last")(branches), _pooled_head(3, "softmax")))


def spatial_attention():
    import keras
    from keras import layers

    image = _image()
    found = _body(image)
    gate = layers.Conv2D(1, 3, padding="same", activation="sigmoid", name="gate")(found)
    return keras.Model(image, _chain(layers.Multiply()([found, gate]), _pooled_head(3, "softmax")))


def _timed(recurrent):
    import keras
    from keras import layers

    frames, image = _image(frames=(FRAMES,)), keras.Input((SIZE, SIZE, 3))
    encoder = keras.Model(image, layers.GlobalAveragePooling2D()(_body(image)), name="encoder")
    found = recurrent(layers.TimeDistributed(encoder, name="each_frame")(frames))
    return keras.Model(frames, layers.Dense(3, activation="softmax")(found))


def timed_with_lstm():
    from keras import layers

    return _timed(layers.LSTM(6))


def timed_with_gru():
    from keras import layers

    return _timed(layers.GRU(6))


def _convolutional_lstm(sequences):
    import keras
    from keras import layers

    frames = _image(frames=(FRAMES,))
    settings = {"strides": 4, "padding": "same", "activation": "relu", "name": "last"}
    found = layers.ConvLSTM2D(6, 5, return_sequences=sequences, **settings)(frames)
    pooled = layers.GlobalAveragePooling3D() if sequences else layers.GlobalAveragePooling2D()
    return keras.Model(frames, _chain(found, [pooled, layers.Dense(3, activation="softmax")]))


def convolutional_lstm():
    return _convolutional_lstm(True)


def last_state_of_convolutional_lstm():
    return _convolutional_lstm(False)


def volume():
    import keras
    from keras import layers

    frames = _image(frames=(FRAMES,))
    convolutions = [
        layers.Conv3D(6, 3, strides=(2, 2, 2), padding="same", activation="relu"),
        layers.Conv3D(9, 3, strides=(1, 2, 2), padding="same", activation="relu", name="last"),
    ]
    head = [layers.GlobalAveragePooling3D(), layers.Dense(3, activation="softmax")]
    return keras.Model(frames, _chain(frames, [*convolutions, *head]))


def film_of_one_frame():
    import keras
    from keras import layers

    image = _image()
    settings = {"strides": (1, 2, 2), "padding": "same", "activation": "relu"}
    film = layers.Reshape((1, SIZE, SIZE, 3))(image)
    convolutions = [layers.Conv3D(6, (1, 3, 3), **settings), layers.Conv3D(9, (1, 3, 3), **settings, name="last")]
    head = [layers.GlobalAveragePooling3D(), layers.Dense(3, activation="softmax")]
    return keras.Model(image, _chain(film, [*convolutions, *head]))


def image_and_table():
    import keras
    from keras import layers

    image, table = _image(), keras.Input((3,), name="table")
    joined = layers.Concatenate()([layers.GlobalAveragePooling2D()(_body(image)), table])
    return keras.Model([image, table], layers.Dense(3, activation="softmax")(joined))


def several_images():
    import keras
    from keras import layers

    image, second = _image(), _image("second")
    other = layers.Conv2D(6, 5, strides=4, padding="same", activation="relu", name="of_the_second")(second)
    pooled = [layers.GlobalAveragePooling2D()(found) for found in (other, _body(image))]
    joined = layers.Concatenate()(pooled)
    return keras.Model([image, second], layers.Dense(3, activation="softmax")(joined))


def images_fused_early():
    import keras
    from keras import layers

    image, second = _image(), _image("second")
    return keras.Model(
        [image, second], _chain(_body(layers.Concatenate()([image, second])), _pooled_head(3, "softmax"))
    )


def shared_backbone():
    import keras
    from keras import layers

    image, second, backbone = _image(), _image("second"), _backbone()
    pooled = [layers.GlobalAveragePooling2D()(backbone(one)) for one in (image, second)]
    return keras.Model([image, second], layers.Dense(3, activation="softmax")(layers.Concatenate()(pooled)))


def u_net():
    import keras
    from keras import layers

    image = _image()
    fine = layers.Conv2D(6, 3, padding="same", activation="relu")(image)
    coarse = layers.Conv2D(6, 3, padding="same", activation="relu", name="bottom")(layers.MaxPooling2D()(fine))
    both = layers.Concatenate()([fine, layers.UpSampling2D()(coarse)])
    last = layers.Conv2D(6, 3, padding="same", activation="relu", name="last")(both)
    return keras.Model(image, layers.Conv2D(3, 1, activation="softmax")(last))


def _tokens(image):
    from keras import layers

    patches = layers.Conv2D(6, 4, strides=4, activation="relu", name="patches")(image)
    return layers.Reshape((SIZE // 4 * SIZE // 4, 6))(patches)


def _attended(x):
    from keras import layers

    x = layers.Add()([x, layers.MultiHeadAttention(2, 3)(x, x)])
    hidden = layers.Dense(6)(layers.Dense(12, activation="gelu")(x))
    return layers.Add()([x, hidden])


def transformer():
    import keras
    from keras import layers

    image = _image()
    head = [layers.GlobalAveragePooling1D(), layers.Dense(3, activation="softmax")]
    return keras.Model(image, _chain(_attended(_attended(_tokens(image))), head))


def transformer_with_grid():
    import keras
    from keras import layers

    image = _image()
    grid = layers.Reshape((SIZE // 4, SIZE // 4, 6), name="last")(_attended(_tokens(image)))
    return keras.Model(image, _chain(grid, _pooled_head(3, "softmax")))


def transformer_with_class_token():
    import keras
    from keras import layers

    image = _image()
    tokens = _tokens(image)
    token = layers.Reshape((1, 6))(layers.Dense(6)(layers.GlobalAveragePooling1D()(tokens)))
    found = _attended(_attended(layers.Concatenate(axis=1)([token, tokens])))
    return keras.Model(image, layers.Dense(3, activation="softmax")(found[:, 0]))


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


#: Beyond one image, one answer and layers with a map: builder by name.
FURTHER = {
    "multi-label": multi_label,
    "several branches": several_branches,
    "spatial attention": spatial_attention,
    "time distributed and LSTM": timed_with_lstm,
    "time distributed and GRU": timed_with_gru,
    "convolutional LSTM": convolutional_lstm,
    "last state of a convolutional LSTM": last_state_of_convolutional_lstm,
    "volume": volume,
    "film of one frame": film_of_one_frame,
    "image and table": image_and_table,
    "several images": several_images,
    "images fused early": images_fused_early,
    "shared backbone": shared_backbone,
    "U-Net": u_net,
    "transformer": transformer,
    "transformer with a grid": transformer_with_grid,
    "transformer with a class token": transformer_with_class_token,
}


@pytest.fixture(scope="session")
def architectures():
    """Name of any architecture to its builder."""
    return {**{name: entry[0] for name, entry in ARCHITECTURES.items()}, **FURTHER}


@pytest.fixture(params=[*ARCHITECTURES, *FURTHER], scope="session")
def any_architecture(request):
    """The name of one after the other."""
    return request.param


@pytest.fixture(params=ARCHITECTURES)
def architecture(request):
    """Name, final activation and whether the head is affine, one after the other."""
    return (request.param, *ARCHITECTURES[request.param][1:])
