"""Compiled models from elsewhere run in a process of their own, within limits, and what they answer is checked."""

import hashlib

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from core.errors import GuestProcessFailed, InvalidCard, UnsafeModel
from core.inference import onnx_session, origin
from core.inference.bundle import open_bundle
from core.inference.guest_worker import check_graph
from core.inference.onnx_session import GuestProcess, GuestSession, open_session

pytestmark = pytest.mark.guest


@pytest.fixture(scope="module")
def guests():
    process = GuestProcess(memory_limit=1 << 30)
    yield process
    process.close()


@pytest.fixture(autouse=True)
def one_process(guests, monkeypatch):
    monkeypatch.setattr(onnx_session, "guest_process", lambda: guests)


def value(name, shape=("batch", 4), kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def model_of(*nodes, inputs=(), outputs=(), weights=(), opset=18, **graph):
    made = helper.make_graph(
        nodes, "test", list(inputs) or [value("image")], list(outputs) or [value("logits")], list(weights), **graph
    )
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("of.mine", 1)]
    return helper.make_model(made, opset_imports=imports, ir_version=9)


def constant(name, array):
    return numpy_helper.from_array(np.asarray(array), name)


def harmless():
    return model_of(helper.make_node("Add", ["image", "image"], ["logits"]))


def looping(body_nodes, trips, scan=()):
    """logits = image + a loop's state, which nobody can know without running it."""
    body = helper.make_graph(
        [*body_nodes, helper.make_node("Identity", ["condition"], ["condition_out"])],
        "body",
        [value("i", [], TensorProto.INT64), value("condition", [], TensorProto.BOOL), value("state", ("batch", 4))],
        [value("condition_out", [], TensorProto.BOOL), value("state_out", ("batch", 4))],
    )
    return model_of(
        helper.make_node("Loop", ["trips", "yes", "image"], ["logits"], body=body),
        weights=[constant("trips", np.int64(trips)), constant("yes", np.bool_(True))],
    )


def endless():
    return looping([helper.make_node("Sin", ["state"], ["state_out"])], 1 << 62)


def hungry_at_run():
    """8 GB from a shape that depends on the input, so that nothing can be folded at loading."""
    nodes = [
        helper.make_node("Shape", ["image"], ["shape"]),
        helper.make_node("Mul", ["shape", "many"], ["giant"]),
        helper.make_node("ConstantOfShape", ["giant"], ["zeros"]),
        helper.make_node("ReduceSum", ["zeros", "axes"], ["sum"], keepdims=1),
        helper.make_node("Add", ["image", "sum"], ["logits"]),
    ]
    weights = [constant("many", np.array([16_000, 16_000], np.int64)), constant("axes", np.array([0, 1], np.int64))]
    return model_of(*nodes, weights=weights)


def hungry_at_load():
    """The same from constants, which ONNX Runtime folds when it opens the file."""
    nodes = [
        helper.make_node("ConstantOfShape", ["giant"], ["zeros"]),
        helper.make_node("Add", ["zeros", "one"], ["ones"]),
        helper.make_node("ReduceSum", ["ones", "axes"], ["sum"], keepdims=1),
        helper.make_node("Add", ["image", "sum"], ["logits"]),
    ]
    return model_of(
        *nodes,
        weights=[
            constant("giant", np.array([46_000, 46_000], np.int64)),
            constant("axes", np.array([0, 1], np.int64)),
            constant("one", np.float32(1)),
        ],
    )


