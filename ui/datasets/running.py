"""Running models over the dataset on the page: how long it will take, the run itself, and what it came to."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.datasets.dataset import Dataset
from core.datasets.digest import with_digest
from core.datasets.stress.levels import stressed
from core.errors import Cancelled, ScanLensError
from core.evaluation.runs.cluster import cluster_asked
from core.evaluation.runs.run import estimate_seconds, evaluate
from core.evaluation.store.evaluations import Store
from core.evaluation.store.faults import RunTaken, StoreFault
from core.figures.comparing.numbers import count_text
from core.models.card import ModelCard
from ui.background import Progress, Stopper, duration_text, show_under_way
from ui.cache import cached_cards
from ui.datasets.planning import Order, Wish, copies, plan
from ui.datasets.records import Records, working_store
from ui.datasets.shelf import Outcome, Shelf, key_of
from ui.foreign_text import plain
from ui.show import show_error
from ui.visible import visible_cards

#: Cases that are timed; a few are enough to tell minutes from hours.
TIMED = 6
#: Fraction of the progress bar for the hash.
_HASHING = 0.05

COMPARE = "pages/evidence/compare.py"

Told = Callable[[float, str], None]


def show_run(state: Shelf, dataset: Dataset, found: Records) -> None:
    """The controls of a run, or the run that is under way."""
    take_run(state)
    running = state.jobs.find("run")
    if running is not None:
        st.markdown(f"**{plain(running.title)}**")
        show_under_way("run")
        return
    show_outcome(state)
    cards, faults = visible_cards()
    for fault in faults:
        show_error(str(fault))
    order = plan(state, dataset, cards, found)
    ready = bool(order.wishes)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Run", type="primary", icon=":material/play_arrow:", disabled=not ready, on_click=start, key="run",
            args=(state, order),
        )  # fmt: skip
        if ready:
            _show_estimate(state, order)


def start(state: Shelf, order: Order) -> None:
    """Run in the background; the results of each model are stored as they come."""
    state.jobs.drop("timing")
    state.outcome = None
    number = len(order.wishes) * len(copies(order))
    title = f"Running {count_text(len(order.wishes), 'model')} on {order.dataset.title}"
    if number > len(order.wishes):
        title += f" and {count_text(len(order.stresses), 'stressed copy', 'stressed copies')}"

    def work(progress: Progress, cancelled: Stopper) -> Outcome:
        return run(order, working_store(), progress, cancelled)

    state.jobs.start("run", order, title, work, patience=0.3, is_long=True)


def run(order: Order, store: Store, progress: Told, cancelled: Stopper) -> Outcome:
    """Every wished model on the dataset and its stressed copies.

    What fails is told and the rest goes on, except where nothing more can be stored.

    Raises:
        StoreFault: The dataset cannot be remembered.
        UnusableDataset: It cannot be hashed.
    """
    try:
        dataset = _hashed(order, store, progress, cancelled)
    except Cancelled:
        return Outcome(order.dataset.name, order.split, stopped=True)
    done, faults, stopped = [], [], False
    pairs = [(wish, copy) for copy in copies(order) for wish in order.wishes]
    weight = (1 - _HASHING) / max(1, sum(wish.cases for wish, _ in pairs))
    before = _HASHING
    for wish, copy in pairs:
        scored = dataset if copy is None else stressed(dataset, *copy)
        try:
            with cluster_asked() as cluster:
                evaluate(
                    wish.card, None, scored, order.split, wish.mapping, store,
                    _part(progress, before, weight * wish.cases, f"{wish.card.title} on {scored.title}"), cancelled,
                    kind=order.kind, cluster=cluster,
                )  # fmt: skip
            done.append((wish.card.slug, scored.title))
        except Cancelled:
            stopped = True
            break
        except ScanLensError as problem:
            faults.append(f"{wish.card.title} on {scored.title}: {problem}")
            if isinstance(problem, StoreFault) and not isinstance(problem, RunTaken):
                break
        before += weight * wish.cases
    return Outcome(order.dataset.name, order.split, tuple(done), tuple(dict.fromkeys(faults)), stopped, dataset)


def _hashed(order: Order, store: Store, progress: Told, cancelled: Stopper) -> Dataset:
    """The dataset with its hash, remembered with the label maps."""
    part = _part(progress, 0.0, _HASHING, order.dataset.title)
    known = store.known(order.dataset)
    dataset = with_digest(order.dataset, part, cancelled, known)
    store.remember(dataset, {wish.card.slug: dict(wish.mapping) for wish in order.wishes})
    return dataset


def _part(progress: Told, start_at: float, width: float, about: str) -> Told:
    return lambda fraction, words: progress(start_at + width * fraction, f"{about}: {words[:1].lower()}{words[1:]}")


def take_run(state: Shelf) -> bool:
    """Take a run that is done; whether it was."""
    job = state.jobs.take("run")
    if job is None:
        return False
    if job.error is not None:
        state.outcome = Outcome("", "", faults=(job.trouble,) if job.trouble else (), stopped=job.was_cancelled)
        return True
    outcome: Outcome = job.hand_over()
    state.outcome = outcome
    if outcome.hashed is not None:
        state.opened.put(key_of(outcome.hashed), outcome.hashed)
        state.changed.pop(key_of(outcome.hashed), None)
    return True


def show_outcome(state: Shelf) -> None:
    """What the last run came to, and the way to its numbers."""
    outcome = state.outcome
    if outcome is None:
        return
    for fault in outcome.faults:
        show_error(fault)
    if outcome.stopped:
        st.info("Stopped: what was scored is kept, and the next run goes on from there.", icon=":material/pause:")
    if outcome.done:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f":material/check: {count_text(len(outcome.done), 'result')} stored.", width="content")
            st.button("Compare them", icon=":material/balance:", key="compare-them", on_click=_mark)
    if st.session_state.pop("go-compare", False):
        models = ",".join(dict.fromkeys(slug for slug, _ in outcome.done))
        address = {"dataset": f"{outcome.dataset}--{outcome.split}", "models": models}
        if outcome.split:
            address["split"] = outcome.split
        st.switch_page(COMPARE, query_params=address)


def _mark() -> None:
    """Go to the results themselves, not to what was compared before."""
    st.session_state["go-compare"] = True
    for key in ("compare-selection", "compare-split", "compare-question"):
        st.session_state.pop(key, None)


def _show_estimate(state: Shelf, order: Order) -> None:
    """How long it will take, timed in the background; a fragment, so that the page does not wait."""

    @st.fragment(run_every=0.7 if _untimed(state, order) else None)
    def draw() -> None:
        _time_next(state, order)
        waiting = _untimed(state, order)
        st.caption("Timing a few cases …" if waiting else estimate_words(state, order), width="content")
        if not waiting and st.session_state.pop("estimating", False):
            st.rerun()  # to stop looking
        st.session_state["estimating"] = bool(waiting)

    draw()


def estimate_words(state: Shelf, order: Order) -> str:
    """`"About 40 s for 2 models on 624 cases"`."""
    paces = [(state.estimates[_pace_key(order, wish)], wish) for wish in order.wishes]
    if troubles := [pace for pace, _ in paces if isinstance(pace, str)]:
        return troubles[0]
    times = len(copies(order))
    seconds = sum(float(pace) * wish.cases for pace, wish in paces) * times
    cases = max(wish.cases for wish in order.wishes) * times
    what = f"{count_text(len(order.wishes), 'model')} on {count_text(cases, 'case')}"
    return f"About {duration_text(seconds)} for {what}, less where results are stored already."


def _pace_key(order: Order, wish: Wish) -> tuple[object, ...]:
    return key_of(order.dataset), order.split, wish.card.slug


def _untimed(state: Shelf, order: Order) -> list[Wish]:
    return [wish for wish in order.wishes if _pace_key(order, wish) not in state.estimates]


def _time_next(state: Shelf, order: Order) -> None:
    job = state.jobs.take("timing")
    if job is not None and isinstance(job.key, tuple) and not job.was_cancelled:
        state.estimates[job.key] = job.trouble or job.hand_over()
    waiting = _untimed(state, order)
    if waiting and not state.jobs.is_busy("timing") and not state.jobs.is_busy("run"):
        wish = waiting[0]
        state.jobs.start("timing", _pace_key(order, wish), f"Timing {wish.card.title}", lambda *_: _pace(order, wish))


def _pace(order: Order, wish: Wish) -> float:
    """Seconds a case."""
    seconds = estimate_seconds(wish.card, None, order.dataset, order.split, wish.mapping, TIMED)
    return seconds / max(1, wish.cases)


def card_of(slug: str) -> ModelCard | None:
    """The card of an installed model."""
    return cached_cards()[0].get(slug)
