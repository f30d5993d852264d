"""What the configuration of a Keras model says of it, read as plain JSON, as Keras 3 and Keras 2 write it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.incoming.report import Ending, Tensor

_MODELS = frozenset(["Functional", "Model", "Sequential"])
_MOST_LAYERS = 2000
_CALM = frozenset(
    "Activation Softmax Flatten Reshape Dropout Identity ActivityRegularization ReLU Cropping2D Permute".split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
        path: Its name, `backbone/layer` inside a nested model.
        kind: Class name.
        config: As the file says.
        arguments: Numbers that it is called with beside tensors.
    """

    path: str
    kind: str
    config: Mapping[str, Any]
    arguments: tuple[float, ...] = ()


def layers_of(model: Mapping[str, Any], inside: str = "", depth: int = 0) -> Iterator[Layer]:
    """All layers in the file's order, those of nested models in their place."""
    if depth > 20:
        return
    for entry in _entries(model):
        config = entry.get("config")
        config = config if isinstance(config, dict) else {}
        name = str(config.get("name", entry.get("name", "")))[:120]
        path, kind = f"{inside}{name}", str(entry.get("class_name", ""))[:120]
        inner = config.get("layer")
        if kind in _MODELS:
            yield from layers_of(entry, f"{path}/", depth + 1)
            continue
        yield Layer(path, kind, config, tuple(_numbers(entry.get("inbound_nodes"), 0)))
        if kind in {"TimeDistributed", "Bidirectional"} and isinstance(inner, dict):
            if str(inner.get("class_name")) in _MODELS:
                yield from layers_of(inner, f"{path}/", depth + 1)
            elif isinstance(inner.get("config"), dict):
                yield Layer(
                    f"{path}/{inner['config'].get('name', '')}"[:240], str(inner.get("class_name")), inner["config"]
                )


def _entries(model: Mapping[str, Any]) -> list[dict[str, Any]]:
    config = model.get("config")
    found = config.get("layers") if isinstance(config, dict) else config  # Keras 2.0 wrote a Sequential as a list
    return [entry for entry in found if isinstance(entry, dict)][:_MOST_LAYERS] if isinstance(found, list) else []


def _numbers(node: Any, depth: int) -> Iterator[float]:
    """Numbers among the arguments of a call; constants are written out number by number."""
    if depth > 12:
        return
    if isinstance(node, dict):
        if node.get("class_name") == "__keras_tensor__":
            return
        for value in node.values():
            yield from _numbers(value, depth + 1)
    elif isinstance(node, list):
        if len(node) >= 3 and isinstance(node[0], str):  # Keras 2: [name, node index, tensor index, kwargs]
            yield from _numbers(node[3:], depth + 1)
            return
        for value in node:
            yield from _numbers(value, depth + 1)
    elif isinstance(node, (int, float)) and not isinstance(node, bool):
        yield float(node)


def inputs_of(model: Mapping[str, Any]) -> tuple[Tensor, ...]:
    """Inputs with their shapes, in the model's order; none where the file does not say."""
    named = {}
    for entry in _entries(model):
        config = entry.get("config")
        if isinstance(config, dict) and entry.get("class_name") == "InputLayer":
            named[str(config.get("name", ""))] = _input(config)
    config = model.get("config")
    order = _names(config.get("input_layers")) if isinstance(config, dict) else []
    if order and all(name in named for name in order):
        return tuple(named[name] for name in order)
    if named:
        return tuple(named.values())
    return _first_shape(model)


def _first_shape(model: Mapping[str, Any]) -> tuple[Tensor, ...]:
    """The input of a Sequential, which may stand at its first layer or at the model itself."""
    config = model.get("config")
    if isinstance(config, dict) and isinstance(config.get("build_input_shape"), list):
        return (Tensor("input", _shape(config["build_input_shape"])),)
    for entry in _entries(model)[:1]:
        inner = entry.get("config")
        if isinstance(inner, dict):
            shape = inner.get("batch_input_shape", inner.get("batch_shape"))
            if isinstance(shape, list):
                return (Tensor("input", _shape(shape), _dtype(inner)),)
        if entry.get("class_name") in _MODELS:
            return inputs_of(entry)
    return ()


def _input(config: Mapping[str, Any]) -> Tensor:
    shape = config.get("batch_shape", config.get("batch_input_shape"))
    return Tensor(str(config.get("name", "input"))[:120], _shape(shape), _dtype(config))


