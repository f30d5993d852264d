"""Long work in the background: started once, shown with its progress, cancelled, and handed over once.

A page asks in one call for what it wants (`computed`): what is kept is given at once, else a job makes it while the
page shows how far it is. Where a click starts something that ends in an event, the page starts it (`Jobs.start`), shows
it (`show_under_way`) and takes it when it is done (`Jobs.take`).
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Hashable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.errors import Cancelled, ScanLensError
from ui.faults import log_fault
from ui.foreign_text import plain
from ui.gate import GATE, Gate
from ui.show import show_error

if TYPE_CHECKING:
    from ui.session import Recent

T = TypeVar("T")
Stopper = Callable[[], bool]


class Progress(Protocol):
    """Told how far work is: a fraction from 0 to 1, and what is being done."""

    def __call__(self, fraction: float, message: str = "", /) -> None: ...  # noqa: D102


#: Called with `progress` and `cancelled`. It must hold no session state: its thread would keep a closed session alive.
Work = Callable[[Progress, Stopper], T]


class Job(Generic[T]):
    """One task, in a thread of its own once the gate lets it in.

    Args:
        title: What is being done, for people: `"Opening 120 files"`.
        work: Makes the result. A `ScanLensError` is told as it is, another error as a fault of ours.
        key: Names the question.
        owner: What the task belongs to, for the gate.
        session: Of the browser that asked for it, so that it ends with it.
        is_long: Whether it takes minutes to hours.
        gate: Where it waits for its turn.
    """

    def __init__(
        self,
        title: str,
        work: Work[T],
        key: Hashable = None,
        *,
        owner: object = None,
        session: str = "",
        is_long: bool = False,
        gate: Gate = GATE,
    ) -> None:
        self.title, self.key, self.session, self.is_long = title, key, session, is_long
        self.owner = self if owner is None else owner
        self.fraction, self.message = 0.0, ""
        self.result: T | None = None
        self.error: ScanLensError | None = None
        self.started = time.monotonic()
        self._work: Work[T] | None = work
        self._stop, self._done = threading.Event(), threading.Event()
        self._gate = gate
        gate.enter(self)

    def begin(self) -> None:
        """Start; called by the gate."""
        self.started = time.monotonic()
        try:
            threading.Thread(target=self._run, name="scanlens-job", daemon=True).start()
        except RuntimeError as error:  # the system gives no more threads
            self._end(self._fault(error))

    def _run(self) -> None:
        work, self._work = self._work, None  # Streamlit may keep the job for its button: it must not hold the scan
        error: ScanLensError | None = Cancelled(self.title)
        try:
            if work is not None and not self.is_stopping:
                self.result = work(self._progress, self._stop.is_set)
                error = None
        except ScanLensError as known:
            error = known
        except BaseException as foreign:  # whatever ends this thread, the page is told and the place is free again
            error = self._fault(foreign)
        del work
        self._end(error)

    def _fault(self, error: BaseException) -> ScanLensError:
        log_fault("Background work", error)
        return ScanLensError(f"{self.title} failed, and that is our fault", "try again, or open another scan")

    def _end(self, error: ScanLensError | None) -> None:
        if error is not None:  # its frames hold what was worked on
            error.__traceback__ = error.__context__ = error.__cause__ = None
        self.error, self._work = error, None
        self._gate.leave(self)
        self._done.set()

    def _progress(self, fraction: float, message: str = "") -> None:
        self.fraction, self.message = min(max(fraction, 0.0), 1.0), message

    def hand_over(self) -> T:
        """The result, which the job then forgets."""
        result, self.result = self.result, None
        return result  # type: ignore[return-value]  # a job without an error has one

    def cancel(self) -> None:
        """Ask the work to stop, at its next step; one that waits for its turn ends at once."""
        self._stop.set()
        if self._gate.withdraw(self):
            self._end(Cancelled(self.title))

    def wait(self, seconds: float) -> bool:
        """Wait a little; whether it is done."""
        return self._done.wait(seconds)

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.is_set()

    @property
    def was_cancelled(self) -> bool:
        """Whether the user stopped it."""
        return isinstance(self.error, Cancelled)

    @property
    def trouble(self) -> str:
        """Why it failed, in one sentence; `""` where it did not, or where the user stopped it."""
        return "" if self.error is None or self.was_cancelled else str(self.error)

    @property
    def text(self) -> str:
        """What it is doing and how long that will take, or what it waits for."""
        ahead, own = self._gate.ahead_of(self)
        if own:
            return f"Waiting until your other task is done: {own}"
        if ahead:
            return f"Waiting: {ahead} others are ahead of you" if ahead > 1 else "Waiting: 1 other is ahead of you"
        return ", ".join(part for part in (self.message or self.title, self.time_left()) if part)

    def time_left(self) -> str:
        """An estimate in words once there is ground for one, else `""`."""
        spent = time.monotonic() - self.started
        if spent < 2 or self.fraction < 0.03:
            return ""
        return f"about {duration_text(spent * (1 - self.fraction) / self.fraction)} left"


class Jobs:
    """The jobs of one browser session, one in each slot; they are cancelled when the session is gone.

    Args:
        session: Streamlit's name of the session, `""` where there is none.

    Attributes:
        slots: Name of a slot to the job in it, under way or done.
    """

    def __init__(self, session: str = "") -> None:
        self.session = session
        self.slots: dict[str, Job[Any]] = {}
        weakref.finalize(self, _cancel_all, self.slots)

    def start(
        self, slot: str, key: Hashable, title: str, work: Work[T], *, patience: float = 0.0, is_long: bool = False
    ) -> Job[T]:
        """Start work, unless the same is in its slot already; what the slot held for another key is cancelled.

        Args:
            slot: Names the place: `"opening"`.
            key: Names the question, so that it is not asked twice and an answer to another is not shown for it.
            title: For people.
            work: Makes the result.
            patience: Seconds to wait for what may be quick, so that no bar flashes up; only when it is started.
            is_long: Whether it takes minutes to hours.
        """
        before = self.slots.get(slot)
        if before is not None and before.key == key:
            return before
        self.drop(slot)
        job = self.slots[slot] = Job(title, work, key, owner=self.slots, session=self.session, is_long=is_long)
        job.wait(patience)
        return job

    def find(self, slot: str) -> Job[Any] | None:
        """What is in a slot, under way or done."""
        return self.slots.get(slot)

    def is_busy(self, slot: str) -> bool:
        """Whether something is under way in a slot."""
        job = self.slots.get(slot)
        return job is not None and not job.wait(0.0)

    def take(self, slot: str) -> Job[Any] | None:
        """The job of a slot once it is done, which then is free; None while there is none."""
        return None if self.is_busy(slot) else self.slots.pop(slot, None)

    def drop(self, *slots: str) -> None:
        """Cancel what is under way in some slots, and in those below them such as `check:image`; forget it."""
        for name in self._below(slots):
            self.slots.pop(name).cancel()

    def _below(self, slots: Iterable[str]) -> list[str]:
        wanted = set(slots)
        return [name for name in self.slots if {name, name.partition(":")[0]} & wanted]

    def drop_running(self, *slots: str) -> None:
        """Cancel what is under way in some slots; what was cancelled by the user, or failed, is remembered."""
        self.drop(*(slot for slot in self._below(slots) if self.is_busy(slot)))


def _cancel_all(slots: dict[str, Job[Any]]) -> None:
    for job in tuple(slots.values()):
        job.cancel()
    slots.clear()


def jobs() -> Jobs:
    """This session's."""
    if "jobs" not in st.session_state:
        context = get_script_run_ctx()
        st.session_state["jobs"] = Jobs("" if context is None else context.session_id)
    found: Jobs = st.session_state["jobs"]
    return found


