"""The app without a browser: Streamlit runs the real scripts, tests look at what they drew."""

import json
import re
import time
from html import unescape
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from ui.background import Job

ROOT = Path(__file__).resolve().parents[2]
MODEL = "pneumonia-chest-xray"


@pytest.fixture(autouse=True)
def own_home(pages_run_as_in_a_server, tmp_path, monkeypatch):
    """A user data folder of the test's own, and no database from the environment."""
    monkeypatch.setenv("SCANLENS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SCANLENS_DATABASE_URL", raising=False)
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def quick_checks(request, monkeypatch):
    """Checking an explanation takes hundreds of predictions; only the tests of the verdict wait for the real thing."""
    if request.node.get_closest_marker("real_checks") is None:
        from core.explain.trust.verdict import Check, Trust

        trust = Trust("undecided", (Check("Follows the model", "open", "Not measured in this test"),))
        monkeypatch.setattr("ui.reading.trust.check_explanation", lambda *_, **__: trust)


@pytest.fixture(autouse=True)
def answers_are_shown(request, monkeypatch):
    """Samples and made-up images lie outside every contract; only the tests of withholding want the refusal."""
    if request.node.get_closest_marker("withholding") is None:
        for module in ("core.inference.class_scores", "core.inference.masks", "ui.explaining.board"):
            monkeypatch.setattr(f"{module}.withheld", lambda *_: None)


def settled(app: AppTest) -> AppTest:
    """Run until nothing is under way; the browser does the same by itself."""
    until = time.monotonic() + 120
    while before := slots(app):
        for job in before.values():
            assert job.wait(max(0.0, until - time.monotonic())), f"{job.title} took more than two minutes"
        app.run()
        if slots(app) == before:
            return app
    return app


def slots(app: AppTest) -> dict[str, Job]:
    """What is under way in the session, or done and not fetched, by slot."""
    return dict(app.session_state["jobs"].slots) if "jobs" in app.session_state else {}


@pytest.fixture
def start():
    """Open the app, with an address if wanted: `start(sample="chest")`."""

    def started(**address: str) -> AppTest:
        if address.get("sample") == "chest":  # an adult's, of whom no model is chosen by itself
            address = {"model": MODEL, **address}
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        app.query_params.update(address)
        return settled(app.run())

    return started


@pytest.fixture
def look_at(start):
    """Open the app and click on a sample."""

    def opened(sample: str) -> AppTest:
        app = start(**({"model": MODEL} if sample == "chest" else {}))
        return settled(app.button(key=f"sample-{sample}").click().run())

    return opened


@pytest.fixture
def upload(start):
    """Open the app and drop files on it: `upload(("name", b"…"), …)`."""

    def dropped(*files: tuple[str, bytes], app: AppTest | None = None) -> AppTest:
        app = app or start()
        app.file_uploader[0].set_value([(name, data, "application/octet-stream") for name, data in files])
        return settled(app.run())

    return dropped


@pytest.fixture
def words():
    """Everything that stands on the page, as one text."""

    def found(app: AppTest) -> str:
        kinds = (app.title, app.subheader, app.markdown, app.caption, app.error, app.warning, app.info)
        html = [element.proto.body for element in app.get("html") if not element.proto.body.startswith("<style")]
        told = [unescape(re.sub("<[^>]*>", "", body)) for body in html]
        return "\n".join([*(element.value for kind in kinds for element in kind), *told])

    return found


@pytest.fixture
def state():
    """What the session remembers of the reading page."""
    return lambda app: app.session_state["reading"]


@pytest.fixture(name="slots")
def slots_fixture():
    return slots


@pytest.fixture(name="settled")
def settled_fixture():
    return settled


@pytest.fixture(scope="session")
def png():
    """A small grey image."""
    import cv2
    import numpy as np

    ramp = np.tile(np.arange(96, dtype=np.uint8) * 2, (80, 1))
    return cv2.imencode(".png", ramp)[1].tobytes()


@pytest.fixture
def saves():
    """The labels of the buttons on a page that save a file, in order."""

    def labels(app):
        found = [element.proto for element in app.get("bidi_component")]
        return [json.loads(one.json)["label"] for one in found if one.component_name == "scanlens_download"]

    return labels


@pytest.fixture
def models_page():
    """Open the models page by itself, with an address if wanted: `models_page(model="…")`."""

    def opened(**address: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "pages" / "evidence" / "models.py"), default_timeout=60)
        app.query_params.update(address)
        return app.run()

    return opened


@pytest.fixture
def listed():
    """The slugs in the table of the models page, in order."""

    def slugs(app):
        (table,) = [
            one.proto for one in app.get("bidi_component") if one.proto.component_name == "scanlens_models_table"
        ]
        return [row["slug"] for group in json.loads(table.json)["groups"] for row in group["rows"]]

    return slugs
