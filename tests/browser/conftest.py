"""A running server and a headless Chromium. Skips where there is no Chromium, but never in CI."""

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections import namedtuple
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
HEALTH = "/_stcore/health"
TIMEOUT = 45_000  # milliseconds; a busy machine is slow, not broken


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium():
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs chromium for the browser tests.")
        pytest.skip("no chromium on this machine")
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_served(url: str, health: str = HEALTH) -> bool:
    with contextlib.suppress(OSError):
        return urllib.request.urlopen(f"{url}{health}", timeout=1).status == 200
    return False


@pytest.fixture(scope="session")
def server_log(tmp_path_factory):
    return tmp_path_factory.mktemp("server") / "log.txt"


@contextlib.contextmanager
def served(log_file, *options, start=("-m", "ui.launch"), folder=ROOT, environment=None, health=HEALTH, under=()):
    """A server of its own, started as `make run` does.

    Args:
        log_file: Where its output goes; its home lies beside it.
        options: More of Streamlit's options.
        start: What Python is to run.
        folder: To start it in.
        environment: Variables to add.
        health: Path that answers once the server does.
        under: Command that starts the server in its turn.
    """
    port = free_port()
    command = [*under, sys.executable, *start, "--server.port", str(port)]
    command += ["--server.headless", "true", "--server.fileWatcherType", "none", *options]
    url, until = f"http://localhost:{port}", time.monotonic() + 60
    with log_file.open("wb") as log:
        # A home of its own: what the user has added must not change the pages, nor the tests what the user has.
        home = {**os.environ, "SCANLENS_HOME": str(log_file.parent / "home"), **(environment or {})}
        process = subprocess.Popen(command, cwd=folder, env=home, stdout=log, stderr=subprocess.STDOUT)
    try:
        while not is_served(url, health):
            assert process.poll() is None, log_file.read_text()
            assert time.monotonic() < until, "The server did not start within a minute."
            time.sleep(0.1)
        yield url
    finally:
        for one in psutil.Process(process.pid).children() if under else [process]:
            one.terminate()
        process.wait(20)


@pytest.fixture(scope="session")
def serve():
    """Start servers: `with serve(log_file, "--server.port", …) as url`, see `served`."""
    return served


@pytest.fixture(scope="session")
def behind_proxy():
    """Put a proxy before a server: `with behind_proxy(url, 413) as other_url`, see `proxy.py`."""
    return beside("proxy").proxied


@pytest.fixture(scope="session")
def tracing():
    """What a process does to the network and the disk, see `tracing.py`. Skips without strace, but never in CI."""
    if shutil.which("strace") is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs strace to see what leaves the machine.")
        pytest.skip("no strace on this machine")
    return beside("tracing")


def beside(name):
    """A module of this folder, which is no package."""
    found = importlib.util.spec_from_file_location(f"scanlens_test_{name}", Path(__file__).parent / f"{name}.py")
    module = sys.modules[found.name] = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def server(chromium, server_log):
    with served(server_log) as url:
        yield url


@pytest.fixture
def fresh_server(chromium, tmp_path):
    """A server that nobody has visited yet."""
    with served(tmp_path / "log.txt") as url:
        yield url


@pytest.fixture(scope="session")
def launched(chromium):
    """One Chromium for all tests: Playwright can be started once a process."""
    from playwright.sync_api import sync_playwright

    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=chromium, args=options)
        yield found
        found.close()


@pytest.fixture(scope="session")
def browser(launched):
    # One context for all tests: each page is a session of its own to the app, but its scripts load only once.
    return launched.new_context(accept_downloads=True)


@pytest.fixture(scope="session")
def guarded_pages(browser, server, server_log):
    """A context in which pages can be opened; leaving it closes them and tells what they did wrong.

    Wrong is asking another machine for anything, a script that fails, anything that the content-security policy of
    the page forbids, and an error in the server's log.
    """

    @contextlib.contextmanager
    def guarded():
        pages, faults, logged = [], [], server_log.stat().st_size

        def opened(address: str = "", width: int = 1440, scheme: str = "light"):
            page = browser.new_page()
            pages.append(page)
            page.set_default_timeout(TIMEOUT)
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            page.on("request", lambda request: faults.append(request.url) if is_foreign(request.url) else None)
            page.on("websocket", lambda socket: faults.append(socket.url) if is_foreign(socket.url) else None)
            page.on("pageerror", lambda error: faults.append(f"script failed: {error}"))
            page.on(
                "console", lambda message: faults.append(message.text) if "Security Policy" in message.text else None
            )
            page.goto(f"{server}/{address}")
            return page

        yield opened
        for page in pages:
            page.close()
        assert not faults
        new = server_log.read_bytes()[logged:].decode(errors="replace")
        assert "Traceback" not in new, new
        assert " failed with " not in new, new

    return guarded


@pytest.fixture
def open_page(guarded_pages):
    """Open the app: `open_page(address="", width=1440, scheme="light")`."""
    with guarded_pages() as opened:
        yield opened


def is_foreign(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname not in {"localhost", "127.0.0.1"}


@pytest.fixture
def page(open_page):
    """The empty reading page, 1440 × 900."""
    return open_page()


@pytest.fixture(scope="session")
def until_drawn():
    """Wait until the viewer shows a frame at full resolution: `until_drawn(page, frame=3)`; the viewer is returned."""

    def waited(page, frame: int | None = None):
        end = ":true" if frame is None else f":{frame}:true"
        viewer = page.locator(f".viewer[data-ready$='{end}']")
        viewer.wait_for()
        return viewer

    return waited


Pixels = namedtuple("Pixels", "lit coloured")

_COUNT = """canvas => {
  const { width, height } = canvas
  if (!width || !height) return [0, 0]
  const data = canvas.getContext("2d").getImageData(0, 0, width, height).data
  let lit = 0, coloured = 0
  for (let i = 0; i < data.length; i += 4) {
    const high = Math.max(data[i], data[i + 1], data[i + 2]), low = Math.min(data[i], data[i + 1], data[i + 2])
    if (high > 20) lit++
    if (high - low > 40) coloured++
  }
  return [lit / (width * height), coloured / (width * height)]
}"""


@pytest.fixture(scope="session")
def pixels():
    """Fractions of lit and of coloured pixels in the viewer's pane number `pane`."""
    return lambda page, pane: Pixels(*page.locator(".viewer canvas").nth(pane).evaluate(_COUNT))


@pytest.fixture(scope="session")
def image_of(tmp_path_factory):
    """Keep a screenshot to be looked at, in ./screenshots where SCREENSHOTS is set, else in a temporary folder."""
    folder = ROOT / "screenshots" if os.environ.get("SCREENSHOTS") else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(exist_ok=True)

    def kept(page, name: str) -> Path:
        path = folder / f"{name}.png"
        page.screenshot(path=path)
        return path

    return kept


@pytest.fixture(scope="session")
def force():
    """Ask the pneumonia model about a scan that it does not fit, whatever other models are there."""

    def asked(page):
        folded = page.locator("details", has_text="Models that do not fit")
        folded.wait_for()
        if folded.get_attribute("open") is None:
            folded.locator("summary").click()
        page.locator(".st-key-force-pneumonia-chest-xray button").click()

    return asked
