"""Streamlit's options as a test wants them, and an app behind the guard that says what reached it."""

import asyncio
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

import pytest
from streamlit import config

from ui.serving.guard import Guard

Answer = namedtuple("Answer", "status headers body reached")


@pytest.fixture
def options(monkeypatch):
    """Set Streamlit's options by name for one test: `options(**{"server.address": "0.0.0.0"})`."""
    before = {}

    def set_options(**values):
        for name, value in values.items():
            before.setdefault(name, (config.get_option(name), config.get_where_defined(name)))
            config.set_option(name, value, "a test")

    set_options(**{"server.address": "localhost", "server.allowedHosts": []})
    yield set_options
    for name, (value, where) in before.items():
        config.set_option(name, value, where)


@pytest.fixture
def ask(options):
    """Ask the guard: `ask("GET", "/", host="localhost:8501", client="127.0.0.1", origin=…)`; `_` in names is `-`."""

    def asked(kind="GET", path="/", host="localhost:8501", client="127.0.0.1", **headers):
        sent, reached = [], []
        names = [("host", host)] if isinstance(host, str) else [("host", one) for one in host or ()]
        names += [(name.replace("_", "-"), value) for name, value in headers.items() if value is not None]
        scope = {
            "type": "websocket" if kind == "websocket" else "http",
            "method": kind,
            "path": path,
            "client": (client, 50_000) if client else None,
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in names],
        }

        async def app(scope, receive, send):
            reached.append({name.decode(): value.decode() for name, value in scope["headers"]})
            if scope["type"] == "http":
                await send({"type": "http.response.start", "status": 200, "headers": [(b"X-Frame-Options", b"ALLOW")]})
                await send({"type": "http.response.body", "body": b"the app"})
            else:
                await send({"type": "websocket.accept"})

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            sent.append(message)

        with ThreadPoolExecutor(1) as pool:  # a browser test may have left an event loop in this thread
            pool.submit(asyncio.run, Guard(app)(scope, receive, send)).result()
        first = sent[0]
        if kind == "websocket":
            return Answer(101 if first["type"] == "websocket.accept" else 403, {}, "", reached)
        found = [(name.decode().lower(), value.decode()) for name, value in first["headers"]]
        assert len(dict(found)) == len(found), "a header was sent twice"
        return Answer(first["status"], dict(found), sent[1]["body"].decode(), reached)

    return asked
