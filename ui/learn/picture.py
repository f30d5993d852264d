"""The scan a lesson works on: the one that the user opened, or a sample."""

from __future__ import annotations

import streamlit as st

from core.samples import SAMPLES, open_sample
from core.scan import Scan
from ui.session import reading

OPENED = "the open scan"


def choose_scan(key: str, first: str = "chest") -> Scan:
    """A picker of the open scan and the samples; the open scan comes first, and its choice is never in the address.

    Args:
        key: Prefix of the widget's key and name of the sample in the address.
        first: Sample to begin with where no scan is open.
    """
    state = reading()
    titles = {sample.key: f"{sample.title} ({sample.modality})" for sample in SAMPLES}
    names = [OPENED, *titles] if state.scan is not None else list(titles)
    wanted = st.query_params.get(key, OPENED if state.scan is not None else first)
    name = st.selectbox(
        "Scan",
        names,
        index=names.index(wanted) if wanted in names else 0,
        format_func=lambda entry: titles.get(entry, "The open scan"),
        key=f"{key}-scan",
    )
    if name == OPENED and state.scan is not None:
        st.query_params.pop(key, None)
        return state.scan
    st.query_params[key] = name
    return state.pictures.get(("lesson sample", name), lambda: open_sample(name))