def _dtype(config: Mapping[str, Any]) -> str:
    kind = config.get("dtype")
    return kind if isinstance(kind, str) else "float32"


def _shape(value: Any) -> tuple[int | None, ...]:
    sizes = value[1:] if isinstance(value, list) else []
    return tuple(int(size) if isinstance(size, int) and size > 0 else None for size in sizes)


def _names(value: Any) -> list[str]:
    """Names in `input_layers` or `output_layers`, which nest lists, tuples and mappings in several ways."""
    if isinstance(value, dict):
        return [name for part in value.values() for name in _names(part)]
    if isinstance(value, list) and value and isinstance(value[0], str):
        return [value[0]]
    return [name for part in value for name in _names(part)] if isinstance(value, list) else []


def outputs_of(model: Mapping[str, Any]) -> tuple[tuple[Tensor, ...], Ending]:
    """Outputs and the final activation, as far as the layers at the end say it."""
    config = model.get("config")
    entries = {str((entry.get("config") or {}).get("name", "")): entry for entry in _entries(model)}
    ends = _names(config.get("output_layers")) if isinstance(config, dict) else []
    chosen = [entries[name] for name in ends if name in entries] or _entries(model)[-1:]
    found = [_end(model, entry) for entry in chosen]
    endings = {ending for _, ending in found}
    return tuple(tensor for tensor, _ in found), endings.pop() if len(endings) == 1 else ""


def _end(model: Mapping[str, Any], entry: Mapping[str, Any]) -> tuple[Tensor, Ending]:
    kind, config = str(entry.get("class_name")), entry.get("config")
    config = config if isinstance(config, dict) else {}
    if kind in _MODELS:
        tensors, ending = outputs_of(entry)
        return (tensors[0] if tensors else Tensor("output", ())), ending
    ending = _ending(kind, config)
    name = str(config.get("name", "output"))[:120]
    units = config.get("units", config.get("filters"))
    if isinstance(units, int):
        return Tensor(name, (units,)), ending
    before = _entries(model)
    for earlier in reversed(before[: next((k for k, other in enumerate(before) if other is entry), 0)]):
        inner = earlier.get("config")
        if isinstance(inner, dict) and isinstance(inner.get("units", inner.get("filters")), int):
            inherited = ending if ending or kind not in _CALM else _ending(str(earlier.get("class_name")), inner)
            return Tensor(name, (inner.get("units", inner.get("filters")),)), inherited
        if earlier.get("class_name") not in _CALM:
            break
    return Tensor(name, ()), ending


def _ending(kind: str, config: Mapping[str, Any]) -> Ending:
    activation = config.get("activation")
    if isinstance(activation, dict):
        activation = activation.get("config")
    if kind == "Softmax":
        return "softmax"
    if activation in {"softmax", "sigmoid", "linear"}:
        return activation
    return "linear" if activation is None and kind in {"Dense", "Conv2D"} else ""


def is_channels_first(layers: list[Layer]) -> bool:
    """Whether the first layer that has an order of axes wants channels first."""
    order = next((layer.config["data_format"] for layer in layers if layer.config.get("data_format")), "")
    return order == "channels_first"


@dataclass(frozen=True)
class InputTreatment:
    """What a model does to its input before its first weights.

    Attributes:
        sentences: What was found.
        value_range: What goes in for black and white, or None where that cannot be told.
    """

    sentences: tuple[str, ...] = ()
    value_range: tuple[float, float] | None = None


_BYTE = (0.0, 255.0)
_WEIGHTED = frozenset(
    """Conv1D Conv2D Conv3D Dense DepthwiseConv2D SeparableConv2D LSTM GRU ConvLSTM2D BatchNormalization Embedding
    ZeroPadding2D""".split()  # noqa: SIM905
)


