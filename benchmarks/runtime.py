"""Prediction and Grad-CAM, against the bare ONNX Runtime session and against tf-keras-vis.

All on one flat functional MobileNetV2 at 224 px with random weights, which is built and compiled here: timings do not
depend on the weights. What is compared takes turns in one loop, so that other work on the machine hits both alike.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SIZE = 224
LAYER = "out_relu"


def run() -> list[dict[str, object]]:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    from core.explain.methods.cam import grad_cam

    model = _model()
    with tempfile.TemporaryDirectory() as folder:
        bundle = _bundle(model, Path(folder))
        bare = _bare_session(Path(folder))
    prepared = _prepared()
    batch = prepared.batch

    def with_grad_cam() -> object:
        return grad_cam(bundle, prepared, 1, bundle.run(batch))

    def heatmap() -> object:
        return grad_cam(bundle, prepared, 1, bundle.run(batch)).heatmap(0)

    session, predict, alone, together = _in_turn(
        200,
        lambda: bare.run(None, batch),
        lambda: bundle.run(batch),
        lambda: bundle.run(batch, outputs=("logits",)),
        with_grad_cam,
    )
    theirs, ours = _in_turn(12, _tf_keras_vis(model, batch["image"]), heatmap)
    return [
        _row("predict / bare ONNX Runtime session", predict / session, 1.15),
        _row("Grad-CAM and prediction / prediction alone", together / alone, 1.2),
        _row("Grad-CAM on the image's pixels / tf-keras-vis", ours / theirs, 0.1),
    ]


def _row(name: str, ratio: float, limit: float) -> dict[str, object]:
    return {"name": name, "value": round(ratio, 4), "limit": limit, "unit": "ratio", "holds": ratio <= limit}


def _in_turn(rounds: int, *functions: Callable[[], object]) -> list[float]:
    """Median seconds of each function; they take turns, and the order turns round with them."""
    times: list[list[float]] = [[] for _ in functions]
    for function in functions:
        function()
    for turn in range(rounds):
        for offset in range(len(functions)):
            index = (turn + offset) % len(functions)
            begin = time.perf_counter()
            functions[index]()
            times[index].append(time.perf_counter() - begin)
    return [statistics.median(column) for column in times]


def _model() -> Any:
    import keras

    keras.utils.set_random_seed(0)
    backbone = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(SIZE, SIZE, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(backbone.output)
    return keras.Model(backbone.input, keras.layers.Dense(2, activation="softmax")(pooled))


def _bundle(model: Any, folder: Path) -> Any:
    from core.inference.bundle import open_bundle
    from core.keras_process.model.compile import compile_bundle
    from core.models.card import InputSpec, ModelCard

    facts = compile_bundle(model, folder, LAYER, _prepared().batch)
    spec = InputSpec("image", "image", (SIZE, SIZE), 3, (0.0, 1.0), "display", "stretch", ())
    card = ModelCard(
        slug="benchmark",
        folder=folder,
        title="Benchmark",
        summary="",
        task="binary",
        labels=("no", "yes"),
        inputs=(spec,),
        threshold=0.5,
        threshold_from="",
        temperature=1.0,
        explain_layer=facts.explain_layer,
        sha256={"model.onnx": hashlib.sha256(facts.path.read_bytes()).hexdigest()},
        license="",
        non_commercial=False,
        training_modality="",
    )
    return open_bundle(card)


def _bare_session(folder: Path) -> Any:
    """What one would write without us: every default, all outputs."""
    from core.onnx_runtime import onnxruntime

    return onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])


def _prepared() -> Any:
    from core.inference.prepare import Geometry, Prepared

    batch = {"image": np.random.default_rng(0).random((1, SIZE, SIZE, 3), np.float32)}
    whole = Geometry((SIZE, SIZE), (SIZE, SIZE), (1.0, 1.0), (0.0, 0.0), (0, 0, SIZE, SIZE))
    return Prepared(batch, whole, (0,), ())


def _tf_keras_vis(model: Any, image: np.ndarray) -> Callable[[], object]:
    """Its Grad-CAM of the same class, layer and image, with the object made once as its manual does."""
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    explainer, score = Gradcam(model, model_modifier=ReplaceToLinear(), clone=True), CategoricalScore(1)
    return lambda: explainer(score, image, penultimate_layer=LAYER)
