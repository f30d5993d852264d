"""Work in the background: how far it is, how it is stopped, and how it fails."""

import logging
import threading

import pytest

from core.errors import Cancelled, UnreadableScan
from ui.jobs import Job

NAME = "MUELLER^HANS"


def finished(work) -> Job:
    job = Job("Opening", work)
    assert job.wait(10)
    return job


def test_a_result_is_kept():
    job = finished(lambda progress, cancelled: 42)
    assert job.result == 42
    assert job.error is None


def test_progress_is_told_and_stays_between_0_and_1():
    job = finished(lambda progress, cancelled: progress(0.4, "Reading 4 of 10"))
    assert (job.share, job.message) == (0.4, "Reading 4 of 10")
    assert finished(lambda progress, cancelled: progress(7.0)).share == 1.0
    assert finished(lambda progress, cancelled: progress(-1.0)).share == 0.0


def test_a_running_job_says_that_it_is_not_done():
    go_on = threading.Event()
    job = Job("Opening", lambda progress, cancelled: go_on.wait(10))
    assert not job.wait(0.01)
    go_on.set()
    assert job.wait(10)


def test_cancelling_reaches_the_work_and_is_no_fault():
    def work(progress, cancelled):
        started.set()
        while not cancelled():
            pass
        raise Cancelled("the upload")

    started = threading.Event()
    job = Job("Opening", work)
    assert started.wait(10)
    job.cancel()
    assert job.wait(10)
    assert job.was_cancelled


def test_an_error_for_people_is_kept_as_it_is():
    error = UnreadableScan("a scan", "an empty file", "choose another file")

    def work(progress, cancelled):
        raise error

    job = finished(work)
    assert job.error is error
    assert not job.was_cancelled


@pytest.mark.parametrize("error", [ValueError, MemoryError, KeyError, RecursionError, OSError])
def test_a_foreign_error_becomes_one_sentence_and_its_message_is_never_logged(error, caplog):
    def work(progress, cancelled):
        raise error(f"cannot decode {NAME}")

    with caplog.at_level(logging.DEBUG):
        job = finished(work)
    assert str(job.error).endswith("try again, or open another scan.")
    assert error.__name__ in caplog.text, "what it was is logged"
    assert "test_jobs.py:" in caplog.text, "where it was is logged"
    assert NAME not in caplog.text + str(job.error)


def test_time_left_is_told_once_there_is_ground_for_it(monkeypatch):
    job = finished(lambda progress, cancelled: progress(0.25))
    assert job.time_left() == "", "nothing is known in the first two seconds"
    monkeypatch.setattr("ui.jobs.time.monotonic", lambda: job.started + 10)
    assert job.time_left() == "about 30 s left"
