"""The network that describes an image to the recogniser, and what it makes of the cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.inference.recognise import SIDE, look
from core.scan import Scan
from core.training.recogniser.cases import KindCase, open_case

#: Stages of EfficientNet-Lite0 that are kept, and those whose means and deviations describe an image.
STAGES, DESCRIBING = 5, (3, 4, 5)

#: Largest difference of a feature between Keras and the compiled network, in parts of its size.
TOLERANCE = 1e-3

#: Images in one run.
BATCH = 32

Image = NDArray[np.float32]


def write_network(path: Path) -> int:
    """Compile the describing part of the network; returns the number of features.

    Raises:
        ArithmeticError: The compiled network answers differently.
    """
    import keras
    import onnx
    import tensorflow as tf
    import tf2onnx

    from core.training.architectures.efficientnet import LITE0, feature_maps, load_imagenet

    inputs = keras.Input((SIDE, SIDE, 3), name="image")
    whole = keras.Model(inputs, feature_maps(inputs, STAGES))
    load_imagenet(whole)
    outputs, last = [], -1
    for stage, (blocks, *_) in enumerate(LITE0[:STAGES], start=1):
        last += blocks
        if stage in DESCRIBING:
            outputs += _mean_and_deviation(whole.get_layer(_end(whole, f"block{last}")).output)
    model = keras.Model(inputs, keras.layers.Concatenate()(outputs))
    signature = [tf.TensorSpec((None, SIDE, SIDE, 3), tf.float32, name="image")]
    function = tf.function(lambda images: model(images, training=False), input_signature=signature)
    proto, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=18)
    halve(proto)
    content = proto.SerializeToString()
    onnx.checker.check_model(proto)
    path.write_bytes(content)
    _check(content, model)
    return int(model.output.shape[-1])


def _mean_and_deviation(activations: Any) -> list[Any]:
    import keras

    mean = keras.ops.mean(activations, axis=(1, 2))
    squares = keras.ops.mean(keras.ops.square(activations), axis=(1, 2))
    return [mean, keras.ops.sqrt(keras.ops.maximum(squares - keras.ops.square(mean), 1e-8))]


def _end(model: Any, block: str) -> str:
    names = {layer.name for layer in model.layers}
    return f"{block}_add" if f"{block}_add" in names else f"{block}_norm2"


def halve(proto: Any) -> None:
    """Store the weights in half precision: half the file, and ONNX Runtime widens them once when it opens it."""
    import onnx

    casts = []
    for index, weight in enumerate(list(proto.graph.initializer)):
        values = onnx.numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < 256:
            continue
        name = weight.name
        small = onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}_half")
        proto.graph.initializer[index].CopyFrom(small)
        casts.append(onnx.helper.make_node("Cast", [small.name], [name], to=onnx.TensorProto.FLOAT))
    nodes = list(proto.graph.node)
    del proto.graph.node[:]
    proto.graph.node.extend([*casts, *nodes])


def _check(content: bytes, model: Any) -> None:
    from core.onnx_runtime import onnxruntime

    images = np.random.default_rng(0).random((4, SIDE, SIDE, 3), np.float32)
    found = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"]).run(None, {"image": images})[0]
    wanted = np.asarray(model(images, training=False))
    apart = float(np.abs(found - wanted).max() / np.abs(wanted).max())
    if not apart <= TOLERANCE * 10:
        raise ArithmeticError(f"the compiled network differs by {apart:.2g}")


def describe(
    cases: Sequence[KindCase], network: Callable[[Image], Image], varied: int = 0, seed: int = 0, threads: int = 2
) -> tuple[Image, NDArray[np.int64]]:
    """Features of the cases, and of variations of those that train.

    Args:
        cases: Of any split.
        network: (N, SIDE, SIDE, 3) to (N, F).
        varied: Variations of each training case.
        seed: Of the variations.
        threads: That read files.

    Returns:
        (rows, F) features, and (rows, 2) the case's place and 0, or the number of its variation.
    """

    def seen(place: int) -> list[tuple[int, int, Image]]:
        opened = open_case(cases[place])
        if opened is None:
            return []
        image = look(*opened)
        if image is None:
            return []
        found = [(place, 0, image)]
        rng = np.random.default_rng((seed, place))
        for number in range(varied if cases[place].split == "train" else 0):
            changed = look(vary(*opened, rng), 0)
            found += [] if changed is None else [(place, number + 1, changed)]
        return found

    rows: list[tuple[int, int]] = []
    features: list[Image] = []
    waiting: list[tuple[int, int, Image]] = []

    def flush() -> None:
        if waiting:
            features.append(network(np.stack([image for _, _, image in waiting])))
            rows.extend((place, number) for place, number, _ in waiting)
            waiting.clear()

    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(cases), 256):
            for found in pool.map(seen, range(start, min(start + 256, len(cases)))):
                waiting.extend(found)
                if len(waiting) >= BATCH:
                    flush()
    flush()
    return np.concatenate(features), np.array(rows, np.int64)


def vary(scan: Scan, frame: int, rng: np.random.Generator) -> Scan:
    """An image as another archive might hold it: cut, bordered, mirrored, softer, in another window."""
    from core.scan import display_frame

    image = display_frame(scan, frame).astype(np.float32)
    rows, columns = image.shape[:2]
    fraction = rng.uniform(0.75, 1.0)
    height, width = max(8, int(rows * fraction)), max(8, int(columns * fraction))
    top, left = rng.integers(0, max(1, rows - height + 1)), rng.integers(0, max(1, columns - width + 1))
    image = image[top : top + height, left : left + width]
    low, high = rng.uniform(0.0, 0.12), rng.uniform(0.8, 1.0)
    image = np.clip(((image / 255.0) ** rng.uniform(0.6, 1.6) - low) / (high - low), 0.0, 1.0) * 255.0
    if rng.random() < 0.3:
        image = image[:, ::-1]
    if rng.random() < 0.3:
        image = cv2.GaussianBlur(np.ascontiguousarray(image), (0, 0), float(rng.uniform(0.5, 1.5)))
    if rng.random() < 0.3:
        edge = [int(rng.uniform(0.0, 0.12) * side) for side in (height, width)]
        image = cv2.copyMakeBorder(
            np.ascontiguousarray(image), edge[0], edge[0], edge[1], edge[1], cv2.BORDER_CONSTANT, value=(0, 0, 0, 0)
        )
    return Scan(image.astype(np.uint8)[None], "single", "", scan.source, "", pixel_aspect=scan.pixel_aspect)
