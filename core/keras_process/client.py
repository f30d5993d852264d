"""The web process' hold on the Keras process.

Importing TensorFlow here would cost seconds and hundreds of megabytes, and a Keras file from a stranger may carry
anything; so both stay behind a pipe.
"""

from __future__ import annotations

from core.errors import KerasProcessFailed
from core.processes.worker_process import WorkerProcess


class KerasProcess(WorkerProcess):
    """One Keras process for the whole server; its tasks are those of `core.keras_worker.worker`.

    Args:
        memory_limit: Resident bytes from which on the child is killed.
        start_timeout: Seconds that importing Keras may take; 22 were seen without compiled bytecode.
    """

    module = "core.keras_worker.worker"
    name = "the Keras process"
    failed = KerasProcessFailed
    idle_after = 600.0  # it takes 800 MB; the next call waits some seconds for a new one
    keeping = "train_"
    environment = {  # noqa: RUF012 - a class variable of the base
        "KERAS_BACKEND": "tensorflow",
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_XLA_FLAGS": "--tf_xla_auto_jit=-1",
    }

    def __init__(self, memory_limit: int = 4 << 30, start_timeout: float = 120.0) -> None:
        super().__init__(memory_limit, start_timeout)
