"""ScanLens: what a medical-image model sees. Start with `make run`.

Streamlit reads this file twice: once as a module, which says how the app is served, then for each visitor as a script,
which draws the page.
"""

import streamlit as st
from starlette.middleware import Middleware
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui.components.uploading import explain_upload_faults
from ui.downloads import download_route
from ui.lessons.registry import LESSONS
from ui.serving.guard import Guard
from ui.serving.start import announced, prepare
from ui.show import ICON, show_disclaimer, use_the_width


def draw() -> None:
    """The page that the address names, with the navigation beside it."""
    # The icon is a file of ours: Streamlit would fetch a Material icon for the tab from the network.
    st.set_page_config(page_title="ScanLens", page_icon=ICON, layout="wide", initial_sidebar_state=230)
    use_the_width()
    explain_upload_faults()
    page = st.navigation(
        {
            "Scan": [
                st.Page("pages/scan/read.py", title="Read", icon=":material/radiology:", url_path="read", default=True),
                st.Page("pages/scan/explain.py", title="Explain", icon=":material/layers:", url_path="explain"),
            ],
            "Evidence": [
                st.Page("pages/evidence/compare.py", title="Compare", icon=":material/balance:", url_path="compare"),
                st.Page("pages/evidence/datasets.py", title="Datasets", icon=":material/dataset:", url_path="datasets"),
                st.Page("pages/evidence/models.py", title="Models", icon=":material/deployed_code:", url_path="models"),
            ],
            "Learn": [
                *(
                    st.Page(lesson.page, title=lesson.title, icon=lesson.icon, url_path=lesson.slug)
                    for lesson in LESSONS
                    if lesson.page.is_file()
                ),
                st.Page("pages/learn/teaching.py", title="For teachers", icon=":material/school:", url_path="teaching"),
            ],
        },
        expanded=True,
    )
    with st.sidebar:
        show_disclaimer()
    page.run()


if get_script_run_ctx(suppress_warning=True) is None:
    prepare()
    app = st.App(__file__, routes=[download_route()], middleware=[Middleware(Guard)], lifespan=announced)
else:
    draw()
