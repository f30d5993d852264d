"""A child process that nobody calls is ended, and started again by the next call."""

import time

import psutil
import pytest

from core.processes.worker_process import PATIENCE, WorkerProcess

pytestmark = pytest.mark.guest


class Process(WorkerProcess):
    module = "core.inference.guest_worker"
    name = "a process of a test"
    idle_after = 500.0

    def __init__(self):
        super().__init__(1 << 30, 60.0)


class Keeping(Process):
    keeping = "pi"  # so that `ping` keeps something


@pytest.fixture
def started():
    """`started(kind)`: a process of that kind that has answered once."""
    made = []

    def make(kind):
        made.append(kind())
        made[-1].call("ping")
        return made[-1]

    yield make
    for process in made:
        process.close()


def gone(pid, within=20.0):
    until = time.monotonic() + within
    while time.monotonic() < until:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_an_idle_child_is_ended_and_the_next_call_starts_another(started):
    process = started(Process)
    first = process.pid
    process._idle_since -= Process.idle_after  # as if so long had passed
    assert gone(first)
    assert process.pid is None
    assert process.call("ping")[0] is not None
    assert process.pid != first


def test_a_child_that_keeps_something_for_somebody_stays_longer(started):
    process = started(Keeping)
    process._idle_since -= 2 * Process.idle_after
    assert not process.end_if_idle()
    first = process.pid
    process._idle_since -= PATIENCE * Process.idle_after
    assert gone(first)


def test_a_child_at_work_is_never_idle(started):
    process = started(Process)
    with process._turn:
        process._idle_since -= 2 * Process.idle_after
        assert not process.end_if_idle()
        assert process.pid is not None


def test_the_keras_process_is_one_that_ends():
    from core.keras_process.client import KerasProcess

    assert KerasProcess.idle_after == 600.0
    assert KerasProcess.keeping == "train_"
