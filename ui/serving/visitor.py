"""Who looks at the page: somebody at this computer, or somebody elsewhere."""

from __future__ import annotations

import socket

import streamlit as st

from ui.serving.guard import HERE, VISITOR, is_here


def is_at_hand() -> bool:
    """Whether the visitor of this session sits at the computer that runs ScanLens.

    Ask it in the script of a page or in a callback; a thread has no visitor.
    """
    found = {name.lower(): value for name, value in st.context.headers.items()}
    if VISITOR in found:
        return found[VISITOR] == HERE
    address = st.context.ip_address  # no guard, no server: a page that a test runs by itself
    return is_here(list(found.items()), (address or "127.0.0.1", 0), found.get("host", "localhost"))


def machine() -> str:
    """The computer that runs ScanLens, as a page calls it.

    To somebody in front of it that is "this computer", to anybody else it has a name.
    """
    return "this computer" if is_at_hand() else f"the computer {socket.gethostname()}, which runs ScanLens"
