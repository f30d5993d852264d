"""The middleware before everything that the server answers: pages, websocket, uploads, downloads and files.

Refused: a Host that is not one of the server's names, a page of another origin, and what no page of ours asks for.
What passes is told to the page in one header: whether the visitor sits at this computer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.websockets import WebSocketDisconnected
from streamlit import config

from ui.serving.names import hostname_of, is_loopback, is_served, may_speak
from ui.serving.policy import headers_for

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

#: Header by which the guard tells pages where a visitor is; what a visitor sends under this name is thrown away.
VISITOR = "x-scanlens-visitor"
HERE, ELSEWHERE = "here", "elsewhere"

#: What Streamlit would answer and nobody of ours asks for: figures about the server, and ways in for programs.
CLOSED = ("_stcore/metrics", "_stcore/agent", "_stcore/script-health-check")

#: Headers by which proxies say that they stand between; `X-Forwarded-…` beside them.
_PROXIES = frozenset(
    {"forwarded", "via", "x-real-ip", "x-client-ip", "client-ip", "true-client-ip", "x-cluster-client-ip",
     "cf-connecting-ip", "fastly-client-ip", "fly-client-ip", "x-envoy-external-address", "x-original-forwarded-for"}
)  # fmt: skip

WRONG_NAME = (
    "ScanLens does not answer under this name. Who runs it can allow the name: "
    "python -m ui.launch --server.allowedHosts NAME"
)
WRONG_PAGE = "ScanLens does not answer pages of other sites."
HERE_ONLY = (
    "ScanLens answers this computer only. Who runs it can open it to others: "
    "python -m ui.launch --server.address 0.0.0.0"
)


class Guard:
    """ASGI middleware. Keeps nothing, so that one serves all sessions."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request or websocket, or pass it on."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
        hosts = [value for name, value in headers if name == "host"]
        host = hosts[0] if len(hosts) == 1 and is_served(hosts[0]) else ""
        fault = _fault(scope, headers, host)
        if fault:
            await _refuse(scope, send, *fault)
            return
        passed = {**scope, "headers": _told(headers, scope.get("client"), host)}
        if scope["type"] == "http":
            await self._app(passed, receive, _with_headers(send, headers_for(host)))
            return
        try:
            await self._app(passed, receive, send)
        except WebSocketDisconnected:  # a tab that was closed while it connected, which is no fault
            return


def _fault(scope: Message, headers: list[tuple[str, str]], host: str) -> tuple[int, str] | None:
    """(status, sentence) of why this is refused, or None."""
    if not host:
        return 421, WRONG_NAME
    # Without any configuration Streamlit listens on every address; nobody has asked it to serve others.
    if not _is_near(scope.get("client")) and not config.is_manually_set("server.address"):
        return 403, HERE_ONLY
    origins = [value for name, value in headers if name == "origin"]
    if len(origins) > 1 or any(not may_speak(origin, host) for origin in origins):
        return 403, WRONG_PAGE
    if scope["type"] == "http" and not origins and _is_from_another_site(dict(headers)):
        return 403, WRONG_PAGE
    if any(closed in scope["path"] for closed in CLOSED):
        return 404, "There is nothing here."
    return None


def _is_from_another_site(headers: dict[str, str]) -> bool:
    """Whether a page of another site loads this as a part of itself; to be led here by a link is no fault.

    Fetch Metadata, https://www.w3.org/TR/fetch-metadata/.
    """
    return headers.get("sec-fetch-site") in {"cross-site", "same-site"} and not (
        headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest", "document") == "document"
    )


def _told(headers: list[tuple[str, str]], client: tuple[str, int] | None, host: str) -> list[tuple[bytes, bytes]]:
    """The headers as the app gets them.

    The origin was judged here; as Streamlit would ask the network for this machine's public address about any origin
    that is not its Host, it is handed that.
    """
    place = HERE if is_here(headers, client, host) else ELSEWHERE
    kept = [(name, value) for name, value in headers if name not in {VISITOR, "origin"}]
    scheme = next((value.partition("://")[0] for name, value in headers if name == "origin"), "")
    kept += [("origin", f"{scheme}://{host}")] if scheme else []
    kept.append((VISITOR, place))
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in kept]


def is_here(headers: list[tuple[str, str]], client: tuple[str, int] | None, host: str) -> bool:
    """Whether a visitor sits at this computer: comes over loopback, by a name of loopback, and through no proxy.

    Args:
        headers: Of the request, names in lower case.
        client: (address, port) that it came from.
        host: Its Host header.
    """
    if not _is_near(client) or not is_loopback(hostname_of(host)):
        return False
    if any(name in _PROXIES or name.startswith("x-forwarded") for name, _ in headers):
        return False
    origins = [value.partition("://")[2] for name, value in headers if name == "origin"]
    return all(is_loopback(hostname_of(origin)) for origin in origins)


def _is_near(client: tuple[str, int] | None) -> bool:
    return client is not None and is_loopback(client[0].removeprefix("::ffff:"))


def _with_headers(send: Send, added: dict[str, str]) -> Send:
    names = {name.encode("latin-1") for name in added}
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in added.items()]

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [(name, value) for name, value in message.get("headers", ()) if name.lower() not in names]
            message = {**message, "headers": [*kept, *raw]}
        await send(message)

    return sending


async def _refuse(scope: Message, send: Send, status: int, sentence: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": sentence[:120]})
        return
    headers = {**headers_for("localhost"), "content-type": "text/plain; charset=utf-8", "cache-control": "no-store"}
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": f"{sentence}\n".encode()})
