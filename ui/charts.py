"""Charts of `core.figures` on a page: the theme's colours, at a contrast that can be read."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

#: Text by theme. Streamlit's own chart theme fades axis text to 3.7:1; these are above 7:1.
INK = {"light": "#37444a", "dark": "#cfd8db"}

#: Streamlit's own face, so that a chart looks like the page around it.
FONT = '"Source Sans", sans-serif'


def _whole_pandas() -> None:
    """Wait for a pandas that another session's thread may be half through importing, as Plotly looks into it.

    Where nobody has asked for pandas it stays away: the reading page needs none of its 70 MB.
    """
    if "pandas" in sys.modules:
        importlib.import_module("pandas")


def show_chart(
    make: Callable[[], Figure],
    key: str,
    alt: str,
    config: Mapping[str, Any] | None = None,
    shows: Hashable | None = None,
) -> None:
    """Draw a figure across its column.

    Args:
        make: Gives the figure, without a background and font colour of its own.
        key: Of the element.
        alt: What it shows, for those who cannot see it.
        config: For Plotly; no mode bar for None.
        shows: What the figure is of, where that is known by a name: a control elsewhere on the page then leaves the
            figure as it was, which takes a third of the time of the run to make.
    """
    _whole_pandas()
    ink = INK.get(st.context.theme.type or "light", INK["light"])
    if shows is None:
        figure = _in_ink(make(), ink)
    else:
        kept: tuple[object, Figure] | None = st.session_state.get(f"drawn-{key}")
        if kept is None or kept[0] != (shows, ink):
            kept = st.session_state[f"drawn-{key}"] = ((shows, ink), _in_ink(make(), ink))
        figure = kept[1]
    settings = {"displayModeBar": False} if config is None else dict(config)
    _whole_pandas()
    st.plotly_chart(figure, width="stretch", theme=None, config=settings, key=key, alt=alt)


def _in_ink(figure: Figure, ink: str) -> Figure:
    figure.update_layout(font_color=ink, font_family=FONT, template="none")
    figure.update_xaxes(tickfont_color=ink, title_font_color=ink)
    figure.update_yaxes(tickfont_color=ink, title_font_color=ink)
    return figure
