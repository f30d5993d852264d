"""What is to be run: which models, what their labels mean, which split, which stressed copies."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast, get_args

import streamlit as st

from core.datasets.dataset import Dataset
from core.datasets.labels.mapping import (
    REST,
    LabelMap,
    label_map,
    open_words,
)
from core.datasets.labels.truth import left_out
from core.datasets.stress.levels import STRENGTHS, STRESSES
from core.datasets.tables.columns import words_of
from core.datasets.tables.inputs import columns_in, lacking, match_columns
from core.errors import ScanLensError
from core.evaluation.results.evaluation import Kind
from core.evaluation.runs.plan import check_model, usable_cases, without_inputs
from core.inference.recognise_dataset import may_know, recognise_dataset
from core.models.card import ModelCard
from core.models.compatibility import compatibility
from core.scan import Scan
from ui.datasets.chosen import SPLITS
from ui.datasets.inputs import choose_inputs, first_inputs
from ui.datasets.records import Records
from ui.datasets.shelf import Shelf, key_of
from ui.foreign_text import plain
from ui.show import show_error

KINDS: dict[Kind, str] = {
    "internal": "where the models were trained",
    "external": "elsewhere",
    "unknown": "not known",
}
LEFT_OUT, NOT_SAID = "left out", "not said yet"
#: Labels whose meaning can be chosen one by one.
MOST_LABELS = 60


@dataclass(frozen=True, eq=False)
class Wish:
    """One model to run.

    Attributes:
        card: Its card.
        mapping: Dataset label to model label.
        cases: How many count.
    """

    card: ModelCard
    mapping: Mapping[str, str]
    cases: int


@dataclass(frozen=True, eq=False)
class Order:
    """Everything to run.

    Attributes:
        dataset: The original.
        split: `""` for all cases.
        wishes: The models.
        kind: Where the images come from.
        stresses: (stress, strength) of stressed copies; the original is run as well.
    """

    dataset: Dataset
    split: str
    wishes: tuple[Wish, ...]
    kind: Kind
    stresses: tuple[tuple[str, int], ...]


def plan(state: Shelf, dataset: Dataset, cards: Mapping[str, ModelCard], found: Records) -> Order:
    """The controls, and what they come to; an order without wishes cannot be run."""
    able, unable = sorted_out(cards)
    maps = {slug: _first_map(dataset, card, found) for slug, card in able.items()}
    whole = [slug for slug in able if _is_whole(dataset, able[slug], maps[slug], found)]
    fitting = [slug for slug in whole if _fits(state, dataset, able[slug])]
    first = [slug for slug in fitting if able[slug].task != "segmentation" or _is_named(dataset, able[slug])]
    others = [slug for slug in able if slug not in fitting]
    place = hashlib.sha256(repr(key_of(dataset)).encode("utf-8", "surrogatepass")).hexdigest()[:12]
    chosen = st.pills(
        "Models", [*fitting, *others], selection_mode="multi", default=first, key=f"run-models-{place}",
        format_func=lambda slug: able[slug].title, persist_state="session",
    )  # fmt: skip
    if not fitting:
        st.info("No model here clearly answers these labels: choose one, and say below what they mean for it.")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        split, kind = _choose_split(dataset, place), _choose_kind(place)
    if _leave_out_the_rest([maps[slug] for slug in chosen], place):
        maps = {slug: _first_map(dataset, card, found, {REST: ""}) for slug, card in able.items()}
    stresses = _choose_stress(place)
    wishes = []
    for slug in chosen:
        before = _remembered(dataset, able[slug], found)
        wish = _wish(state, dataset, split, able[slug], maps[slug], before, place)
        wishes += [] if wish is None else [wish]
    if unable:
        with st.expander(f"Models that cannot run here: {len(unable)}"):
            for sentence in unable:
                st.markdown(plain(sentence))
    return Order(dataset, split, tuple(wishes), kind, stresses)


def sorted_out(cards: Mapping[str, ModelCard]) -> tuple[dict[str, ModelCard], list[str]]:
    """Models that can be evaluated, and for the others a sentence each."""
    able, unable = {}, []
    for slug, card in cards.items():
        try:
            check_model(card)
            able[slug] = card
        except ScanLensError as problem:
            unable.append(str(problem))
    return able, unable


def _first_map(dataset: Dataset, card: ModelCard, found: Records, said: Mapping[str, str] | None = None) -> LabelMap:
    """What was chosen for this dataset before, else what the words suggest."""
    return label_map(dataset, card, _remembered(dataset, card, found), said)


def _remembered(dataset: Dataset, card: ModelCard, found: Records) -> Mapping[str, str]:
    """What was chosen for this dataset and model before."""
    remembered = found.of(key_of(dataset))
    return remembered.maps.get(card.slug, {}) if remembered else {}


def _is_named(dataset: Dataset, card: ModelCard) -> bool:
    """Whether a heading names the image of a model: masks alone do not say of what they are."""
    own = dataset.table.column if dataset.table is not None else ""
    words = set(words_of(own))
    images = [spec for spec in card.inputs if spec.is_image]
    return any(spec.name in match_columns(card, dataset) for spec in images) or any(
        set(words_of(said)) <= words for spec in images for said in spec.describe
    )


def _is_whole(dataset: Dataset, card: ModelCard, first: LabelMap, found: Records) -> bool:
    """Whether words and headings alone say what is true and where each input is."""
    columns = columns_in(first_inputs(dataset, card, _remembered(dataset, card, found)))
    return not lacking(card, dataset, columns) and (card.task == "segmentation" or _is_answer(first.mapping))


def _leave_out_the_rest(maps: Sequence[LabelMap], place: str) -> bool:
    """One answer for all labels that the words do not settle; not offered where there is none."""
    number = len({label for found in maps for label in found.open})
    if not number:
        return False
    return st.checkbox(
        f"Leave out {'the label' if number == 1 else f'all {number:,} labels'} whose meaning is not said",
        key=f"run-rest-{place}", persist_state="session",
    )  # fmt: skip


def _is_answer(mapping: Mapping[str, str]) -> bool:
    """Whether the words alone say of at least two of the model's labels what they are here."""
    return len(set(mapping.values()) - {""}) > 1


