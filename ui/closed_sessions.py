"""Scans are gone when their tab is closed: sessions that nobody can come back to are let go by a timer of ours.

Streamlit keeps the state of a disconnected session for two minutes, so that a short loss of the network costs nothing.
It then forgets it only when the next visitor comes, which may be tomorrow; until then the scans stay in memory.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import cache
from typing import Any

from ui.faults import log_fault
from ui.gate import GATE

#: Seconds between two looks.
EVERY = 15.0


@cache
def tend_closed_sessions() -> threading.Thread:
    """Start the timer of this server, once."""
    thread = threading.Thread(target=_tend, name="closed-sessions", daemon=True)
    thread.start()
    return thread


def _tend() -> None:
    while True:
        time.sleep(EVERY)
        try:
            if let_go_of_expired():
                give_memory_back()
            else:
                gc.collect()  # what pages left in circles; Streamlit would do it after each run of each session
        except Exception as error:  # Streamlit's inside may change; scans then stay until the next visitor comes
            log_fault("Ending closed sessions", error)
            return


def let_go_of_expired() -> int:
    """Let Streamlit forget the sessions whose time to come back has passed; returns how many there were."""
    from streamlit.runtime import Runtime

    if not Runtime.exists():
        return 0
    runtime: Any = Runtime.instance()
    kept = runtime._session_mgr._session_storage._cache
    found: Future[int] = Future()

    def expire() -> None:
        expired = kept.expire()
        for _, closed in expired:
            _empty(closed.session)
        found.set_result(len(expired))
        end_work_of_closed_sessions(lambda session: runtime._session_mgr.get_session_info(session) is not None)

    # On the server's own thread, which is the only one that touches this store.
    runtime._get_async_objs().eventloop.call_soon_threadsafe(expire)
    return found.result(timeout=60)


def end_work_of_closed_sessions(is_known: Callable[[str], bool]) -> int:
    """Cancel the jobs of browsers that cannot come back: a job holds the scan that it works on.

    Args:
        is_known: Whether the session of that name is open, or may still come back.

    Returns:
        How many were cancelled.
    """
    return GATE.cancel(unless=lambda job: not job.session or is_known(job.session))


def _empty(session: Any) -> None:
    """End a session and take out what holds its scans: its state, and the functions of its widgets and fragments.

    To drop it is not enough: Streamlit's own loop holds on to the last session until the next visitor comes.
    """
    from streamlit.runtime.fragment import MemoryFragmentStorage
    from streamlit.runtime.state.session_state import SessionState

    session.shutdown()
    session._session_state, session._fragment_storage = SessionState(), MemoryFragmentStorage()


def give_memory_back() -> None:
    """Collect what closed sessions leave in circles, and hand free memory to the system where it knows how."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library than glibc
            ctypes.CDLL("libc.so.6").malloc_trim(0)
