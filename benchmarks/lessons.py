"""How long the server works when a slider of a lesson moves: the whole page runs again, as for a student."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Lesson, further state of its address, and the slider that is moved.
MOVED = (
    ("convolution", {}, "row"),
    ("convolution", {"edge": "256", "padding": "same"}, "row"),
    ("pooling", {"topic": "Activation"}, "row"),
    ("pooling", {"topic": "Pooling"}, "row"),
    ("pooling", {"topic": "Shift"}, "shift"),
)
LIMIT, ROUNDS = 150.0, 15


def run() -> list[dict[str, object]]:
    from streamlit.testing.v1 import AppTest

    rows = []
    with tempfile.TemporaryDirectory() as home:
        os.environ["SCANLENS_HOME"] = home
        for slug, address, slider in MOVED:
            app = AppTest.from_file(str(ROOT / "pages" / "learn" / f"{slug}.py"), default_timeout=120)
            app.query_params.update(address)
            app.run()
            times = []
            for turn in range(ROUNDS):
                moved = app.slider(key=slider)
                moved.set_value(1 + turn % int(moved.max))
                begin = time.perf_counter()
                app.run()
                times.append(1000 * (time.perf_counter() - begin))
            if app.exception:
                raise RuntimeError(f"the lesson {slug} failed")
            value = statistics.median(times[2:])
            state = ", ".join(address.values())
            name = f"a slider of the lesson {slug}{f' ({state})' if state else ''}, server side"
            rows.append({"name": name, "value": round(value, 1), "limit": LIMIT, "unit": "ms", "holds": value <= LIMIT})
    return rows
