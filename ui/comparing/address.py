"""The address of the compare page: it keeps what is compared, and a link or the browser's way back restores it."""

from __future__ import annotations

import streamlit as st

#: What of the page is in its address.
NAMES = ("question", "metric", "split", "stress", "dataset", "models", "figure")

#: Session state of this page begins so.
PREFIX = "compare-"

_WRITTEN = "compared address"


def follow_address() -> None:
    """Forget the session's choices where the address was changed by someone else than this page.

    An address without any of the names says nothing: whoever comes back by the sidebar finds what was there before.
    """
    now = {name: st.query_params[name] for name in NAMES if name in st.query_params}
    if now and now != st.session_state.get(_WRITTEN):
        for key in [key for key in st.session_state if str(key).startswith(PREFIX)]:
            del st.session_state[key]


def write_address(**values: str) -> None:
    """Put choices into the address; `""` takes a name out."""
    for name, value in values.items():
        if value:
            st.query_params[name] = value
        elif name in st.query_params:
            del st.query_params[name]
    st.session_state[_WRITTEN] = {name: st.query_params[name] for name in NAMES if name in st.query_params}
