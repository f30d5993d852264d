"""Work in the background: how far it is, how it is stopped, and how it fails."""

import logging
import threading

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import Cancelled, UnreadableScan
from ui.background import Job, Jobs, stopping
from ui.gate import GATE

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
    assert (job.fraction, job.message) == (0.4, "Reading 4 of 10")
    assert finished(lambda progress, cancelled: progress(7.0)).fraction == 1.0
    assert finished(lambda progress, cancelled: progress(-1.0)).fraction == 0.0


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
    assert str(job.error) == "Opening failed, and that is our fault: try again, or open another scan."
    assert error.__name__ in caplog.text, "what it was is logged"
    assert "test_background.py:" in caplog.text, "where it was is logged"
    assert NAME not in caplog.text + str(job.error)


def test_time_left_is_told_once_there_is_ground_for_it(monkeypatch):
    job = finished(lambda progress, cancelled: progress(0.25))
    assert job.time_left() == "", "nothing is known in the first two seconds"
    monkeypatch.setattr("ui.background.time.monotonic", lambda: job.started + 10)
    assert job.time_left() == "about 30 s left"


def test_the_same_question_is_not_asked_twice():
    session, asked = Jobs(), []

    def work(progress, cancelled):
        asked.append(1)
        while not cancelled():
            pass

    first = session.start("sweep", ("whole", "a"), "Reading", work)
    assert session.start("sweep", ("whole", "a"), "Reading", work) is first
    session.drop("sweep")
    assert first.wait(10)
    assert asked == [1]


def test_another_question_cancels_the_one_before():
    session = Jobs()

    def endless(progress, cancelled):
        while not cancelled():
            pass
        raise Cancelled("the reading")

    before = session.start("sweep", "a", "Reading", endless)
    after = session.start("sweep", "b", "Reading", lambda *_: "b", patience=10)
    assert before.wait(10)
    assert before.was_cancelled
    assert session.take("sweep") is after
    assert session.take("sweep") is None, "it is handed over once"


def test_what_is_below_a_slot_goes_with_it():
    session, go_on = Jobs(), threading.Event()
    for slot in ("check:left", "check:right", "checklist"):
        session.start(slot, None, "Checking", lambda *_: go_on.wait(10))
    session.drop("check")
    assert set(session.slots) == {"checklist"}
    go_on.set()


def test_what_has_failed_stays_where_only_running_work_is_dropped():
    session = Jobs()

    def refuse(progress, cancelled):
        raise UnreadableScan("a scan", "an empty file", "choose another file")

    session.start("sweep", None, "Reading", refuse, patience=10)
    session.drop_running("sweep")
    assert session.find("sweep").trouble.startswith("Expected a scan")


def test_work_that_can_only_tell_how_far_it_is_stops_there_too():
    told, stop = [], [False]
    step = stopping(lambda *words: told.append(words), lambda: stop[0], "the report")
    step(0.5, "Drawing")
    stop[0] = True
    with pytest.raises(Cancelled):
        step(0.6, "Drawing")
    assert told == [(0.5, "Drawing")]


def page():
    """Wants one number, and shows what is under way until it is there."""
    import streamlit as st

    from ui.background import computed
    from ui.session import Recent

    kept = st.session_state.setdefault("kept", Recent(2))
    key = st.session_state.get("question", "a")
    found = computed("sweep", key, kept, "Reading *a*.dcm", st.session_state["work"], again="Read it", patience=0.05)
    if found is not None:
        st.markdown(f"Found {found}")


@pytest.fixture(autouse=True)
def quick_runs(pages_run_as_in_a_server):
    """Many small pages."""


def asked(work, **state):
    app = AppTest.from_function(page)
    app.session_state["work"] = work
    for name, value in state.items():
        app.session_state[name] = value
    return app.run()


def test_a_page_shows_progress_then_the_answer_and_asks_once():
    go_on, runs = threading.Event(), []

    def work(progress, cancelled):
        runs.append(1)
        progress(0.5, "Slice 3 of 6")
        go_on.wait(10)
        return 42

    app = asked(work)
    bar = app.get("progress")[0].proto
    assert (bar.value, bar.text) == (50, "Slice 3 of 6")
    job = app.session_state["jobs"].find("sweep")
    app.run()
    go_on.set()
    assert job.wait(10)
    assert app.run().markdown[-1].value == "Found 42"
    assert app.run().markdown[-1].value == "Found 42"
    assert runs == [1]
    assert not app.session_state["jobs"].slots


def test_a_page_that_cancels_offers_to_start_again():
    def work(progress, cancelled):
        while not cancelled():
            pass
        raise Cancelled("the reading")

    app = asked(work)
    job = app.session_state["jobs"].find("sweep")
    app.button(key="cancel-sweep").click().run()
    assert job.wait(10)
    app.run()
    assert [button.label for button in app.button] == ["Read it"]
    assert not app.error
    app.session_state["work"] = lambda *_: 7
    app.button(key="again-sweep").click().run()
    assert app.markdown[-1].value == "Found 7"


def test_a_page_says_once_why_it_failed_and_does_not_try_again_by_itself():
    runs = []

    def work(progress, cancelled):
        runs.append(1)
        raise UnreadableScan("a scan", "an empty file", "choose another file")

    app = asked(work)
    for _ in range(3):
        app.run()
        assert app.error[0].value == "Expected a scan, received an empty file: choose another file."
    assert runs == [1]
    assert [button.label for button in app.button] == ["Read it"]


def test_a_page_whose_question_changes_never_shows_the_answer_to_the_old_one():
    go_on = threading.Event()
    app = asked(lambda *_: go_on.wait(10) and "old")
    app.session_state["work"] = lambda *_: "new"
    app.session_state["question"] = "b"
    app.run()
    go_on.set()
    assert app.run().markdown[-1].value == "Found new"


def test_a_page_says_what_it_waits_for_and_waiting_can_be_cancelled(monkeypatch):
    go_on = threading.Event()
    others = [Job("Opening", lambda *_: go_on.wait(10)) for _ in range(GATE.places + 1)]
    app = asked(lambda *_: 7)
    assert app.get("progress")[0].proto.text == f"Waiting: {GATE.places + 1} others are ahead of you"
    app.button(key="cancel-sweep").click().run()
    assert [button.label for button in app.button] == ["Read it"]
    app.button(key="again-sweep").click().run()
    assert "Waiting" in app.get("progress")[0].proto.text
    go_on.set()
    assert all(job.wait(10) for job in others)
    assert app.session_state["jobs"].find("sweep").wait(10)
    assert app.run().markdown[-1].value == "Found 7", "it went on by itself"


def test_names_in_a_title_are_text():
    go_on = threading.Event()
    app = asked(lambda *_: go_on.wait(10))
    assert app.get("progress")[0].proto.text == r"Reading \*a\*.dcm"
    go_on.set()
