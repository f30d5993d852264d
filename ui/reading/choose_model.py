"""Which model reads the scan: those whose contract fits, and why the others do not."""

from __future__ import annotations

import streamlit as st

from core.inference.bundle import REFERENCE_FILE
from core.inference.recognise import alikeness
from core.models.card import ModelCard
from core.models.compatibility import UNTELLING, compatibility
from core.scan import Scan
from core.turning import can_be_turned, is_placed_obliquely
from ui.cache import usable_bundle
from ui.foreign_text import plain
from ui.session import Reading
from ui.show import show_caution, show_error
from ui.visible import is_shipped, visible_cards


def choose_model(state: Reading, scan: Scan) -> ModelCard | None:
    """The picker: models whose contract fits, and why the others do not."""
    cards, faults = visible_cards()
    for fault in faults:
        show_error(str(fault))
    fits = {slug: compatibility(card, scan) for slug, card in cards.items()}
    asked = _file_digest(state, scan)
    offered = [slug for slug in cards if fits[slug].fits or (asked, slug) in state.forced]
    offered.sort(key=lambda slug: _place(cards[slug]))
    others = [slug for slug in cards if slug not in offered]
    slug = _picker(offered, cards, _likeliest(state, scan, offered, cards)) if offered else None
    if not offered:
        st.info("No model here was trained on scans like this one.", icon=":material/help:")
    if others:
        with st.expander(f"Models that do not fit: {len(others)}", expanded=not offered):
            for other in others:
                st.markdown(f"**{plain(cards[other].title)}** {plain(fits[other].reason)}.")
                st.button("Use anyway", key=f"force-{other}", on_click=_force, args=(state, asked, other))
    if slug:
        _say_how_it_lay(cards[slug], scan)
    return cards[slug] if slug else None


def _say_how_it_lay(card: ModelCard, scan: Scan) -> None:
    """How the images of some models lay in training; a doubt where the file does not show that this one lies so."""
    for spec in card.inputs:
        if not spec.lies:
            continue
        turn = "; turn it, above, if it lies otherwise" if can_be_turned(scan) else ""
        words = f"In training the image lay with {spec.lies}{turn}. The answer depends on it."
        if is_placed_obliquely(scan):
            st.caption(words)
        else:
            show_caution(f"The file does not show how the heart lies. {words}")


def _file_digest(state: Reading, scan: Scan) -> str:
    """Stays the same where the scan on the page is shown in another plane, or turned."""
    return state.stored_scan.digest if state.stored_scan is not None else scan.digest


def _place(card: ModelCard) -> tuple[object, ...]:
    """What came with the product comes first; of it what one image answers, and an answer before an outline."""
    return not is_shipped(card), len(card.inputs), card.task == "segmentation", card.training_modality, card.title


def _force(state: Reading, digest: str, slug: str) -> None:
    state.forced.add((digest, slug))
    st.query_params["model"] = slug


def _likeliest(state: Reading, scan: Scan, offered: list[str], cards: dict[str, ModelCard]) -> str:
    """The model to begin with: the first for this kind of scan, told by its looks where the file does not say it.

    A model that was chosen for this scan, or that a link names, stays; one that was chosen for another kind does not.
    """
    unsaid = scan.modality in UNTELLING or (scan.modality == "MR" and not scan.body_part)  # an MR may be of anything
    if not unsaid or len(offered) < 2:
        return offered[0]
    asked = _file_digest(state, scan)
    if state.asked_about not in {"", asked}:
        _forget_model()
    state.asked_about = asked
    if st.query_params.get("model") in offered:
        return offered[0]
    able = [slug for slug in offered if len(cards[slug].inputs) == 1 and REFERENCE_FILE in cards[slug].sha256]
    if is_shipped(cards[offered[0]]):  # one of the user's own is chosen by the user alone
        able = [slug for slug in able if is_shipped(cards[slug])]
    near = state.answers.get(("alike", scan.digest), lambda: alikeness(filter(None, map(usable_bundle, able)), scan))
    nearest = next(iter(near), None)
    if nearest is None or near[nearest] > 1.0:  # none of them knows such images
        return offered[0]
    kind = cards[nearest].training_modality
    return next((slug for slug in offered if cards[slug].training_modality == kind), offered[0])


def _forget_model() -> None:
    if "model" in st.query_params:
        del st.query_params["model"]


def _picker(offered: list[str], cards: dict[str, ModelCard], likeliest: str) -> str:
    wanted = st.query_params.get("model", likeliest)
    slug = st.selectbox(
        "Model",
        offered,
        index=offered.index(wanted if wanted in offered else likeliest),
        format_func=lambda name: _named(cards[name]),
    )
    st.query_params["model"] = slug
    return slug


def _named(card: ModelCard) -> str:
    own = "" if is_shipped(card) else " (your own)"
    return f"{card.title}, for {card.training_modality}{own}"
