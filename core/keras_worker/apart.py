"""`python -m core.keras_worker.apart MEMORY_LIMIT`: a model from elsewhere is opened and compiled, once.

It starts in an empty folder, can write nowhere else, and has no network, no programs and no secrets (see
`core.processes.jail`). The file is looked at again here, for what was checked must be what is opened.
"""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.errors import UnsupportedModel
from core.keras_process.model.compile import compile_bundle
from core.keras_process.model.file_check import check_model_file
from core.keras_process.model.layers import describe_layers
from core.keras_process.model.legacy_check import check_legacy_file, write_translated
from core.keras_process.model.reading import with_reading
from core.processes.jail import close_folders, enter_jail
from core.processes.worker_loop import Answer, Job, serve

MOST_WRITTEN = 4 << 30


def compile_apart(job: Job) -> Answer:
    """The file `source` of `format` to `model.keras` and `model.onnx` in the working folder.

    Arguments: `layer` to explain or None; `reading` that is put in front of the model, see `with_reading`; `seconds` of
    processor time. Arrays are inputs by name, as they come to the model with the reading in front.
    """
    enter_jail(int(job.arguments["seconds"]), MOST_WRITTEN)
    job.progress(0.05)
    source, target = Path(job.arguments["source"]), Path.cwd() / "model.keras"
    model = open_model(source, str(job.arguments["format"]))
    job.progress(0.3)
    wrapped = with_reading(model, str(job.arguments.get("reading", "")))
    if wrapped is not model or job.arguments["format"] != "keras":
        wrapped.save(target)
        check_model_file(target.read_bytes())  # what is kept is opened again through the same check
    else:
        target.write_bytes(source.read_bytes())
    job.progress(0.4)
    facts = compile_bundle(wrapped, Path.cwd(), job.arguments.get("layer"), job.arrays)
    job.progress(1.0)
    return {**asdict(facts), "path": "model.onnx", "layers": describe_layers(wrapped)}, {}


def open_model(source: Path, kind: str) -> Any:
    """The checked model, without its optimiser and losses.

    Raises:
        UnsafeModel: The file asks for more than it may.
        UnsupportedModel: Keras cannot build it.
    """
    import keras

    path = Path.cwd() / f"checked.{kind}"
    path.write_bytes(source.read_bytes())
    if kind == "h5":
        write_translated(str(path), check_legacy_file(str(path))[1])
    else:
        check_model_file(path.read_bytes())
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except MemoryError:
        raise
    except Exception as error:  # Keras raises whatever its layers raise
        fault = f"one that it cannot build ({type(error).__name__})"
        raise UnsupportedModel("a model that Keras can build", fault, "save it again with Keras 3") from error
    finally:
        path.unlink()


def _prepare() -> None:
    import keras  # noqa: F401
    import tf2onnx  # noqa: F401

    from core.onnx_runtime import onnxruntime  # noqa: F401


if __name__ == "__main__":
    os.umask(0o077)
    close_folders(Path.cwd())
    serve({"ping": lambda _job: ({}, {}), "compile": compile_apart}, int(sys.argv[1]), _prepare)
