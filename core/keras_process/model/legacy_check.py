"""What an .h5 file of Keras 2 asks for, looked at before Keras does, and its configuration in Keras 3's words.

The old format has no safe mode of its own (CVE-2025-9905), so the list of what is allowed decides alone. Runs in a
process of its own, and needs h5py but not Keras.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from core.bounded import parse_json
from core.errors import UnsafeModel
from core.keras_process.model.file_check import (
    ACTIVATIONS,
    ALLOWED,
    CONSTANTS,
    MAX_CONFIG,
    MAX_DEPTH,
    MAX_FILE,
    MAX_NUMBER,
    PLAIN,
    ModelFileFacts,
    check_constant,
    check_named,
    weights_below,
)

#: Names of Keras 2 that mean what another name means now.
_RENAMED = {"BatchNormalizationV1": "BatchNormalization", "BatchNormalizationV2": "BatchNormalization"}
_LAYERS = frozenset(name for module, name in ALLOWED if module == "keras.layers")
_MODELS = frozenset(["Functional", "Model", "Sequential"])
_OTHERS = frozenset(
    name for module, name in ALLOWED if module in {"keras.initializers", "keras.regularizers", "keras.constraints"}
)
_MODULES = frozenset(
    [None, "keras", "keras.layers", "keras.models", "keras.initializers", "keras.regularizers", "keras.constraints",
     "keras.src.engine.functional", "keras.engine.functional", "keras.src.models.functional", "builtins"]
)  # fmt: skip
_FREE_NUMBERS = frozenset(["seed", "shared_object_id"])

#: Keys that Keras 2 wrote and Keras 3 does not know, by the kind of layer. They are dropped where they say nothing.
_DROPPED: dict[str, dict[str, Any]] = {
    "DepthwiseConv2D": {"groups": 1},
    "SeparableConv2D": {"groups": 1},
    "Conv2DTranspose": {"groups": 1},
    "LSTM": {"time_major": False, "implementation": None},
    "GRU": {"time_major": False, "implementation": None},
    "SimpleRNN": {"time_major": False},
    "Bidirectional": {},
    "BatchNormalization": {"renorm": False, "renorm_clipping": None, "renorm_momentum": None, "fused": None,
                           "virtual_batch_size": None, "adjustment": None},
    "InputLayer": {"ragged": False},
    "Flatten": {},
}  # fmt: skip
_EVERYWHERE = {"experimental_autocast": None}


def check_legacy_file(path: str) -> tuple[ModelFileFacts, dict[str, Any]]:
    """Look at the HDF5 tree and at the model's configuration in it.

    Args:
        path: Of the file, which is opened for reading only.

    Returns:
        The facts, and the configuration as Keras 3 takes it.

    Raises:
        UnsafeModel: The file asks for anything beyond plain layers of bounded size.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            text, version = _text(file.attrs, "model_config"), _text(file.attrs, "keras_version")
            total = sum(weights_below(file, 0))
            stored = file.id.get_filesize()
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unsafe("a model in HDF5", "a damaged file") from error
    if not text:
        raise _unsafe("a whole model", "weights alone, without what they belong to")
    if total > MAX_FILE or total > 4 * stored:
        raise _unsafe(f"weights of at most {MAX_FILE >> 20} MiB", f"a claim of {total >> 20} MiB")
    try:
        config = parse_json(text, MAX_CONFIG)
    except ValueError as error:
        raise _unsafe("configuration in JSON, not too large and not too deep", "something else") from error
    if not isinstance(config, dict) or config.get("class_name") not in _MODELS:
        raise _unsafe("the configuration of a model", "something else")
    layers: dict[str, int] = {}
    for name in _check(config, "", 0):
        layers[name] = layers.get(name, 0) + 1
    return ModelFileFacts(layers, total, version[:40]), translated(config)


