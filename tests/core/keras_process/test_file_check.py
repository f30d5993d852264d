import copy
import io
import json
import zipfile

import h5py
import numpy as np
import pytest

from core.errors import UnsafeModel
from core.keras_process.model.file_check import check_model_file


def weights(change=None):
    """An HDF5 file with one small kernel, and whatever `change` does to it."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["layers/dense/vars/0"] = np.ones((4, 2), np.float32)
        if change is not None:
            change(file)
    return content.getvalue()


def layer(class_name="Dense", module="keras.layers", registered=None, **config):
    return {"module": module, "class_name": class_name, "registered_name": registered, "config": config}


def config_with(*layers):
    return {
        **layer("Sequential", "keras", name="s", layers=list(layers)),
        "compile_config": {"loss": {"class_name": "My"}},
    }


def archive(config=None, h5=None, **members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("config.json", json.dumps(config or config_with(layer(units=2))))
        file.writestr("model.weights.h5", weights() if h5 is None else h5)
        for name, text in members.items():
            file.writestr(name, text)
    return content.getvalue()


def test_plain_model_passes():
    facts = check_model_file(archive(**{"metadata.json": '{"keras_version": "3.15.1"}'}))
    assert facts.layers == {"Dense": 1}
    assert facts.weights_bytes == 32
    assert facts.keras_version == "3.15.1"


@pytest.mark.keras
def test_models_of_every_architecture_pass(architecture, model_of, tmp_path):
    model_of(architecture[0]).save(tmp_path / "model.keras")
    assert check_model_file((tmp_path / "model.keras").read_bytes()).layers["Conv2D"] == 2


@pytest.mark.parametrize(
    "bad",
    [
        layer("Lambda", function={"class_name": "__lambda__", "config": {"value": "4wEAAAA="}}),
        layer("TFSMLayer", filepath="/etc"),
        layer("StringLookup", vocabulary="/etc/passwd"),
        layer("TorchModuleWrapper", lib="x"),
        layer("Mine", module=None, registered="package>Mine"),
        layer("Dense", registered="package>Dense"),
        layer("Popen", module="subprocess"),
        layer("get_file", module="keras.utils", fname="x", origin="https://example.org"),
        layer("Model", module="keras.layers"),
        layer(activation="os.system"),
        layer(activation={"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}),
        layer(kernel_initializer=layer("Dense", module="keras.saving")),
        layer(kernel_initializer={"class_name": "__typespec__", "config": []}),
        layer("TimeDistributed", layer=layer("Lambda")),
        {"module": "builtins", "registered_name": "eval"},
    ],
)
def test_anything_but_plain_layers_is_refused(bad):
    with pytest.raises(UnsafeModel, match="use a model saved by Keras 3"):
        check_model_file(archive(config_with(layer(), bad)))


@pytest.mark.parametrize(
    "bad",
    [
        layer(units=10**9),
        layer("InputLayer", batch_shape=[None, 60_000, 60_000, 3]),
        layer("Reshape", target_shape=[9_000, 900_000]),
    ],
)
def test_declared_sizes_are_bounded(bad):
    with pytest.raises(UnsafeModel):
        check_model_file(archive(config_with(bad)))


def constant(value, dtype="float32", kind="__tensor__", **more):
    return {"class_name": kind, "config": {"value": value, "dtype": dtype}, **more}


def calculating(argument, name="Add"):
    """An operation that adds something to the input."""
    node = {"args": [{"class_name": "__keras_tensor__", "config": {"shape": [None, 3]}}, argument], "kwargs": {}}
    return {**layer(name, "keras.src.ops.numpy", name, name="a"), "inbound_nodes": [node]}


@pytest.mark.parametrize(
    "argument",
    [constant([[-103.9, -116.8]]), constant([1, 2], "int64"), constant([0.5], kind="__numpy__"), -1e9, 65535.0],
)
def test_numbers_to_calculate_with_are_accepted(argument):
    check_model_file(archive(config_with(calculating(argument))))


@pytest.mark.parametrize(
    "argument",
    [
        constant("os.system"),
        constant([["a"]]),
        constant([{"class_name": "Lambda", "module": "keras.layers"}]),
        constant([1.0], "object"),
        constant([1.0], "U1000000000"),
        constant([1.0], ["float32"]),
        constant([1.0], module="builtins"),
        constant([1.0], registered_name="x"),
        {"class_name": "__tensor__", "config": {"value": [1.0], "dtype": "float32", "path": "/etc/passwd"}},
        {"class_name": "__tensor__", "config": None},
        {"class_name": "__lambda__", "config": {"value": "4wEAAAA="}},
        {"class_name": "__bytes__", "config": {"value": "x"}},
        {"class_name": "__typespec__", "config": []},
        10**9,
    ],
)
def test_constants_that_are_more_than_numbers_are_refused(argument):
    with pytest.raises(UnsafeModel):
        check_model_file(archive(config_with(calculating(argument))))


@pytest.mark.parametrize(
    "operation",
    [
        layer("Map", "keras.src.ops.core", "Map"),
        layer("PyFunc", "keras.src.ops.numpy", "PyFunc"),
        layer("Add", "keras.src.ops.core", "Add"),
        layer("Repeat", "keras.src.ops.numpy", "Repeat", repeats=10**5),
        layer("Tile", "keras.src.ops.numpy", "Tile", repeats=[1, 10**5]),
        layer("LayerScale", "keras.src.applications.nothing"),
        layer("Hashing"),
        layer("JaxLayer"),
    ],
)
def test_operations_beyond_plain_calculation_are_refused(operation):
    with pytest.raises(UnsafeModel):
        check_model_file(archive(config_with(operation)))


@pytest.mark.keras
@pytest.mark.parametrize("name", ["resnet", "vgg16", "densenet", "mobilenet_v2", "efficientnet"])
def test_usual_preparation_inside_a_model_is_accepted_and_compiled(name, tmp_path):
    """A grey image as three channels, 0 to 255, then what the weights of the backbone want."""
    import keras
    from keras import layers, ops

    from core.keras_process.model.compile import compile_bundle

    grey = keras.Input((16, 16, 1), name="image")
    three = ops.concatenate([grey] * 3, axis=-1) if name == "vgg16" else ops.repeat(grey, 3, axis=-1)
    ready = getattr(keras.applications, name).preprocess_input(three * 255.0)
    pooled = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu", name="last")(ready))
    model = keras.Model(grey, layers.Dense(2, activation="softmax")(pooled))
    model.save(tmp_path / "model.keras")
    check_model_file((tmp_path / "model.keras").read_bytes())
    model = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    sample = np.random.default_rng(0).random((2, 16, 16, 1)).astype(np.float32)
    assert compile_bundle(model, tmp_path, None, {"image": sample}).explain_layer == "last"


@pytest.mark.parametrize(
    ("family", "name"),
    [("convnext", "LayerScale"), ("convnext", "StochasticDepth"), ("inception_resnet_v2", "CustomScaleLayer")],
)
def test_layers_that_backbones_of_keras_define_for_themselves_are_accepted(family, name):
    module = f"keras.src.applications.{family}"
    check_model_file(archive(config_with(layer(name, module, name, scale=0.2))))
    with pytest.raises(UnsafeModel):
        check_model_file(archive(config_with(layer(name, f"somebody.{family}", name, scale=0.2))))


#: Of each family the smallest, at a size its layers still take.
BACKBONES = {"ConvNeXtTiny": 32, "MobileNetV3Small": 32, "EfficientNetV2B0": 32}


@pytest.mark.keras
@pytest.mark.parametrize("name", BACKBONES)
def test_backbones_of_keras_itself_are_accepted(name):
    """By their configuration alone; saving their weights would take longer than all other tests of this file."""
    import keras

    from core.keras_process.model.file_check import _check_config

    size = BACKBONES[name]
    backbone = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), include_top=False)
    assert "Conv2D" in set(_check_config(json.loads(backbone.to_json())))


def test_seed_may_be_any_number():
    facts = check_model_file(archive(config_with(layer(seed=2**62, shared_object_id=2**46))))
    assert facts.layers == check_model_file(archive(config_with(layer()))).layers


def test_configuration_of_endless_depth_is_refused():
    deep = layer()
    for _ in range(200):
        deep = {"a": deep}
    with pytest.raises(UnsafeModel, match="deep"):
        check_model_file(archive(config_with(deep)))


@pytest.mark.parametrize("name", ["../model.keras", "/etc/passwd", "assets/vocabulary.txt", "a\\b", "code.py"])
def test_other_files_in_the_archive_are_refused(name):
    with pytest.raises(UnsafeModel, match="once each"):
        check_model_file(archive(**{name: "x"}))


def test_double_file_in_the_archive_is_refused():
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = archive(**{"config.json": "{}"})
    with pytest.raises(UnsafeModel, match="once each"):
        check_model_file(content)


def test_bomb_is_refused_unopened():
    with pytest.raises(UnsafeModel, match="MiB"):
        check_model_file(archive(h5=bytes(200 << 20)))


def external_file(file):
    file["layers/dense/vars/1"] = h5py.ExternalLink("/etc/passwd", "/")


def soft_link(file):
    file["layers/dense/vars/1"] = h5py.SoftLink("/layers/dense/vars/0")


def external_storage(file):
    file.create_dataset("layers/dense/vars/1", (8,), "u1", external=[("/etc/hostname", 0, 8)])


def virtual_dataset(file):
    layout = h5py.VirtualLayout((8,), "u1")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", (8,))
    file.create_virtual_dataset("layers/dense/vars/1", layout)


def huge_claim(file):
    file.create_dataset("layers/dense/vars/1", (1 << 20, 1 << 12), "f4", chunks=(1 << 10, 1 << 10))


def text(file):
    file["layers/dense/vars/1"] = "text"


@pytest.mark.parametrize("change", [external_file, soft_link, external_storage, virtual_dataset, huge_claim, text])
def test_weights_that_are_more_than_arrays_are_refused(change):
    with pytest.raises(UnsafeModel):
        check_model_file(archive(h5=weights(change)))


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n" + bytes(100), archive()[:-60], archive(h5=b"x")]
)
def test_broken_files_are_refused(content):
    with pytest.raises(UnsafeModel):
        check_model_file(content)


def test_config_without_model_is_refused():
    config = copy.deepcopy(config_with())
    del config["class_name"]
    with pytest.raises(UnsafeModel):
        check_model_file(archive(config))
