"""Who computes a run: a text that tells on the same machine whether its process still lives.

Machines that share a database need clocks that agree to within `LEASE`.
"""

from __future__ import annotations

import os
import socket
import time
import uuid

import psutil

#: Seconds without a sign of life after which a run may be taken over, whoever holds it.
LEASE = 90.0

#: Seconds between two signs of life.
BEAT = 15.0

#: Owners in this process that have not let go.
_HERE: set[str] = set()


def new_owner() -> str:
    """A text for one run of this process, until `let_go`."""
    owner = f"{socket.gethostname()}|{os.getpid()}|{_started(os.getpid()):.2f}|{uuid.uuid4().hex}"
    _HERE.add(owner)
    return owner


def let_go(owner: str) -> None:
    """The run is no longer computed under this name."""
    _HERE.discard(owner)


def is_alive(owner: str, beat: float) -> bool:
    """Whether a run is being computed.

    Args:
        owner: As it is stored, `""` for nobody.
        beat: Its last sign of life, seconds since 1970.
    """
    if not owner or time.time() - beat > LEASE:
        return False
    host, pid, started, _ = owner.split("|")
    if host != socket.gethostname():
        return True  # its last sign is all we know
    if int(pid) == os.getpid() and owner not in _HERE:
        return False
    return abs(_started(int(pid)) - float(started)) < 1.0


def _started(pid: int) -> float:
    """When a process of this machine began, 0 where there is none; a number may have been given out again."""
    try:
        process = psutil.Process(pid)
        return 0.0 if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return 0.0
