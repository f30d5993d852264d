"""Many visitors of one server at once, as websockets without browsers: waiting, errors, and memory that comes back.

`python -m benchmarks.sessions 20 300` lets twenty visitors work for five minutes. Each opens a sample, gets its answer
with heatmap, and changes a control again and again. Then all leave, and the server's memory is looked at once more when
the time in which they could have come back has passed.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

import psutil

from benchmarks._visitor import Visitor
from benchmarks.app import MODEL, ROOT, SAMPLE, free_port, until_served

#: What `make bench` does; five minutes are asked for by hand.
SESSIONS, SECONDS = 20, 60.0
#: Seconds that a visitor waits between two changes of a control.
PAUSE = 2.0
#: Seconds after which a session that nobody came back to is gone.
GONE_AFTER = 150.0


@dataclass
class Told:
    """What the visitors saw."""

    first: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    turned: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def run() -> list[dict[str, object]]:
    """For `make bench`."""
    return rows_of(*measure(SESSIONS, SECONDS))


def measure(sessions: int, seconds: float) -> tuple[Told, float, float]:
    """What the visitors saw, and the server's megabytes before they came and after they went."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "ui.launch", "--server.port", str(port), "--server.headless", "true"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    try:
        until_served(port)
        process, told = psutil.Process(server.pid), Told()
        _visit(port, 0.0, told)  # what is loaded once a server is not what visitors cost
        time.sleep(GONE_AFTER)
        before, told = process.memory_info().rss / 2**20, Told()
        threads = [threading.Thread(target=_visit, args=(port, seconds, told)) for _ in range(sessions)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        time.sleep(GONE_AFTER)
        return told, before, process.memory_info().rss / 2**20
    finally:
        server.terminate()
        server.wait(30)


def _visit(port: int, seconds: float, told: Told) -> None:
    try:
        begin = time.monotonic()
        visitor = Visitor(port, f"sample={SAMPLE}&model={MODEL}")
        visitor.run()
        told.first.append(time.monotonic() - begin)
        visitor.until(lambda: "Invert" in visitor.toggles and visitor.saw("probability of"))
        told.answered.append(time.monotonic() - begin)
        while time.monotonic() - begin < seconds:
            time.sleep(PAUSE)
            name = visitor.toggles["Invert"]
            visitor.toggled[name] = not visitor.toggled.get(name, False)
            turned = time.monotonic()
            visitor.run()
            told.turned.append(time.monotonic() - turned)
        visitor.leave()
    except Exception as error:
        told.errors.append(f"{type(error).__name__}: {error}")


def rows_of(told: Told, before: float, after: float) -> list[dict[str, object]]:
    """As rows of the table of `make bench`."""
    many = f"of {len(told.first) + len(told.errors)} visitors at once"
    rows = [
        (f"{many}: errors", len(told.errors), 0, "errors"),
        (f"{many}: first page, median", _median(told.first), 8.0, "s"),
        (f"{many}: answer with heatmap, median", _median(told.answered), 20.0, "s"),
        (f"{many}: a changed control, median", _median(told.turned), 2.0, "s"),
        ("memory after they have left / before they came", after / before, 1.5, "×"),
    ]
    for error in dict.fromkeys(told.errors):
        print(error, file=sys.stderr)
    return [
        {"name": name, "value": round(value, 4), "limit": limit, "unit": unit, "holds": value <= limit}
        for name, value, limit, unit in rows
    ]


def _median(values: list[float]) -> float:
    return statistics.median(values) if values else float("inf")


if __name__ == "__main__":
    from benchmarks.__main__ import table

    asked = [float(text) for text in sys.argv[1:3]] or [SESSIONS, SECONDS]
    print(table(rows_of(*measure(int(asked[0]), asked[1] if len(asked) > 1 else SECONDS))))