def _text(attributes: Any, name: str) -> str:
    """A text attribute; one whose declared size is beyond the bound is not read."""
    if name not in attributes:
        return ""
    kind = attributes.get_id(name)
    if kind.shape not in {(), (1,)} or kind.get_storage_size() > MAX_CONFIG:
        raise _unsafe("configuration as one text", "something else")
    value = attributes[name]
    value = value if isinstance(value, (str, bytes)) else value.ravel()[0]
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def _check(node: Any, key: str, depth: int) -> Iterator[str]:
    """Class names of the layers below a node; refuses what is not allowed."""
    if depth > MAX_DEPTH:
        raise _unsafe(f"a configuration at most {MAX_DEPTH} levels deep", "a deeper one")
    if isinstance(node, dict) and node.get("class_name") in CONSTANTS:
        check_constant(node)
    elif isinstance(node, dict):
        if {"class_name", "registered_name", "module"} & node.keys():
            yield from _check_class(node, key)
        for name, value in node.items():
            check_named(name, value)
            yield from _check(value, name, depth + 1)
    elif isinstance(node, list):
        for value in node:
            yield from _check(value, key, depth + 1)
    elif isinstance(node, float) and key in {"args", "kwargs"}:
        return
    elif isinstance(node, (int, float)) and key not in _FREE_NUMBERS and abs(node) > MAX_NUMBER and math.isfinite(node):
        raise _unsafe(f"numbers up to {MAX_NUMBER}", f"{node:g} as {key}")


def _check_class(node: dict[str, Any], key: str) -> Iterator[str]:
    name, module, registered = node.get("class_name"), node.get("module"), node.get("registered_name")
    name = _RENAMED.get(str(name), name)
    if module == "builtins":
        if name == "function" and node.get("config") in ACTIVATIONS:
            return
        raise _unsafe("layers of Keras itself that only calculate", f"{module}.{name}"[:120])
    if name in PLAIN and module is None and registered is None:
        return
    policy = name in {"Policy", "DTypePolicy"} and key == "dtype"
    shape = name in {"TensorShape", "__tuple__"}
    if policy or shape:
        return
    if (module, name) in ALLOWED and registered in {None, name}:  # as Keras 3 writes it
        if module == "keras.layers":
            yield str(name)
        return
    known = name in _LAYERS or name in _MODELS or name in _OTHERS
    if not known or module not in _MODULES or registered not in {None, name, "Functional"}:
        raise _unsafe("layers of Keras itself that only calculate", f"{registered or name}"[:120])
    if name in _LAYERS:
        yield str(name)


def translated(node: Any, kind: str = "") -> Any:
    """The configuration with the keys that only Keras 2 knew left out, and axes as plain numbers.

    Teachable Machine writes `groups` for DepthwiseConv2D, and BatchNormalization's axis as a list.
    """
    if isinstance(node, list):
        return [translated(one, kind) for one in node]
    if not isinstance(node, dict):
        return node
    found = {key: value for key, value in node.items() if not _is_dropped(key, value, kind)}
    if kind == "BatchNormalization" and isinstance(found.get("axis"), list) and len(found["axis"]) == 1:
        found["axis"] = found["axis"][0]
    if kind == "InputLayer" and "batch_input_shape" in found:
        found["batch_shape"] = found.pop("batch_input_shape")
    for key in ("input_layers", "output_layers"):  # a list of one would make the answer of a nested model a list
        ends = found.get(key)
        if kind in _MODELS and isinstance(ends, list) and len(ends) == 1 and isinstance(ends[0], list):
            found[key] = ends[0]
    dtype = found.get("dtype")
    if isinstance(dtype, dict) and dtype.get("class_name") in {"Policy", "DTypePolicy"}:
        found["dtype"] = (dtype.get("config") or {}).get("name", "float32")
    if "class_name" in found:
        found["class_name"] = _RENAMED.get(str(found["class_name"]), found["class_name"])
        if found["class_name"] == "Model":
            found["class_name"] = "Functional"
    own = str(found.get("class_name", ""))
    return {key: translated(value, own if key == "config" else "") for key, value in found.items()}


def _is_dropped(key: str, value: Any, kind: str) -> bool:
    wanted = _DROPPED.get(kind, {})
    if key in wanted:
        return wanted[key] is None or value == wanted[key]
    return key in _EVERYWHERE or (key == "dtype" and kind in _OTHERS)  # TensorFlow 1 wrote it for initializers


def write_translated(path: str, config: dict[str, Any]) -> None:
    """Put a translated configuration into a copy of the file, without what was to train it on."""
    import h5py

    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = json.dumps(config).encode()
        for name in ("training_config",):
            if name in file.attrs:
                del file.attrs[name]


def _unsafe(expected: str, received: str) -> UnsafeModel:
    return UnsafeModel(expected, received, "save the model with Keras 3, or export it to ONNX")
