"""A model file on its way to a bundle: proposed, compiled apart, kept, found again, handed on and taken in."""

import dataclasses
import hashlib
import io
import json
import zipfile

import h5py
import numpy as np
import pytest

from core.errors import InvalidCard, UnsafeModel, UnsupportedModel
from core.incoming.add import CompileProcess, add, check_answers_change, samples
from core.incoming.inspect import inspect
from core.incoming.library import free_slug, import_zip, own_cards, same_file
from core.incoming.look import look
from core.incoming.propose import propose
from core.inference.bundle import FINAL_OUTPUT, open_bundle
from core.models.card import load_card
from core.models.own import export_model
from core.processes.worker_process import WorkerFailed

pytestmark = pytest.mark.guest


def as_keras_2(node, kind=""):
    """A configuration of Keras 3 as Keras 2 and Teachable Machine's converter wrote it."""
    if isinstance(node, list):
        return [as_keras_2(one, kind) for one in node]
    if not isinstance(node, dict):
        return node
    found = {key: value for key, value in node.items() if key not in {"module", "registered_name", "build_config"}}
    if "batch_shape" in found:
        found["batch_input_shape"] = found.pop("batch_shape")
    if isinstance(found.get("dtype"), dict):
        found["dtype"] = "float32"
    if kind == "DepthwiseConv2D":
        found |= {"groups": 1}
    if kind == "BatchNormalization" and isinstance(found.get("axis"), int):
        found["axis"] = [found["axis"]]
    if "inbound_nodes" in found:
        found["inbound_nodes"] = [
            [[tensor["config"]["keras_history"][0], 0, 0, {}] for tensor in call["args"]]
            for call in found["inbound_nodes"]
        ]
    for key in ("input_layers", "output_layers"):
        if key in found and isinstance(found[key][0], str):
            found[key] = [found[key]]
    own = found.get("class_name", "")
    return {key: as_keras_2(value, own if key == "config" else "") for key, value in found.items()}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A zip as Teachable Machine exports it, made from the structure that it publishes, and what the model answers."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(3)
    given = keras.Input((32, 32, 3), name="input_1")
    x = layers.Conv2D(8, 3, strides=2, use_bias=False, name="Conv1")(given)
    x = layers.BatchNormalization(name="bn_Conv1")(x)
    x = layers.ReLU(6.0, name="Conv1_relu")(x)
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="expanded_conv_depthwise")(x)
    x = layers.Conv2D(16, 1, name="block_16_project")(x)
    backbone = keras.Model(given, x, name="model1")
    features = keras.Sequential([backbone, layers.GlobalAveragePooling2D(name="pool")], name="sequential_1")
    head = keras.Sequential(
        [keras.Input((16,)), layers.Dense(10, activation="relu", name="dense_1"),
         layers.Dense(2, activation="softmax", use_bias=False, name="dense_2")], name="sequential_3",
    )  # fmt: skip
    model = keras.Sequential([keras.Input((32, 32, 3)), features, head], name="sequential_4")
    folder = tmp_path_factory.mktemp("exported")
    model.save(folder / "keras_model.h5")
    with h5py.File(folder / "keras_model.h5", "r+") as file:
        config = as_keras_2(json.loads(file.attrs["model_config"]))
        file.attrs["model_config"] = json.dumps(config).encode()
        file.attrs["keras_version"] = "2.4.0"
    path = folder / "converted_keras.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(folder / "keras_model.h5", "keras_model.h5")
        archive.writestr("labels.txt", "0 Clear\n1 Opacity\n")
    return path, model


