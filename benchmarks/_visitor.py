"""A visitor of the app without a browser: one websocket that speaks as Streamlit's page does."""

from __future__ import annotations

import time
import urllib.request
import uuid
from collections.abc import Callable
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import UploadedFileInfo
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

#: Seconds without a word from the server that count as an error.
PATIENCE = 60.0


class Visitor:
    """One session over a websocket.

    Attributes:
        toggles: Label of each toggle and check box seen to its id.
        buttons: Label of each button on the page to its id.
        toggled: Id to the value of what this visitor has switched.
        texts: Headings, Markdown and HTML seen.
    """

    def __init__(self, port: int, query: str) -> None:
        self.port, self.query = port, query
        self.kept: dict[str, ForwardMsg] = {}
        self.toggles: dict[str, str] = {}
        self.buttons: dict[str, str] = {}
        self.texts: set[str] = set()
        self.again: dict[str, float] = {}
        self.toggled: dict[str, bool] = {}
        self.uploader, self.session, self.page = "", "", ""
        self._places: dict[str, Any] = {}
        place = f"ws://localhost:{port}/_stcore/stream"
        self.socket = connect(
            place, subprotocols=["streamlit"], origin=f"http://localhost:{port}", max_size=None, open_timeout=PATIENCE
        )

    def run(self, fragment: str = "", pressed: str = "", files: tuple[UploadedFileInfo, ...] = ()) -> None:
        """Ask for a run of the page, or of a fragment of it, and wait for its end.

        Args:
            fragment: Its id, or all of the page.
            pressed: Id of a button that was pressed.
            files: What was dropped onto the uploader.
        """
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash = self.query, self.page
        state.fragment_id, state.is_auto_rerun = fragment, bool(fragment)
        for name, value in self.toggled.items():
            widget = state.widget_states.widgets.add()
            widget.id, widget.bool_value = name, value
        if pressed:
            widget = state.widget_states.widgets.add()
            widget.id, widget.trigger_value = pressed, True
        if files:
            widget = state.widget_states.widgets.add()
            widget.id = self.uploader
            widget.file_uploader_state_value.uploaded_file_info.extend(files)
        if not fragment:
            self.again.clear()  # the page is drawn anew, with what it wants to run again
            self.buttons.clear()
        self.socket.send(message.SerializeToString())
        while not self._heard():
            pass

    def until(self, ready: Callable[[], bool]) -> None:
        """Follow the page's own reruns until it shows what is waited for."""
        deadline = time.monotonic() + PATIENCE
        while not ready():
            if time.monotonic() > deadline:
                raise TimeoutError("the page did not come to its end")
            if self.again:  # as a browser does: again and again, until the page is drawn anew without it
                fragment, interval = next(iter(self.again.items()))
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
            self.session = found.new_session.initialize.session_id or self.session
        elif kind == "file_urls_response":
            self._places[found.file_urls_response.response_id] = found.file_urls_response.file_urls[0]
        elif kind == "auto_rerun":
            self.again[found.auto_rerun.fragment_id] = found.auto_rerun.interval
        elif kind == "delta":
            self._saw(found.delta)
        if kind != "script_finished":
            return False
        if found.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            self.again.clear()  # what follows is the whole page, with what it wants to run again
            self.buttons.clear()
            return False
        return True

    def _saw(self, delta: Any) -> None:
        if delta.WhichOneof("type") != "new_element":
            return
        element = delta.new_element
        kind = element.WhichOneof("type")
        if kind == "checkbox":
            self.toggles[element.checkbox.label] = element.checkbox.id
        elif kind == "button":
            self.buttons[element.button.label] = element.button.id
        elif kind == "file_uploader":
            self.uploader = element.file_uploader.id
        elif kind == "exception":
            raise RuntimeError(f"an exception on the page: {element.exception.type}")
        elif kind == "heading":
            self.texts.add(element.heading.body)
        elif kind == "markdown":
            self.texts.add(element.markdown.body)
        elif kind == "html":
            self.texts.add(element.html.body)
        elif kind == "alert" and "failed inside" in element.alert.body:
            raise RuntimeError("a part of the page failed")

    def saw(self, words: str) -> bool:
        """Whether some text on the page has these words."""
        return any(words in text for text in self.texts)

    def press(self, label: str) -> None:
        """Press a button of the page and wait for the run that follows."""
        self.run(pressed=self.buttons[label])

    def upload(self, name: str, content: bytes) -> None:
        """Drop a file onto the page's uploader as a browser does, and wait for the run that follows."""
        message = BackMsg()
        message.file_urls_request.request_id = name
        message.file_urls_request.file_names.append(name)
        message.file_urls_request.session_id = self.session
        self.socket.send(message.SerializeToString())
        while name not in self._places:
            self._heard()
        place = self._places.pop(name)
        _put(f"http://localhost:{self.port}", place.upload_url, name, content)
        self.run(files=(UploadedFileInfo(name=name, size=len(content), file_id=place.file_id, file_urls=place),))

    def leave(self) -> None:
        """Close the connection, as a closed tab does."""
        self.socket.close()


def _put(origin: str, place: str, name: str, content: bytes) -> None:
    with urllib.request.urlopen(f"{origin}/_stcore/health", timeout=PATIENCE) as answer:
        cookie = str(answer.headers.get("Set-Cookie", "")).partition(";")[0]
    mark = uuid.uuid4().hex
    head = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n\r\n'
    asked = urllib.request.Request(
        origin + place,
        head.encode() + content + f"\r\n--{mark}--\r\n".encode(),
        {
            "Origin": origin,
            "Cookie": cookie,
            "X-Xsrftoken": cookie.partition("=")[2],
            "Content-Type": f"multipart/form-data; boundary={mark}",
        },
        method="PUT",
    )
    with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
        answer.read()
