"""After a training: judge it on images that it never saw, compare runs, and use or keep it."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.lessons.training.figure import (
    confusion_figure,
    curves_figure,
    describe_confusion,
    describe_curves,
)
from core.lessons.training.kept_model import delete_kept, keep_model, kept_models
from core.lessons.training.live_run import LiveRun, confusion, sensitivities
from core.lessons.training.settings import NETWORKS, STARTS
from core.lessons.training.text import loss_formula
from core.models.card import ModelCard
from core.readers import Source, open_sources
from ui.background import jobs, show_under_way
from ui.cache import cached_bundle, cached_cards, cached_keras
from ui.charts import show_chart
from ui.foreign_text import plain
from ui.lessons.question import show_question
from ui.lessons.training.data import FAULTS
from ui.lessons.training.images import png_of, show_strip
from ui.lessons.training.state import Training
from ui.serving.visitor import machine
from ui.session import reading
from ui.show import forget_beyond, show_error
from ui.visible import is_own_model, own_model

NOTHING = "Nothing was trained yet: choose above or on the left, then Train."
READ_PAGE = "pages/scan/read.py"


def show_evaluation(state: Training) -> None:
    """The runs side by side, their curves on top of each other, and the last one's test part."""
    runs = [run for run in state.runs if run.epochs and (run is not state.last or not state.busy)]
    if not runs:
        st.info(NOTHING, icon=":material/model_training:")
        return
    st.table([_row(run) for run in runs], hide_index=True)
    st.caption(
        "The test part is judged once a run ends, is never leaked into and never made rare. Who picks the best of many "
        "runs by it has used it up."
    )
    if len(runs) > 1:
        show_chart(lambda: curves_figure(runs), "train-compared", describe_curves(runs))
    _show_judged(runs[-1])
    show_question(
        "train-question-leak",
        "With the leak switched on, validation says one thing and the test part another. Which of the two would hold "
        "for new patients?",
        ("The validation accuracy", "The test accuracy", "The mean of both"),
        1,
        _leak_words(runs),
    )


def _row(run: LiveRun) -> dict[str, str]:
    last = run.epochs[-1]
    row = {
        "Run": run.name,
        "Images": f"{run.lesson_set.title}, {run.size} px",
        "Network": f"{NETWORKS[run.settings.network][0]}, {STARTS[run.settings.start].lower()}",
        "Faults": ", ".join(FAULTS[key][0].lower() for key in run.faults) or "none",
        "Epochs": str(last.number),
        "Training": f"{last.accuracy:.2f}",
        "Validation": f"{last.val_accuracy:.2f}",
        "Test": "not judged",
        "Mean sensitivity, test": "not judged",
    }
    if run.test_probabilities is not None:
        counts = confusion(run.test_labels, run.test_probabilities, len(run.lesson_set.names))
        row["Test"] = f"{np.diag(counts).sum() / counts.sum():.2f}"
        row["Mean sensitivity, test"] = f"{np.nanmean(sensitivities(counts)):.2f}"
    return row


def _show_judged(run: LiveRun) -> None:
    if run.test_probabilities is None:
        st.caption(f"{run.name} was not judged: the Keras process ended before.")
        return
    names = run.lesson_set.names
    counts = confusion(run.test_labels, run.test_probabilities, len(names))
    left, right = st.columns([4, 5], gap="medium")
    with left:
        show_chart(
            lambda: confusion_figure(counts, names, f"test, {run.name}"),
            f"train-test-{run.key}",
            describe_confusion(counts, names, "test"),
        )
    with right:
        st.markdown("**Right for each class**, test part")
        words = ["not defined" if np.isnan(fraction) else f"{fraction:.2f}" for fraction in sensitivities(counts)]
        rows = zip(names, counts.sum(axis=1).tolist(), words, strict=True)
        st.table(
            [{"Class": name, "Cases": cases, "Correct": fraction} for name, cases, fraction in rows],
            hide_index=True,
        )


def _leak_words(runs: list[LiveRun]) -> str:
    why = (
        "The network has seen half of the validation images, and other images of the same patients: it may "
        "remember them instead of reading them. The patients of the test part it has never met, and neither the next."
    )
    leaky = next((run for run in reversed(runs) if "leak" in run.faults and run.test_probabilities is not None), None)
    if leaky is None:
        return f"{why} Train once with the leak and once without, and compare the table's columns."
    test = float((leaky.test_probabilities.argmax(axis=1) == leaky.test_labels).mean())  # type: ignore[union-attr]
    return f"{why} In {leaky.name} that is {leaky.epochs[-1].val_accuracy:.2f} against {test:.2f}."


