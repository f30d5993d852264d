"""A file is saved while its page runs again all the time, as Explain does while maps are made."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = """
import time
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from ui.downloads import download_route, show_download

def slow():
    time.sleep(0.5)
    return "a,b"

def draw():
    runs = []
    show_download("CSV", slow, "table.csv", "text/csv", key="take-CSV")

    @st.fragment(run_every=0.1)
    def again():
        runs.append(1)
        if len(runs) > 1:
            st.rerun()

    again()

if get_script_run_ctx(suppress_warning=True) is None:
    app = st.App(__file__, routes=[download_route()])
else:
    draw()
"""


@pytest.fixture
def busy_page(launched, serve, tmp_path):
    """A page with one download that runs again ten times a second."""
    script = tmp_path / "page.py"
    script.write_text(PAGE, encoding="utf-8")
    start = ("-m", "streamlit", "run", str(script))
    with serve(tmp_path / "log.txt", start=start, environment={"PYTHONPATH": str(ROOT)}) as url:
        context = launched.new_context(accept_downloads=True)
        page = context.new_page()
        page.goto(url)
        yield page
        context.close()


def test_download_is_saved_while_the_page_runs_again(busy_page):
    for _ in range(4):
        with busy_page.expect_download() as saving:
            busy_page.get_by_role("button", name="CSV").click()
        assert saving.value.suggested_filename == "table.csv"
        assert saving.value.path().read_text(encoding="utf-8") == "a,b"
