"""The process that looks into a file: `python -m core.incoming.look_worker MEMORY_LIMIT`. It writes no file of size."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from core.incoming.look import look
from core.incoming.onnx_bundle import adapt
from core.processes.jail import enter_jail
from core.processes.worker_loop import Answer, Job, serve

CPU_SECONDS = 90
MOST_WRITTEN = 1 << 29


def look_into(job: Job) -> Answer:
    """What is in the file `path`."""
    return look(Path(job.arguments["path"])).as_plain(), {}


def adapt_onnx(job: Job) -> Answer:
    """The ONNX file `path` as `model` of a bundle; arrays are made-up cases by input."""
    content = Path(job.arguments["path"]).read_bytes()
    layer, maps = job.arguments.get("layer"), bool(job.arguments["maps"])
    made, facts = adapt(content, job.arrays, str(job.arguments["reading"]), layer, maps)
    return facts, {"model": np.frombuffer(made, np.uint8)}


def _prepare() -> None:
    import h5py  # noqa: F401
    import onnx  # noqa: F401

    from core.onnx_runtime import onnxruntime  # noqa: F401

    enter_jail(CPU_SECONDS, MOST_WRITTEN)


if __name__ == "__main__":
    serve({"ping": lambda _job: ({}, {}), "look": look_into, "adapt": adapt_onnx}, int(sys.argv[1]), _prepare)
