"""How much heavy work runs at once, in which order what waits is let in, and that every place becomes free again."""

import gc
import threading
import time
import weakref

import pytest

from core.errors import Cancelled, UnreadableScan
from ui.background import Job, Jobs
from ui.closed_sessions import end_work_of_closed_sessions
from ui.gate import GATE, Gate


class Held:
    """Work that goes on until it is let go or cancelled."""

    def __init__(self):
        self.go_on = threading.Event()

    def __call__(self, progress, cancelled):
        while not self.go_on.wait(0.005):
            if cancelled():
                raise Cancelled("the work")
        return "done"


@pytest.fixture
def gate():
    found = Gate(2)
    yield found
    found.cancel()


@pytest.fixture
def ask(gate):
    """Start a job of somebody: `ask("Ann")`; with its work, to let it go on."""

    def asked(owner, work=None, **options):
        held = work or Held()
        return Job(f"Work of {owner}", held, owner=owner, gate=gate, **options), held

    return asked


def until(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_no_more_run_at_once_than_there_are_places(gate, ask):
    held = [ask(f"visitor {number}") for number in range(6)]
    most = 0
    for job, work in held:
        until(lambda job=job: not gate.is_waiting(job))
        most = max(most, gate.counts()[0])
        work.go_on.set()
        assert job.wait(10)
    assert most == 2
    assert gate.counts() == (0, 0)


def test_what_waits_says_how_many_are_ahead_and_goes_on_by_itself(gate, ask):
    (first, work), _, (third, _), (fourth, last) = (ask(owner) for owner in ("Ann", "Ben", "Cem", "Dan"))
    assert fourth.text == "Waiting: 3 others are ahead of you"
    work.go_on.set()
    assert first.wait(10)
    until(lambda: not gate.is_waiting(third))
    assert fourth.text == "Waiting: 2 others are ahead of you"
    third.cancel()
    last.go_on.set()
    assert fourth.wait(10)
    assert fourth.hand_over() == "done"


def test_one_other_is_said_in_the_singular(gate, ask):
    ask("Ann", is_long=True)
    waiting, _ = ask("Ben", is_long=True)
    assert waiting.text == "Waiting: 1 other is ahead of you", "long work never takes the last place"


def test_one_visitor_cannot_fill_the_gate(gate, ask):
    many = [ask("Ann")[0] for _ in range(5)]
    other, _ = ask("Ben")
    assert not gate.is_waiting(other)
    assert sum(not gate.is_waiting(job) for job in many) == 1
    assert many[1].text == "Waiting until your other task is done: Work of Ann"


def test_first_come_is_first_served_whoever_asks_most(gate, ask):
    ask("Ann")
    (running, work), (waiting, _) = ask("Ben"), ask("Cem")
    later, _ = ask("Ann")
    work.go_on.set()
    assert running.wait(10)
    until(lambda: not gate.is_waiting(waiting))
    assert gate.is_waiting(later)


def test_long_work_of_others_leaves_a_place_for_what_is_short(gate, ask):
    for owner in ("Ann", "Ben", "Cem"):
        ask(owner, is_long=True)
    assert gate.counts() == (1, 2)
    short, _ = ask("Dan")
    assert not gate.is_waiting(short)


def test_a_scan_can_be_opened_beside_ones_own_long_run(gate, ask):
    ask("Ann", is_long=True)
    assert not gate.is_waiting(ask("Ann")[0])


def test_what_was_cancelled_does_not_keep_its_owner_waiting(gate, ask):
    deaf = threading.Event()
    old, _ = ask("Ann", lambda progress, cancelled: deaf.wait(10))
    old.cancel()
    try:
        assert not gate.is_waiting(ask("Ann")[0])
    finally:
        deaf.set()


def test_what_waits_can_be_cancelled_and_never_starts(gate, ask):
    ask("Ann"), ask("Ben")
    started = threading.Event()
    waiting, _ = ask("Cem", lambda progress, cancelled: started.set())
    waiting.cancel()
    assert waiting.wait(0)
    assert waiting.was_cancelled
    assert waiting.trouble == "", "stopping is no fault"
    gate.cancel()
    until(lambda: gate.counts() == (0, 0))
    assert not started.is_set()


def failing(progress, cancelled):
    raise UnreadableScan("a scan", "an empty file", "choose another file")


def dying(progress, cancelled):
    raise SystemExit


def faulty(progress, cancelled):
    raise MemoryError


@pytest.mark.parametrize("work", [failing, faulty, dying, lambda *_: 1], ids=["refused", "fault", "death", "done"])
def test_a_place_is_free_again_however_the_work_ends(gate, ask, work):
    job, _ = ask("Ann", work)
    assert job.wait(10)
    assert gate.counts() == (0, 0)
    assert not gate.is_waiting(ask("Ann")[0])


def test_a_thread_that_dies_is_told_as_a_fault_and_not_as_a_result(ask):
    job, _ = ask("Ann", dying)
    assert job.wait(10)
    assert "that is our fault" in job.trouble


def test_a_place_is_free_again_where_the_system_gives_no_thread(gate, ask, monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    job, _ = ask("Ann", Held())
    assert job.wait(0)
    assert "that is our fault" in job.trouble
    assert gate.counts() == (0, 0)


def test_a_session_that_is_gone_frees_its_place_and_its_scan():
    class Pixels:
        pass

    pixels = Pixels()
    gone, session = weakref.ref(pixels), Jobs()
    held = Held()
    running = session.start("sweep", None, "Reading", lambda *told, kept=pixels: (held(*told), kept))
    waiting = session.start("check", None, "Checking", lambda *told, kept=pixels: (held(*told), kept))
    assert GATE.is_waiting(waiting)
    del pixels, session
    gc.collect()
    assert running.wait(10)
    assert waiting.wait(10)
    gc.collect()
    assert gone() is None
    assert not GATE.is_waiting(waiting)


def test_work_of_a_browser_that_cannot_come_back_is_cancelled_even_if_something_holds_its_state():
    sessions = {name: Jobs(name) for name in ("closed", "open", "")}
    jobs = {name: one.start("sweep", None, "Reading", Held()) for name, one in sessions.items()}
    assert end_work_of_closed_sessions(lambda name: name == "open") == 1
    assert jobs["closed"].wait(10)
    assert not jobs["open"].is_stopping
    assert not jobs[""].is_stopping, "work outside of a browser is nobody's to end"


def test_a_failed_job_holds_nothing_of_what_it_worked_on(ask):
    class Pixels:
        pass

    def read(progress, cancelled):
        pixels = Pixels()
        seen.append(weakref.ref(pixels))
        try:
            raise ValueError
        except ValueError as cause:
            raise UnreadableScan("a scan", "noise", "choose another file") from cause

    seen = []
    job, _ = ask("Ann", read)
    assert job.wait(10)
    gc.collect()
    assert seen[0]() is None


def test_a_job_that_waits_lets_go_of_its_work_when_it_is_cancelled(ask):
    class Pixels:
        pass

    pixels = Pixels()
    gone = weakref.ref(pixels)
    ask("Ann"), ask("Ben")
    waiting, _ = ask("Cem", lambda *_, kept=pixels: kept)
    del pixels
    waiting.cancel()
    del _
    gc.collect()
    assert gone() is None


def test_there_are_as_many_places_as_processors_and_at_least_two(monkeypatch):
    assert GATE.places >= 2
    assert Gate(1).places == 2
    assert Gate(16).places == 16
