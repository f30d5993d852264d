"""The web process' hold on a process of its own: started when first needed, watched, killed and replaced.

What may carry anything, hang or grow stays behind a pipe: Keras files (`keras_process`) and compiled models from
elsewhere (`guest_process`).
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Never

import numpy as np
import psutil
from numpy.typing import NDArray

from core import SILENCE, errors
from core.errors import Cancelled, ScanLensError, WorkerFailed
from core.home import home
from core.processes.wire import (
    Arrays,
    BrokenMessage,
    encode_message,
    read_message,
)

ROOT = Path(__file__).resolve().parents[2]

#: What the child inherits; the rest of the environment, passwords for databases among it, is none of its business.
_INHERITED = (
    "PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH",
    "VIRTUAL_ENV", "NUMBER_OF_PROCESSORS", "SYSTEMDRIVE", "PATHEXT", "COMSPEC", "APPDATA", "LOCALAPPDATA",
    "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX",
)  # fmt: skip
_TICK = 0.1
#: How much longer a child stays that keeps what somebody may come back to, such as a network that was trained in class.
PATIENCE = 6
_GRACE = 2.0
#: What a child that ran out of memory leaves as its last words, in C++, Python and TensorFlow.
_OUT_OF_MEMORY = (b"bad_alloc", b"MemoryError", b"ResourceExhaustedError", b"Cannot allocate memory", b"out of memory")


class WorkerProcess:
    """One process for the whole server. Safe to use from several threads; calls queue up.

    Subclasses say which module it runs, what people know it by, what its environment holds beside the inherited
    variables, and which error tells that it failed.

    Args:
        memory_limit: Resident bytes from which on the child is killed.
        start_timeout: Seconds that its imports may take.
        folder: Where it works and keeps what libraries write about themselves; None for the program's own folder.
    """

    module: ClassVar[str]
    name: ClassVar[str]
    environment: ClassVar[Mapping[str, str]] = {}
    failed: ClassVar[type[WorkerFailed]] = WorkerFailed
    #: Seconds without a call after which the child is ended and its memory given back; None for never.
    idle_after: ClassVar[float | None] = None
    #: Beginning of the names of tasks that leave something in the child that people come back to.
    keeping: ClassVar[str | None] = None

    def __init__(self, memory_limit: int, start_timeout: float, folder: Path | None = None) -> None:
        self._memory_limit, self._start_timeout = memory_limit, start_timeout
        self._folder = folder
        self._turn = threading.Lock()
        self._child: _Child | None = None
        self._number = 0
        self._idle_since, self._keeps = time.monotonic(), False

    @property
    def pid(self) -> int | None:
        """Process id of the running child, or None."""
        child = self._child
        return child.process.pid if child is not None and child.alive else None

    def warm(self) -> threading.Thread:
        """Start the child in the background, so that the first call need not wait. A failure shows at that call."""

        def start() -> None:
            with contextlib.suppress(WorkerFailed):
                self.call("ping")

        thread = threading.Thread(target=start, name=f"warm-{self.module}", daemon=True)
        thread.start()
        return thread

    def call(
        self,
        task: str,
        arguments: Mapping[str, Any] | None = None,
        arrays: Mapping[str, NDArray[np.generic]] | None = None,
        timeout: float = 120.0,
        progress: Callable[[float], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> tuple[dict[str, Any], Arrays]:
        """Run one task of the `TASKS` of its module.

        Args:
            task: Its name.
            arguments: What JSON can hold.
            arrays: Arrays of numbers by name.
            timeout: Seconds without an answer or a sign of progress until the child counts as hung. Starting it and
                waiting for earlier calls do not count.
            progress: Called with the fraction done.
            cancelled: Asked ten times a second.

        Raises:
            WorkerFailed: The child hung, crashed, passed its memory limit or talked nonsense. It is gone then,
                and the next call gets a new one.
            Cancelled: `cancelled` said so.
            ScanLensError: What the task itself found wrong, e.g. UnsafeModel or UnsupportedModel.
        """
        stop = cancelled or (lambda: False)
        while not self._turn.acquire(timeout=_TICK):
            if stop():
                raise Cancelled(self.name)
        try:
            child = self._started(stop)
            self._number += 1
            self._keeps = self._keeps or (self.keeping is not None and task.startswith(self.keeping))
            header = {"number": self._number, "task": task, "arguments": dict(arguments or {})}
            child.send(header, arrays or {})
            return self._answer(child, timeout, progress, stop)
        except WorkerFailed:
            self._drop()
            raise
        except BaseException:  # a page that is run anew leaves through `progress`: do not work on for nobody
            if self._child is not None:
                self._child.send({"stop": self._number}, {})
            raise
        finally:
            self._idle_since = time.monotonic()
            self._turn.release()

    def end_if_idle(self) -> bool:
        """End a child that nobody has called for long, `PATIENCE` times as long where it keeps something for somebody.

        Returns:
            Whether it was ended.
        """
        if self.idle_after is None or not self._turn.acquire(blocking=False):
            return False
        try:
            idle = time.monotonic() - self._idle_since
            if self._child is None or idle < self.idle_after * (PATIENCE if self._keeps else 1):
                return False
            self._drop()
            return True
        finally:
            self._turn.release()

    def close(self) -> None:
        """End the child. A later call starts a new one."""
        self._drop()

    def _started(self, stop: Callable[[], bool]) -> _Child:
        if self._child is None or not self._child.alive:
            self._drop()
            self._child = _Child(self, self._memory_limit, self._folder)
        child, deadline = self._child, time.monotonic() + self._start_timeout
        while not child.ready:
            message = child.receive(deadline, "start")
            child.ready = message is not None and message[0].get("kind") == "ready"
            if stop():
                raise Cancelled(self.name)
        return child

    def _answer(
        self, child: _Child, timeout: float, progress: Callable[[float], None] | None, stop: Callable[[], bool]
    ) -> tuple[dict[str, Any], Arrays]:
        deadline = time.monotonic() + timeout
        while True:
            message = child.receive(deadline, "answer")
            if stop():
                return self._stopped(child)
            if message is None or message[0].get("number") != self._number:
                continue
            header, arrays = message
            if header.get("kind") == "progress":
                deadline = time.monotonic() + timeout
                if progress is not None:
                    progress(_fraction(header))
            elif header.get("kind") == "result" and isinstance(header.get("result"), dict):
                return header["result"], arrays
            else:
                raise _told(header, self)

    def _stopped(self, child: _Child) -> Never:
        """Ask the child to stop, and end it where it does not hear in time."""
        child.send({"stop": self._number}, {})
        deadline = time.monotonic() + _GRACE
        try:
            while True:
                message = child.receive(deadline, "stop")
                if message and message[0].get("number") == self._number and message[0].get("kind") != "progress":
                    break
        except WorkerFailed:
            self._drop()
        raise Cancelled(self.name)

    def _drop(self) -> None:
        child, self._child = self._child, None
        self._keeps = False
        if child is not None:
            child.kill()


class _Child:
    """One child with the threads that feed it, listen to it and watch its memory."""

    def __init__(self, kind: WorkerProcess, memory_limit: int, folder: Path | None) -> None:
        self.kind = kind
        command = [sys.executable, "-m", kind.module, str(memory_limit)]
        environment = _environment(folder) | dict(kind.environment)
        self.process = subprocess.Popen(
            command,
            cwd=folder or ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.ready = False
        self.last_lines: deque[bytes] = deque(maxlen=40)
        self._drained = threading.Event()
        self._memory_limit = memory_limit
        self._fault = ""
        self._outbox: queue.Queue[list[bytes] | None] = queue.Queue()
        self._messages: queue.Queue[tuple[dict[str, Any], Arrays] | None] = queue.Queue(maxsize=8)
        for work in (self._write, self._listen, self._watch, self._drain):
            threading.Thread(target=work, name=f"worker{work.__name__}", daemon=True).start()

    @property
    def alive(self) -> bool:
        return self.process.poll() is None and not self._fault

    def send(self, header: Mapping[str, Any], arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Hand a message to the sending thread: a child that does not read must not block the page.

        Raises:
            ValueError: An array is not of numbers, or the message is too large.
        """
        self._outbox.put(encode_message(header, arrays))

    def receive(self, deadline: float, what: str) -> tuple[dict[str, Any], Arrays] | None:
        """The next message, or None after a tick without one.

        Raises:
            WorkerFailed: The child ended, or the deadline has passed.
        """
        if time.monotonic() > deadline:
            raise _failed(self.kind, f"did not {what} in time")
        try:
            message = self._messages.get(timeout=_TICK)
        except queue.Empty:
            return None
        if message is None:
            raise _failed(self.kind, self._fault or self._last_words())
        return message

    def _last_words(self) -> str:
        """Why it ended by itself, as far as what it printed last tells."""
        self._drained.wait(_GRACE)
        if any(sign in line for line in self.last_lines for sign in _OUT_OF_MEMORY):
            return self._memory_words()
        return "ended suddenly"

    def _memory_words(self) -> str:
        return f"needed more than its {self._memory_limit >> 20:,} MB of memory"

    def kill(self) -> None:
        self._fault = self._fault or "was ended"
        self.process.kill()
        self.process.wait()
        self._outbox.put(None)

    def _write(self) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # a dead child shows in `receive`
            while (parts := self._outbox.get()) is not None:
                for part in parts:
                    self.process.stdin.write(part)
                self.process.stdin.flush()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        message: tuple[dict[str, Any], Arrays] | None
        while True:
            try:
                message = read_message(self.process.stdout)
            except (BrokenMessage, OSError, ValueError):
                self._fault = self._fault or "sent a message that makes no sense"
                message = None
            if message is None:
                self.process.kill()
            while not self._put(message) and self.process.poll() is None:
                pass
            if message is None:
                return

    def _put(self, message: tuple[dict[str, Any], Arrays] | None) -> bool:
        try:
            self._messages.put(message, timeout=1.0)
        except queue.Full:
            return False
        return True

    def _watch(self) -> None:
        """Look at the memory ten times a second; the child's own limit stops a jump in between."""
        with contextlib.suppress(psutil.Error):
            watched = psutil.Process(self.process.pid)
            while self.process.poll() is None:
                if watched.memory_info().rss > self._memory_limit:
                    self._fault = self._memory_words()
                    self.process.kill()
                self.kind.end_if_idle()
                time.sleep(_TICK)

    def _drain(self) -> None:
        """Keep the last lines of what the child prints, for the developer who looks, and never let it block."""
        assert self.process.stderr is not None
        with contextlib.suppress(OSError, ValueError):
            while line := self.process.stderr.readline(4096):
                self.last_lines.append(line)
        self._drained.set()


