import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from core.errors import Cancelled, IncompatibleInput, InvalidCard
from core.inference import bundle as session
from core.inference.bundle import open_bundle


@pytest.fixture
def folder(tmp_path):
    """A model of two operations: activations are twice the image, logits and features their mean."""
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 4, 4, 3])
    outputs = [
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3]),
        helper.make_tensor_value_info("activations", TensorProto.FLOAT, ["batch", 4, 4, 3]),
    ]
    axes = helper.make_tensor("axes", TensorProto.INT64, [2], [1, 2])
    nodes = [
        helper.make_node("Add", ["image", "image"], ["activations"]),
        helper.make_node("ReduceMean", ["activations", "axes"], ["logits"], keepdims=0),
    ]
    graph = helper.make_graph(nodes, "test", [image], outputs, [axes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, tmp_path / "model.onnx")
    return tmp_path


@pytest.fixture
def bundle(folder, card_for):
    return open_bundle(card_for(folder))


def images(count):
    return np.random.default_rng(0).random((count, 4, 4, 3), np.float32)


def test_changed_file_is_refused(folder, card_for):
    card = card_for(folder)
    with (folder / "model.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(InvalidCard, match="that its card was written for"):
        open_bundle(card)


def test_file_that_the_card_does_not_list_is_refused(folder, card_for):
    with pytest.raises(InvalidCard, match="does not list"):
        open_bundle(card_for(folder, sha256={}))


def test_missing_file_is_refused(folder, card_for):
    card = card_for(folder)
    (folder / "model.onnx").unlink()
    with pytest.raises(InvalidCard, match=r"there is no file model\.onnx"):
        open_bundle(card)


def test_file_that_is_no_model_is_refused(folder, card_for):
    (folder / "model.onnx").write_bytes(b"no model")
    with pytest.raises(InvalidCard, match=r"ONNX Runtime cannot open model\.onnx"):
        open_bundle(card_for(folder))


def test_card_with_another_input_is_refused(folder, card_for):
    with pytest.raises(InvalidCard, match="it takes image"):
        open_bundle(card_for(folder, names=("picture",)))


def test_chunks_give_what_one_run_gives(bundle):
    batch = images(2 * session.CHUNK + 3)
    output = bundle.run({"image": batch})
    np.testing.assert_array_equal(output.activations, 2 * batch)
    np.testing.assert_allclose(output.logits, (2 * batch).mean(axis=(1, 2)), atol=1e-6)


@pytest.mark.parametrize("processors", [1, 2, 5])
def test_many_frames_come_back_in_their_order_however_many_processors_there_are(bundle, monkeypatch, processors):
    monkeypatch.setattr(session, "_processors", lambda: processors)
    batch, fractions = images(3 * session.CHUNK + 3), []
    found = bundle.run({"image": batch}, progress=fractions.append)
    alone = [bundle.run({"image": one[None]}) for one in batch]
    np.testing.assert_allclose(found.logits, np.concatenate([one.logits for one in alone]), atol=1e-6)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_many_frames_are_run_by_operations_of_one_thread(folder, card_for, monkeypatch):
    monkeypatch.setattr(session, "_processors", lambda: 2)
    bundle, opened = open_bundle(card_for(folder)), []
    monkeypatch.setattr(bundle, "_open_single", lambda: opened.append(1) or session._open_again(bundle.card))
    bundle.run({"image": images(session.CHUNK)})
    assert not opened, "few frames do not need a second session"
    for _ in range(2):
        bundle.run({"image": images(session.CHUNK + 1)})
    assert opened == [1]
    assert bundle._single.get_session_options().intra_op_num_threads == 1
    assert open_bundle(card_for(folder), threads=1)._open_single is None


def test_only_what_is_asked_for_comes_back(bundle):
    output = bundle.run({"image": images(2)}, outputs=("features",))
    assert output.activations is None
    assert output.features is None  # this model has none


def test_progress_ends_at_one(bundle):
    fractions = []
    bundle.run({"image": images(2 * session.CHUNK + 1)}, progress=fractions.append)
    assert fractions == sorted(fractions)
    assert len(fractions) == 3
    assert fractions[-1] == 1.0


def test_stop_is_heard_between_chunks(bundle):
    fractions = []
    with pytest.raises(Cancelled):
        bundle.run(
            {"image": images(9 * session.CHUNK)}, progress=fractions.append, cancelled=lambda: len(fractions) == 2
        )
    assert len(fractions) == 2


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        ({"picture": images(1)}, "The model takes image, and was given picture"),
        ({"image": images(1)[:, :3]}, "image of shape 4 × 4 × 3"),
        ({"image": images(0)}, "not all the same number"),
    ],
)
def test_input_that_does_not_fit_is_refused_in_words(bundle, batch, said):
    with pytest.raises(IncompatibleInput, match=said):
        bundle.run(batch)


def test_threads_share_one_bundle(bundle):
    batches = [np.full((3, 4, 4, 3), value, np.float32) for value in range(16)]
    with ThreadPoolExecutor(4) as pool:
        logits = list(pool.map(lambda batch: bundle.run({"image": batch}).logits, batches))
    assert [float(part.mean()) for part in logits] == [2.0 * value for value in range(16)]


@pytest.mark.parametrize(
    "facts",
    [
        "[" * 100_000,
        "{",
        '{"cam_weights": 3}',
        '{"cam_weights": {"float32": "AAAA", "shape": [1]}}',
        '{"cam_weights": {"float32": "no base64", "shape": [3, 3]}}',
        '{"cam_weights": {"float32": "", "shape": [1000000, 1000000]}}',
    ],
)
def test_metadata_that_anyone_may_have_written_is_one_sentence(folder, card_for, facts):
    model = onnx.load(folder / "model.onnx")
    helper.set_model_props(model, {"scanlens": facts})
    onnx.save(model, folder / "model.onnx")
    with pytest.raises(InvalidCard, match="restore the model's folder"):
        open_bundle(card_for(folder))


def test_first_output_without_an_axis_is_refused(folder, card_for):
    model = onnx.load(folder / "model.onnx")
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("logits", TensorProto.FLOAT, []))
    onnx.save(model, folder / "model.onnx")
    with pytest.raises(InvalidCard):
        open_bundle(card_for(folder))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no fifos")
def test_fifo_in_place_of_a_model_is_refused_without_waiting(folder, card_for):
    card = card_for(folder)
    (folder / "model.onnx").unlink()
    os.mkfifo(folder / "model.onnx")
    with pytest.raises(InvalidCard, match="no regular file"):
        open_bundle(card)
