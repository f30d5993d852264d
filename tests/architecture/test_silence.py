"""No package may report to its maker: ONNX Runtime has one door, behind which it is silent in every process."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core import SILENCE
from core.processes.worker_process import _environment

ROOT = Path(__file__).resolve().parents[2]
DOOR = ROOT / "core" / "onnx_runtime.py"
FOLDERS = ("core", "ui", "pages", "benchmarks", "tests")
FILES = [ROOT / "app.py", *(path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")))]

#: Opens a model and runs it, as pages, the shell's commands and the Keras process do.
USE = """
import numpy as np, onnx
from onnx import TensorProto, helper
from core.onnx_runtime import onnxruntime
x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "minus", [x], [y])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=9)
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
assert session.run(None, {"x": np.ones(1, np.float32)})[0][0] == -1
"""


def onnx_runtime_imports(source: str) -> list[int]:
    """Lines that import ONNX Runtime itself, by statement or by name."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in {
            "import_module", "__import__", "importorskip",
        }:  # fmt: skip
            names = [argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant)]
        found += [node.lineno for name in names if str(name).partition(".")[0] == "onnxruntime"]
    return found


@pytest.mark.parametrize(
    "line", ["import onnxruntime", "import onnxruntime as ort", "from onnxruntime import RunOptions",
             "from onnxruntime.capi import x", "importlib.import_module('onnxruntime')"],
)  # fmt: skip
def test_every_way_to_import_it_is_seen(line):
    assert onnx_runtime_imports(f"def f():\n    {line}\n")
    assert not onnx_runtime_imports("from core.onnx_runtime import onnxruntime\n")


def test_only_one_file_imports_onnx_runtime():
    importing = {path for path in FILES if onnx_runtime_imports(path.read_text(encoding="utf-8"))}
    assert importing == {DOOR}


def test_the_warm_up_goes_through_that_door():
    from ui.preloading import MODULES

    assert "onnxruntime" not in MODULES
    assert "core.onnx_runtime" in MODULES


@pytest.mark.parametrize("first", ["core.models.card", "core.onnx_runtime"])
def test_running_a_model_leaves_nothing_in_the_users_home(tmp_path, first):
    """ONNX Runtime's database of usage data lies in the user's cache from the import on where it is not silenced."""
    inherited = {name: value for name, value in os.environ.items() if name not in SILENCE}
    places = {name: str(tmp_path) for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    subprocess.run(
        [sys.executable, "-c", f"import {first}\n{USE}"],
        cwd=ROOT, env=inherited | places | {"PYTHONDONTWRITEBYTECODE": "1"}, check=True,
    )  # fmt: skip
    assert list(tmp_path.rglob("*")) == []


def test_the_keras_process_is_told_as_well(monkeypatch):
    for name in SILENCE:
        monkeypatch.delenv(name)
    assert _environment()["ORT_DISABLE_TELEMETRY"] == "1"
