"""The viewer by itself in a browser, given messages in whatever order a busy server may send them."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest

from core.scan import Scan, Window
from ui.components.script import script
from ui.components.viewer import View, message
from ui.session import Recent

HERE = Path(__file__).resolve().parents[2] / "ui" / "components" / "viewer"
FRAMES = 8

#: The viewer in an empty page: `sent(bytes)` is a message of the server, `told` what it has told the server.
STAGE = """async ([html, script]) => {
  const root = document.createElement("div").attachShadow({ mode: "open" })
  root.innerHTML = html
  const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }))
  const component = (await import(url)).default
  window.told = []
  window.shown = () => root.querySelector(".viewer").dataset.ready.split(":")[1]
  window.turn = frame => {
    const slice = root.querySelector("[data-name=slice]")
    slice.value = frame
    slice.oninput({ target: slice })
  }
  window.sent = async text => {
    const data = Uint8Array.from(atob(text), letter => letter.charCodeAt(0))
    component({ data, parentElement: root, setStateValue: (name, value) => window.told.push([name, value]) })
    await new Promise(done => setTimeout(done, 300))
  }
}"""


@pytest.fixture(scope="module")
def scan():
    pixels = np.arange(FRAMES * 64, dtype=np.int16).reshape(FRAMES, 8, 8)
    return Scan(pixels, "slice", "ab" * 32, "DICOM", "CT series", modality="CT")


@pytest.fixture
def viewer(launched, scan):
    """Shows frame 0: `send(frame)`, `turn(frame)`, `shown()`."""
    page = launched.new_context().new_page()
    files = [(HERE / "viewer.html").read_text(encoding="utf-8"), script("viewer")]
    page.evaluate(STAGE, files)

    class Viewer:
        def send(self, frame, of=scan):
            data = message(View(of, frame, Window(256.0, 512.0), "wide"), False, Recent(4))
            page.evaluate("text => window.sent(text)", base64.b64encode(data).decode())

        def turn(self, frame, tell=True):
            page.evaluate("frame => window.turn(frame)", frame)
            if tell:
                wanted = json.dumps(["frame", frame])
                page.wait_for_function(
                    f"() => window.told.some(one => JSON.stringify(one) === '{wanted.replace(' ', '')}')"
                )

        def shown(self):
            return int(page.evaluate("() => window.shown()"))

    found = Viewer()
    found.send(0)
    yield found
    page.context.close()


def test_frame_of_the_server_is_shown_where_the_user_has_not_turned(viewer):
    viewer.send(3)
    assert viewer.shown() == 3


@pytest.mark.parametrize("late", [[0], [0, 0, 0], [2, 0]])
def test_messages_of_runs_that_had_not_heard_of_the_turn_do_not_turn_it_back(viewer, late):
    if late[0] == 2:
        viewer.turn(2)
    viewer.turn(5)
    for frame in late:
        viewer.send(frame)
        assert viewer.shown() == 5
    viewer.send(5)
    assert viewer.shown() == 5


def test_server_may_turn_it_once_it_has_answered(viewer):
    viewer.turn(5)
    viewer.send(0)
    viewer.send(5)
    viewer.send(1)
    assert viewer.shown() == 1


def test_frame_on_the_way_is_not_turned_back_before_the_server_is_told(viewer):
    viewer.turn(6, tell=False)
    viewer.send(0)
    assert viewer.shown() == 6


def test_another_scan_begins_where_the_server_says(viewer, scan):
    viewer.turn(5)
    other = Scan(scan.pixels, "slice", "cd" * 32, "DICOM", "CT series", modality="CT")
    viewer.send(2, other)
    assert viewer.shown() == 2
    viewer.send(3, other)
    assert viewer.shown() == 3
