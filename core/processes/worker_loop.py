"""What runs on the other side of the pipe of a `core.processes.worker_process`.

Requests come on standard input and answers leave on standard output, both as `core.processes.wire` messages. The
process ends when its input ends, so it never outlives the web process.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any

from core.errors import ScanLensError
from core.processes.wire import (
    Arrays,
    BrokenMessage,
    read_message,
    write_message,
)

Answer = tuple[dict[str, Any], Arrays]


@dataclass(frozen=True, eq=False)
class Job:
    """One request: JSON `arguments`, `arrays`, and the ways to say how far it is and to hear that it should stop."""

    arguments: dict[str, Any]
    arrays: Arrays
    progress: Callable[[float], None]
    cancelled: Callable[[], bool]


#: Private memory that the operating system may hand out beyond the limit on resident memory. Libraries reserve more
#: than they touch; the web process watches what is touched, this stops a jump between two looks.
_RESERVE = 1 << 30


def serve(tasks: Mapping[str, Callable[[Job], Answer]], memory_limit: int, prepare: Callable[[], object]) -> None:
    """Serve requests, one at a time, until the input ends.

    Args:
        tasks: By name.
        memory_limit: Bytes that the process may come to.
        prepare: Imports what every task needs; being ready means that this is done.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the web process, which ends this one
    _limit_memory(memory_limit)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not end up between the messages
    requests: queue.Queue[tuple[dict[str, Any], Arrays]] = queue.Queue()
    stopped = _Stopped()
    threading.Thread(target=_receive, args=(sys.stdin.buffer, requests, stopped), daemon=True).start()
    prepare()
    write_message(answers, {"kind": "ready"}, {})
    while True:
        header, arrays = requests.get()
        _serve(tasks, answers, header, arrays, stopped)


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
        except MemoryError:
            print("MemoryError: a message larger than what is left", file=sys.stderr, flush=True)
            message = None
        if message is None:
            os._exit(0)  # from a thread, and whatever the main thread is doing
        if "stop" in message[0]:
            stopped.number = int(message[0]["stop"])
        else:
            requests.put(message)


def _serve(
    tasks: Mapping[str, Callable[[Job], Answer]],
    answers: IO[bytes],
    header: dict[str, Any],
    arrays: Arrays,
    stopped: _Stopped,
) -> None:
    number = int(header["number"])

    def progress(fraction: float) -> None:
        write_message(answers, {"kind": "progress", "number": number, "share": float(fraction)}, {})

    job = Job(header["arguments"], arrays, progress, lambda: stopped.number == number)
    try:
        result, given = tasks[header["task"]](job)
        write_message(answers, {"kind": "result", "number": number, "result": result}, given)
    except ScanLensError as error:
        words = {"type": type(error).__name__, "words": list(error.words)}
        write_message(answers, {"kind": "error", "number": number, **words}, {})


def _limit_memory(resident: int) -> None:
    try:
        import resource
    except ImportError:  # Windows: only the web process watches
        return
    soft = resident + _RESERVE
    resource.setrlimit(resource.RLIMIT_DATA, (soft, soft))