def treatment_of(layers: list[Layer]) -> InputTreatment:
    """Rescaling, Normalization and the `preprocess_input` of keras.applications at the start of a model.

    The means 103.939, 116.779, 123.68 are those of the Caffe models, 0.485, 0.456, 0.406 those of torchvision.
    """
    sentences: list[str] = []
    numbers: list[float] = []
    found: tuple[float, float] | None = None
    for layer in layers:
        if layer.kind in _WEIGHTED:
            break
        numbers += layer.arguments
        if layer.kind == "Rescaling":
            scale, offset = _one(layer.config.get("scale")), _one(layer.config.get("offset"))
            sentences.append(f"A Rescaling layer multiplies by {scale:.6g} and adds {offset:.6g}.")
            found = found or (_BYTE if 0 < scale <= 1 / 64 else None)
        elif layer.kind == "Normalization":
            sentences.append("A Normalization layer subtracts means and divides by deviations that it learned.")
    if _near(numbers, 103.939) and _near(numbers, 116.779):
        sentences.append(
            "It turns RGB to BGR and subtracts the means of ImageNet itself (preprocess_input of ResNet, VGG)."
        )
        found = _BYTE
    elif _near(numbers, 0.485) and _near(numbers, 0.456):
        sentences.append(
            "It subtracts means and divides by deviations of ImageNet itself (preprocess_input of DenseNet)."
        )
        found = _BYTE if _near(numbers, 255.0) else (0.0, 1.0)
    elif _near(numbers, 127.5):
        sentences.append("It brings 0 to 255 to −1 to 1 itself (preprocess_input of MobileNet, Inception, Xception).")
        found = _BYTE
    elif _near(numbers, 255.0) or _near(numbers, 1 / 255):
        divides = any(
            layer.kind in {"Divide", "TrueDivide"} and _near(list(layer.arguments), 255.0) for layer in layers
        )
        sentences.append("It divides by 255 itself." if divides else "It multiplies by a constant of 255 itself.")
        found = found or (_BYTE if divides or _near(numbers, 1 / 255) else None)
    return InputTreatment(tuple(sentences), found)


def _one(value: Any) -> float:
    while isinstance(value, list) and value:
        value = value[0]
    return float(value) if isinstance(value, (int, float)) else 0.0


def _near(numbers: list[float], wanted: float) -> bool:
    return any(math.isclose(abs(number), wanted, rel_tol=2e-3) for number in numbers)


#: Names of layers or weights by which architectures of keras.applications are known, the most telling first.
_BACKBONES: tuple[tuple[str, str], ...] = (
    ("conv_7b", "InceptionResNetV2"),
    ("block14_sepconv2", "Xception"),
    ("mixed10", "InceptionV3"),
    ("block_16_project", "MobileNetV2"),
    ("conv_dw_13", "MobileNet"),
    ("expanded_conv_14", "MobileNetV3"),
    ("expanded_conv_10", "MobileNetV3"),
    ("conv5_block32_concat", "DenseNet"),
    ("conv5_block16_concat", "DenseNet"),
    ("pool4_pool", "DenseNet"),
    ("conv5_block3_preact", "ResNetV2"),
    ("conv5_block3_1_conv", "ResNet"),
    ("block5_conv4", "VGG19"),
    ("block5_conv3", "VGG16"),
    ("normal_conv", "NASNet"),
    ("convnext", "ConvNeXt"),
    ("block1b_project_conv", "EfficientNetV2"),
    ("block1a_project_conv", "EfficientNet"),
    ("block1a_dwconv", "EfficientNet"),
)

#: What each takes where nothing is done inside: values of black and white, or how its `preprocess_input` is called.
BACKBONE_RANGES: Mapping[str, tuple[tuple[float, float], str]] = {
    "InceptionResNetV2": ((-1.0, 1.0), ""),
    "Xception": ((-1.0, 1.0), ""),
    "InceptionV3": ((-1.0, 1.0), ""),
    "MobileNetV2": ((-1.0, 1.0), ""),
    "MobileNet": ((-1.0, 1.0), ""),
    "NASNet": ((-1.0, 1.0), ""),
    "ResNetV2": ((-1.0, 1.0), ""),
    "MobileNetV3": ((0.0, 255.0), ""),
    "EfficientNet": ((0.0, 255.0), ""),
    "EfficientNetV2": ((0.0, 255.0), ""),
    "ConvNeXt": ((0.0, 255.0), ""),
    "DenseNet": ((0.0, 255.0), "torch"),
    "ResNet": ((0.0, 255.0), "caffe"),
    "VGG16": ((0.0, 255.0), "caffe"),
    "VGG19": ((0.0, 255.0), "caffe"),
}


def backbone_of(names: list[str]) -> str:
    """A known architecture, by the names of its layers; `""` for none."""
    for sign, title in _BACKBONES:
        if any(sign in name for name in names):
            return title
    return ""
