"""A reverse proxy of a few lines, on loopback, as a hospital puts one before a server: it names itself, and may refuse
uploads.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit


@contextlib.contextmanager
def proxied(url: str, upload_status: int = 0) -> Iterator[str]:
    """Serve a server's pages under another port of localhost.

    Args:
        url: Of the server behind.
        upload_status: What uploads are answered with, e.g. 413; 0 hands them on, -1 cuts the connection.
    """
    behind = urlsplit(url)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            head, rest = _head(self.request)
            if not head:
                return
            request, *lines = head.decode("latin-1").split("\r\n")
            if upload_status and request.startswith("PUT") and "upload_file" in request:
                _refuse(self.request, upload_status, int(dict(_fields(lines)).get("content-length", 0)) - len(rest))
                return
            kept = [f"{name}: {value}" for name, value in _fields(lines) if name != "connection"]
            upgrade = any(line.lower() == "upgrade: websocket" for line in kept)
            kept += ["Connection: Upgrade" if upgrade else "Connection: close", "X-Forwarded-For: 192.0.2.7"]
            with socket.create_connection((behind.hostname, behind.port)) as server:
                server.sendall("\r\n".join([request, *kept, "", ""]).encode("latin-1") + rest)
                back = threading.Thread(target=_pump, args=(server, self.request), daemon=True)
                back.start()
                _pump(self.request, server)
                back.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://localhost:{server.server_address[1]}"
        finally:
            server.shutdown()


def _head(connection: socket.socket) -> tuple[bytes, bytes]:
    read = b""
    with contextlib.suppress(OSError):
        while b"\r\n\r\n" not in read:
            piece = connection.recv(65_536)
            if not piece:
                return b"", b""
            read += piece
    head, _, rest = read.partition(b"\r\n\r\n")
    return head, rest


def _fields(lines: list[str]) -> list[tuple[str, str]]:
    return [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]


def _refuse(connection: socket.socket, status: int, left: int) -> None:
    if status < 0:
        return
    while left > 0 and (piece := connection.recv(65_536)):
        left -= len(piece)
    connection.sendall(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65_536):
            target.sendall(piece)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
