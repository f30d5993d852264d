"""The process that looks into a file: `python -m core.incoming.look_worker MEMORY_LIMIT`. It writes no file of size."""

from __future__ import annotations

import sys
from pathlib import Path

from core.incoming.look import look
from core.processes.jail import enter_jail
from core.processes.worker_loop import Answer, Job, serve

CPU_SECONDS = 90
MOST_WRITTEN = 1 << 29


def look_into(job: Job) -> Answer:
    """What is in the file `path`."""
    return look(Path(job.arguments["path"])).as_plain(), {}


def _prepare() -> None:
    import h5py  # noqa: F401
    import onnx  # noqa: F401

    enter_jail(CPU_SECONDS, MOST_WRITTEN)


if __name__ == "__main__":
    serve({"ping": lambda _job: ({}, {}), "look": look_into}, int(sys.argv[1]), _prepare)
