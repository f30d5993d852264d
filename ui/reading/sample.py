"""What is known of the sample on the page, told only to who asks; and its mask."""

from __future__ import annotations

import streamlit as st

from core.samples import CatalogueCase, case_by_key
from ui.foreign_text import plain
from ui.reading.gallery import truth_words
from ui.session import Reading


def case_on_page(state: Reading) -> CatalogueCase | None:
    """The case of the catalogue that is open, if one is."""
    return case_by_key(state.came_from) if state.came_from else None


def fact_of_sample(state: Reading, name: str) -> float | None:
    """What the publisher of the sample on the page says of the patient, None where it says nothing.

    Args:
        state: The session's.
        name: Of the fact, such as `"height"`, in the unit of the models that were tested on it.
    """
    case = case_on_page(state)
    return None if case is None else case.fact(name)


def show_sample_facts(state: Reading) -> None:
    """A button behind which the truth, the publisher's facts and the licence stand; nothing for other scans."""
    case = case_on_page(state)
    if case is None:
        return
    with st.popover("What is true", icon=":material/visibility:"):
        st.markdown(f"**{plain(truth_words(case, st.query_params.get('model', '')))}**")
        st.caption(plain(f"{case.title}, of the test set of the model: it was not trained on it. {case.origin}"))
        if case.mask is not None:
            st.caption("Its mask can be compared with a segmentation, beside the answer.")
    if case.facts:
        st.caption(plain(f"The publisher says: {case.facts}."), width="content")
