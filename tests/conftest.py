"""A segmentation model of a few operations, whose outline is known to the pixel, for tests of core, ui and pages."""

import functools
import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest

#: What a bright image's levels speak for: below the first edge background, then one label after the other.
STEEPNESS = 80.0


def write_network(path: Path, size: tuple[int, int], units: int, slope: float = 0.0) -> None:
    """One unit says "bright" from 0.5 on; of several, unit k says "about k / (units - 1)".

    Args:
        path: Where `model.onnx` goes.
        size: (rows, columns).
        units: Number of logits a pixel.
        slope: Added to the logits from the left to the right edge, so that a mirror image answers otherwise.
    """
    import onnx
    from onnx import helper, numpy_helper

    image = helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, ["batch", *size, 1])
    logits = helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["batch", *size, units])
    features = helper.make_tensor_value_info("features", onnx.TensorProto.FLOAT, ["batch", 1])
    if units == 1:
        gain, offset = np.array([STEEPNESS]), np.array([-STEEPNESS / 2])
    else:  # 2cx - c² is largest for the level c that is nearest to x
        levels = np.arange(units) / (units - 1)
        gain, offset = 2 * STEEPNESS * levels, -STEEPNESS * levels**2
    ramp = slope * np.linspace(-0.5, 0.5, size[1])[None, None, :, None]
    constants = {"gain": gain[None, None, None], "offset": offset[None, None, None] + ramp}
    nodes = [
        helper.make_node("Mul", ["image", "gain"], ["scaled"]),
        helper.make_node("Add", ["scaled", "offset"], ["logits"]),
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Identity", ["mean"], ["features"]),
    ]
    weights = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "outliner", [image], [logits, features], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=9)
    path.write_bytes(model.SerializeToString())


CARD = """---
license: cc0-1.0
model-index:
- name: {slug}
  results:
  - task: {{type: image-segmentation}}
    dataset: {{name: Made-up discs, type: none, split: test}}
    metrics:
    - {{name: Dice by patient, type: dice_patient, value: 0.812, low: 0.771, high: 0.847, n: 22}}
    - {{name: Empty called empty, type: empty_called_empty, value: 0.75, n: 22}}
scanlens:
  title: {title}
  summary: Outlines what is bright.
  task: segmentation
  labels: [{labels}]
  inputs:
  - {{name: image, kind: image, size: [{rows}, {columns}], channels: 1, range: [0, 1], resize: {resize},
     modality: [{modality}]}}
  {thresholds}
  threshold_from: the best Dice on the validation split
  temperature: 1.0
  explain_layer: ""
  training_modality: {training_modality}
  sha256: {{model.onnx: {sha256}}}
---
# {title}

Made by the tests.
"""


@pytest.fixture(scope="session")
def write_segmenter():
    """Write a bundle: `write_segmenter(folder, labels=("Background", "Disc"), size=(64, 64), resize="letterbox")`."""

    def written(
        folder: Path,
        slug: str = "disc-outline",
        labels: tuple[str, ...] = ("Background", "Disc"),
        size: tuple[int, int] = (64, 64),
        resize: str = "letterbox",
        modality: str = "MR",
        slope: float = 0.0,
        threshold: float = 0.5,
    ) -> Path:
        place = folder / slug
        place.mkdir(parents=True)
        write_network(place / "model.onnx", size, 1 if len(labels) == 2 else len(labels), slope)
        several = "{" + ", ".join(f"{label}: {threshold}" for label in labels[1:]) + "}"
        card = CARD.format(
            slug=slug,
            title=f"{labels[1]} outline",
            labels=", ".join(labels),
            rows=size[0],
            columns=size[1],
            resize=resize,
            modality=modality,
            thresholds=f"threshold: {threshold}" if len(labels) == 2 else f"thresholds: {several}",
            training_modality="a made-up image",
            sha256=hashlib.sha256((place / "model.onnx").read_bytes()).hexdigest(),
        )
        (place / "README.md").write_text(card, encoding="utf-8")
        return place

    return written


@pytest.fixture(scope="session")
def pages_run_as_in_a_server():
    """What a server pays once, or never, is not paid for each `AppTest`.

    Streamlit reads the metadata of every installed package for each: the second time it finds the same. After each run
    it has Keras search all of memory where Keras was imported, as it is by other tests and never by a server.
    """
    from streamlit.components.v2 import manifest_scanner
    from streamlit.runtime.scriptrunner import script_runner

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            manifest_scanner, "scan_component_manifests", functools.cache(manifest_scanner.scan_component_manifests)
        )
        patch.setattr(script_runner, "_clean_problem_modules", lambda: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def threads_wait_asleep():
    """Threads of ONNX Runtime wait in a loop for each other, for which two processes on two cores pay twice."""
    from core.inference import onnx_session

    made = onnx_session.session_options

    def without_loops(threads):
        options = made(threads)
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return options

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_session, "session_options", without_loops)
        yield


@pytest.fixture(autouse=True)
def no_work_is_left():
    """Jobs that a test leaves behind would keep those of the next one waiting."""
    yield
    if gate := sys.modules.get("ui.gate"):
        gate.GATE.cancel()


@pytest.fixture(autouse=True)
def models_of_tests_are_made_here(request, monkeypatch):
    """Compiled models that tests make run in this process, unless a test is about models from elsewhere."""
    if request.node.get_closest_marker("guest") is None:
        monkeypatch.setattr("core.inference.onnx_session.is_made_here", lambda _sha256: True)


@pytest.fixture
def host():
    """A host on this computer that serves made-up samples; see `tests.sample_host`."""
    from tests.sample_host import serving

    with serving() as found:
        yield found
