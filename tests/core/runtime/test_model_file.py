import copy
import io
import json
import zipfile

import h5py
import numpy as np
import pytest

from core.errors import UnsafeModel
from core.runtime.model_file import check_model_file


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
    with pytest.raises(UnsafeModel, match="other or double files"):
        check_model_file(archive(**{name: "x"}))


def test_double_file_in_the_archive_is_refused():
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = archive(**{"config.json": "{}"})
    with pytest.raises(UnsafeModel, match="other or double files"):
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
