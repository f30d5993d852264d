"""Datasets: add one where it lies, look at its quality, run models over it."""

import streamlit as st

from ui.datasets.adding import keep_in_database, show_adding, show_opening
from ui.datasets.chosen import choose_dataset, show_questions, show_understood
from ui.datasets.records import records
from ui.datasets.running import show_run
from ui.datasets.runs import show_runs
from ui.datasets.shelf import shelf
from ui.show import errors_shown, show_title

VIEWS = {"holds": "What it holds", "quality": "Data quality", "run": "Run models"}

show_title("Datasets")
state = shelf()
with errors_shown():
    waiting = show_opening(state)
    fault = keep_in_database(state, records())
    found = records()
    if fault or found.fault:
        st.warning(
            f"{found.fault or fault} Datasets can be added and looked at meanwhile.", icon=":material/database_off:"
        )

    entries = found.entries(state)
    if not waiting and (state.adding or not entries):
        show_adding(state, first=not entries)
    elif not waiting:
        choose_dataset(state, found)
        if state.opening is not None:
            st.rerun()
        dataset = state.dataset
        if dataset is not None and dataset.questions:
            show_questions(state, dataset)
            show_understood(state, dataset)
        elif dataset is not None:
            st.query_params["dataset"] = dataset.name
            wanted = st.session_state.get("view", st.query_params.get("view"))
            st.session_state["view"] = wanted if wanted in VIEWS else "holds"
            view = st.segmented_control(
                "View",
                list(VIEWS),
                format_func=lambda name: VIEWS[name],
                required=True,
                key="view",
                label_visibility="collapsed",
            )
            st.query_params["view"] = str(view)
            with errors_shown():
                if view == "quality":
                    from ui.datasets.inspecting import show_quality  # its statistics take a moment to load

                    show_quality(state, dataset)
                elif view == "run":
                    show_run(state, dataset, found)
                else:
                    show_understood(state, dataset)

with errors_shown():
    if found.runs or entries:
        show_runs(state, found)