@pytest.fixture(scope="module")
def added(exported, tmp_path_factory):
    """The card of the export, added to an empty home, and the report on it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCANLENS_HOME", str(tmp_path_factory.mktemp("home")))
        report = inspect(exported[0])
        told = []
        contract = dataclasses.replace(propose(report).contract, title="Opacity of mine")
        folder = add(exported[0], contract, lambda done, words: told.append((done, words)), report=report)
        yield load_card(folder), report, told


@pytest.mark.keras
def test_export_of_teachable_machine_is_understood_before_it_is_opened(exported):
    report = look(exported[0])
    assert (report.format, report.refused, report.labels) == ("h5", "", ("Clear", "Opacity"))
    assert (report.backbone, report.ending, report.inputs[0].shape) == ("MobileNetV2", "softmax", (32, 32, 3))
    contract = propose(report).contract
    assert (contract.task, contract.labels, contract.inputs[0].value_range) == ("binary", report.labels, (-1.0, 1.0))


@pytest.mark.keras
def test_added_model_answers_as_keras_does(exported, added):
    card, _, told = added
    assert load_card(card.folder).title == "Opacity of mine"
    batch = samples(propose(look(exported[0])).contract)
    found = open_bundle(card).run({card.inputs[0].name: next(iter(batch.values()))}, outputs=(FINAL_OUTPUT,))
    expected = exported[1].predict(next(iter(batch.values())), verbose=0)
    np.testing.assert_allclose(found.output, expected, atol=1e-5)
    assert card.explain_layer.endswith("block_16_project")
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][0] == 1.0


@pytest.mark.keras
def test_same_file_is_known_again_and_the_bundle_travels(added, exported):
    card, report, _ = added
    assert same_file(report.sha256).slug == card.slug
    assert same_file(hashlib.sha256(b"another").hexdigest()) is None
    content = export_model(card)
    taken = import_zip(content)
    assert taken.slug == f"{card.slug}-2"
    assert taken.sha256 == card.sha256
    assert set(own_cards()) == {card.slug, taken.slug}
    assert import_zip(content, replacing=taken).slug == taken.slug
    assert free_slug("Opacity of mine") == f"{card.slug}-3"
    broken = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as whole, zipfile.ZipFile(broken, "w") as changed:
        for name in whole.namelist():
            data = whole.read(name)
            changed.writestr(name, data[:-1] + b"x" if name.endswith("model.onnx") else data)
    with pytest.raises(InvalidCard, match="its card was written for"):
        import_zip(broken.getvalue())
    assert set(own_cards()) == {card.slug, taken.slug}


@pytest.mark.keras
def test_process_that_compiles_can_do_no_harm(tmp_path, monkeypatch):
    """It has no secrets, and nothing but an empty folder to write to; a file that is exchanged is looked at again."""
    monkeypatch.setenv("SCANLENS_DATABASE_URL", "postgresql://somebody:secret@example.org/x")
    (tmp_path / "bad.keras").write_bytes(b"PK\x03\x04 no model")
    inside = tmp_path / "inside"
    inside.mkdir()
    process = CompileProcess(inside, 0)
    try:
        with pytest.raises(UnsafeModel, match="archive"):
            process.call("compile", {"source": str(tmp_path / "bad.keras"), "format": "keras", "seconds": 60})
        with open(f"/proc/{process.pid}/environ", "rb") as stream:
            environment = stream.read()
        assert b"secret" not in environment
        assert f"HOME={inside}".encode() in environment
    finally:
        process.close()


def test_incomplete_contract_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "x.keras").write_bytes(b"x")
    draft = propose(look(tmp_path / "x.keras")).contract
    with pytest.raises(InvalidCard, match="two labels"):
        add(tmp_path / "x.keras", dataclasses.replace(draft, task="binary", labels=("Only",)))
    with pytest.raises(UnsafeModel, match="export the model to ONNX"):
        add(tmp_path / "x.keras", draft)


class Constant:
    """A bundle whose answer never changes, or is saturated."""

    def __init__(self, card, logits):
        self.card, self._logits = card, logits

    def run(self, batch, outputs):
        case = float(next(iter(batch.values())).sum())
        return type("Output", (), {"logits": np.array([[self._logits(case)]], np.float32)})

    def probabilities(self, logits):
        positive = 1 / (1 + np.exp(-logits.astype(float)))
        return np.concatenate([1 - positive, positive], axis=1)


@pytest.mark.parametrize(
    ("logits", "fault"),
    [(lambda _: 0.3, "the same"), (lambda x: 40 + x % 7, "value range"), (lambda _: float("nan"), "no numbers")],
)
def test_answer_that_does_not_change_with_the_image_is_refused(logits, fault, tmp_path):
    card = propose(look(tmp_path / "missing")).contract
    with pytest.raises(UnsupportedModel, match=fault):
        check_answers_change(Constant(card, logits))
    check_answers_change(Constant(card, lambda x: 0.01 * (x % 7)))


def test_process_that_looks_hands_its_end_on_as_a_sentence(tmp_path, monkeypatch):
    def call(*_args, **_more):
        raise WorkerFailed("The process needed more than its 2,048 MB of memory", "try again")

    monkeypatch.setattr("core.incoming.inspect.LookProcess.call", call)
    (tmp_path / "a.keras").write_bytes(b"x")
    assert "2,048 MB of memory" in inspect(tmp_path / "a.keras").refused
