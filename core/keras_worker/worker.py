"""The Keras process: `python -m core.keras_worker.worker MEMORY_LIMIT`, started by `core.keras_process.client`."""

from __future__ import annotations

import sys
from collections.abc import Callable

from core.keras_worker import (
    live_training,
    recurrent_states,
)
from core.keras_worker import (
    tasks as keras_tasks,
)
from core.keras_worker import (
    tf_keras_vis_tasks as keras_vis,
)
from core.processes.worker_loop import Answer, Job, serve

TASKS: dict[str, Callable[[Job], Answer]] = {
    "ping": keras_tasks.ping,
    "check": keras_tasks.check,
    "compile": keras_tasks.compile_model,
    "ablation": keras_tasks.ablation,
    "attention": keras_tasks.attention,
    "grad_cam": keras_tasks.grad_cam,
    "input_gradients": keras_tasks.input_gradients,
    "layer_gradients": keras_tasks.layer_gradients,
    "layers": keras_tasks.layers,
    "predict": keras_tasks.predict,
    "prototype": keras_vis.prototype,
    "recurrent_states": recurrent_states.recurrent_states,
    "second_opinion": keras_vis.second_opinion,
    "train_epoch": live_training.train_epoch,
    "train_forget": live_training.train_forget,
    "train_judge": live_training.train_judge,
    "train_keep": live_training.train_keep,
    "train_start": live_training.train_start,
}


def _import_keras() -> None:
    import keras  # noqa: F401


if __name__ == "__main__":
    serve(TASKS, int(sys.argv[1]), _import_keras)
