"""Hostile files in all the ways that are known: each is refused by the look in one sentence, and nothing of it runs.

The ways are those of CVE-2024-3660, CVE-2025-1550, -8747, -9905, -9906, -12058, -12060, CVE-2026-0897, -1669, of the
fixes collected in keras-team/keras#23055, and those of ONNX, zip and HDF5. Each payload would leave a mark: a file, a
variable of the environment, or what it read in the report.
"""

import base64
import io
import json
import marshal
import os
import pickle
import struct
import zipfile

import h5py
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from core.incoming.look import look

MARK = "SCANLENS_CANARY"
SECRET = "a-secret-that-no-report-may-hold"


@pytest.fixture
def canary(tmp_path, monkeypatch):
    """A file that nobody may read, a folder in which nothing may appear, a variable that nobody may set."""
    monkeypatch.delenv(MARK, raising=False)
    secret, watched = tmp_path / "secret.txt", tmp_path / "watched"
    secret.write_text(SECRET)
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = np.frombuffer(SECRET.encode(), np.uint8)
    watched.mkdir()
    monkeypatch.chdir(watched)
    return tmp_path


def payload(canary):
    """Code as bytecode, as Lambda keeps it, that would leave a mark."""
    code = compile(f"lambda x: __import__('os').environ.__setitem__({MARK!r}, '1')", "x", "eval")
    return base64.b64encode(marshal.dumps(code.co_consts[0])).decode()


def layer(class_name="Dense", module="keras.layers", registered=None, inbound=None, **config):
    found = {"module": module, "class_name": class_name, "registered_name": registered, "config": config}
    return found if inbound is None else {**found, "inbound_nodes": inbound}


def model(*layers, **more):
    return {**layer("Sequential", "keras", name="s", layers=[INPUT, *layers]), **more}


INPUT = layer("InputLayer", batch_shape=[None, 4], name="input")
FLAT = layer("Dense", units=2, name="d")


def weights(change=None):
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["layers/dense/vars/0"] = np.ones((4, 2), np.float32)
        if change is not None:
            change(file)
    return content.getvalue()


def keras(config, h5=None, members=(), compress=zipfile.ZIP_DEFLATED):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compress) as file:
        file.writestr("config.json", config if isinstance(config, (str, bytes)) else json.dumps(config))
        file.writestr("model.weights.h5", weights() if h5 is None else h5)
        for name, text in members:
            file.writestr(name, text)
    return content.getvalue()


def legacy(config, change=None):
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        if config is not None:
            file.attrs["model_config"] = config if isinstance(config, bytes) else json.dumps(config).encode()
        file["model_weights/dense/dense/kernel:0"] = np.ones((4, 2), np.float32)
        if change is not None:
            change(file)
    return content.getvalue()


def old(*layers):
    first = {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4], "name": "i"}}
    return {"class_name": "Sequential", "config": {"name": "s", "layers": [first, *layers]}}


def old_layer(class_name, **config):
    return {"class_name": class_name, "config": config}


def function(module, name, **more):
    return {"module": module, "class_name": "function", "config": name, "registered_name": name, **more}


class Runs:
    """Runs when it is unpickled."""

    def __reduce__(self):
        return exec, (f"import os; os.environ[{MARK!r}] = '1'",)


def external_link(path):
    return lambda file: file.__setitem__("layers/dense/vars/1", h5py.ExternalLink(str(path / "secret.h5"), "/x"))


def external_data(path):
    def change(file):
        file.create_dataset("layers/dense/vars/1", (8,), "u1", external=[(str(path / "secret.txt"), 0, 8)])

    return change


def virtual(path):
    def change(file):
        layout = h5py.VirtualLayout((8,), "u1")
        layout[:] = h5py.VirtualSource(str(path / "secret.h5"), "x", (32,))[:8]
        file.create_virtual_dataset("layers/dense/vars/1", layout)

    return change


def soft_link(file):
    file["layers/dense/vars/1"] = h5py.SoftLink("/layers/dense/vars/0")


def group_link(path):
    return lambda file: file.__setitem__("layers/other", h5py.ExternalLink(str(path / "secret.h5"), "/"))


def shape_bomb(file):
    file.create_dataset("layers/dense/vars/1", (1 << 20, 1 << 14), "f4", chunks=(1 << 10, 1 << 10), compression="gzip")


def many_bombs(file):
    for number in range(40):
        file.create_dataset(f"layers/dense/vars/{number + 1}", (1 << 24,), "f4", chunks=(1 << 16,), fillvalue=1)


def objects(file):
    file.create_dataset("layers/dense/vars/1", (4,), h5py.string_dtype())


