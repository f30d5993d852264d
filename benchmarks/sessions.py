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
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

from benchmarks.app import MODEL, ROOT, SAMPLE, free_port, until_served

#: What `make bench` does; five minutes are asked for by hand.
SESSIONS, SECONDS = 20, 60.0
#: Seconds that a visitor waits between two changes of a control.
PAUSE = 2.0
#: Seconds after which a session that nobody came back to is gone.
GONE_AFTER = 150.0
#: Seconds without the end of a run that count as an error.
PATIENCE = 60.0


@dataclass
class Told:
    """What the visitors saw."""

    first: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    turned: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class Visitor:
    """One session over a websocket."""

    def __init__(self, port: int, query: str) -> None:
        self.query = query
        self.kept: dict[str, ForwardMsg] = {}
        self.toggles: dict[str, str] = {}
        self.texts: set[str] = set()
        self.again: dict[str, float] = {}
        self.states: dict[str, bool] = {}
        self.page = ""
        place = f"ws://localhost:{port}/_stcore/stream"
        self.socket: ClientConnection = connect(
            place, subprotocols=["streamlit"], origin=f"http://localhost:{port}", max_size=None, open_timeout=PATIENCE
        )

    def run(self, fragment: str = "") -> None:
        """Ask for a run of the page, or of a fragment of it, and wait for its end."""
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash = self.query, self.page
        state.fragment_id, state.is_auto_rerun = fragment, bool(fragment)
        for name, value in self.states.items():
            widget = state.widget_states.widgets.add()
            widget.id, widget.bool_value = name, value
        if not fragment:
            self.again.clear()  # the page is drawn anew, with what it wants to run again
        self.socket.send(message.SerializeToString())
        while not self._heard():
            pass

    def until(self, ready: Callable[[], bool]) -> None:
        """Follow the page's own reruns until it shows what is waited for."""
        deadline = time.monotonic() + PATIENCE
        while not ready():
            if time.monotonic() > deadline:
                raise TimeoutError("the page did not come to its end")
            if self.again:
                fragment, interval = self.again.popitem()
                time.sleep(interval)
                self.run(fragment)
            else:
                self._heard()

    def _heard(self) -> bool:
        """Take one message; whether it was the end of a run."""
        found = ForwardMsg()
        found.ParseFromString(self.socket.recv(timeout=PATIENCE))
        if found.WhichOneof("type") == "ref_hash":
            found = self.kept.get(found.ref_hash, found)
        elif found.hash:
            self.kept[found.hash] = found
        kind = found.WhichOneof("type")
        if kind == "new_session":
            self.page = found.new_session.page_script_hash or self.page
        elif kind == "auto_rerun":
            self.again[found.auto_rerun.fragment_id] = found.auto_rerun.interval
        elif kind == "delta":
            self._saw(found.delta)
        return kind == "script_finished"

    def _saw(self, delta: Any) -> None:
        if delta.WhichOneof("type") != "new_element":
            return
        element = delta.new_element
        kind = element.WhichOneof("type")
        if kind == "checkbox":
            self.toggles[element.checkbox.label] = element.checkbox.id
        elif kind == "exception":
            raise RuntimeError(f"an exception on the page: {element.exception.type}")
        elif kind == "heading":
            self.texts.add(element.heading.body)
        elif kind == "markdown":
            self.texts.add(element.markdown.body)
        elif kind == "alert" and "failed inside" in element.alert.body:
            raise RuntimeError("a part of the page failed")

    def saw(self, words: str) -> bool:
        """Whether some text on the page has these words."""
        return any(words in text for text in self.texts)


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
        visitor.until(lambda: "Invert" in visitor.toggles and visitor.saw("Probability of"))
        told.answered.append(time.monotonic() - begin)
        while time.monotonic() - begin < seconds:
            time.sleep(PAUSE)
            name = visitor.toggles["Invert"]
            visitor.states[name] = not visitor.states.get(name, False)
            turned = time.monotonic()
            visitor.run()
            told.turned.append(time.monotonic() - turned)
        visitor.socket.close()
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
