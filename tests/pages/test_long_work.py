"""Work that takes its time: the page shows it, it can be stopped, and widgets stay quick."""

import gc
import threading
import time
import weakref

import pytest
from streamlit.testing.v1 import AppTest

import ui.reading.open_scan
import ui.reading.panels.classification
from core.errors import Cancelled
from core.readers import open_sources
from ui.background import Job
from ui.gate import GATE

MODEL = "pneumonia-chest-xray"


@pytest.fixture
def endless_sweep(monkeypatch):
    """Reading all frames goes on until it is told to stop; one frame is read as always."""
    predict = ui.reading.panels.classification.predict

    def slow(bundle, study, frames=None, progress=None, cancelled=None, *, expect=None):
        if frames is not None:
            return predict(bundle, study, frames, expect=expect)
        progress(0.25)
        while not cancelled():
            time.sleep(0.01)
        raise Cancelled("the prediction")

    monkeypatch.setattr(ui.reading.panels.classification, "predict", slow)


def clicked_echo(start) -> AppTest:
    app = start()
    app.button(key="sample-echo").click().run()
    while not [button for button in app.button if button.key == f"force-{MODEL}"]:
        app.run()
    return app.button(key=f"force-{MODEL}").click().run()


def test_a_long_sweep_shows_the_answer_at_once_and_can_be_cancelled(endless_sweep, start, slots):
    app = clicked_echo(start)
    assert app.subheader, "the frame on the page has its answer already"
    assert app.get("progress")[0].proto.value == 25
    job = slots(app)["sweep"]
    app.button(key="cancel-sweep").click().run()
    assert job.wait(10)
    app.run()
    assert not app.exception
    assert not app.error, "stopping is no error"
    assert "Read all frames" in [button.label for button in app.button]


def test_a_cancelled_sweep_can_start_again(endless_sweep, start, slots, monkeypatch, settled):
    app = clicked_echo(start)
    job = slots(app)["sweep"]
    app.button(key="cancel-sweep").click().run()
    assert job.wait(10)
    app.run()
    monkeypatch.undo()
    next(button for button in app.button if button.label == "Read all frames").click().run()
    settled(app)
    assert len(app.get("plotly_chart")) == 2, "the answer and the strip"


def test_closing_stops_what_is_under_way(endless_sweep, start, slots):
    app = clicked_echo(start)
    job = slots(app)["sweep"]
    app.button(key="close").click().run()
    assert job.wait(10)
    assert job.was_cancelled


def test_opening_can_be_cancelled(start, state, monkeypatch, png, settled):
    def endless(sources, progress, cancelled):
        progress(0.5, "Reading 60 of 120")
        while not cancelled():
            time.sleep(0.01)
        return open_sources(sources, progress, cancelled)

    monkeypatch.setattr(ui.reading.open_scan, "open_sources", endless)
    app = start()
    app.file_uploader[0].set_value([("c.png", png, "image/png")]).run()
    assert "Reading 60 of 120" in app.get("progress")[0].proto.text
    app.button(key="cancel-opening").click().run()
    settled(app)
    assert not app.error
    assert app.file_uploader, "ready for the next"


def test_a_control_of_the_reading_page_does_not_wait_behind_the_work_of_others(look_at, words):
    app = look_at("chest")
    before = words(app)
    go_on = threading.Event()
    others = [Job("Opening", lambda *_: go_on.wait(30)) for _ in range(GATE.places + 2)]
    try:
        app.button_group(key=f"label-{MODEL}").set_value("Normal").run()
        app.run()
        assert GATE.counts()[0] == GATE.places, "no place is free"
        assert app.subheader, "the answer is there"
        assert "for Normal" in words(app)
        assert "for Normal" not in before
        assert not app.exception
    finally:
        go_on.set()
        assert all(job.wait(30) for job in others)


def test_a_scan_that_is_opened_while_too_much_runs_waits_and_opens_by_itself(start, settled):
    app = start()
    go_on = threading.Event()
    others = [Job("Opening", lambda *_: go_on.wait(30)) for _ in range(GATE.places)]
    app.button(key="sample-chest").click().run()
    assert app.get("progress")[0].proto.text == f"Waiting: {GATE.places} others are ahead of you"
    go_on.set()
    assert all(job.wait(30) for job in others)
    settled(app)
    assert app.subheader


def test_a_closed_scan_is_nowhere_in_memory(look_at, state, settled):
    app = look_at("echo")
    settled(app.button(key=f"force-{MODEL}").click().run())  # every frame was read by a job of its own
    scan = weakref.ref(state(app).scan)
    assert scan() is not None
    app.button(key="close").click().run()
    gc.collect()
    assert scan() is None