def deep_groups(file):
    file.create_group("/".join(["a"] * 200))


def loop_of_groups(file):
    file["layers/dense/again"] = file["layers"]


def zip_member(name, attributes=0):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = attributes
        file.writestr(entry, "x")
        file.writestr("model.h5", legacy(old(old_layer("Dense", units=2, name="d"))))
    return content.getvalue()


def lies_about_size():
    """A member that says it is small and unpacks to more."""
    content = keras(model(FLAT), members=[("metadata.json", " " * 2_000_000)])
    found = bytearray(content)
    entry = found.rindex(b"PK\x01\x02", 0, found.rindex(b"metadata.json"))
    found[entry + 24 : entry + 28] = struct.pack("<I", 100)
    return bytes(found)


def graph(nodes, initializers=(), outputs=None, inputs=None, **more):
    given = inputs or [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])]
    found = outputs or [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])]
    made = helper.make_graph(nodes, "g", given, found, list(initializers))
    return helper.make_model(made, **more).SerializeToString()


def elsewhere(path, node=False):
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=str(path / "secret.txt"))
    if node:
        return graph(
            [helper.make_node("Constant", [], ["w"], value=tensor), helper.make_node("Add", ["x", "w"], ["y"])]
        )
    return graph([helper.make_node("Add", ["x", "w"], ["y"])], [tensor])


def endless():
    state = [
        helper.make_tensor_value_info(name, kind, [])
        for name, kind in (("i", TensorProto.INT64), ("c", TensorProto.BOOL))
    ]
    body = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["go"]), helper.make_node("Identity", ["v"], ["w"])], "body",
        [*state, helper.make_tensor_value_info("v", TensorProto.FLOAT, ["n", 4])],
        [
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, ["n", 4]),
        ],
    )  # fmt: skip
    true = numpy_helper.from_array(np.array(True), "true")
    return graph([helper.make_node("Loop", ["", "true", "x"], ["y"], body=body)], [true])


def sized(operator, sizes, **more):
    tensor = numpy_helper.from_array(np.array(sizes, np.int64), "sizes")
    inputs = ["sizes"] if operator == "ConstantOfShape" else ["x", "sizes"]
    return graph([helper.make_node(operator, inputs, ["y"], **more)], [tensor])


