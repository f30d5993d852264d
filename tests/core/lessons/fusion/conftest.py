"""Tiny models of several inputs, built by hand."""

import hashlib

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

SIZE = 16


def fused_model(images=("flair", "pre"), features=2):
    """Each image's mean times a weight, weighed by attention over the images, plus the facts times theirs."""
    nodes, constants = [], []

    def constant(values, name):
        constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    axes = constant(np.array([1, 2], np.int64), "axes")
    for name in images:
        nodes.append(helper.make_node("ReduceMean", [name, axes], [f"m_1/{name}_features_1/Mean:0"], keepdims=0))
    nodes += [
        helper.make_node("Concat", [f"m_1/{name}_features_1/Mean:0" for name in images], ["m_1/s_1/c:0"], axis=1),
        helper.make_node("Mul", ["m_1/s_1/c:0", constant(np.float32(5), "five")], ["m_1/s_1/scaled:0"]),
        helper.make_node("Softmax", ["m_1/s_1/scaled:0"], ["m_1/sequence_attention_1/Softmax:0"], axis=1),
        helper.make_node("Mul", ["m_1/s_1/c:0", "m_1/sequence_attention_1/Softmax:0"], ["m_1/f_1/Mul:0"]),
        helper.make_node(
            "MatMul", ["m_1/f_1/Mul:0", constant(np.array([[4.0], [2.0]], np.float32), "w")], ["m_1/p_1/MatMul:0"]
        ),
        helper.make_node(
            "MatMul", ["patient", constant(np.full((features, 1), 0.05, np.float32), "v")], ["m_1/t_1/MatMul:0"]
        ),
        helper.make_node("Add", ["m_1/p_1/MatMul:0", "m_1/t_1/MatMul:0"], ["m_1/sum_1/Add:0"]),
        helper.make_node("Add", ["m_1/sum_1/Add:0", constant(np.array([-4], np.float32), "b")], ["logits"]),
    ]
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", SIZE, SIZE, 1]) for name in images] + [
        helper.make_tensor_value_info("patient", TensorProto.FLOAT, ["batch", features])
    ]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1])]
    graph = helper.make_graph(nodes, "fused", inputs, outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


CARD = """---
license: cc0-1.0
scanlens:
  title: {title}
  summary: A test.
  task: binary
  labels: [Well, Ill]
  inputs:
  - {{name: flair, title: FLAIR, kind: image, size: [16, 16], channels: 1, range: [0, 1], intensity: display,
      resize: stretch, modality: [MR], describe: [flair], optional: true}}
  - {{name: pre, title: T1, kind: image, size: [16, 16], channels: 1, range: [0, 1], intensity: display,
      resize: stretch, modality: [MR], describe: [t1], optional: true}}
  - name: patient
    title: About the patient
    kind: table
    optional: true
    features:
    - {{name: age, title: Age, unit: years, low: 18, high: 100, reference: 55}}
    - {{name: sex, title: Sex, choices: {{female: 0, male: 1}}, reference: 0.4}}
  threshold: 0.5
  threshold_from: the validation split
  temperature: 1.0
  explain_layer: ""
  training_modality: MRI slices of the head
  sha256: {{model.onnx: {digest}}}
---
A test.
"""


def write_bundle(folder, title="Tiny fusion"):
    """A bundle with images and a table."""
    content = fused_model().SerializeToString()
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(content)
    (folder / "README.md").write_text(CARD.format(title=title, digest=hashlib.sha256(content).hexdigest()))
    return folder


@pytest.fixture
def fused(tmp_path):
    """The card and the opened bundle."""
    from core.inference.bundle import open_bundle
    from core.models.card import load_card

    card = load_card(write_bundle(tmp_path / "tiny"))
    return card, open_bundle(card)


@pytest.fixture
def onnx_model():
    """The ONNX model by itself."""
    assert onnx is not None
    return fused_model()