def _fits(state: Shelf, dataset: Dataset, card: ModelCard) -> bool:
    """Whether the images are of a kind that the model reads; who cannot tell takes it."""
    if not any(spec.is_image for spec in card.inputs):
        return True
    scan = state.images.get(("first", key_of(dataset)), lambda: _first_scan(dataset))
    if scan is not None and not compatibility(card, scan).fits:
        return False
    return may_know(card, state.images.get(("recognised", key_of(dataset)), lambda: recognise_dataset(dataset)))


def _first_scan(dataset: Dataset) -> Scan | None:
    for case in dataset.cases[:3]:
        try:
            return dataset.read(case)
        except ScanLensError:
            continue
    return None


def _choose_split(dataset: Dataset, place: str) -> str:
    splits = [split for split in SPLITS if split and dataset.split(split)]
    if not splits:
        return ""
    offered = [*splits, ""]
    first = "test" if "test" in splits else offered[0]
    chosen = st.segmented_control(
        "Split", offered, default=first, required=True, key=f"run-split-{place}", persist_state="session",
        format_func=lambda split: SPLITS[split] if split else "All cases",
    )  # fmt: skip
    return str(chosen)


def _choose_kind(place: str) -> Kind:
    kinds = [kind for kind in get_args(Kind) if kind in KINDS]
    chosen = st.segmented_control(
        "The images come from", kinds, default="unknown", required=True, key=f"run-kind-{place}",
        format_func=lambda kind: KINDS[cast(Kind, kind)], persist_state="session",
    )  # fmt: skip
    return cast(Kind, chosen)