def hollow():
    """A weight of a gigabyte that holds four bytes."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1 << 14, 1 << 14], raw_data=b"1234")
    return graph([helper.make_node("Add", ["x", "w"], ["y"])], [tensor])


def nested_graphs():
    inner = helper.make_graph([], "end", [], [])
    for _ in range(20):
        inner = helper.make_graph([helper.make_node("If", ["c"], ["y"], then_branch=inner)], "g", [], [])
    return helper.make_model(inner).SerializeToString()


def varint(number):
    found = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        found.append(low | (0x80 if number else 0))
        if not number:
            return bytes(found)


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def saved_model(operator, members=()):
    """A SavedModel of one operator, by its published layout."""
    node = field(1, b"n") + field(2, operator.encode())
    proto = field(2, field(2, field(1, node)))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("m/saved_model.pb", proto)
        file.writestr("m/variables/variables.index", b"x")
        for name in members:
            file.writestr(name, "x")
    return content.getvalue()


LAMBDA = {"class_name": "__lambda__", "config": {"value": "code", "defaults": None, "closure": None}}

# fmt: off
#: Name to a function from the folder of the canary to the file.
HOSTILE = {
    # Code in configuration: CVE-2024-3660, CVE-2025-1550, -8747, -9906, keras#23055.
    "lambda of bytecode": lambda c: keras(
        model(layer("Lambda", function={**LAMBDA, "config": {**LAMBDA["config"], "value": payload(c)}}))
    ),
    "lambda without a module": lambda c: keras(
        model({"class_name": "Lambda", "config": {"function": [payload(c), None, None], "function_type": "lambda"}})
    ),
    "lambda inside TimeDistributed": lambda _: keras(
        model(layer("TimeDistributed", layer=layer("Lambda", function=LAMBDA)))
    ),
    "lambda inside a nested model": lambda _: keras(model(model(layer("Lambda", function=LAMBDA)))),
    "lambda as activation": lambda _: keras(model(layer("Dense", units=2, activation=LAMBDA))),
    "module of somebody": lambda _: keras(model(layer("Popen", "subprocess", args=["touch", "ran"]))),
    "function of a module as a layer": lambda _: keras(model(function("runpy", "run_path"))),
    "get_file of keras.utils": lambda _: keras(
        model(layer("get_file", "keras.utils", fname="x", origin="https://example.org/x", extract=True))
    ),
    "safe mode switched off from inside": lambda _: keras(
        model(layer("Dense", units=2, kernel_initializer=function("keras.config", "enable_unsafe_deserialization")))
    ),
    "loader of numpy as initializer": lambda _: keras(
        model(layer("Dense", units=2, kernel_initializer=function("numpy", "load")))
    ),
    "registered class of a package": lambda _: keras(model(layer("Mine", None, "package>Mine"))),
    "known layer under a strange registration": lambda _: keras(
        model(layer("Dense", registered="package>Dense", units=2))
    ),
    "known layer of another module": lambda _: keras(model(layer("Dense", "keras.src.utils.file_utils", units=2))),
    "torch wrapper with a pickle": lambda _: keras(
        model(layer("TorchModuleWrapper", module=base64.b64encode(pickle.dumps(Runs())).decode()))
    ),
    "SavedModel layer": lambda c: keras(model(layer("TFSMLayer", filepath=str(c)))),
    "Jax layer": lambda _: keras(model(layer("JaxLayer", call_fn=LAMBDA))),
    "bytes of a type specification": lambda _: keras(model(layer(kernel_initializer=layer("__typespec__", None)))),
    "numpy constant of objects": lambda _: keras(
        model(layer("Add", "keras.src.ops.numpy", "Add", inbound=[{"args": [
            {"class_name": "__numpy__", "config": {"value": [1], "dtype": "object"}}], "kwargs": {}}]))
    ),
    "map of keras.ops": lambda _: keras(model(layer("Map", "keras.src.ops.core", "Map"))),
    # Files that the configuration names: CVE-2025-12058.
    "vocabulary from a file": lambda c: keras(model(layer("StringLookup", vocabulary=str(c / "secret.txt")))),
    "vocabulary of integers from a file": lambda c: keras(
        model(layer("IntegerLookup", vocabulary=str(c / "secret.txt")))
    ),
    "text vectorisation": lambda c: keras(model(layer("TextVectorization", vocabulary=str(c / "secret.txt")))),
    "vocabulary as an asset": lambda _: keras(model(FLAT), members=[("assets/vocabulary.txt", "x")]),
    # Sizes: CVE-2026-0897, bombs.
    "layer of a billion units": lambda _: keras(model(layer("Dense", units=10**9))),
    "input of a terabyte": lambda _: keras(model(layer("InputLayer", batch_shape=[None, 10**6, 10**6, 3]))),
    "repeated a million times": lambda _: keras(model(layer("Repeat", "keras.src.ops.numpy", "Repeat", repeats=10**6))),
    "endless depth": lambda _: keras("[" * 100_000),
    "deep configuration": lambda _: keras(json.dumps(model(FLAT)).replace('"d"', '{"a":' * 100 + "1" + "}" * 100)),
    "number of a million digits": lambda _: keras('{"class_name": "Sequential", "config": ' + "9" * 1_000_000 + "}"),
    # The archive: CVE-2025-12060 and traversal.
    "file outside of the archive": lambda _: keras(model(FLAT), members=[("../../ran", "x")]),
    "absolute file": lambda c: keras(model(FLAT), members=[(str(c / "watched" / "ran"), "x")]),
    "code in the archive": lambda _: keras(model(FLAT), members=[("__init__.py", "import os")]),
    "weights that unpack to a gigabyte": lambda _: keras(model(FLAT), h5=bytes(60 << 20)),
    "size that lies": lambda _: lies_about_size(),
    "zip with a link": lambda _: zip_member("labels.txt", 0o120777 << 16),
    "zip with a path outside": lambda _: zip_member("../labels.txt"),
    "zip with a drive": lambda _: zip_member("C:\\ran"),
    # HDF5: CVE-2026-1669, virtual data, bombs.
    "weights by a link to another file": lambda c: keras(model(FLAT), weights(external_link(c))),
    "group by a link to another file": lambda c: keras(model(FLAT), weights(group_link(c))),
    "weights in an external file": lambda c: keras(model(FLAT), weights(external_data(c))),
    "weights of a virtual dataset": lambda c: keras(model(FLAT), weights(virtual(c))),
    "weights by a soft link": lambda _: keras(model(FLAT), weights(soft_link)),
    "shape bomb": lambda _: keras(model(FLAT), weights(shape_bomb)),
    "many shapes that add up": lambda _: keras(model(FLAT), weights(many_bombs)),
    "weights that are objects": lambda _: keras(model(FLAT), weights(objects)),
    "groups without end": lambda _: keras(model(FLAT), weights(deep_groups)),
    "groups in a circle": lambda _: keras(model(FLAT), weights(loop_of_groups)),
    # Keras 2: CVE-2025-9905.
    "old lambda": lambda c: legacy(
        old(old_layer("Lambda", function=[payload(c), None, None], function_type="lambda", name="l"))
    ),
    "old lambda by module": lambda _: legacy(
        old(old_layer("Lambda", function="system", function_type="function", module="os", name="l"))
    ),
    "old operation of TensorFlow": lambda _: legacy(old(old_layer("TFOpLambda", function="io.read_file", name="t"))),
    "old layer of somebody": lambda _: legacy(old(old_layer("Mine", name="m"))),
    "old initializer of somebody": lambda _: legacy(
        old(old_layer("Dense", units=2, name="d", kernel_initializer={"class_name": "Popen", "config": {}}))
    ),
    "old activation of somebody": lambda _: legacy(old(old_layer("Dense", units=2, name="d", activation="os.system"))),
    "old layer in a strange module": lambda _: legacy(
        old({"class_name": "Dense", "module": "os", "config": {"units": 2, "name": "d"}})
    ),
    "old weights by a link": lambda c: legacy(
        old(old_layer("Dense", units=2, name="d")), external_link(c)
    ),
    "old weights without a model": lambda _: legacy(None),
    "old model that is damaged": lambda _: legacy(old(old_layer("Dense", units=2, name="d")))[:-700],
    "old configuration that is no JSON": lambda _: legacy(b"{'class_name': exec('x')}"),
    # Pickles.
    "pickle": lambda _: pickle.dumps(Runs()),
    "checkpoint of PyTorch": lambda _: zipped({"archive/data.pkl": pickle.dumps(Runs()), "archive/version": b"3"}),
    # ONNX.
    "ONNX weights elsewhere": elsewhere,
    "ONNX constant elsewhere": lambda c: elsewhere(c, node=True),
    "ONNX operator of somebody": lambda _: graph(
        [helper.make_node("Run", ["x"], ["y"], domain="evil")], opset_imports=[helper.make_opsetid("evil", 1)]
    ),
    "ONNX loop without end": lambda _: endless(),
    "ONNX constant of a terabyte": lambda _: sized("ConstantOfShape", [10**6, 10**6]),
    "ONNX tile of a terabyte": lambda _: sized("Tile", [10**6, 10**6]),
    "ONNX expand of a terabyte": lambda _: sized("Expand", [10**6, 10**6]),
    "ONNX weight that is hollow": lambda _: hollow(),
    "ONNX graphs within graphs": lambda _: nested_graphs(),
    "ONNX input of a terabyte": lambda _: graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        inputs=[helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 10**6, 10**6])],
    ),
    "ONNX without a graph": lambda _: onnx.ModelProto(producer_name="x").SerializeToString(),
    # SavedModel.
    "SavedModel that reads files": lambda _: saved_model("ReadFile"),
    "SavedModel that writes files": lambda _: saved_model("WriteFile"),
    "SavedModel that saves when called": lambda _: saved_model("SaveV2"),
    "SavedModel with Python": lambda _: saved_model("PyFunc"),
    "SavedModel with assets": lambda _: saved_model("Add", ["m/assets/words.txt"]),
    # Nothing at all.
    "empty file": lambda _: b"",
    "noise": lambda _: np.random.default_rng(0).bytes(5000),
    "cut archive": lambda _: keras(model(FLAT))[:-40],
}
# fmt: on


def zipped(members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
    return content.getvalue()


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_refused_in_one_sentence_and_nothing_of_it_runs(name, canary):
    path = canary / f"{name.replace(' ', '-')}.model"
    path.write_bytes(HOSTILE[name](canary))
    before = {entry.name for entry in canary.iterdir()}
    report = look(path)
    assert report.refused.endswith(".")
    assert "\n" not in report.refused
    assert ": " in report.refused
    assert len(report.refused) < 400
    assert MARK not in os.environ
    assert not list((canary / "watched").iterdir())
    assert {entry.name for entry in canary.iterdir()} == before
    assert SECRET not in json.dumps(report.as_plain())
    assert str(canary) not in report.refused


def test_plain_files_of_each_format_are_not_refused(canary):
    """What differs from the hostile ones in nothing but the attack."""
    plain = {
        "keras": keras(model(FLAT)),
        "h5": legacy(old(old_layer("Dense", units=2, name="d"))),
        "onnx": graph([helper.make_node("Relu", ["x"], ["y"])]),
        "saved_model": saved_model("AddV2"),
    }
    for kind, content in plain.items():
        (canary / "file").write_bytes(content)
        report = look(canary / "file")
        assert (report.format, report.refused) == (kind, "")
