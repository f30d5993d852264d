"""How the server begins: its options are set, its address is told, and the browser opened there."""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.formparsers import MultiPartParser
from streamlit import cli_util, config
from streamlit.runtime.pages_manager import PagesManager

from ui.serving.names import LOOPBACK, WILDCARDS
from ui.serving.options import hold_promises


def prepare() -> None:
    """What has to be said before the first visitor comes."""
    # What `st.navigation` says too, only too late for the first session of a server: Streamlit would look for pages in
    # a folder named `pages` by itself, and tell who came by a link to a page that there is none.
    PagesManager.uses_pages_directory = False
    # Parts of an upload beyond this size go to a file in the temporary folder, and no scan is written to disk.
    MultiPartParser.spool_max_size = sys.maxsize
    hold_promises()


def addresses() -> list[str]:
    """Where the app can be visited: first from this computer, then, where others are served, from elsewhere."""
    listened = str(config.get_option("server.address") or "")
    if config.is_manually_set("browser.serverAddress"):
        return [_address(str(config.get_option("browser.serverAddress")))]
    if listened in WILDCARDS:
        return [_address(LOOPBACK), _address(socket.gethostname())]
    return [_address(listened or LOOPBACK)]


def _address(host: str) -> str:
    """As a browser takes it: scheme, port and the path below which the app is served."""
    scheme = "https" if config.get_option("server.sslCertFile") else "http"
    host, _, own_path = host.partition("://")[2].partition("/") if "://" in host else host.partition("/")
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    port = int(config.get_option("browser.serverPort"))
    usual = {"http": 80, "https": 443}[scheme]
    path = own_path.strip("/") or str(config.get_option("server.baseUrlPath") or "").strip("/")
    return f"{scheme}://{host}{'' if port == usual else f':{port}'}/{path}".rstrip("/")


@asynccontextmanager
async def announced(_app: Any) -> AsyncIterator[dict[str, Any]]:
    """Tell where the app is, once it can be visited there, and open it unless there is no screen."""
    here, *elsewhere = addresses()
    print(f"ScanLens: {here} (Ctrl+C stops it)", flush=True)
    for address in elsewhere:
        print(f"From other computers: {address}", flush=True)
    if not config.get_option("server.headless"):
        cli_util.open_browser(here)
    yield {}
