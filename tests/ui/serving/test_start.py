"""The address that is told is the one that can be visited."""

import pytest
from streamlit import config

from ui.serving import start
from ui.serving.options import PROMISED, hold_promises
from ui.serving.start import addresses


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "http://localhost:8501"),
        ({"server.port": 9000}, "http://localhost:9000"),
        ({"server.baseUrlPath": "lens"}, "http://localhost:8501/lens"),
        ({"server.baseUrlPath": "/a/lens/"}, "http://localhost:8501/a/lens"),
        ({"server.address": "10.1.2.3"}, "http://10.1.2.3:8501"),
        ({"server.address": "::1"}, "http://[::1]:8501"),
        ({"server.sslCertFile": "cert.pem", "server.port": 443}, "https://localhost"),
        ({"server.sslCertFile": "cert.pem"}, "https://localhost:8501"),
        ({"server.port": 80, "server.baseUrlPath": "lens"}, "http://localhost/lens"),
        ({"browser.serverAddress": "scan.example", "browser.serverPort": 80}, "http://scan.example"),
        ({"browser.serverAddress": "scan.example/lens", "browser.serverPort": 80}, "http://scan.example/lens"),
    ],
)
def test_the_first_address_is_for_this_computer(options, given, told):
    options(**{"server.port": 8501, "browser.serverPort": given.get("server.port", 8501), **given})
    assert addresses()[0] == told


@pytest.mark.parametrize("everywhere", ["0.0.0.0", "::"])
def test_who_listens_everywhere_is_told_both_addresses(options, monkeypatch, everywhere):
    monkeypatch.setattr(start.socket, "gethostname", lambda: "ward-3")
    options(**{"server.address": everywhere, "server.port": 8501, "browser.serverPort": 8501})
    assert addresses() == ["http://localhost:8501", "http://ward-3:8501"]


def test_promises_hold_against_another_configuration(options):
    options(**{"browser.gatherUsageStats": True, "server.enableXsrfProtection": False, "server.enableCORS": False,
               "server.enableAgentApi": True, "client.allowedOrigins": ["https://*.streamlit.app"],
               "client.showErrorLinks": True, "server.allowedHosts": ["scan.example"]})  # fmt: skip
    hold_promises()
    assert {name: config.get_option(name) for name in PROMISED} == PROMISED
    assert {"localhost", "127.0.0.1", "::1", "scan.example"} <= set(config.get_option("server.allowedHosts"))
