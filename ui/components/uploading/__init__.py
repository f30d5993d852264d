"""What went wrong with an upload, in a sentence of ours beside the drop zone.

Streamlit shows only a red mark, with its library's words in a tooltip: "AxiosError: Request failed with status code
413". What answers so is often not this server but a proxy in front of it, so it can only be mended in the browser.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

#: By the status that the upload was answered with; `cut` where there was no answer, `other` for the rest.
SENTENCES = {
    "413": "Expected a file that the server in front of ScanLens lets through, received one that is too large for it: "
    "choose fewer or smaller files, or ask who runs it to allow larger uploads.",
    "403": "Expected an upload from a page of this server, received one that could not be told from another site's: "
    "reload the page and try again.",
    "400": "Expected an upload into an open page, received one into a page that the server has closed: reload the page "
    "and try again.",
    "cut": "Expected the whole file, received a connection that was cut: try again, or with a smaller file, since a "
    "server in front of ScanLens may refuse large ones.",
    "other": "Expected the server to take the file, received an error (status {status}): try again in a moment.",
    "size": "Expected a file of at most {size}, received a larger one: choose fewer or smaller files.",
}
_COMPONENT = st.components.v2.component(
    "scanlens_upload_faults",
    html="<span></span>",
    js=(Path(__file__).parent / "faults.js").read_text(encoding="utf-8"),
)


def explain_upload_faults() -> None:
    """Watch the upload widgets of the page; draws nothing of its own."""
    with st.container(key="upload-faults"):  # hidden by `ui.show.STYLE`
        _COMPONENT(key="upload-faults-component", data=SENTENCES)
