"""How much memory all open scans of this process may take together.

One upload is bounded by `core.readers.opening`; without a bound on the process a second and a third session would add
theirs until the machine stops. What an upload claims while it opens is given back when it is open; what its scans hold
stays claimed until they are gone, which is when their session lets go of them.
"""

from __future__ import annotations

import gc
import os
import weakref
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from threading import RLock

import psutil

from core.errors import TooLarge
from core.scan import Scan

MEGABYTE = 1024 * 1024

#: MB that open scans of this process may take together; without it `FRACTION` of the machine's memory.
MEMORY_VARIABLE = "SCANLENS_SCAN_MEMORY_MB"
FRACTION = 0.4
#: Where Linux says what a container may use.
_CONTAINER_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class MemoryBudget:
    """Bytes that may be claimed by several threads together.

    Args:
        total: Bytes.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.claimed = 0
        self._lock = RLock()  # a scan may be collected, and released, while another is claimed

    def claim(self, size: int) -> None:
        """Reserve bytes before they are allocated.

        Raises:
            TooLarge: Other scans hold what is needed; nothing is reserved then.
        """
        if self._reserve(size):
            return
        gc.collect()  # scans that were let go of may still wait in circles
        if not self._reserve(size):
            raise TooLarge(
                f"{size / MEGABYTE:,.0f} MB of memory for this upload",
                f"{max(self.total - self.claimed, 0) / MEGABYTE:,.0f} MB that the scans open here leave free",
                "close scans you no longer need, or try again later",
            )

    def _reserve(self, size: int) -> bool:
        with self._lock:
            if self.claimed + size > self.total:
                return False
            self.claimed += size
            return True

    def release(self, size: int) -> None:
        """Give bytes back."""
        with self._lock:
            self.claimed -= size

    def hold(self, scans: Iterable[Scan]) -> None:
        """Count the pixels of scans until each is gone; never refuses, since they are there already."""
        for scan in scans:
            size = int(scan.pixels.nbytes)
            with self._lock:
                self.claimed += size
            self.release_with(scan, size)

    def release_with(self, owner: object, size: int) -> None:
        """Give claimed bytes back when `owner`, which holds them, is gone."""
        weakref.finalize(owner, self.release, size).atexit = False


class Claim:
    """Bytes of this process's budget, reserved before they are allocated and held as long as this object lives.

    Args:
        size: Bytes.

    Raises:
        TooLarge: What else is open holds what is needed.
    """

    def __init__(self, size: int) -> None:
        process_budget().claim(size)
        process_budget().release_with(self, size)


@cache
def process_budget() -> MemoryBudget:
    """The one budget of this process."""
    asked = os.environ.get(MEMORY_VARIABLE, "").strip()
    return MemoryBudget(int(asked) * MEGABYTE if asked.isdigit() else int(FRACTION * machine_memory()))


def machine_memory() -> int:
    """Bytes of memory of this machine, or of the container that this process runs in where that is less."""
    limits = [int(psutil.virtual_memory().total)]
    for path in _CONTAINER_LIMITS:
        try:
            limits.append(int(Path(path).read_text(encoding="ascii")))
        except (OSError, ValueError):  # no container, or "max"
            continue
    return min(limits)
