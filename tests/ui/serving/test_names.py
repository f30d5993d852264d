"""Names of loopback and those that the operator configured are answered, and no others."""

import pytest

from ui.serving import names
from ui.serving.names import configured_names, hostname_of, is_served, may_speak


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8501", "LOCALHOST:80", "localhost.", "127.0.0.1:8501", "127.0.0.2", "[::1]:8501", "[::1]"],
)
def test_loopback_is_answered(options, host):
    assert is_served(host)


@pytest.mark.parametrize(
    "host",
    [
        None, "", "evil.example", "evil.example:8501", "localhost.evil.example", "evil.example#localhost",
        "localhost@evil.example", "evil.example@localhost", "localhost:80@evil.example", "127.0.0.1.evil.example",
        "localhost:port", "localhost:99999", "localhost/evil.example", "localhost, evil.example", "[::1",
        "0.0.0.0:8501", "192.168.1.5:8501", "[fe80::1]", "localhоst", "xn--localhst-7ya", "2130706433", "0x7f.1",
    ],
)  # fmt: skip
def test_other_names_and_malformed_ones_are_not(options, host):
    assert not is_served(host)


def test_streamlits_list_of_hosts_is_the_operators_word(options):
    options(**{"server.allowedHosts": ["Scan.Example", "*.clinic.example", " teach.example. "]})
    assert all(is_served(host) for host in ("scan.example:8501", "a.clinic.example", "teach.example", "localhost"))
    assert not any(is_served(host) for host in ("clinic.example", "evilclinic.example", "b.scan.example"))


def test_a_star_allows_any_well_formed_name(options):
    options(**{"server.allowedHosts": ["*"]})
    assert is_served("anything.example")
    assert not is_served("any@thing.example")


def test_who_listens_on_every_address_is_visited_by_this_machines_own(options, monkeypatch):
    monkeypatch.setattr(names.socket, "gethostname", lambda: "Ward-3.clinic.example")
    options(**{"server.address": "0.0.0.0"})
    assert is_served("ward-3.clinic.example:8501")
    assert is_served("ward-3.local")
    assert "127.0.0.1" in configured_names()
    assert not is_served("evil.example")


def test_the_address_listened_on_and_the_one_shown_to_people_are_names_too(options):
    options(**{"server.address": "10.1.2.3", "browser.serverAddress": "https://scan.example/lens"})
    assert is_served("10.1.2.3:8501")
    assert is_served("scan.example")
    assert not is_served("10.1.2.4")


def test_a_page_may_speak_to_the_server_it_came_from_only(options):
    assert may_speak("http://localhost:8501", "localhost:8501")
    for origin in (
        "http://localhost:3000",
        "http://127.0.0.1:8501",
        "http://evil.example",
        "null",
        "file://",
        "http://[",
    ):
        assert not may_speak(origin, "localhost:8501"), origin


def test_a_page_of_a_configured_name_may_speak_through_a_proxy_that_changes_the_host(options):
    options(**{"server.corsAllowedOrigins": ["https://scan.example", "https://localhost"]})
    assert may_speak("https://localhost", "127.0.0.1:8501")
    assert may_speak("https://scan.example", "127.0.0.1:8501")
    assert not may_speak("https://scan.example.evil.example", "127.0.0.1:8501")


def test_a_name_is_read_without_port_brackets_and_case():
    assert hostname_of("[FE80::1]:80") == "fe80::1"
