"""A model file looked into in a process of its own, under limits of memory and time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from core.errors import Cancelled, ScanLensError, WorkerFailed
from core.incoming.report import Report
from core.processes.worker_process import WorkerProcess

MEMORY, SECONDS = 2 << 30, 60.0


class LookProcess(WorkerProcess):
    """One file's own process; its tasks are those of `core.incoming.look_worker`."""

    module = "core.incoming.look_worker"
    name = "the process that looks into model files"

    def __init__(self) -> None:
        super().__init__(MEMORY, 60.0)


def inspect(path: Path, cancelled: Callable[[], bool] | None = None) -> Report:
    """What is in a model file. Nothing in it is run, and nothing wrong with it raises: the report says it.

    Args:
        path: A `.keras` (Keras 3), an `.h5` (Keras 2, Teachable Machine), an `.onnx`, or a zip of a SavedModel, of one
            of these with its labels, or of a bundle.
        cancelled: Asked ten times a second.

    Raises:
        Cancelled: `cancelled` said so.
    """
    process = LookProcess()
    try:
        plain, _ = process.call("look", {"path": str(path.resolve())}, timeout=SECONDS, cancelled=cancelled)
        return Report.from_plain(plain)
    except Cancelled:
        raise
    except WorkerFailed as error:
        fault = f"Looking into the file failed. {error.wrong}: export the model to ONNX, or save it with Keras 3."
    except (ScanLensError, KeyError, TypeError, ValueError):
        fault = "The file cannot be described: export the model to ONNX, or save it with Keras 3."
    finally:
        process.close()
    return replace(Report(path.name[:120], _size(path), ""), refused=fault)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
