"""Walk an app as a user does: choose each option of each control on the page, and note what goes wrong."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest, element_tree

ROOT = Path(__file__).resolve().parents[2]

#: Seconds that one run of a page, and all the long work behind it, may take on a busy machine.
PATIENCE = 240

#: What pages say where the fault is ours; said in a caption or an info box, it is a fault all the same.
OURS = "inside ScanLens"

#: A timer that asks Streamlit's runtime for its sessions; AppTest puts a mock in the runtime's place.
MOCKED = "Ending closed sessions failed with AttributeError at mock.py"

Control = Any  # a widget of the app under test
Skip = Callable[[str], bool]


class Option(str):
    """The label of an option, as a browser sends it."""

    __slots__ = ()


def _let_labels_pass() -> None:
    """AppTest formats what is set once more, which a label does not survive everywhere: take labels as they are."""
    formatted = element_tree._format_value_for_widget
    element_tree._format_value_for_widget = lambda function, value: (
        str(value) if isinstance(value, Option) else formatted(function, value)
    )
    serialized = element_tree.SelectSlider._widget_state.fget
    assert serialized is not None

    def state_of(slider: element_tree.SelectSlider[Any]) -> Any:
        chosen = slider._value
        if not isinstance(chosen, Option):
            return serialized(slider)
        state = element_tree.WidgetState()
        state.id = slider.id
        state.string_array_value.data[:] = [str(chosen)]
        return state

    element_tree.SelectSlider._widget_state = property(state_of)  # type: ignore[assignment]


_let_labels_pass()


class Tour(logging.Handler):
    """One visit to a page: the app, what was chosen, and what went wrong.

    It also handles the product's own log: a fault in a background thread may show nowhere else.

    Args:
        page: The page's script, from the root of the project.
        address: What stands behind the `?`.
    """

    def __init__(self, page: str, **address: str) -> None:
        super().__init__(logging.ERROR)
        self.page, self.trail, self.choices = page, [], 0  # type: tuple[str, list[str], int]
        self.faults: list[str] = []
        logging.getLogger("scanlens").addHandler(self)
        self.app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=PATIENCE)
        self.app.run()
        self.turn_to(page, **address)

    def turn_to(self, page: str, **address: str) -> None:
        """Go to a page of the same session."""
        self.page = page
        self.app.query_params.clear()
        self.app.query_params.update(address)
        self.app.switch_page(page)
        self.run()

    def emit(self, record: logging.LogRecord) -> None:
        """Note what the product logged as a fault."""
        if not record.getMessage().startswith(MOCKED):
            self.add(f"log: {record.getMessage()}")

    def add(self, what: str) -> None:
        """Note one fault, with the choices that led there."""
        line = f"{self.page} › {' › '.join(self.trail[-5:]) or 'as it opens'}: {what}"
        if line not in self.faults:
            self.faults.append(line)
            print(f"FAULT {line}", flush=True)

    def run(self) -> None:
        """Run the page, and note exceptions, error boxes and sentences that own up to a fault."""
        try:
            self.app.run()
        except Exception as error:  # a page that does not return is a fault like any other
            self.add(f"{type(error).__name__}: {error}")
            return
        for shown in self.app.exception:
            self.add(f"exception: {shown.message or shown.stack_trace}")
        for shown in self.app.error:
            self.add(f"error box: {shown.value}")
        for kind in (self.app.warning, self.app.info, self.app.markdown, self.app.caption):
            for shown in kind:
                if OURS in str(shown.value):
                    self.add(f"says: {shown.value}")

    def settle(self, until: Callable[[], bool] = lambda: False) -> None:
        """Wait for long work and run the page again, as a browser does, until nothing is under way."""
        last = time.monotonic() + PATIENCE
        while not until():
            under_way = _jobs()
            for thread in under_way:
                thread.join(max(0.0, last - time.monotonic()))
                if thread.is_alive():
                    self.add(f"long work is not done after {PATIENCE} s")
                    return
            self.run()
            if not under_way and not _jobs():
                return

    def click(self, key: str) -> None:
        """Click the button of this key or, where it has none, of this label."""
        found = next((b for b in self.app.button if key in (b.key, b.label)), None)
        if found is None:
            self.add(f"there is no button {key}")
            return
        self.choices += 1
        self.trail.append(f"click {key}")
        found.click()
        self.run()

    def control(self, name: str) -> Control | None:
        """The control of that name as it is on the page now; names of some keys go on with a hash."""
        return next((control for found, control, _ in self.controls() if found == name), None)

    def controls(self) -> Iterator[tuple[str, Control, list[Any]]]:
        """(name, control, values to set) of each control with a choice; sliders first."""
        app = self.app
        for control in app.slider:
            if not control.proto.disabled and not isinstance(control.value, tuple | list):
                yield _name_of(control), control, [control.max]
        for control in (*app.selectbox, *app.button_group, *app.radio, *app.select_slider):
            if not control.proto.disabled:
                options = [Option(option) for option in control.options]
                several = control.type == "button_group" and not control._is_single_select
                yield _name_of(control), control, [[option] for option in options] if several else options
        for control in (*app.toggle, *app.checkbox):
            if not control.proto.disabled:
                yield _name_of(control), control, [not control.value]

    def choose(self, name: str, value: Any) -> None:
        """Set one control and run the page; where it or the option is missing, that is a fault."""
        if not self._set(name, value):
            self.add(f"there is no control {name} with {value}")

    def _set(self, name: str, value: Any) -> bool:
        """Set one control and run the page; whether the control and the option were there."""
        control = self.control(name)
        if control is None or not _is_offered(control, value):
            return False
        self.choices += 1
        self.trail.append(f"{name} = {value[0] if isinstance(value, list) and value else value}")
        control.set_value(value)
        self.run()
        return True

    def each(self, name: str) -> Iterator[str]:
        """Every option of a control in turn, the one that is chosen first; what is done meanwhile is forgotten."""
        control = self.control(name)
        if control is None:
            self.add(f"there is no control {name}")
            return
        options = [Option(option) for option in control.options]
        chosen = next((option for option in options if str(option) in _labels_of(control)), options[0])
        for option in sorted(options, key=lambda option: option != chosen):
            kept = list(self.trail)
            if self._set(name, option):
                yield str(option)
            self.trail[:] = kept

    def walk(self, done: set[str] | None = None, skip: Skip = lambda name: False) -> None:
        """Choose every option of every control on the page, and of those that appear meanwhile.

        Controls are walked one after the other, each from where it stood: every option is seen, not every combination.

        Args:
            done: Names of controls that were walked; grows.
            skip: Says which to leave as they are.
        """
        done = set() if done is None else done
        while (
            found := next((one for one in self.controls() if one[0] not in done and not skip(one[0])), None)
        ) is not None:
            name, control, values = found
            done.add(name)
            if control.type == "slider":  # stays at its end: what is chosen next may have fewer frames, filters, rows
                self._set(name, values[0])
                self.trail.pop()
                continue
            before, labels = control.value, _labels_of(control)
            for value in values:
                if isinstance(value, Option) and str(value) in labels:
                    continue
                kept = list(self.trail)
                if self._set(name, value):
                    self.walk(done, skip)
                self.trail[:] = kept
            control = self.control(name)
            if control is not None and all(_is_offered(control, Option(label)) for label in labels):
                control.set_value(before)
                self.run()


def _jobs() -> list[threading.Thread]:
    """Threads in which long work of a page is under way."""
    return [thread for thread in threading.enumerate() if thread.name == "scanlens-job"]


def _name_of(control: Control) -> str:
    return str(control.key or control.label)


def _is_offered(control: Control, value: Any) -> bool:
    """Whether a control has these options; what was chosen elsewhere may have taken them away."""
    options = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, Option)]
    return all(str(option) in control.options for option in options)


def _labels_of(control: Control) -> list[str]:
    """Labels of what is chosen, of a control that takes one."""
    if control.type in {"toggle", "checkbox", "slider"}:
        return []
    try:
        return (
            list(control.formatted_values)
            if control.type == "button_group"
            else [str(control.format_func(control.value))]
        )
    except Exception:  # a label that is no raw value
        return [str(control.value)]
