"""Compare models across datasets: the matrix, then the figures of the chosen cells, the finding in words, the cases."""

import streamlit as st

from ui.comparing.choice import choose, sentence
from ui.comparing.detail import choose_detail, show_detail
from ui.comparing.export import show_export, show_report
from ui.comparing.heatmaps import show_heatmaps
from ui.comparing.results import results
from ui.comparing.table import about_matrix, compared, dataset_sizes, show_computing
from ui.comparing.words import plain
from ui.components.matrix import show_matrix
from ui.show import errors_shown, show_title

show_title("Compare models")
found = results()
for fault in found.faults:
    st.warning(fault, icon=":material/database_off:")
if not found.evaluations:
    st.info("There are no results to compare yet: add a dataset and run a model on it, then come back.")
    st.stop()

with errors_shown():
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        heading, taking = st.empty(), st.empty()
    heading.subheader("Comparing …", anchor=False)
    choice = choose(found.evaluations)
    table, job = compared(found, choice)
    heading.subheader(plain(sentence(choice, table)), anchor=False)
    show_report(choice)
    detail = choose_detail(found, choice, table)
    show_matrix(table, detail.lines, detail.selection, dataset_sizes(found, choice), detail.on_choice, job is not None)
    about_matrix(table)
    if job is not None:
        show_computing(job)
    with taking:
        show_export(choice, table, detail.lines, complete=job is None)
    show_detail(detail)
    show_heatmaps()
