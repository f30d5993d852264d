"""The Keras process: `python -m core.runtime.keras_worker MEMORY_LIMIT`, started by `core.runtime.keras_process`.

Requests come on standard input and answers leave on standard output, both as `core.runtime.wire` messages. It ends
when its input ends, so it never outlives the web process.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from typing import IO, Any

from core.errors import ScanLensError
from core.runtime import keras_tasks, live_training, recurrent_states
from core.runtime.keras_tasks import Answer, Job
from core.runtime.wire import Arrays, BrokenMessage, read_message, write_message

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
    "prototype": keras_tasks.prototype,
    "recurrent_states": recurrent_states.recurrent_states,
    "train_epoch": live_training.train_epoch,
    "train_forget": live_training.train_forget,
    "train_judge": live_training.train_judge,
    "train_keep": live_training.train_keep,
    "train_start": live_training.train_start,
}

#: Private memory that the operating system may hand out beyond the limit on resident memory. TensorFlow reserves more
#: than it touches; the web process watches what is touched, this stops a jump between two looks.
_RESERVE = 1 << 30


def main(memory_limit: int) -> None:
    """Serve requests, one at a time, until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the web process, which ends this one
    _limit_memory(memory_limit)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not end up between the messages
    requests: queue.Queue[tuple[dict[str, Any], Arrays]] = queue.Queue()
    stopped = _Stopped()
    threading.Thread(target=_receive, args=(sys.stdin.buffer, requests, stopped), daemon=True).start()
    import keras  # noqa: F401  imported now, so that being ready means being warm

    write_message(answers, {"kind": "ready"}, {})
    while True:
        header, arrays = requests.get()
        _serve(answers, header, arrays, stopped)


class _Stopped:
    """Number of the request that the user stopped."""

    number = -1


def _receive(stream: IO[bytes], requests: queue.Queue[tuple[dict[str, Any], Arrays]], stopped: _Stopped) -> None:
    """Take requests off the pipe, even while one is being worked on, and end the process when the pipe ends."""
    while True:
        try:
            message = read_message(stream)
        except (BrokenMessage, OSError):
            message = None
        if message is None:
            os._exit(0)  # from a thread, and whatever the main thread is doing
        if "stop" in message[0]:
            stopped.number = int(message[0]["stop"])
        else:
            requests.put(message)


def _serve(answers: IO[bytes], header: dict[str, Any], arrays: Arrays, stopped: _Stopped) -> None:
    number = int(header["number"])

    def progress(share: float) -> None:
        write_message(answers, {"kind": "progress", "number": number, "share": float(share)}, {})

    job = Job(header["arguments"], arrays, progress, lambda: stopped.number == number)
    try:
        result, given = TASKS[header["task"]](job)
        write_message(answers, {"kind": "result", "number": number, "result": result}, given)
    except ScanLensError as error:
        words = {"type": type(error).__name__, "words": [error.expected, error.received, error.action]}
        write_message(answers, {"kind": "error", "number": number, **words}, {})


def _limit_memory(resident: int) -> None:
    try:
        import resource
    except ImportError:  # Windows: only the web process watches
        return
    soft = resident + _RESERVE
    resource.setrlimit(resource.RLIMIT_DATA, (soft, soft))


if __name__ == "__main__":
    main(int(sys.argv[1]))