def _environment(folder: Path | None = None) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    if folder is not None:  # nothing of the user's: neither settings nor what a folder of that name might hold
        kept |= dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP"), str(folder))
        kept["PYTHONSAFEPATH"] = "1"
    return {
        **kept,
        **SILENCE,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "KERAS_HOME": str((folder or home()) / "keras"),  # its settings: not the user's, and not in the user's home
    }


#: Errors that a task may raise; a hostile child cannot name others.
_TOLD: dict[str, type[ScanLensError]] = {
    "UnsafeModel": errors.UnsafeModel,
    "UnsupportedModel": errors.UnsupportedModel,
    "InvalidCard": errors.InvalidCard,
    "TooLarge": errors.TooLarge,
}


def _told(header: Mapping[str, Any], kind: WorkerProcess) -> ScanLensError:
    """The error that the child reports, in words of bounded length without control characters."""
    if header.get("type") == "Cancelled":
        return Cancelled(kind.name)
    error, words = _TOLD.get(str(header.get("type"))), header.get("words")
    if error is None or not isinstance(words, list) or len(words) not in {2, 3}:
        return _failed(kind, "answered with an error without a name")
    return error(*("".join(c for c in str(word)[:300] if c.isprintable()) for word in words))


def _fraction(header: Mapping[str, Any]) -> float:
    fraction = header.get("share")
    return min(max(float(fraction), 0.0), 1.0) if isinstance(fraction, (int, float)) else 0.0


def _failed(kind: WorkerProcess, fault: str) -> WorkerFailed:
    return kind.failed(f"{kind.name[0].upper()}{kind.name[1:]} {fault}", "try again, a new one starts by itself")
