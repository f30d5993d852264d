"""How much heavy work runs at once in the web process, and in which order what waits is let in.

Opening, inference, explanation and training of all visitors share the processors. More of them at once than there are
processors makes each slower and none sooner, so the rest waits and is told how many are ahead. A control on a page
never comes here: what takes a tenth of a second is done where it is asked for.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Protocol


class Entrant(Protocol):
    """What waits at the gate.

    Attributes:
        title: What is being done, for its owner's eyes.
        owner: What the task belongs to; compared by identity.
        session: Of the browser that asked for it, `""` where there is none.
        is_long: Whether it takes minutes to hours, as a run over a dataset does.
        is_stopping: Whether it was asked to stop.
    """

    title: str
    owner: object
    session: str
    is_long: bool

    @property
    def is_stopping(self) -> bool: ...  # noqa: D102

    def begin(self) -> None:
        """Start; called once, by the gate."""

    def cancel(self) -> None:
        """Stop at the next step, or give up waiting."""


class Gate:
    """Lets at most `places` jobs run at once: first come, first served, and fair between visitors.

    A visitor has at most one short and one long job running, so that nobody fills the gate alone and nobody's own long
    run keeps a scan from being opened. Long jobs never take the last place: what others wait for then ends in seconds.

    Args:
        places: How many run at once; at least 2, as one is kept for short jobs.
    """

    def __init__(self, places: int) -> None:
        self.places = max(2, places)
        self._lock = threading.Lock()
        self._waiting: list[Entrant] = []
        self._running: list[Entrant] = []

    def enter(self, job: Entrant) -> None:
        """Start a job now, or as soon as it may."""
        with self._lock:
            self._waiting.append(job)
        self._admit()

    def withdraw(self, job: Entrant) -> bool:
        """Take a job that waits out of the queue; whether it was still waiting."""
        with self._lock:
            if job not in self._waiting:
                return False
            self._waiting.remove(job)
        self._admit()  # it may have been all that another one of its owner waited for
        return True

    def leave(self, job: Entrant) -> None:
        """Free the place of a job that has ended, by whatever road."""
        with self._lock:
            if job in self._running:
                self._running.remove(job)
        self._admit()

    def is_waiting(self, job: Entrant) -> bool:
        """Whether a job has not been let in yet."""
        with self._lock:
            return job in self._waiting

    def ahead_of(self, job: Entrant) -> tuple[int, str]:
        """What a waiting job waits for.

        Returns:
            How many jobs are ahead, running ones included, and the title of its owner's own job where that is what it
            waits for, else `""`. (0, "") for a job that does not wait.
        """
        with self._lock:
            if job not in self._waiting:
                return 0, ""
            own = next((other for other in self._running if _is_same_lane(other, job)), None)
            before = self._waiting[: self._waiting.index(job)]
            full = len(self._running) >= self.places
            blocking = [other for other in self._running if full or other.is_long]
            return len(blocking) + len(before), own.title if own is not None else ""

    def counts(self) -> tuple[int, int]:
        """How many jobs run, and how many wait."""
        with self._lock:
            return len(self._running), len(self._waiting)

    def cancel(self, unless: Callable[[Entrant], bool] = lambda _: False) -> int:
        """Stop every job that runs or waits, except those to be kept; returns how many were stopped."""
        with self._lock:
            found = [*self._waiting, *self._running]
        ended = [job for job in found if not job.is_stopping and not unless(job)]
        for job in ended:
            job.cancel()
        return len(ended)

    def _admit(self) -> None:
        with self._lock:
            admitted = []
            for job in tuple(self._waiting):
                if len(self._running) >= self.places:
                    break
                if self._may_run(job):
                    self._waiting.remove(job)
                    self._running.append(job)
                    admitted.append(job)
        for job in admitted:
            job.begin()

    def _may_run(self, job: Entrant) -> bool:
        if any(_is_same_lane(other, job) for other in self._running):
            return False
        return not job.is_long or sum(other.is_long for other in self._running) < self.places - 1


def _is_same_lane(running: Entrant, job: Entrant) -> bool:
    """Whether a running job keeps another from starting beside it; one that is stopping does not."""
    return running.owner is job.owner and running.is_long == job.is_long and not running.is_stopping


#: The one of this process.
GATE = Gate(os.cpu_count() or 2)
