"""Which model reads the scan: those whose contract fits, and why the others do not."""

from __future__ import annotations

import contextlib

import streamlit as st
from streamlit.errors import StreamlitAPIException

from core.inference.recognise import Recognition, is_of_kind, known_words, knows, recognise
from core.models.card import ModelCard
from core.models.compatibility import compatibility
from core.scan import Scan
from core.turning import can_be_turned, is_placed_obliquely
from ui.foreign_text import plain
from ui.session import Reading
from ui.show import show_caution, show_error
from ui.visible import is_shipped, visible_cards

#: The page with lessons that need no scan that a model knows.
LESSONS_PAGE = "pages/learn/teaching.py"


def choose_model(state: Reading, scan: Scan, always: bool = False) -> ModelCard | None:
    """The picker: models whose contract fits, and why the others do not.

    A scan that is of a kind that no model here knows begins without a model: what it looks like is said, and one can
    be chosen all the same.

    Args:
        state: Of the session.
        scan: On the page.
        always: Begin with a model in any case, as lessons on networks do, to which the answer does not matter.

    Returns:
        The model, or None where none is chosen.
    """
    cards, faults = visible_cards()
    for fault in faults:
        show_error(str(fault))
    fits = {slug: compatibility(card, scan) for slug, card in cards.items()}
    asked = _file_digest(state, scan)
    offered = [slug for slug in cards if fits[slug].fits or (asked, slug) in state.forced]
    offered.sort(key=lambda slug: _place(cards[slug]))
    others = [slug for slug in cards if slug not in offered]
    found = recognition(state, scan)
    known = [slug for slug in offered if is_of_kind(cards[slug], found)]
    known.sort(key=lambda slug: not knows(cards[slug], found))
    # Nothing speaks against a card that names no kinds; one of the user's own is chosen by the user alone.
    known = known or [slug for slug in offered if not cards[slug].kinds and is_shipped(cards[slug])]
    if not always:
        _forget_stranger(state, asked, known)
    first = known[0] if known else offered[0] if always and offered else None
    chosen = st.query_params.get("model", state.chosen.get(asked, ""))
    is_chosen = chosen in offered
    if not always and first is None and not is_chosen:
        _say_unknown(cards, found, bool(offered))
    elif found.disagreement and not always:
        show_caution(found.disagreement)
    slug = _picker(offered, cards, chosen if is_chosen else first) if offered else None
    if slug and not always:
        state.chosen[asked] = slug
    if others:
        with st.expander(f"Models that do not fit: {len(others)}", expanded=not offered):
            for other in others:
                st.markdown(f"**{plain(cards[other].title)}** {plain(fits[other].reason)}.")
                st.button("Use anyway", key=f"force-{other}", on_click=_force, args=(state, asked, other))
    if slug:
        _say_how_it_lay(cards[slug], scan)
    return cards[slug] if slug else None


def recognition(state: Reading, scan: Scan) -> Recognition:
    """What the scan on the page looks like, looked at once."""
    return state.answers.get(("recognised", scan.digest), lambda: recognise(scan))


def _say_unknown(cards: dict[str, ModelCard], found: Recognition, any_fits: bool) -> None:
    """That no model knows the scan, what it looks like, and what there is to do with it."""
    if found.disagreement:
        sentence = f"No model is chosen. {found.disagreement}"
    elif not any_fits:
        sentence = "No model here was trained on scans like this one."
        sentence += f" It looks like {found.words}." if found.kind else ""
    elif found.kind is not None:
        sentence = f"No model is chosen: this looks like {found.words}, and none that fits the file was trained on it."
    else:
        sentence = "No model is chosen: this looks like none of the images that the models here were trained on."
    st.info(sentence, icon=":material/help:")
    st.caption(
        f"They know {', '.join(known_words(cards))}. The image can be looked at without a model, and the "
        "lessons open with it."
    )
    with contextlib.suppress(StreamlitAPIException, KeyError):  # the page runs by itself, without the navigation
        st.page_link(LESSONS_PAGE, label="Lessons", icon=":material/school:")


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


def _forget_stranger(state: Reading, asked: str, known: list[str]) -> None:
    """A model that was chosen for another scan stays only where it knows this one too."""
    if state.asked_about not in {"", asked} and st.query_params.get("model") not in known:
        _forget_model()
    state.asked_about = asked


def _forget_model() -> None:
    if "model" in st.query_params:
        del st.query_params["model"]


def _picker(offered: list[str], cards: dict[str, ModelCard], begin: str | None) -> str | None:
    slug = st.selectbox(
        "Model",
        offered,
        index=None if begin is None else offered.index(begin),
        placeholder="Choose a model all the same",
        format_func=lambda name: _named(cards[name]),
    )
    if slug is not None:
        st.query_params["model"] = slug
    return slug


def _named(card: ModelCard) -> str:
    own = "" if is_shipped(card) else " (your own)"
    return f"{card.title}, for {card.training_modality}{own}"
