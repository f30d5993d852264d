"""The guard before the app: names, origins, closed doors, headers, and where a visitor is."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.websockets import WebSocketDisconnected
from streamlit import config
from streamlit.config_option import ConfigOption

from ui.serving.guard import ELSEWHERE, HERE, VISITOR, Guard

EVERYTHING = ["/", "/datasets", "/_stcore/health", "/_stcore/upload_file/a/b", "/media/a.png", "/static/js/a.js",
              "/_stcore/bidi-components/a/b.js", "/component/a/index.html", "/_stcore/host-config"]  # fmt: skip


@pytest.mark.parametrize("path", EVERYTHING)
@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS", "DELETE"])
def test_a_rebound_name_is_refused_everywhere(ask, method, path):
    answer = ask(method, path, host="evil.example:8501", origin="http://evil.example:8501")
    assert answer.status == 421
    assert answer.reached == []
    assert "--server.allowedHosts" in answer.body
    assert "evil" not in answer.body


def test_a_rebound_name_opens_no_websocket(ask):
    answer = ask("websocket", "/_stcore/stream", host="evil.example", origin="http://evil.example")
    assert (answer.status, answer.reached) == (403, [])


@pytest.mark.parametrize("host", [None, ["localhost", "evil.example"], ["localhost", "localhost"]])
def test_a_request_has_one_host(ask, host):
    assert ask(host=host).status == 421


@pytest.mark.parametrize("origin", ["http://evil.example", "http://localhost:3000", "null", "https://"])
@pytest.mark.parametrize("kind", ["websocket", "GET", "PUT"])
def test_a_page_of_another_origin_is_refused(ask, kind, origin):
    answer = ask(kind, "/_stcore/stream", origin=origin)
    assert (answer.status, answer.reached) == (403, [])


def test_a_page_of_ours_and_a_program_without_origin_get_in(ask):
    assert ask("websocket", origin="http://localhost:8501").status == 101
    assert ask("websocket").status == 101
    assert ask("PUT", origin="http://localhost:8501").status == 200


def test_streamlit_is_handed_its_own_origin_so_that_it_looks_nothing_up(ask, options):
    options(**{"server.allowedHosts": ["scan.example"]})
    answer = ask("websocket", host="127.0.0.1:8501", origin="https://scan.example")
    assert answer.status == 101
    assert answer.reached[0]["origin"] == "https://127.0.0.1:8501"


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/base/_stcore/metrics", "/_stcore/agent/openapi.json",
                                  "/_stcore/agent/mcp", "/_stcore/script-health-check"])  # fmt: skip
def test_figures_about_the_server_and_ways_in_for_programs_are_closed(ask, path):
    assert ask("GET", path).status == 404
    assert ask("POST", path).status == 404


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_cannot_take_parts_of_the_app_into_its_page(ask, site):
    assert ask(path="/media/a.png", sec_fetch_site=site, sec_fetch_mode="no-cors", sec_fetch_dest="image").status == 403
    assert ask(sec_fetch_site=site, sec_fetch_mode="navigate", sec_fetch_dest="iframe").status == 403
    assert ask(sec_fetch_site=site, sec_fetch_mode="navigate", sec_fetch_dest="document").status == 200
    assert ask(sec_fetch_site="same-origin", sec_fetch_mode="cors").status == 200
    assert ask(sec_fetch_site="none", sec_fetch_mode="navigate").status == 200


@pytest.mark.parametrize(
    ("path", "host"), [("/", "localhost:8501"), ("/_stcore/metrics", "localhost"), ("/", "evil.example")]
)
def test_every_answer_says_what_may_be_loaded_and_who_may_frame_it(ask, path, host):
    headers = ask(path=path, host=host).headers
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"
    assert "'unsafe-inline'" not in policy["script-src"]
    assert "'unsafe-eval'" not in policy["script-src"]
    sources = " ".join(policy.values()).replace("ws://localhost:8501", "").replace("wss://localhost:8501", "")
    assert "*" not in sources
    assert "http" not in sources
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"


def where(answer):
    return answer.reached[0][VISITOR]


def test_who_comes_over_loopback_by_its_name_is_here(ask):
    assert where(ask("websocket", origin="http://localhost:8501")) == HERE
    assert where(ask("websocket", host="[::1]:8501", client="::1")) == HERE
    assert where(ask("websocket", client="::ffff:127.0.0.1")) == HERE


@pytest.mark.parametrize(
    "header", ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", "via", "x-real-ip",
               "x-forwarded-context", "cf-connecting-ip"]
)  # fmt: skip
def test_who_comes_through_a_proxy_on_loopback_is_elsewhere(ask, header):
    assert where(ask("websocket", **{header: "127.0.0.1"})) == ELSEWHERE


def test_who_comes_from_another_address_or_by_another_name_is_elsewhere(ask, options):
    options(**{"server.allowedHosts": ["scan.example"]})
    assert where(ask("websocket", client="192.168.1.7")) == ELSEWHERE
    assert where(ask("websocket", client=None)) == ELSEWHERE
    assert where(ask("websocket", host="scan.example")) == ELSEWHERE
    assert where(ask("websocket", host="127.0.0.1", origin="https://scan.example")) == ELSEWHERE


def test_nobody_elsewhere_is_served_unless_the_operator_named_an_address(ask, options):
    config.set_option("server.address", None, ConfigOption.DEFAULT_DEFINITION)
    assert ask(client="192.168.1.7").status == 403
    assert ask("websocket", client="192.168.1.7").status == 403
    assert ask().status == 200


def test_a_visitor_cannot_say_where_it_is(ask):
    answer = ask("websocket", client="192.168.1.7", **{VISITOR: HERE})
    assert where(answer) == ELSEWHERE


@pytest.mark.parametrize("fault", [WebSocketDisconnected("not connected"), RuntimeError("anything else")])
def test_a_tab_that_is_closed_while_it_connects_is_no_fault_of_the_server(options, fault):
    async def app(*_):
        raise fault

    scope = {"type": "websocket", "path": "/", "client": ("127.0.0.1", 1), "headers": [(b"host", b"localhost:8501")]}
    with ThreadPoolExecutor(1) as pool:  # a browser test may have left an event loop in this thread
        waiting = pool.submit(asyncio.run, Guard(app)(scope, None, None))
        if isinstance(fault, WebSocketDisconnected):
            waiting.result()
        else:
            with pytest.raises(RuntimeError, match="anything else"):
                waiting.result()
