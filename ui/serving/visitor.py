"""Who looks at the page: somebody at the computer that runs ScanLens, or somebody elsewhere."""

from __future__ import annotations

import socket

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui.serving.guard import HERE, VISITOR, is_here


def is_at_hand() -> bool:
    """Whether the visitor of this session sits at the computer that runs ScanLens.

    Ask it in the script of a page or in a callback: a thread has no visitor, and nobody counts as elsewhere.
    """
    context = get_script_run_ctx(suppress_warning=True)
    if context is None or not runtime.exists() or runtime.get_instance().get_client(context.session_id) is None:
        return False
    found = {name.lower(): value for name, value in st.context.headers.items()}
    if not found:
        return True  # no request at all: a test runs the page by itself
    if VISITOR in found:
        return found[VISITOR] == HERE
    client = (st.context.ip_address or "127.0.0.1", 0)  # served without the guard
    return is_here(list(found.items()), client, found.get("host", ""))


def machine() -> str:
    """The computer that runs ScanLens, as a page calls it: to who sits elsewhere it has a name."""
    return "this computer" if is_at_hand() else f"the computer {socket.gethostname()}"


def where_scans_go() -> str:
    """One sentence for who is about to open a scan."""
    if is_at_hand():
        return "Nothing leaves this computer."
    return f"Your scan goes to {machine()}, which runs ScanLens, and no further."