def _choose_stress(place: str) -> tuple[tuple[str, int], ...]:
    with st.expander("Stressed copies: where does a model break?"):
        names = st.pills(
            "Stresses", list(STRESSES), selection_mode="multi", key=f"run-stress-{place}", persist_state="session",
            format_func=lambda name: STRESSES[name].title,
        )  # fmt: skip
        strengths = st.pills(
            "Strengths, 5 is the worst",
            STRENGTHS,
            selection_mode="multi",
            default=[3],
            key=f"run-strength-{place}",
            persist_state="session",
        )
        for name in names:
            st.caption(f"{STRESSES[name].title}: {STRESSES[name].meaning}")
        st.caption("Made on the fly while they are read; each is run beside the original and compared as its copy.")
    return tuple((name, strength) for name in names for strength in sorted(strengths))


def _wish(
    state: Shelf,
    dataset: Dataset,
    split: str,
    card: ModelCard,
    first: LabelMap,
    before: Mapping[str, str],
    place: str,
) -> Wish | None:
    """One model's labels and columns, open to change, and what they leave out; None while one is open or wrong."""
    cases = dataset.split(split)
    inputs = choose_inputs(state, dataset, card, before, cases, f"{place}-{card.slug}")
    if inputs is None:
        return None
    found = first
    if card.task != "segmentation":
        with st.expander(
            f"Labels of {card.title}: {plain(map_words(first.mapping, first.open))}", expanded=bool(first.open)
        ):
            found = _edit(dataset, card, first, f"{place}-{card.slug}")
    chosen = {**found.mapping, **inputs}
    if found.open:
        them = "it" if len(found.open) == 1 else "each of them"
        sentence = f"{card.title} waits: say above what {open_words(found)} means for it, or leave {them} out."
        st.info(plain(sentence), icon=":material/help:")
        return None
    try:
        usable, _ = usable_cases(dataset, chosen, card, cases)
        rest = [left_out(dataset, chosen, card, cases), without_inputs(dataset, chosen, card, cases)]
    except ScanLensError as problem:
        show_error(str(problem))
        return None
    for sentence in filter(None, rest):
        st.caption(plain(sentence))
    if not len(usable):
        return None
    return Wish(card, chosen, len(usable))


def map_words(mapping: Mapping[str, str], not_said: Sequence[str] = ()) -> str:
    """A label map in one line.

    Example:
        >>> map_words({"sick": "Pneumonia", "well": "No pneumonia", "odd": "", "ruled out": ""}, ["ruled out"])
        'sick → Pneumonia, well → No pneumonia; 1 left out; 1 not said yet'
    """
    told = [f"{label} → {answer}" for label, answer in mapping.items() if answer]
    without = len(mapping) - len(told) - len(not_said)
    words = ", ".join(told[:4]) + (f" and {len(told) - 4} more" if len(told) > 4 else "") if told else "not known"
    counts = ((without, LEFT_OUT), (len(not_said), NOT_SAID))
    return "; ".join([words, *(f"{count} {what}" for count, what in counts if count)])


def _edit(dataset: Dataset, card: ModelCard, first: LabelMap, place: str) -> LabelMap:
    counts = Counter(label for case in dataset.cases for label in case.labels)
    labels = sorted(dataset.labels, key=lambda label: (label not in first.open, -counts[label]))
    options = ["", *card.labels]
    chosen, still_open = dict(first.mapping), set(first.open)
    st.caption(f"What each label of the dataset means for {plain(card.title)}.")
    with st.grid("auto", min_column_width=200, gap="small"):
        for label in labels[:MOST_LABELS]:
            answer = st.selectbox(
                f"{plain(label)} ({counts[label]:,})", options,
                index=None if label in first.open else options.index(first.mapping.get(label, "")),
                format_func=lambda answer: answer or LEFT_OUT, placeholder=NOT_SAID, persist_state="session",
                key=f"map-{place}-{label}{'-open' if label in first.open else ''}",
            )  # fmt: skip
            if answer is not None:
                chosen[label] = answer
                still_open.discard(label)
    if len(labels) > MOST_LABELS:
        st.caption(f"The {MOST_LABELS} commonest of {len(labels):,} labels; the others stay as suggested.")
    return LabelMap(chosen, tuple(label for label in dataset.labels if label in still_open))


def copies(order: Order) -> Sequence[tuple[str, int] | None]:
    """The original, then its stressed copies."""
    return (None, *order.stresses)
