"""Pieces that pages draw in the same way everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.errors import ScanLensError
from ui.faults import log_fault
from ui.foreign_text import plain
from ui.serving.visitor import machine

ICON = str(Path(__file__).parent / "icon.png")
#: What themes cannot say: narrower margins, the answer under the scan where there is no room beside it, captions that
#: are readable (Streamlit fades them to 4.2:1, WCAG AA asks for 4.5:1), a drop zone that looks like one, and
#: samples of which every place opens them: a button reaches over the image above it, which Streamlit would enlarge.
STYLE = """
.stMainBlockContainer { padding-left: 2rem; padding-right: 2rem; }
[data-testid="stCaptionContainer"], [data-testid="stCaptionContainer"] p { color: inherit; opacity: 0.86; }
.st-key-drop [data-testid="stFileUploaderDropzone"] {
  min-height: 8rem; align-items: center; border: 2px dashed color-mix(in srgb, currentColor 40%, transparent);
}
[class*="st-key-tile-"] { position: relative; }
[class*="st-key-tile-"] * { position: static; }
[class*="st-key-tile-"] [data-testid="stElementToolbar"] { display: none; }
[class*="st-key-tile-"] [class*="st-key-sample-"] button::after { content: ""; position: absolute; inset: 0; }
[class*="st-key-tile-"]:has([class*="st-key-sample-"] button:hover) { border-color: var(--st-primary-color); }
[class*="st-key-tile-"]:has([class*="st-key-sample-"] button:focus-visible) {
  outline: 2px solid var(--st-primary-color);
}
[class*="st-key-tile-"] [class*="st-key-remove-"] button { position: relative; z-index: 1; }
.st-key-warm, .st-key-upload-faults { display: none; }
.upload-fault { margin: 0.5rem 0 0; padding-left: 0.6rem; border-left: 3px solid #c8372d; }
@media (max-width: 1100px) {
  .st-key-reading > .stHorizontalBlock, .st-key-reading > div > .stHorizontalBlock { flex-direction: column; }
  .st-key-reading .stColumn { width: 100%; flex: 1 1 auto; min-width: 100%; }
}
"""
DISCLAIMER = "For research and teaching only, never for diagnosis."


def show_disclaimer() -> None:
    """What the app is not for, and where the data stay."""
    st.caption(f"{DISCLAIMER} Scans stay in the memory of {machine()} and are gone when you close them.")


def use_the_width() -> None:
    """Narrower margins than Streamlit's, and the answer under the scan where there is no room beside it."""
    st.html(f"<style>{STYLE}</style>")


def show_caution(sentence: str) -> None:
    """A doubt about the scan, quiet but in words and shape."""
    st.markdown(f":yellow[:material/warning:] {plain(sentence)}")


def show_error(error: object) -> None:
    """One sentence about what went wrong, where it went wrong; names in it are text."""
    st.error(plain(error), icon=":material/error:")


def forget_beyond(key: str, most: float) -> None:
    """Forget the place of a slider that lies beyond its end, before it is drawn: it then begins anew.

    Another scan has fewer frames, another model fewer filters; Streamlit refuses to draw a slider whose kept value is
    out of its range.

    Args:
        key: Of the slider in the session's state. Where it is bound to the address Streamlit mends the address itself,
            and refuses that we do.
        most: The largest value that the slider has now.
    """
    kept = st.session_state.get(key)
    if isinstance(kept, int | float) and kept > most:
        del st.session_state[key]


def forget_unknown(key: str, options: Sequence[str]) -> None:
    """Forget an option that the address or another model names and that does not exist here, before it is drawn.

    Args:
        key: Of a control that is bound to the address.
        options: That the control has now.
    """
    if key in st.session_state:  # the control has been drawn: Streamlit mends the address itself
        if st.session_state[key] not in options:
            del st.session_state[key]
    elif st.query_params.get(key) not in options:
        st.query_params.pop(key, None)


class ErrorsShown:
    """Shows what goes wrong inside as one sentence, where it went wrong; what comes after it goes on."""

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _where: object) -> bool:
        if isinstance(error, ScanLensError):
            show_error(str(error))
            return True
        if not isinstance(error, Exception) or type(error).__module__.startswith("streamlit.runtime.scriptrunner"):
            return False  # Streamlit stops and reruns scripts by exceptions of its own
        log_fault("A page", error)
        st.error("This part of the page failed inside ScanLens: reload the page, or open another scan.")
        return True


def errors_shown() -> ErrorsShown:
    """Show what goes wrong inside as one sentence, where it went wrong.

    Example:
        >>> with errors_shown():
        ...     answer = 6 * 7
    """
    return ErrorsShown()


def show_title(title: str) -> None:
    """A page's name, with what the app is for beside it."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.title(title, anchor=False)
        st.caption("research and teaching only", width="content")
