"""The app as a user meets it: start, first page, first prediction with heatmap, memory, a widget change.

The server runs as `make run` starts it and a headless Chromium looks at it; the browser is started before the clock.
The widget change is timed with Streamlit's own test client, which runs the page's script without a browser.
"""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from core.samples import SAMPLES

ROOT = Path(__file__).resolve().parent.parent
SAMPLE, MODEL = "brain", "brain-tumour-mri"
SAMPLE_TITLE = next(sample.title for sample in SAMPLES if sample.key == SAMPLE)
RUNS = 3


def run() -> list[dict[str, object]]:
    rows = [_row("a widget change on the reading page, server side", _widget_change(), 0.1, "s")]
    chromium = shutil.which("chromium")
    if chromium is None:
        print("No chromium here: the start of the app is not measured.", file=sys.stderr)
        return rows
    found = _starts(chromium)
    medians = [statistics.median(column) for column in zip(*found, strict=True)]
    return [
        _row("server start to first page", medians[0], 2.5, "s"),
        _row("server start to first prediction with heatmap", medians[1], 4.5, "s"),
        _row("memory of the web process then", medians[2], 400.0, "MB"),
        *rows,
    ]


def _row(name: str, value: float, limit: float, unit: str) -> dict[str, object]:
    return {"name": name, "value": round(value, 4), "limit": limit, "unit": unit, "holds": value <= limit}


def _widget_change() -> float:
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.query_params.update({"sample": SAMPLE, "model": MODEL})
    app.run()
    while not app.get("plotly_chart"):
        app.run()
    times = []
    for turn in range(11):
        invert = next(toggle for toggle in app.toggle if toggle.label == "Invert")
        begin = time.perf_counter()
        invert.set_value(turn % 2 == 0).run()
        times.append(time.perf_counter() - begin)
    assert not app.exception
    return statistics.median(times[1:])


def _starts(chromium: str) -> list[tuple[float, float, float]]:
    from playwright.sync_api import sync_playwright

    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=options)
        found = [_start(browser) for _ in range(RUNS)]
        browser.close()
    return found


def _start(browser: Any) -> tuple[float, float, float]:
    """Seconds to the first page, seconds to the first answer with heatmap, megabytes of the server then."""
    import psutil

    port = free_port()
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-m", "ui.launch", "--server.port", str(port)]
    begin = time.perf_counter()
    server = subprocess.Popen([*command, "--server.headless", "true"], cwd=ROOT, env=environment)
    try:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        until_served(port)
        page.goto(f"http://localhost:{port}/?model={MODEL}")
        page.get_by_text("Or look at a sample").wait_for()
        first_page = time.perf_counter() - begin
        page.get_by_role("button", name=SAMPLE_TITLE, exact=True).click()
        page.get_by_text("brightest cell").or_(page.get_by_text("Nothing found here")).wait_for()
        page.locator(".viewer[data-ready]").wait_for()
        answered = time.perf_counter() - begin
        memory = psutil.Process(server.pid).memory_info().rss / 2**20
        page.close()
        return first_page, answered, memory
    finally:
        server.terminate()
        server.wait(10)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until_served(port: int) -> None:
    """Wait until a server takes connections.

    Raises:
        TimeoutError: It does not within 12 s.
    """
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise TimeoutError("The server did not start within 12 s.")
