"""Methods of explanation against tf-keras-vis, and how long the check of an explanation takes.

The methods that both have run on one MobileNetV2 at 96 px with random weights: gradients in a Keras process as in the
app, everything else in ONNX Runtime; tf-keras-vis with its object made once. The check runs on an EfficientNet-Lite0 at
224 px with 4.6 million weights. Timings do not depend on the weights.

Xplique, the other library of this kind, is not measured: it needs Keras 2 and an older TensorFlow.
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

SIZE, LAYER = 96, "out_relu"


def run() -> list[dict[str, object]]:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    import keras

    from core.keras_process.client import KerasProcess

    keras.config.disable_interactive_logging()
    keras_process = KerasProcess()
    try:
        with tempfile.TemporaryDirectory() as folder:
            model = _mobile_net()
            bundle = _bundle(model, Path(folder), SIZE, LAYER)
            rows = _against_tf_keras_vis(model, bundle, keras_process)
    finally:
        keras_process.close()
    return [*rows, _check()]


def _against_tf_keras_vis(model: Any, bundle: Any, keras_process: Any) -> list[dict[str, object]]:
    from core.explain import EXPLAINERS
    from core.explain.request import Ask

    prepared, ask = _prepared(SIZE), Ask(1, keras=keras_process)
    theirs = _theirs(model, prepared.batch["image"])
    rows = []
    for method, limit, rounds in (
        ("grad-cam++", 0.2, 3),
        ("layer-cam", 0.2, 3),
        ("saliency", 0.2, 3),
        ("smooth-grad", 0.2, 1),
        ("score-cam-all", 0.25, 1),
        ("score-cam", 0.01, 1),
    ):
        explain = EXPLAINERS[method].function
        other = theirs["score-cam-all" if method == "score-cam" else method]
        ours = _median(lambda explain=explain: explain(bundle, prepared, ask), max(rounds, 3))
        # Where tf-keras-vis takes seconds, its first call costs no more than the others.
        fraction = ours / (_median(other, rounds) if rounds > 1 else _once(other))
        title = EXPLAINERS[method].title
        name = f"{title} / tf-keras-vis" + (" with all channels" if method == "score-cam" else "")
        rows.append(
            {"name": name, "value": round(fraction, 4), "limit": limit, "unit": "ratio", "holds": fraction <= limit}
        )
    return rows


def _theirs(model: Any, image: np.ndarray) -> dict[str, Callable[[], object]]:
    """The same methods of tf-keras-vis on the same class, layer and image."""
    from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
    from tf_keras_vis.layercam import Layercam
    from tf_keras_vis.saliency import Saliency
    from tf_keras_vis.scorecam import Scorecam
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    from core.explain.methods.gradients import COPIES, NOISE

    score = CategoricalScore(1)
    plus, layer = (kind(model, ReplaceToLinear(), clone=True) for kind in (GradcamPlusPlus, Layercam))
    saliency, scores = Saliency(model, ReplaceToLinear(), clone=True), Scorecam(model)
    return {
        "grad-cam++": lambda: plus(score, image, penultimate_layer=LAYER),
        "layer-cam": lambda: layer(score, image, penultimate_layer=LAYER),
        "saliency": lambda: saliency(score, image),
        "smooth-grad": lambda: saliency(score, image, smooth_samples=COPIES, smooth_noise=NOISE),
        "score-cam-all": lambda: scores(score, image, penultimate_layer=LAYER),
    }


def _check() -> dict[str, object]:
    """Deletion and insertion with 100 random orders on a 224 px model, in seconds."""
    from core.explain.methods.cam import grad_cam
    from core.explain.target import score_weights
    from core.explain.trust.faithfulness import ORDERS, measure_faithfulness
    from core.training.architectures.images import efficientnet_lite0

    model = efficientnet_lite0((224, 224, 3), 1000, "softmax", imagenet=False, stages=7, neck=1280)
    with tempfile.TemporaryDirectory() as folder:
        bundle = _bundle(model, Path(folder), 224, "activations")
    prepared = _prepared(224)
    heat = grad_cam(bundle, prepared, 1)
    weights = score_weights(bundle.card, bundle.units, 1)
    seconds = _median(lambda: measure_faithfulness(bundle, prepared, heat, weights), 3)
    millions = model.count_params() / 1e6
    name = f"deletion and insertion, {ORDERS} random orders, 224 px, {millions:.1f} M weights"
    return {"name": name, "value": round(seconds, 3), "limit": 2.5, "unit": "s", "holds": seconds <= 2.5}


def _median(function: Callable[[], object], rounds: int) -> float:
    function()
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def _once(function: Callable[[], object]) -> float:
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def _mobile_net() -> Any:
    import keras

    keras.utils.set_random_seed(0)
    backbone = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(SIZE, SIZE, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(backbone.output)
    return keras.Model(backbone.input, keras.layers.Dense(2, activation="softmax")(pooled))


def _bundle(model: Any, folder: Path, size: int, layer: str) -> Any:
    from core.inference.bundle import open_bundle
    from core.keras_process.model.compile import compile_bundle
    from core.models.card import InputSpec, ModelCard

    facts = compile_bundle(model, folder, layer, _prepared(size).batch)
    model.save(folder / "model.keras")
    spec = InputSpec("image", "image", (size, size), 3, (0.0, 1.0), "display", "stretch", ())
    card = ModelCard(
        slug="benchmark",
        folder=folder,
        title="Benchmark",
        summary="",
        task="multiclass",
        labels=tuple(f"class {index}" for index in range(facts.units)),
        inputs=(spec,),
        threshold=None,
        threshold_from="",
        temperature=1.0,
        explain_layer=facts.explain_layer,
        sha256={path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()},
        license="",
        non_commercial=False,
        training_modality="",
    )
    return open_bundle(card)


def _prepared(size: int) -> Any:
    from core.inference.prepare import Geometry, Prepared

    batch = {"image": np.random.default_rng(0).random((1, size, size, 3), np.float32)}
    whole = Geometry((size, size), (size, size), (1.0, 1.0), (0.0, 0.0), (0, 0, size, size))
    return Prepared(batch, whole, (0,), ())