def show_application(state: Training) -> None:
    """The network reads one case of the test part, and can be kept as a model."""
    run = state.last
    if run is None or state.busy or run.test_probabilities is None:
        st.info("Train first: the network then reads new cases here.", icon=":material/model_training:")
    else:
        _show_case(run, run.test_probabilities)
        _show_keeping(state, run)
    _show_kept(state)


def _show_case(run: LiveRun, probabilities: np.ndarray) -> None:
    count = len(probabilities)
    forget_beyond("train-case", count)
    number = st.slider("Case of the test part", 1, count, 1, key="train-case", bind="query-params") - 1
    number = min(number, count - 1)
    case = int(run.division.test[number])
    names, true = run.lesson_set.names, int(run.lesson_set.labels[case])
    left, right = st.columns([2, 5], gap="medium")
    with left:
        show_strip([run.lesson_set.images[case]], [f"Test case {number + 1}"], 168)
    with right:
        predicted = int(probabilities[number].argmax())
        mark = ":green[:material/check_circle:]" if predicted == true else ":orange[:material/cancel:]"
        st.markdown(
            f"{mark} {run.name} calls it **{names[predicted]}** ({probabilities[number, predicted]:.2f}). "
            f"True: **{names[true]}** ({probabilities[number, true]:.2f})."
        )
        st.latex(loss_formula(names[true], float(probabilities[number, true])))
        wrong = np.flatnonzero(probabilities.argmax(axis=1) != run.test_labels) + 1
        st.caption(
            f"Wrong in {len(wrong)} of {count} cases"
            + (f": {', '.join(map(str, wrong[:12]))}{' and more' if len(wrong) > 12 else ''}." if len(wrong) else ".")
        )
    if kept := _kept_of(run):
        st.button(
            f"Read this case with “{plain(kept.title)}” on the page Read",
            icon=":material/radiology:", key="train-read",
            on_click=_open_case, args=(run, case, number),
        )  # fmt: skip
        if st.session_state.pop("train-opened", False):
            st.switch_page(READ_PAGE, query_params={"model": kept.slug})


def _open_case(run: LiveRun, case: int, number: int) -> None:
    source = Source(f"test-case-{number + 1}.png", png_of(run.lesson_set.images[case]))
    reading().show(open_sources([source]))
    st.session_state["train-opened"] = True


def _kept_of(run: LiveRun) -> ModelCard | None:
    return next((card for card in own_kept() if card.slug.endswith(run.key[:8])), None)


def own_kept() -> list[ModelCard]:
    """The models that were trained in class by this visitor, or on this computer by who sits at it."""
    return [card for card in kept_models() if is_own_model(card.slug)]


def _show_keeping(state: Training, run: LiveRun) -> None:
    if show_under_way("keeping"):
        return
    job = jobs().take("keeping")
    if job is not None and job.error is None:
        card: ModelCard = job.hand_over()
        state.kept = card
        own_model(card.slug)
        cached_cards.clear()
        cached_bundle.clear()
    elif job is not None and job.trouble:
        show_error(job.trouble)
    if state.kept is not None and state.kept.slug.endswith(run.key[:8]):
        st.success(
            f"Kept as “{plain(state.kept.title)}”: it can now be chosen on the page Read.",
            icon=":material/check_circle:",
        )
        return
    with st.form("train-keep", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "Name of the model",
            f"{run.lesson_set.title}, {run.name.lower()}",
            key=f"train-name-{run.key}",
            max_chars=60,
        )
        st.form_submit_button("Keep as a model", icon=":material/save:", on_click=_keep, args=(run,))
    st.caption(f"It is compiled and saved with a card that says how it came about, on {machine()}.")


def _keep(run: LiveRun) -> None:
    title, keras = str(st.session_state.get(f"train-name-{run.key}", "")), cached_keras()
    jobs().start("keeping", run.key, "Keeping the model", lambda *_: keep_model(keras, run, title), patience=0.5)


def _show_kept(state: Training) -> None:
    kept = own_kept()
    if not kept:
        return
    with st.expander(f"Models kept from this lesson: {len(kept)}"):
        for card in kept:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{plain(card.title)}** {plain(card.summary)}")
                st.button(
                    "Delete",
                    icon=":material/delete:",
                    key=f"train-delete-{card.slug}",
                    on_click=_delete,
                    args=(state, card),
                )


def _delete(state: Training, card: ModelCard) -> None:
    if not is_own_model(card.slug):
        return
    delete_kept(card)
    state.kept = None if state.kept is not None and state.kept.slug == card.slug else state.kept
    cached_cards.clear()
    cached_bundle.clear()
