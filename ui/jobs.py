"""Long work in the background, with progress, time left and a way to stop it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import streamlit as st

from core.errors import Cancelled, ScanLensError
from ui.faults import log_fault

Work = Callable[[Callable[[float, str], None], Callable[[], bool]], Any]


class Job:
    """One task in a thread of its own.

    Args:
        title: What is being done, for people: `"Opening 120 files"`.
        work: Called with `progress(share, message)` and `cancelled()`; its result is kept.
    """

    def __init__(self, title: str, work: Work) -> None:
        self.title = title
        self.share, self.message = 0.0, ""
        self.result: Any = None
        self.error: ScanLensError | None = None
        self.started = time.monotonic()
        self._work: Work | None = work
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scanlens-job", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        work, self._work = self._work, None  # Streamlit may keep the job for its button: it must not hold the scan
        assert work is not None  # a job runs once
        try:
            self.result = work(self._progress, self._stop.is_set)
        except ScanLensError as error:
            self.error = error
        except Exception as error:
            log_fault("Background work", error)
            self.error = ScanLensError("this to work", "a fault inside ScanLens", "try again, or open another scan")

    def _progress(self, share: float, message: str = "") -> None:
        self.share, self.message = min(max(share, 0.0), 1.0), message

    def hand_over(self) -> Any:
        """The result, which the job then forgets."""
        result, self.result = self.result, None
        return result

    def cancel(self) -> None:
        """Ask the work to stop; it does at its next step."""
        self._stop.set()

    def wait(self, seconds: float) -> bool:
        """Wait a little; whether it is done."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    @property
    def was_cancelled(self) -> bool:
        """Whether the user stopped it."""
        return isinstance(self.error, Cancelled)

    def time_left(self) -> str:
        """An estimate in words once there is ground for one, else `""`."""
        spent = time.monotonic() - self.started
        if spent < 2 or self.share < 0.03:
            return ""
        return f"about {duration_text(spent * (1 - self.share) / self.share)} left"


def duration_text(seconds: float) -> str:
    """A time as people say it.

    Example:
        >>> duration_text(0.2), duration_text(90), duration_text(600), duration_text(9000)
        ('1 s', '90 s', '10 min', '2.5 h')
    """
    if seconds < 120:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def show_job(job: Job, key: str = "cancel-job") -> None:
    """Draw a running job; the page runs again when it is done.

    Args:
        job: What is under way.
        key: Of the button that cancels it, where a page shows several.
    """

    @st.fragment(run_every=0.4)
    def draw() -> None:
        if job.wait(0.0):
            st.rerun()
        text = ", ".join(part for part in (job.message or job.title, job.time_left()) if part)
        st.progress(job.share, text=text)
        st.button("Cancel", key=key, on_click=job.cancel)

    draw()
