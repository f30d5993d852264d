"""A file can be had under one address for as long as its session lasts, however often the page has run again."""

import asyncio
import gc
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette

from core.errors import UnreadableScan
from ui import downloads
from ui.downloads import CHANGED, FAILED, download_route, show_download
from ui.session import Reading

NAME = "MUELLER^HANS"


@pytest.fixture
def state(monkeypatch):
    """A session, and what its pages have drawn."""
    found = Reading()
    monkeypatch.setattr(downloads, "reading", lambda: found)
    monkeypatch.setattr(downloads, "_COMPONENT", lambda key, data, width: drawn.update({key: data}))
    return found


drawn: dict = {}


class Browser:
    """Asks a server with the route and nothing else, by way of its ASGI interface."""

    def __init__(self):
        self.app = Starlette(routes=[download_route()])

    def get(self, address):
        scope = {
            "type": "http", "method": "GET", "path": f"/{address.lstrip('/')}", "query_string": b"", "headers": [],
            "http_version": "1.1", "scheme": "http", "server": ("localhost", 80), "client": ("127.0.0.1", 1),
            "root_path": "", "raw_path": b"",
        }  # fmt: skip
        sent = []

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            sent.append(message)

        # In a thread of its own: the browser tests leave an event loop running in this one.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, self.app(scope, receive, send)).result()
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        content = b"".join(message.get("body", b"") for message in sent[1:])
        return SimpleNamespace(
            status_code=sent[0]["status"], headers=headers, content=content, text=content.decode(errors="replace")
        )


@pytest.fixture
def browser():
    return Browser()


def run(content, key="take-CSV", name="table.csv"):
    """Draw the button, as a run of the page does; the address that the browser gets."""
    show_download("CSV", content, name, "text/csv", key=key)
    return drawn[key]["href"]


def test_file_comes_as_it_was_made_under_its_name(state, browser):
    found = browser.get(run(lambda: "a,ö", name="Wörter 1.csv"))
    assert found.content == "a,ö".encode()
    assert found.headers["content-type"].startswith("text/csv")
    assert found.headers["content-disposition"] == "attachment; filename*=UTF-8''W%C3%B6rter%201.csv"
    assert found.headers["cache-control"] == "no-store"
    assert browser.get(run(b"\x00\x01")).content == b"\x00\x01"


def test_address_stays_the_same_from_run_to_run_and_gives_what_is_on_the_page(state, browser):
    addresses = {run(lambda n=number: f"run {n}") for number in range(30)}
    assert len(addresses) == 1
    assert browser.get(addresses.pop()).text == "run 29"


def test_runs_while_a_file_is_made_take_nothing_away(state, browser):
    def slow():
        for _ in range(5):
            run(lambda: "later")
        return "now"

    address = run(slow)
    assert browser.get(address).text == "now"
    assert browser.get(address).text == "later"


def test_each_button_and_each_session_has_an_address_of_its_own(state, browser, monkeypatch):
    one, other = run("one", key="a"), run("other", key="b")
    another = Reading()
    monkeypatch.setattr(downloads, "reading", lambda: another)
    third = run("third", key="a")
    assert len({one, other, third}) == 3
    assert [browser.get(address).text for address in (one, other, third)] == ["one", "other", "third"]


@pytest.mark.parametrize("leave", [Reading.close, lambda state: state.__init__()])
def test_nothing_of_a_closed_scan_can_be_had(state, browser, leave):
    address = run(lambda: "patient")
    leave(state)
    gc.collect()
    found = browser.get(address)
    assert (found.status_code, found.text) == (404, CHANGED)


def test_session_that_has_ended_offers_nothing(state, monkeypatch, browser):
    sessions = [Reading()]
    monkeypatch.setattr(downloads, "reading", lambda: sessions[0])
    address = run("patient")
    assert browser.get(address).status_code == 200
    sessions.clear()
    gc.collect()
    assert browser.get(address).status_code == 404


def test_guessing_finds_nothing(state, browser):
    run("patient")
    assert browser.get("download/").status_code == 404
    assert browser.get("download/aaaa").text == CHANGED


def test_reason_why_there_is_no_file_comes_in_one_sentence(state, browser):
    def refuse():
        raise UnreadableScan("a scan", "none", "open one")

    found = browser.get(run(refuse))
    assert (found.status_code, found.text) == (409, "Expected a scan, received none: open one.")
    assert found.headers["x-scanlens-says"] == "1"


def test_fault_of_ours_quotes_nobody(state, browser, caplog):
    def fail():
        raise ValueError(NAME)

    found = browser.get(run(fail))
    assert (found.status_code, found.text) == (500, FAILED)
    assert NAME not in found.text + caplog.text
    assert "Saving a file failed with ValueError" in caplog.text


def test_app_may_be_served_under_a_path(state, browser):
    address = run("here")
    assert browser.get(f"/lab/scans/{address}").text == "here"
