"""Model folders as a stranger might send them: each costs one sentence, and none costs another model."""

import copy
import hashlib
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper, numpy_helper

from core.errors import InvalidCard, ScanLensError
from core.inference import onnx_session, origin
from core.inference.bundle import open_bundle
from core.inference.onnx_session import GuestProcess
from core.models.card import load_cards

pytestmark = pytest.mark.guest

CONTRACT = {
    "title": "Good", "summary": "Fine.", "task": "multiclass", "labels": ["a", "b", "c"],
    "inputs": [{"name": "image", "kind": "image", "size": [4, 4], "channels": 3, "resize": "stretch"}],
    "explain_layer": "last", "training_modality": "a test image",
}  # fmt: skip


def network(*nodes, weights=(), inputs=None, outputs=None, metadata=""):
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 4, 4, 3])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])
    axes = numpy_helper.from_array(np.array([1, 2], np.int64), "axes")
    nodes = list(nodes) or [helper.make_node("ReduceMean", ["image", "axes"], ["logits"], keepdims=0)]
    graph = helper.make_graph(nodes, "test", inputs or [image], outputs or [logits], [axes, *weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    if metadata:
        helper.set_model_props(model, {"scanlens": metadata})
    return model.SerializeToString()


def card(**changes):
    """A card with some entries of its contract replaced; None takes one out."""
    contract = copy.deepcopy(CONTRACT) | changes
    return {"scanlens": {name: value for name, value in contract.items() if value is not None}}


def with_input(**changes):
    return card(inputs=[CONTRACT["inputs"][0] | changes])


def npz(**members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return content.getvalue()


def array(shape, dtype="<f4", data=b""):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue() + data


#: Name to what stands between the lines of a card, where the fault is in the card's own text.
TEXTS = {
    "brackets": "[" * 200_000,
    "braces": "{a: " * 100_000,
    "dashes": "- " * 100_000,
    "laughs": "a: &a [l, l]\nb: &b [*a, *a]\nc: &c [*b, *b]\n",
    "circle": "scanlens: &a {title: *a}\n",
    "merge": "a: &a {x: 1}\nscanlens: {<<: *a}\n",
    "base 60": f"a: 1{':59' * 100_000}\n",
    "digits": f"a: {'9' * 100_000}\n",
    "python": "scanlens: !!python/object/apply:os.system ['touch canary']\n",
    "binary": "scanlens: !!binary not base64 at all!\n",
    "null bytes": "a: \x00\n",
    "a list": "- a\n- b\n",
    "a number": "42\n",
    "nothing": "",
    "half": "scanlens: {title: [\n",
    "tabs": "scanlens:\n\t- a\n",
    "other types": "scanlens: 3\n",
    "long": "# " + "x" * (3 << 20) + "\n",
}
#: Name to the front matter, where it is YAML of the right form that says something impossible.
MATTERS = {
    "giant input": with_input(size=[2_000_000, 2_000_000]),
    "negative input": with_input(size=[-4, 4]),
    "no size": with_input(size=[]),
    "three sizes": with_input(size=[4, 4, 4]),
    "size in words": with_input(size=["four", 4]),
    "infinite range": with_input(range=[0, float("inf")]),
    "range without numbers": with_input(range=[float("nan"), 1]),
    "many channels": with_input(channels=10**9),
    "frames without end": with_input(kind="sequence", frames=10**12),
    "other resize": with_input(resize="../../etc/passwd"),
    "threshold without a number": card(task="binary", labels=["a", "b"], threshold=float("nan")),
    "threshold above 1": card(task="binary", labels=["a", "b"], threshold=1e308),
    "temperature of nothing": card(temperature=0),
    "temperature without end": card(temperature=float("inf")),
    "no labels": card(labels=[]),
    "labels in one word": card(labels="abc"),
    "no inputs": card(inputs=[]),
    "inputs that are none": card(inputs=[3]),
    "one name twice": card(inputs=CONTRACT["inputs"] * 2),
    "hashes that are none": card(sha256=[1, 2]),
    "another task": card(task="diagnosis"),
    "derived from nothing": card(derived={"name": "x", "labels": ["nowhere"]}),
}
#: Name to the bytes of `model.onnx` behind a card that is fine.
MODELS = {
    "no model": b"",
    "text": b"no model",
    "noise": np.random.default_rng(0).bytes(5_000),
    "other input": network(
        helper.make_node("ReduceMean", ["picture", "axes"], ["logits"], keepdims=0),
        inputs=[helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["batch", 4, 4, 3])],
    ),
    "text as metadata": network(metadata="no json"),
    "deep metadata": network(metadata="[" * 50_000),
    "weights of another shape": network(metadata='{"cam_weights": {"float32": "AAAA", "shape": [7, 7]}}'),
    "own operator": network(helper.make_node("Evil", ["image"], ["logits"], domain="")),
    "no numbers": network(
        helper.make_node("ReduceMean", ["image", "axes"], ["mean"], keepdims=0),
        helper.make_node("Sub", ["mean", "two"], ["below"]),
        helper.make_node("Log", ["below"], ["logits"]),
        weights=[numpy_helper.from_array(np.float32(2), "two")],
    ),
}
#: Name to the bytes of `similarity.npz` beside a model that is fine.
REFERENCES = {
    "no archive": b"PK",
    "arrays missing": npz(mean=array((3,), data=bytes(12))),
    "claims 4 TB": npz(mean=array((1 << 40,))),
    "grows": npz(mean=array((75_000_000,), data=bytes(300 << 20))),
    "objects": npz(mean=array((1,), "|O", b"cos\nsystem\n(S'touch canary'\ntR.")),
}


def put(folder, matter, model=None, reference=None):
    folder.mkdir()
    files = {"model.onnx": network() if model is None else model}
    if reference is not None:
        files["similarity.npz"] = reference
    for name, content in files.items():
        (folder / name).write_bytes(content)
    if isinstance(matter, dict):
        hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        matter = {"scanlens": {"sha256": hashes} | matter["scanlens"]}
        matter = yaml.safe_dump(matter)
    (folder / "README.md").write_text(f"---\n{matter}\n---\n\n# Card\n", encoding="utf-8")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """All of them in one folder, with a good one in the midst."""
    folder = tmp_path_factory.mktemp("models")
    put(folder / "m-good", card())
    for number, (_, text) in enumerate(TEXTS.items()):
        put(folder / f"text-{number}", text)
    for number, (_, matter) in enumerate(MATTERS.items()):
        put(folder / f"matter-{number}", matter)
    for number, (_, model) in enumerate(MODELS.items()):
        put(folder / f"model-{number}", card(), model)
    for number, (_, reference) in enumerate(REFERENCES.items()):
        put(folder / f"reference-{number}", card(), reference=reference)
    put(folder / "folders", card())
    for name in ("README.md", "model.onnx"):
        (folder / "folders" / name).unlink()
        (folder / "folders" / name).mkdir()
    if hasattr(os, "mkfifo"):
        put(folder / "fifo-card", card())
        (folder / "fifo-card" / "README.md").unlink()
        os.mkfifo(folder / "fifo-card" / "README.md")
        put(folder / "fifo-model", card())
        (folder / "fifo-model" / "model.onnx").unlink()
        os.mkfifo(folder / "fifo-model" / "model.onnx")
    put(folder / "outside", card())
    (folder / "outside" / "README.md").unlink()
    (folder / "outside" / "README.md").symlink_to("/dev/zero")
    return folder


@pytest.fixture(scope="module")
def guests():
    process = GuestProcess(memory_limit=1 << 30)
    yield process
    process.close()


@pytest.fixture
def opened(models, guests, tmp_path, monkeypatch):
    """Slug to what opening it came to: the bundle, or the sentence."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(onnx_session, "guest_process", lambda: guests)
    monkeypatch.setattr(origin, "SHIPPED", tmp_path / "hashes.txt")
    monkeypatch.setenv("SCANLENS_HOME", str(tmp_path))
    cards, faults = load_cards(models)
    found = {}
    for slug, one in cards.items():
        try:
            found[slug] = open_bundle(one)
        except ScanLensError as error:
            found[slug] = error
    return found, faults


def test_of_all_hostile_folders_only_the_good_one_opens(opened, models, tmp_path):
    found, faults = opened
    folders = {path.name for path in models.iterdir()}
    assert len(folders) >= 55
    assert [slug for slug, what in found.items() if not isinstance(what, ScanLensError)] == ["m-good"]
    assert len(found) + len(faults) == len(folders)
    assert not list(Path(tmp_path).glob("**/canary"))


def test_each_hostile_folder_is_named_in_one_short_sentence(opened, models):
    found, faults = opened
    for error in [*faults, *(what for what in found.values() if isinstance(what, ScanLensError))]:
        text = str(error)
        assert isinstance(error, InvalidCard)
        assert any(path.name in text for path in models.iterdir()), text
        assert str(models) not in text
        assert "\n" not in text
        assert len(text) < 600, text


def test_the_good_model_answers_among_them(opened):
    bundle = opened[0]["m-good"]
    batch = np.random.default_rng(1).random((2, 4, 4, 3), np.float32)
    np.testing.assert_allclose(bundle.run({"image": batch}).logits, batch.mean((1, 2)), rtol=1e-5)


def test_the_models_of_this_file_are_what_they_are_meant_to_be():
    onnx.checker.check_model(network())
