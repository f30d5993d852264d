"""Small ONNX models built by hand, so that no test of the lessons waits for Keras."""

import json
from base64 import b64encode

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

SIZE = 21


class Builder:
    """Adds one operation after the other; all weights are positive, so that nothing cancels and no ReLU is dead."""

    def __init__(self, size=SIZE, channels=1, seed=0):
        self.rng = np.random.default_rng(seed)
        self.nodes, self.constants = [], []
        self.inputs = [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", size, size, channels])]
        self.first = self.add("Transpose", ["image"], name="m_1/prepare_1/transpose:0", perm=[0, 3, 1, 2])
        self.channels = {self.first: channels}

    def constant(self, values, name):
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def add(self, op, inputs, name, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    def conv(self, x, name, out=2, kernel=3, stride=1, dilation=1, group=1, relu=True):
        reach = (kernel - 1) * dilation
        pads = [reach // 2, reach // 2, reach - reach // 2, reach - reach // 2]
        shape = (out, self.channels[x] // group, kernel, kernel)
        weights = self.rng.uniform(0.1, 1, shape).astype(np.float32)
        made = self.add(
            "Conv", [x, self.constant(weights, f"m_1/{name}_1/kernel")], f"m_1/{name}_1/convolution:0",
            kernel_shape=[kernel] * 2, strides=[stride] * 2, dilations=[dilation] * 2, pads=pads, group=group,
        )  # fmt: skip
        self.channels[made] = out
        return self.bend(made, f"{name}_relu") if relu else made

    def bend(self, x, name, op="Relu"):
        made = self.add(op, [x], f"m_1/{name}_1/{op}:0")
        self.channels[made] = self.channels[x]
        return made

    def pool(self, x, name, kernel=2, op="MaxPool"):
        made = self.add(op, [x], f"m_1/{name}_1/{op}:0", kernel_shape=[kernel] * 2, strides=[kernel] * 2)
        self.channels[made] = self.channels[x]
        return made

    def join(self, tensors, name):
        made = self.add("Concat", tensors, f"m_1/{name}_1/concat:0", axis=1)
        self.channels[made] = sum(self.channels[x] for x in tensors)
        return made

    def plus(self, x, y, name, op="Add"):
        made = self.add(op, [x, y], f"m_1/{name}_1/{op}:0")
        self.channels[made] = max(self.channels[x], self.channels[y])
        return made

    def squeeze(self, x, name):
        axes = self.constant(np.array([2, 3], np.int64), f"{name}_axes")
        made = self.add("ReduceMean", [x, axes], f"m_1/{name}_1/Mean:0", keepdims=1)
        self.channels[made] = self.channels[x]
        return made

    def finish(self, x, units=1, pooled=True):
        """The head, with the outputs that `core.keras_process.model.compile` writes."""
        self.add("Transpose", [x], "activations", perm=[0, 2, 3, 1])
        axes = self.constant(np.array([1, 2], np.int64), "head_axes")
        self.add("ReduceMean", ["activations", axes], "features", keepdims=0)
        weights = self.rng.normal(0, 1, (self.channels[x], units)).astype(np.float32)
        bias = self.rng.normal(0, 1, units).astype(np.float32)
        self.add("MatMul", ["features", self.constant(weights, "m_1/logits_1/kernel")], "m_1/logits_1/MatMul:0")
        self.add("Add", ["m_1/logits_1/MatMul:0", self.constant(bias, "m_1/logits_1/bias")], "logits")
        outputs = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in (
                ("logits", ["batch", units]),
                ("activations", ["batch", None, None, self.channels[x]]),
                ("features", ["batch", self.channels[x]]),
            )
        ]
        graph = helper.make_graph(self.nodes, "small", self.inputs, outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        self.describe(model, weights, bias)
        return model

    def describe(self, model, weights, bias):
        self.weights, self.bias = weights, bias
        places = int(np.prod(_grid(model, self)))
        stored = np.ascontiguousarray((weights.T / places).astype("<f4"))
        facts = {
            "activation": "sigmoid",
            "explain_layer": "last",
            "cam_weights": {"shape": list(stored.shape), "float32": b64encode(stored.tobytes()).decode()},
        }
        entry = model.metadata_props.add()
        entry.key, entry.value = "scanlens", json.dumps(facts)


def _grid(model, builder):
    inferred = onnx.shape_inference.infer_shapes(model)
    name = next(node.input[0] for node in model.graph.node if node.output[0] == "activations")
    shape = next(v for v in inferred.graph.value_info if v.name == name).type.tensor_type.shape.dim
    return shape[2].dim_value, shape[3].dim_value


@pytest.fixture
def builder():
    return Builder


def plain():
    """A chain: stride, depthwise, pooling, dilation."""
    b = Builder()
    x = b.conv(b.first, "stem", out=4, stride=2)
    x = b.conv(x, "deep", out=4, kernel=5, group=4)
    x = b.pool(x, "pool")
    return b.finish(b.conv(x, "last", out=3, dilation=2))


def branched():
    """Three scales side by side and a shortcut."""
    b = Builder()
    entry = b.conv(b.first, "stem", out=3, kernel=1)
    branches = [b.conv(entry, f"every{step}", out=1, dilation=step) for step in (1, 2, 4)]
    joined = b.join(branches, "scales")
    return b.finish(b.bend(b.plus(joined, entry, "shortcut"), "out"))


def attended():
    """Channel attention and place attention, added."""
    b = Builder()
    x = b.conv(b.first, "stem", out=4, stride=2, relu=False)
    gate = b.bend(b.conv(b.squeeze(x, "squeeze"), "channel_weights", out=4, kernel=1, relu=False), "open", "Sigmoid")
    place = b.bend(b.conv(x, "place_weights", out=1, kernel=1, relu=False), "where", "Sigmoid")
    both = b.plus(b.plus(x, gate, "by_channel", "Mul"), b.plus(x, place, "by_place", "Mul"), "attended")
    return b.finish(b.bend(both, "out"))


MODELS = {"plain": plain, "branched": branched, "attended": attended}


@pytest.fixture(scope="session")
def models():
    """Name to ONNX model."""
    return {name: build() for name, build in MODELS.items()}


@pytest.fixture
def opened(models, tmp_path):
    """A bundle of one of them: `opened("plain")`."""
    import hashlib

    from core.inference.bundle import open_bundle
    from core.models.card import InputSpec, ModelCard

    def one(name):
        content = models[name].SerializeToString()
        (tmp_path / "model.onnx").write_bytes(content)
        spec = InputSpec("image", "image", (SIZE, SIZE), 1, (0.0, 1.0), "display", "stretch", ())
        card = ModelCard(
            slug=name, folder=tmp_path, title=name.capitalize(), summary="", task="binary", labels=("No", "Yes"),
            inputs=(spec,), threshold=0.5, threshold_from="", temperature=1.0, explain_layer="last",
            sha256={"model.onnx": hashlib.sha256(content).hexdigest()}, license="", non_commercial=False,
            training_modality="an image",
        )  # fmt: skip
        return open_bundle(card)

    return one
