"""The training itself: start and stop, and what is seen of it after every epoch."""

from __future__ import annotations

import streamlit as st

from core.lessons.training.figure import (
    confusion_figure,
    curves_figure,
    describe_confusion,
    describe_curves,
    describe_evidence,
    evidence_figure,
)
from core.lessons.training.live_run import Epoch, LiveRun, confusion
from core.lessons.training.settings import LiveSettings
from core.lessons.training.text import loss_formula, step_formula, weight_words
from ui.background import jobs, show_job
from ui.charts import show_chart
from ui.lessons.training.data import Material
from ui.lessons.training.state import Training
from ui.show import show_error

#: Seconds between two looks at a training that is under way.
LOOK = 1.5


def show_start(state: Training, material: Material | None, settings: LiveSettings, steps_key: str, step: str) -> None:
    """The button that trains, or stops, and what the last run came to."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if state.busy:
            _show_progress()
        else:
            st.button(
                "Train", icon=":material/play_arrow:", type="primary", key="train-go", disabled=material is None,
                on_click=_start, args=(state, material, settings, steps_key, step),
            )  # fmt: skip
        if state.last is not None and state.last.epochs and not state.busy:
            st.caption(_standing(state.last))
    if state.trouble:
        show_error(state.trouble)


def _show_progress() -> None:
    """How far it is, on every step of the lesson; the page runs again when it is done."""
    job = jobs().find("training")
    if job is not None:
        with st.container(width=420):
            show_job(job, "training", label="Stop")


def _start(state: Training, material: Material | None, settings: LiveSettings, steps_key: str, step: str) -> None:
    if material is None or state.busy:
        return
    name = f"Run {state.count + 1}"
    run = LiveRun(name, settings, material.lesson_set, material.division, material.size, material.faults)
    state.start(run, str(st.session_state.get(steps_key, "")))
    st.session_state[steps_key] = step


def _standing(run: LiveRun) -> str:
    last = run.epochs[-1]
    text = f"{run.name}: epoch {last.number} of {run.settings.epochs}, {run.seconds:.1f} s"
    return f"{text}, validation accuracy {last.val_accuracy:.2f}, training {last.accuracy:.2f}"


def show_training(state: Training) -> None:
    """The newest run: live while it trains, then by epoch."""
    run = state.last
    if run is None:
        st.info("Nothing was trained yet: choose above or on the left, then Train.", icon=":material/model_training:")
        return
    if state.busy:
        _show_live(run)
        return
    if run.epochs:
        _show_run(run, _chosen_epoch(run))


def _show_live(run: LiveRun) -> None:
    @st.fragment(run_every=LOOK)
    def draw() -> None:
        if run.epochs:
            _show_run(run, run.epochs[-1])
        else:
            st.caption("The first curves come once Keras has started and the network is built.")

    draw()


def _chosen_epoch(run: LiveRun) -> Epoch:
    """The epoch to look back at; the last to begin with."""
    if len(run.epochs) < 2:
        return run.epochs[-1]
    number = st.slider("Look at epoch", 0, len(run.epochs) - 1, len(run.epochs) - 1, key=f"train-epoch-{run.key}")
    return run.epochs[min(number, len(run.epochs) - 1)]


def _show_run(run: LiveRun, epoch: Epoch) -> None:
    key, names = f"{run.key}", run.lesson_set.names
    show_chart(lambda: curves_figure([run], epoch.number), f"train-curves-{key}", describe_curves([run]))
    left, right = st.columns([4, 5], gap="medium")
    counts = confusion(run.val_labels, epoch.probabilities, len(names))
    with left:
        show_chart(
            lambda: confusion_figure(counts, names, f"validation, epoch {epoch.number}"),
            f"train-confusion-{key}",
            describe_confusion(counts, names, "validation"),
        )
    with right:
        show_chart(lambda: evidence_figure(run, epoch), f"train-evidence-{key}", describe_evidence(run, epoch))
    _show_formulas(run, epoch)


def _show_formulas(run: LiveRun, epoch: Epoch) -> None:
    left, right = st.columns([4, 5], gap="medium")
    case = int(run.cases[0])
    true = int(run.lesson_set.labels[case])
    with left:
        st.caption(f"Loss of the first case beside, after epoch {epoch.number}")
        st.latex(loss_formula(run.lesson_set.names[true], float(epoch.case_probabilities[0, true])))
    with right:
        if epoch.step:
            st.caption(
                f"First step of epoch {epoch.number}, the weight with the steepest slope "
                f"({weight_words(epoch.step)}; slope {epoch.step['slope']:.3g})"
            )
            st.latex(step_formula(epoch.step, run.settings))
        else:
            st.caption("Before the first step the weights are drawn, or taken over; nothing was learnt yet.")
