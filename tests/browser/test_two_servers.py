"""Two servers behind nginx, configured as `deploy/` has it: who stays where, what is refused, what goes on."""

import http.client
import os
import shutil
import signal
import subprocess
import time
from collections import namedtuple
from contextlib import ExitStack
from http.cookies import SimpleCookie
from pathlib import Path

import psutil
import pytest

CONFIGURATION = Path(__file__).resolve().parents[2] / "deploy" / "nginx.conf"
NAME = "scanlens.example"
UPGRADE = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Origin": f"http://{NAME}",
}  # fmt: skip

Reply = namedtuple("Reply", "status body cookie server")


@pytest.fixture(scope="module")
def nginx():
    """Path of nginx. Skips without it, but never in CI."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs nginx to try what deploy/ brings.")
        pytest.skip("no nginx on this machine")
    return found


@pytest.fixture(scope="module")
def pair(nginx, serve, tmp_path_factory):
    """Two servers behind nginx: `pair.ask("/", cookie=…)` asks through it, `pair.kill(server)` ends one of them."""
    folder = tmp_path_factory.mktemp("nginx")
    with ExitStack() as stack:
        ports = []
        for name in ("one", "two"):
            (folder / name).mkdir()
            served = serve(folder / name / "log.txt", "--server.allowedHosts", NAME, "--server.address", "0.0.0.0")
            ports.append(int(stack.enter_context(served).rsplit(":", 1)[1]))
        port = _run_nginx(nginx, folder, ports, stack)

        def ask(path, cookie="", method="GET", length=0, **headers):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            try:
                connection.putrequest(method, path, skip_host=True)
                given = {"Host": NAME, **{key.replace("_", "-"): value for key, value in headers.items()}}
                given |= {"Cookie": f"scanlens={cookie}"} if cookie else {}
                given |= {"Content-Length": str(length)} if length else {}
                for key, value in given.items():
                    connection.putheader(key, value)
                connection.endheaders()
                answer = connection.getresponse()
                set_cookie = SimpleCookie(answer.getheader("Set-Cookie") or "")
                found = set_cookie["scanlens"].value if "scanlens" in set_cookie else ""
                body = b"" if answer.status == 101 else answer.read()
                return Reply(answer.status, body, found, answer.getheader("X-Upstream") or "")
            finally:
                connection.close()

        def kill(server):
            killed = ports.index(int(server.rsplit(":", 1)[1]))
            process = next(
                one for one in psutil.Process().children(recursive=True) if str(ports[killed]) in one.cmdline()
            )
            process.send_signal(signal.SIGKILL)

        yield namedtuple("Pair", "ask kill")(ask, kill)


def _run_nginx(nginx, folder, ports, stack):
    text = CONFIGURATION.read_text(encoding="utf-8")
    port = _free_port()
    for name, own in zip(("one:8501", "two:8501"), ports, strict=True):
        assert name in text
        text = text.replace(name, f"127.0.0.1:{own}")
    text = text.replace("listen 8080;", f"listen 127.0.0.1:{port};", 1)
    text = text.replace("proxy_http_version 1.1;", "proxy_http_version 1.1; add_header X-Upstream $upstream_addr;", 1)
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}} "
        f"http {{ access_log off; {paths}\n{text}\n}}",
        encoding="utf-8",
    )
    process = subprocess.Popen([nginx, "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")])
    stack.callback(lambda: (process.terminate(), process.wait(10)))
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            http.client.HTTPConnection("127.0.0.1", port, timeout=1).connect()
        except OSError:
            assert process.poll() is None, (folder / "error.log").read_text()
            time.sleep(0.05)
        else:
            return port
    pytest.fail("nginx did not start")


def _free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_visitor_stays_with_one_server_and_visitors_are_spread_over_both(pair):
    visitors = [pair.ask("/") for _ in range(12)]
    assert {visitor.status for visitor in visitors} == {200}
    assert len({visitor.server for visitor in visitors}) == 2
    for visitor in visitors[:4]:
        again = [pair.ask("/_stcore/health", visitor.cookie) for _ in range(3)]
        assert {each.server for each in again} == {visitor.server}


def test_the_websocket_goes_through(pair):
    assert pair.ask("/_stcore/stream", **UPGRADE).status == 101


def test_a_page_of_another_site_is_refused_behind_the_proxy_too(pair):
    assert pair.ask("/_stcore/stream", **(UPGRADE | {"Origin": "http://evil.example"})).status == 403


def test_an_upload_that_is_too_large_is_refused_by_the_proxy(pair):
    assert pair.ask("/_stcore/upload_file/a/b", method="PUT", length=1100 * 2**20).status == 413


def test_the_other_server_goes_on_where_one_ends(pair):
    visitor = pair.ask("/")
    pair.kill(visitor.server)
    moved = pair.ask("/", visitor.cookie)
    assert moved.status == 200
    assert moved.server.split(", ")[-1] != visitor.server