def computed(
    slot: str,
    key: Hashable,
    kept: Recent,
    title: str,
    work: Work[T],
    *,
    again: str,
    patience: float = 0.1,
    is_long: bool = False,
    quiet: bool = False,
    failed: str = "",
) -> T | None:
    """What is kept under a key; while a job makes it, its progress is drawn and this is None.

    Where it failed, why is said; where it failed or was cancelled, a button starts it again.

    Args:
        slot: Where it is made.
        key: Names the question.
        kept: Where answers are kept, and this one will be.
        title: For people.
        work: Makes the answer.
        again: On the button that starts it again: `"Read all frames"`.
        patience: Seconds to wait when it is started.
        is_long: Whether it takes minutes to hours.
        quiet: Whether a line of text is enough to show that it is under way, or that it failed.
        failed: Said before the reason where it is quiet: `"The explanation could not be checked."`
    """
    if key in kept:
        found: T = kept.peek(key)
        return found
    session = jobs()
    job = session.start(slot, key, title, work, patience=patience, is_long=is_long)
    if not job.wait(0.0):
        show_job(job, slot, quiet=quiet)
        return None
    if job.error is None:
        session.take(slot)  # its result is given away: should that be forgotten, it starts anew
        result = job.hand_over()
        kept.put(key, result)
        return result
    if job.trouble and quiet:
        st.caption(plain(f"{failed} {job.trouble}"))
    elif job.trouble:
        show_error(job.trouble)
    st.button(again, key=f"again-{slot}", on_click=session.drop, args=(slot,))
    return None


def show_under_way(slot: str) -> bool:
    """Draw what is under way in a slot; whether there is something."""
    job = jobs().find(slot)
    if job is None or job.wait(0.0):
        return False
    show_job(job, slot)
    return True


def show_job(
    job: Job[Any],
    slot: str,
    *,
    label: str = "Cancel",
    on_cancel: Callable[[], None] | None = None,
    quiet: bool = False,
    every: float = 0.4,
) -> None:
    """Draw a job that is under way, with a button that cancels it; the page runs again when it is done.

    Args:
        job: What is under way.
        slot: Names the button: `"cancel-opening"`.
        label: On the button.
        on_cancel: What it does instead of cancelling this job.
        quiet: Whether to draw a line of text instead of a bar.
        every: Seconds between two looks.
    """
    cancel = partial(st.button, label, key=f"cancel-{slot}", on_click=on_cancel or job.cancel)

    @st.fragment(run_every=every)
    def draw() -> None:
        if job.wait(0.0):
            st.rerun()
        if quiet:
            with st.container(horizontal=True, vertical_alignment="center"):
                percent = f", {100 * job.fraction:.0f} %" if job.fraction else ""
                st.markdown(plain(f"◌ {job.text}{percent}"), width="content")
                cancel(type="tertiary")
        else:
            st.progress(job.fraction, text=plain(job.text))
            cancel()

    draw()


def stopping(progress: Progress, cancelled: Stopper, what: str) -> Progress:
    """A progress for work that has no other way to be stopped: it raises once it is.

    Raises:
        Cancelled: The user stopped it.
    """

    def step(fraction: float, message: str = "") -> None:
        if cancelled():
            raise Cancelled(what)
        progress(fraction, message)

    return step


def duration_text(seconds: float) -> str:
    """A time as people say it.

    Example:
        >>> duration_text(0.2), duration_text(90), duration_text(600), duration_text(9000)
        ('1 s', '90 s', '10 min', '2.5 h')
    """
    if seconds < 120:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
