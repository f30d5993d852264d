"""The server as the network meets it, however it is started, and the pages under their content-security policy."""

import http.client
import shutil
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ui.lessons.registry import LESSONS

ROOT = Path(__file__).resolve().parents[2]
#: Pages that no other test opens in a browser; there `guarded_pages` looks for the same.
ADDRESSES = ["explain", "datasets", "teaching", *(lesson.slug for lesson in LESSONS if lesson.slug != "versus")]


@pytest.fixture(scope="module")
def started_by_streamlit(tmp_path_factory, serve):
    """`streamlit run` from another folder, for a user who has configured nothing."""
    folder = tmp_path_factory.mktemp("elsewhere")
    run = ("-m", "streamlit", "run", str(ROOT / "app.py"))
    with serve(folder / "log.txt", start=run, folder=folder, environment={"HOME": str(folder)}) as url:
        yield url


@pytest.fixture(scope="module")
def without_configuration(tmp_path_factory, serve):
    """A copy of the app that lacks `.streamlit/config.toml`."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("ui", "pages"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("core", "models"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "app.py").write_bytes((ROOT / "app.py").read_bytes())
    with serve(folder / "log.txt", folder=folder, environment={"HOME": str(folder)}) as url:
        assert (folder / "log.txt").read_text() == f"ScanLens: {url} (Ctrl+C stops it)\n"
        assert sorted(path.name for path in folder.iterdir() if path.name.startswith(".")) == []
        yield url


@pytest.fixture(params=["server", "started_by_streamlit", "without_configuration"])
def any_start(request):
    return request.getfixturevalue(request.param)


def asked(url: str, path: str = "/", method: str = "GET", **headers) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    connection.putrequest(method, path, skip_host="host" in headers)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    return connection.getresponse()


def handshake(url: str, host: str, origin: str, path: str = "/_stcore/stream") -> int:
    """Status of a websocket's opening handshake."""
    where = urlsplit(url)
    lines = [
        f"GET {path} HTTP/1.1", f"Host: {host}", f"Origin: {origin}", "Connection: Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "", "",
    ]  # fmt: skip
    with socket.create_connection((where.hostname, where.port), timeout=20) as connection:
        connection.sendall("\r\n".join(lines).encode())
        return int(connection.recv(64).split()[1])


def test_a_page_that_bound_its_name_to_this_computer_is_let_in_nowhere(any_start):
    assert handshake(any_start, "evil.example", "http://evil.example") == 403
    host = urlsplit(any_start).netloc
    assert handshake(any_start, host, "http://evil.example") == 403
    assert handshake(any_start, host, f"http://{host}") == 101
    for path in ("/", "/_stcore/health", "/media/a.png", "/_stcore/upload_file/a/b", "/static/js/a.js"):
        assert asked(any_start, path, host="evil.example").status == 421
        assert asked(any_start, path, "PUT", origin="http://evil.example").status == 403


def test_uploads_still_need_the_token_of_a_page(any_start):
    assert asked(any_start, "/_stcore/upload_file/a/b", "PUT").status == 403


def test_the_page_comes_with_its_policy_and_figures_are_closed(any_start):
    answer = asked(any_start)
    assert answer.status == 200
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert asked(any_start, "/_stcore/metrics").status == 404


def test_a_server_without_configuration_tells_streamlit_nothing(without_configuration, browser):
    page = browser.new_page()
    asked_for = []
    page.on("request", lambda request: asked_for.append(request.url))
    page.goto(f"{without_configuration}/teaching")
    page.locator(".stMainBlockContainer h1").first.wait_for()
    page.close()
    assert {urlsplit(url).hostname for url in asked_for if not url.startswith(("data:", "blob:"))} == {"localhost"}


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_page_asks_for_what_its_policy_forbids(open_page, address):
    """`open_page` fails for each violation that the browser reports."""
    page = open_page(address)
    page.locator(".stMainBlockContainer h1").first.wait_for()
    page.locator("[data-testid=stStatusWidget]").wait_for(state="detached")


def test_script_in_a_page_does_not_run_and_the_browser_says_so(browser, server):
    page = browser.new_page()
    told = []
    page.on("console", lambda message: told.append(message.text))
    page.goto(server)
    page.locator(".stMainBlockContainer h1").first.wait_for()
    payload = "<img src=x onerror='window.ran = 1'><iframe srcdoc='<script>parent.ran = 1</script>'></iframe>"
    page.evaluate("html => document.body.insertAdjacentHTML('beforeend', html)", payload)
    page.evaluate("() => fetch('http://127.0.0.1:9/').catch(() => null)")
    page.wait_for_timeout(300)
    assert page.evaluate("() => window.ran") is None
    page.close()
    assert sum("Security Policy" in text for text in told) >= 2


def test_the_address_is_told_with_the_path_below_which_the_app_is_served(tmp_path, serve):
    log = tmp_path / "log.txt"
    with serve(log, "--server.baseUrlPath", "lens", health="/lens/_stcore/health") as url:
        assert f"ScanLens: {url}/lens (Ctrl+C stops it)" in log.read_text()
        assert asked(url, "/lens/_stcore/metrics").status == 404
        assert handshake(url, urlsplit(url).netloc, url, "/lens/_stcore/stream") == 101


def test_the_operators_names_are_answered(tmp_path, serve):
    with serve(tmp_path / "log.txt", "--server.allowedHosts", "scan.example") as url:
        assert asked(url, host="scan.example").status == 200
        assert handshake(url, "scan.example", "https://scan.example") == 101
        assert asked(url, host="evil.example").status == 421
    with serve(tmp_path / "log.txt", environment={"STREAMLIT_SERVER_ALLOWED_HOSTS": "a.example b.example"}) as url:
        assert asked(url, host="b.example").status == 200
