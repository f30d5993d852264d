"""What the teacher's page says of each lesson."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import streamlit as st
from streamlit.errors import StreamlitAPIException

from ui.lessons.registry import Lesson

ROOT = Path(__file__).resolve().parents[2]

#: How the lines of a hint begin, in their order.
LEADS = ("Start", "Ask", "Often misunderstood")


#: Controls of the first two lessons, which Streamlit keeps from page to page because they are bound to the address.
KEPT = (
    *("frame", "edge", "levels", "padding", "stride", "dilation"),
    *("pooling-frame", "pooling-edge", "topic", "function", "slope", "gain", "shift"),
    *("pooling", "pooling-window", "pooling-stride", "row", "column"),
    *(
        lesson + name
        for lesson in ("", "pooling-")
        for name in ("kernel", "size", "angle", "wavelength", "own", "filters", "filter")
    ),
)


def forget_settings() -> None:
    """Forget what was set in a lesson, so that a link from here opens exactly what it says."""
    for key in KEPT:
        st.session_state.pop(key, None)


def show_overview(lessons: Sequence[Lesson]) -> None:
    """How long all of them take."""
    minutes = sum(lesson.minutes for lesson in lessons)
    st.caption(f"{len(lessons)} lessons, {minutes} minutes together; each stands on its own, this is a good order.")


def show_entry(lesson: Lesson) -> None:
    """One lesson: goal, time, hints and links."""
    with st.container(border=True):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.subheader(lesson.title, anchor=False)
            st.caption(f":material/schedule: {lesson.minutes} minutes", width="content")
        st.markdown(lesson.goal)
        for lead, line in zip(LEADS, lesson.hint.splitlines(), strict=True):
            st.markdown(f"**{lead}**{line.removeprefix(lead)}")
        with st.container(horizontal=True, gap="small"):
            _link(lesson, "Open the lesson", "")
            for title, query in lesson.links:
                _link(lesson, title, query)
        if lesson.links:
            with st.expander("Addresses to copy"):
                for title, query in lesson.links:
                    st.caption(title)
                    st.code(address(st.context.url or "", lesson.slug, query), language=None, wrap_lines=True)


def _link(lesson: Lesson, title: str, query: str) -> None:
    """A link that keeps the session, so that an open scan stays open."""
    icon = lesson.icon if not query else ":material/arrow_forward:"
    try:
        st.page_link(
            lesson.page.relative_to(ROOT).as_posix(),
            label=title,
            icon=icon,
            query_params=dict(parse_qsl(query)) or None,
        )
    except (StreamlitAPIException, KeyError):  # the page runs by itself, without the navigation around it
        st.markdown(title)


def address(here: str, slug: str, query: str) -> str:
    """The whole address of a lesson in a state.

    Args:
        here: Address of the teacher's page, from which host and path in front are taken.
        slug: The lesson's.
        query: What stands behind the `?`.

    Example:
        >>> address("http://localhost:8501/teaching?a=1", "convolution", "edge=32")
        'http://localhost:8501/convolution?edge=32'
    """
    parts = urlsplit(here)
    host = f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
    return f"{host}{parts.path.rsplit('/', 1)[0]}/{slug}" + (f"?{query}" if query else "")
