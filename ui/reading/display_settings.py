"""The controls under the viewer: how the grey values are shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from core.explain.explanation import Explanation
from core.scan import FrameWindows, Scan, Voi, VoiTable, Window, window_choices, window_text
from ui.components.viewer import View, show_viewer
from ui.session import Reading


@dataclass(frozen=True, eq=False)
class Look:
    """How the scan is shown.

    Attributes:
        name: Names the window.
        window: VOI transform, None for colour.
        invert: Dark for bright.
        overlays: Whether the scan's own overlay planes are drawn.
    """

    name: str
    window: Voi | None
    invert: bool
    overlays: bool = False

    def view(self, scan: Scan, frame: int, explanation: Explanation | None = None, key: str = "") -> View:
        """What the viewer is to show; `key` names the explanation."""
        return View(scan, frame, self.window, self.name, self.invert, explanation, key, overlays=self.overlays)


def show_image(state: Reading, scan: Scan, view: Callable[[Look], View]) -> Look:
    """The viewer, and under it the controls of what it shows.

    Args:
        state: Of the session.
        scan: On the page.
        view: Makes what the viewer is to show.
    """
    place = st.container()
    look = choose_look(state, scan)
    with place:
        show_viewer(view(look), state.images)
    return look


def choose_look(state: Reading, scan: Scan) -> Look:
    """Window presets, sliders and inversion; colour images offer inversion only."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if scan.is_color:
            invert = st.toggle("Invert", key=f"invert-{scan.digest}")
            return Look("colour", None, invert, _choose_overlays(scan))
        windows = state.images.get(("windows", scan.digest), lambda: window_choices(scan))
        key = f"window-{scan.digest}"
        name = st.selectbox("Window", list(windows), key=key, width=240)
        window, name = _fine_tuned(scan, windows[name], name)
        invert = st.toggle("Invert", key=f"invert-{scan.digest}")
        overlays = _choose_overlays(scan)
    return Look(name, window, invert, overlays)


def _choose_overlays(scan: Scan) -> bool:
    """Whether graphics and regions that the file carries are drawn; asked only where there are any."""
    return bool(scan.overlays) and st.toggle("Overlay planes", value=True, key=f"overlays-{scan.digest}")


def _fine_tuned(scan: Scan, window: Voi, name: str) -> tuple[Voi, str]:
    """Sliders for centre and width around the chosen preset."""
    if isinstance(window, FrameWindows):
        return _moved_together(scan, window, name)
    if isinstance(window, VoiTable):
        st.caption("A table from the file; choose another window to adjust it.")
        return window, name
    step = 1.0 if window.width >= 50 else window.width / 100
    reach = max(window.width * 2, 2 * step)
    form = "%.0f" if step == 1.0 else "%.3g"
    with st.popover("Adjust"):
        center = st.slider(
            f"Centre{f' ({scan.units})' if scan.units else ''}",
            window.center - reach,
            window.center + reach,
            window.center,
            step,
            form,
            key=f"center-{scan.digest}-{name}",
        )
        width = st.slider("Width", step, window.width * 4, window.width, step, form, key=f"width-{scan.digest}-{name}")
    if (center, width) == (window.center, window.width):
        return window, name
    width = max(width, 1.0) if window.function == "LINEAR" else width
    return Window(center, width, window.function, name), f"{name} {center:g} {width:g}"


def _moved_together(scan: Scan, window: FrameWindows, name: str) -> tuple[Voi, str]:
    """Sliders that move the window of every frame by the same amount, where each has its own."""
    plain = [each for each in window.each if isinstance(each, Window)]
    if not plain:
        st.caption("Each image has a table of its own in the file; choose another window to adjust it.")
        return window, name
    widest = max(each.width for each in plain)
    step = 1.0 if widest >= 50 else widest / 100
    units = f" ({scan.units})" if scan.units else ""
    with st.popover("Adjust"):
        st.caption(f"From the file: {window_text(window)}.")
        form = "%+.0f" if step == 1.0 else "%+.3g"
        reach = (-2 * widest, 2 * widest, 0.0)
        shift = st.slider(f"Centre, moved by{units}", *reach, step, form, key=f"shift-{scan.digest}-{name}")
        factor = st.slider("Width, times", 0.05, 4.0, 1.0, 0.05, "%.2f", key=f"factor-{scan.digest}-{name}")
    if (shift, factor) == (0.0, 1.0):
        return window, name
    return FrameWindows(
        tuple(_moved(each, shift, factor) for each in window.each), name
    ), f"{name} {shift:g} {factor:g}"


def _moved(window: Window | VoiTable, shift: float, factor: float) -> Window | VoiTable:
    if isinstance(window, VoiTable):
        return window
    width = window.width * factor
    width = max(width, 1.0) if window.function == "LINEAR" else width
    return Window(window.center + shift, width, window.function, window.name)
