"""Streamlit's options that the product's promises rest on, held whatever configuration is found.

`.streamlit/config.toml` says the same, but may be missing where the app was copied, and another configuration of the
user's may say otherwise.
"""

from __future__ import annotations

from streamlit import config
from streamlit.config_option import ConfigOption

from ui.serving.names import LOOPBACK, configured_names

#: Held always.
PROMISED = {
    "browser.gatherUsageStats": False,  # nothing is told to Streamlit
    "server.enableXsrfProtection": True,  # an upload needs the token of a page of ours
    "server.enableCORS": True,  # no other page may talk to the server
    "server.enableAgentApi": False,
    "client.allowedOrigins": [],  # no page that frames or opens this one may steer it
    "client.showErrorLinks": False,  # no links that carry an error's text to a search engine
}
#: Held where the operator says nothing else.
USUAL = {
    "client.toolbarMode": "viewer",
    "client.showErrorDetails": "none",
    "logger.hideWelcomeMessage": True,  # it looks up this machine's addresses
    "server.showEmailPrompt": False,
    "server.address": "localhost",
}
_WHERE = "ScanLens"


def hold_promises() -> None:
    """Set these options now and whenever a configuration is read again."""
    hold_when_read()
    _hold()


def hold_when_read() -> None:
    """Set these options whenever a configuration is read, for who comes before the first reading."""
    config.on_config_parsed(_hold, force_connect=True)


def _hold() -> None:
    for name, value in USUAL.items():
        if not config.is_manually_set(name):
            config.set_option(
                name, value, ConfigOption.STREAMLIT_DEFINITION
            )  # it still counts as not chosen by anybody
    for name, value in PROMISED.items():
        if config.get_option(name) != value:
            config.set_option(name, value, _WHERE)
    names = {LOOPBACK, "127.0.0.1", "::1", *configured_names()}
    config.set_option("server.allowedHosts", sorted(names), _WHERE)
