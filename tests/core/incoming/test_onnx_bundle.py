"""ONNX files as PyTorch exports them become bundles that answer the same, with channels last and a layer to explain."""

import base64
import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from core.errors import UnsupportedModel
from core.incoming.look import look
from core.incoming.onnx_bundle import adapt
from core.incoming.propose import propose
from core.onnx_runtime import onnxruntime

RNG = np.random.default_rng(5)


def exported(units=2, end="Gemm", batch="batch", maps=False, size=12):
    """A small network as PyTorch exports one: channels first, convolution, mean over the places, one dense layer."""
    weights = {
        "conv.weight": RNG.normal(size=(5, 3, 3, 3)), "conv.bias": RNG.normal(size=5),
        "fc.weight": RNG.normal(size=(units, 5)), "fc.bias": RNG.normal(size=units),
        "seg.weight": RNG.normal(size=(units, 5, 1, 1)),
    }  # fmt: skip
    nodes = [
        helper.make_node("Conv", ["input", "conv.weight", "conv.bias"], ["c"], "/layer4/conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"], "/layer4/relu"),
    ]
    if maps:
        nodes.append(helper.make_node("Conv", ["r", "seg.weight"], ["logits_of_file"], "/seg"))
    else:
        nodes += [
            helper.make_node("GlobalAveragePool", ["r"], ["p"], "/pool"),
            helper.make_node("Flatten", ["p"], ["f"], "/flat"),
            helper.make_node("Gemm", ["f", "fc.weight", "fc.bias"], ["logits_of_file"], "/fc", transB=1),
        ]
    last = "logits_of_file"
    if end in {"Softmax", "Sigmoid"}:
        nodes.append(helper.make_node(end, [last], ["out"], "/end", **({"axis": 1} if end == "Softmax" else {})))
        last = "out"
    shape = [batch, units, size, size] if maps else [batch, units]
    graph = helper.make_graph(
        nodes,
        "main_graph",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, 3, size, size])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, shape)],
        [
            numpy_helper.from_array(value.astype(np.float32), name)
            for name, value in weights.items()
            if name.startswith(("conv", "seg" if maps else "fc"))
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="pytorch", ir_version=8)
    return model.SerializeToString(), weights


def run(content, names, **fed):
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"]).run(names, fed)


def images(size=12, high=255):
    return (RNG.random((3, size, size, 3)) * high).astype(np.float32)


@pytest.mark.parametrize(("end", "units"), [("Gemm", 3), ("Softmax", 2), ("Sigmoid", 1), ("Sigmoid", 4)])
def test_network_with_channels_first_answers_the_same_with_channels_last(end, units):
    content, _ = exported(units, end)
    shown = images(high=1)
    made, facts = adapt(content, {"image": shown}, "", None, False)
    expected = run(content, None, input=shown.transpose(0, 3, 1, 2))[0]
    logits, output, grid, features = run(made, ["logits", "output", "activations", "features"], image=shown)
    np.testing.assert_allclose(output, expected, atol=1e-5)
    assert facts["activation"] == {"Gemm": "linear", "Softmax": "softmax", "Sigmoid": "sigmoid"}[end]
    assert (facts["explain_layer"], facts["units"], grid.shape) == ("/layer4/relu", units, (3, 12, 12, 5))
    np.testing.assert_allclose(features, grid.mean(axis=(1, 2)), rtol=1e-4)
    stored = json.loads(onnx.load_from_string(made).metadata_props[0].value)["cam_weights"]
    weights = np.frombuffer(base64.b64decode(stored["float32"]), "<f4").reshape(stored["shape"])
    rest = logits - grid.sum(axis=(1, 2)) @ weights.T  # what is left is the bias
    np.testing.assert_allclose(rest, np.broadcast_to(rest[:1], rest.shape), atol=1e-4)


def test_reading_of_torchvision_is_put_in_front():
    content, _ = exported()
    shown = images()
    made, _ = adapt(content, {"image": shown}, "torch", None, False)
    ready = (shown / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    expected = run(content, None, input=ready.transpose(0, 3, 1, 2).astype(np.float32))[0]
    np.testing.assert_allclose(run(made, ["output"], image=shown)[0], expected, rtol=1e-4, atol=1e-4)


def test_channels_are_turned_round_for_bgr():
    content, _ = exported()
    shown = images()
    made, _ = adapt(content, {"image": shown}, "bgr", None, False)
    expected = run(content, None, input=shown[..., ::-1].transpose(0, 3, 1, 2))[0]
    np.testing.assert_allclose(run(made, ["output"], image=shown)[0], expected, rtol=1e-4, atol=1e-3)


def test_segmentation_gives_maps_with_channels_last():
    content, _ = exported(2, "Sigmoid", maps=True)
    shown = images(high=1)
    made, facts = adapt(content, {"image": shown}, "", None, True)
    expected = run(content, None, input=shown.transpose(0, 3, 1, 2))[0].transpose(0, 2, 3, 1)
    output, grid = run(made, ["output", "activations"], image=shown)
    np.testing.assert_allclose(output, expected, atol=1e-5)
    assert (facts["units"], output.shape, grid.shape) == (2, (3, 12, 12, 2), (3, 12, 12, 5))


def test_what_does_not_fit_is_said_in_a_sentence():
    content, _ = exported()
    with pytest.raises(UnsupportedModel, match="takes 3 × 12 × 12"):
        adapt(content, {"image": images(size=10)}, "", None, False)
    with pytest.raises(UnsupportedModel, match="No layer with places"):
        adapt(content, {"image": images()}, "", "nothing", False)
    with pytest.raises(UnsupportedModel, match="1 inputs, not 2"):
        adapt(content, {"image": images(), "other": images()}, "", None, False)


def test_export_of_pytorch_is_recognised(tmp_path):
    content, _ = exported(2, "Softmax")
    (tmp_path / "net.onnx").write_bytes(content)
    report = look(tmp_path / "net.onnx")
    assert (report.channels_first, report.producer, report.ending) == (True, "pytorch", "softmax")
    contract = propose(report).contract
    spec = contract.inputs[0]
    assert (spec.size, spec.channels, contract.reading, contract.task) == ((12, 12), 3, "torch", "binary")