def with_external_data(place="initializer"):
    tensor = constant("weight", np.ones(4, np.float32))
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, text in (("location", "../../../../etc/passwd"), ("length", "16")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, text
    if place == "initializer":
        return model_of(helper.make_node("Add", ["image", "weight"], ["logits"]), weights=[tensor])
    node = helper.make_node("Constant", [], ["weight"], value=tensor)
    if place == "branch":
        inside = helper.make_graph(
            [node, helper.make_node("Add", ["image", "weight"], ["sum"])], "in", [], [value("sum")]
        )
        branches = {"then_branch": inside, "else_branch": inside}
        return model_of(
            helper.make_node("If", ["yes"], ["logits"], **branches), weights=[constant("yes", np.bool_(True))]
        )
    return model_of(node, helper.make_node("Add", ["image", "weight"], ["logits"]))


def nested(levels):
    leaf = helper.make_graph([helper.make_node("Identity", ["image"], ["sum"])], "in", [], [value("sum")])
    graph = leaf
    for _ in range(levels):
        node = helper.make_node("If", ["yes"], ["sum"], then_branch=graph, else_branch=leaf)
        graph = helper.make_graph([node], "in", [], [value("sum")])
    return model_of(helper.make_node("If", ["yes"], ["logits"], then_branch=graph, else_branch=leaf))


def giving(operation, kind=TensorProto.FLOAT, shape=("batch", 4), **attributes):
    return model_of(
        helper.make_node(operation, ["image"], ["logits"], **attributes), outputs=[value("logits", shape, kind)]
    )


REFUSED = {
    "external data": (with_external_data, "other files"),
    "external data of a constant": (lambda: with_external_data("constant"), "other files"),
    "external data in a branch": (lambda: with_external_data("branch"), "other files"),
    "operators of the author's own": (
        lambda: model_of(helper.make_node("Evil", ["image"], ["logits"], domain="of.mine")),
        "no operator of ONNX itself",
    ),
    "graphs without end": (lambda: nested(20), "nests its graphs"),
    "giant input": (
        lambda: model_of(
            helper.make_node("Identity", ["image"], ["logits"]),
            inputs=[value("image", ("batch", 2_000_000, 2_000_000))],
            outputs=[value("logits", ("batch", 2_000_000, 2_000_000))],
        ),
        "beyond .* numbers",
    ),
    "open sizes": (
        lambda: model_of(
            helper.make_node("Identity", ["image"], ["logits"]),
            inputs=[value("image", ("batch", "w"))],
            outputs=[value("logits", ("batch", "w"))],
        ),
        "of fixed sizes",
    ),
    "no numbers": (
        lambda: model_of(
            helper.make_node("Sub", ["image", "two"], ["below"]),
            helper.make_node("Log", ["below"], ["logits"]),
            weights=[constant("two", np.float32(2))],
        ),
        "infinite or no numbers",
    ),
    "answers of another type": (lambda: giving("Cast", TensorProto.INT64, to=TensorProto.INT64), "the model declares"),
    "text as input": (
        lambda: model_of(
            helper.make_node("Identity", ["image"], ["logits"]),
            inputs=[value("image", kind=TensorProto.STRING)],
            outputs=[value("logits", kind=TensorProto.STRING)],
        ),
        "no float array",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_a_guest_may_not_have_is_one_sentence(kind, guests):
    make, said = REFUSED[kind]
    with pytest.raises(UnsafeModel, match=said):
        GuestSession(make().SerializeToString(), guests)


@pytest.mark.parametrize("content", [b"", b"no model", bytes(range(256)) * 4], ids=["empty", "text", "noise"])
def test_what_is_no_onnx_file_is_one_sentence(content, guests):
    with pytest.raises(UnsafeModel):
        GuestSession(content, guests)


@pytest.mark.parametrize(
    ("model", "said"), [(endless, "in time"), (hungry_at_run, "memory|fails"), (hungry_at_load, "memory|open|fails")]
)
def test_a_model_that_never_ends_or_takes_all_memory_costs_only_its_process(model, said, guests, monkeypatch):
    for name in ("OPEN_SECONDS", "RUN_SECONDS"):
        monkeypatch.setattr(onnx_session, name, 3.0 if model is endless else 30.0)
    with pytest.raises((GuestProcessFailed, UnsafeModel), match=said):
        GuestSession(model().SerializeToString(), guests)
    assert GuestSession(harmless().SerializeToString(), guests).run(None, {"image": np.ones((1, 4), np.float32)})


def test_a_guest_answers_as_in_this_process_also_after_its_process_was_replaced(guests):
    content = harmless().SerializeToString()
    session, batch = GuestSession(content, guests), np.arange(12, dtype=np.float32).reshape(3, 4)
    first = session.run(["logits"], {"image": batch})
    guests.close()
    second = session.run(["logits"], {"image": batch})
    assert np.array_equal(first[0], 2 * batch)
    assert np.array_equal(second[0], 2 * batch)


def test_only_models_on_the_list_of_the_build_run_in_this_process(tmp_path, monkeypatch):
    content = harmless().SerializeToString()
    monkeypatch.setattr(origin, "SHIPPED", tmp_path / "hashes.txt")
    monkeypatch.setenv("SCANLENS_HOME", str(tmp_path))
    assert isinstance(open_session(content, 1), GuestSession)
    origin.write_shipped([(hashlib.sha256(content).hexdigest(), "mine")], tmp_path / "hashes.txt")
    assert not isinstance(open_session(content, 1), GuestSession)
    origin.write_shipped([], tmp_path / "hashes.txt")
    assert isinstance(open_session(content, 1), GuestSession)
    origin.note_made_here(hashlib.sha256(content).hexdigest(), "mine")
    assert not isinstance(open_session(content, 1), GuestSession)


def test_a_changed_copy_runs_where_the_file_it_was_made_from_may(tmp_path, monkeypatch):
    monkeypatch.setattr(origin, "SHIPPED", tmp_path / "hashes.txt")
    origin.write_shipped([("a" * 64, "mine")], tmp_path / "hashes.txt")
    content = harmless().SerializeToString()
    assert not isinstance(open_session(content, 1, origin="a" * 64), GuestSession)
    assert isinstance(open_session(content, 1, origin="b" * 64), GuestSession)


def test_a_bundle_from_elsewhere_is_used_like_any_other(tmp_path, card_for, monkeypatch):
    monkeypatch.setattr(origin, "SHIPPED", tmp_path / "hashes.txt")
    image = value("image", ("batch", 4, 4, 3))
    outputs = [value("logits", ("batch", 3)), value("activations", ("batch", 4, 4, 3))]
    nodes = [
        helper.make_node("Add", ["image", "image"], ["activations"]),
        helper.make_node("ReduceMean", ["activations", "axes"], ["logits"], keepdims=0),
    ]
    model = model_of(*nodes, inputs=[image], outputs=outputs, weights=[constant("axes", np.array([1, 2], np.int64))])
    onnx.save(model, tmp_path / "model.onnx")
    bundle = open_bundle(card_for(tmp_path))
    batch = np.random.default_rng(0).random((9, 4, 4, 3), np.float32)
    assert isinstance(bundle._session, GuestSession)
    found = bundle.run({"image": batch})
    np.testing.assert_allclose(found.logits, 2 * batch.mean((1, 2)), rtol=1e-5)
    assert found.activations.shape == (9, 4, 4, 3)


def test_a_bundle_from_elsewhere_that_is_refused_is_one_sentence_about_it(tmp_path, card_for, monkeypatch):
    monkeypatch.setattr(origin, "SHIPPED", tmp_path / "hashes.txt")
    onnx.save_model(with_external_data("constant"), tmp_path / "model.onnx")
    with pytest.raises(InvalidCard, match="other files"):
        open_bundle(card_for(tmp_path))


def test_every_shipped_model_is_on_the_list_of_the_build():
    models = origin.SHIPPED.parent
    found = {path.parent.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in models.glob("*/model.onnx")}
    assert found
    assert [slug for slug, sha256 in found.items() if not origin.is_made_here(sha256)] == []


def test_the_check_passes_what_it_should():
    check_graph(harmless().SerializeToString())
    check_graph(nested(3).SerializeToString())
