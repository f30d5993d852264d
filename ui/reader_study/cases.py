"""Preparing the cases of a session in the background: opening where they lie, and letting the model read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from core.datasets.dataset import Dataset
from core.datasets.labels.mapping import suggest_map
from core.errors import ScanLensError
from core.evaluation.store.faults import StoreFault
from core.models.card import ModelCard
from core.reader_study.design import Plan
from core.reader_study.faults import UnusableCases
from core.reader_study.sources import (
    POOL,
    DatasetCases,
    LesionCases,
    Progress,
    Seen,
    Source,
    Stopper,
    can_be_read_against,
    look_again,
    make_plan,
)
from core.reader_study.store import Room
from ui.background import Work, computed, jobs, show_under_way
from ui.cache import cached_bundle, cached_cards, cached_keras
from ui.datasets.adding import opened
from ui.datasets.planning import sorted_out
from ui.datasets.records import Entry, records
from ui.datasets.shelf import place_key, shelf
from ui.reader_study.session import (
    KEY,
    PREPARING,
    READER,
    ROOM,
    Versus,
    cases_of,
    go_to,
    memory_rooms,
    rooms,
)
from ui.visible import visible_cards

Opener = Callable[[Progress, Stopper], Source]
TITLE = "Preparing the cases"
#: Fraction of the progress bar for opening; seconds that a click waits for what may be quick.
OPENING, PATIENCE = 0.3, 0.4


@dataclass(frozen=True, eq=False)
class Offer:
    """Cases that can be chosen.

    Attributes:
        title: For people.
        models: Slug to card of the models that answer yes or no about them; empty for made-up lesions.
        maps: Slug to what the labels mean for that model.
        entry: The added dataset, None for made-up lesions.
    """

    title: str
    models: Mapping[str, ModelCard]
    maps: Mapping[str, Mapping[str, str]]
    entry: Entry | None = None

    def source(self, slug: str, number: int, seed: int) -> dict[str, Any]:
        """What `opener` opens."""
        if self.entry is None:
            return {"kind": "lesions", "count": POOL * number + 20, "seed": seed}
        location, options = self.entry.key
        mapping = dict(self.maps[slug])
        facts = {"location": location, "options": dict(options), "model": slug, "mapping": mapping}
        return {"kind": "dataset", **facts, "split": None}


def offers() -> list[Offer]:
    """Made-up lesions, then the added datasets for which a model that is here answers a yes-or-no question."""
    found = [Offer("Made-up lesions", {}, {})]
    stored, state = records(), shelf()
    entries = stored.entries(state)
    if not entries:
        return found
    able = {slug: card for slug, card in sorted_out(visible_cards()[0])[0].items() if can_be_read_against(card)}
    for entry in entries:
        labels, known = _labels(entry), entry.remembered.maps if entry.remembered else {}
        maps = {slug: {**suggest_map(labels, card), **known.get(slug, {})} for slug, card in able.items()}
        fitting = {slug: card for slug, card in able.items() if set(card.labels) <= set(maps[slug].values())}
        if fitting:
            found.append(Offer(entry.title, fitting, maps, entry))
    return found


def _labels(entry: Entry) -> tuple[str, ...]:
    if entry.remembered is not None:
        return entry.remembered.labels
    dataset: Dataset | None = shelf().opened.peek(entry.key)
    return () if dataset is None else dataset.labels


def opener(source: Mapping[str, Any]) -> Opener:
    """Opens a source in the background.

    Raises:
        ScanLensError: Its model is not here.
    """
    if source["kind"] == "lesions":
        return lambda *_: LesionCases(source["count"], source["seed"])
    slug, options = source["model"], source["options"]
    if slug not in cached_cards()[0]:
        raise UnusableCases(f"The model {slug} is not installed", "install it, or choose another")
    place, bundle, keras = Path(source["location"]), cached_bundle(slug), cached_keras()
    there: Dataset | None = shelf().opened.peek(place_key(place, options))

    def work(progress: Progress, cancelled: Stopper) -> Source:
        dataset = there or opened(place, options, None, progress, cancelled)[0]
        split = source["split"]
        if split is None:
            split = "test" if dataset.split("test") else ""
        return DatasetCases(dataset, bundle, source["mapping"], split, keras)

    return work


def prepare(state: Versus, purpose: str, source: Mapping[str, Any], number: int, seed: int, balanced: bool) -> None:
    """Start choosing cases for one alone or for a class."""
    state.trouble = ""
    try:
        open_source = opener(source)
    except ScanLensError as problem:
        state.trouble = str(problem)
        return

    def work(progress: Progress, cancelled: Stopper) -> tuple[Plan, list[Seen]]:
        found = open_source(lambda fraction, words: progress(OPENING * fraction, words), cancelled)
        return make_plan(found, number, seed, balanced, _later(progress), cancelled)

    jobs().drop(PREPARING)
    jobs().start(PREPARING, purpose, TITLE, work, patience=PATIENCE)


def _preparing(room: Room) -> Work[list[Seen]]:
    """Prepares the cases of a room that is there.

    Raises:
        ScanLensError: Its model is not here.
    """
    open_source = opener(room.plan.source)

    def work(progress: Progress, cancelled: Stopper) -> list[Seen]:
        found = open_source(lambda fraction, words: progress(OPENING * fraction, words), cancelled)
        return look_again(room.plan, found, _later(progress), cancelled)

    return work


def _later(progress: Progress) -> Progress:
    return lambda fraction, words: progress(OPENING + (1 - OPENING) * fraction, words)


def show_preparing(state: Versus) -> bool:
    """Draw a preparation that is under way and take one that is done; whether the page should wait."""
    job = jobs().find(PREPARING)
    if job is None or job.key not in {"alone", "memory", "class"}:
        return False
    if show_under_way(PREPARING):
        return True
    jobs().take(PREPARING)
    if job.error is None:
        enter(state, str(job.key), *job.hand_over())
        st.rerun()
    state.trouble = job.trouble
    return False


def enter(state: Versus, purpose: str, plan: Plan, seen: list[Seen]) -> None:
    """Go to a new room; without a database the prepared cases are kept, so that one can go on in memory."""
    try:
        store = memory_rooms() if purpose == "memory" else rooms(state)
        if purpose == "class":
            room, key = store.open_room(plan)
            address = {ROOM: room.code, KEY: key}
        else:
            room, _, token = store.read_alone(plan)
            address = {ROOM: room.code, READER: token}
    except StoreFault as problem:
        state.trouble, state.unreachable = str(problem), (purpose, plan, seen)
        return
    if purpose == "memory":
        state.memory = store
    state.books.put(room.code, seen)
    go_to(state, **address)


def ready_cases(state: Versus, room: Room) -> list[Seen] | None:
    """The cases of a room; while they are prepared the progress is drawn and this is None.

    Raises:
        ScanLensError: They cannot be read.
    """
    found = cases_of(state, room)
    if found is not None:
        return found
    work = _preparing(room)
    return computed(PREPARING, room.code, state.books, TITLE, work, again="Prepare the cases", patience=PATIENCE)
