"""The sample gallery: by use case, with the truth hidden, fetched only after a click that names host and size."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from core.errors import ScanLensError
from core.formatting import size_text
from core.samples import CASES, SAMPLES, USE_CASES, CatalogueCase, Sample, cases_for
from core.samples.fetch import fetch
from core.samples.store import fetched, is_fetched, remove, remove_all
from ui.background import Progress, Stopper, jobs, show_under_way
from ui.cache import cached_thumbnail
from ui.foreign_text import plain
from ui.serving.visitor import is_at_hand
from ui.session import Reading
from ui.show import errors_shown, show_error
from ui.visible import visible_cards

THUMBNAIL = 220
#: The samples of the installed packages, in the place of a use case.
PACKAGED = "packages"
SLOT = "fetching"
_CHOSEN, _TROUBLE, _TRUTH = "gallery-use-case", "gallery-trouble", "gallery-truth"

Opener = Callable[[Reading, str, str], None]


def show_gallery(state: Reading, open_it: Opener) -> None:
    """Samples to open; those of the catalogue can be fetched by who sits at the computer.

    Args:
        state: The session's.
        open_it: Called with the state, a sample's key and its title when its thumbnail is clicked.
    """
    _take_fetched()
    here = fetched(CASES)
    st.subheader("Or look at a sample", anchor=False)
    chosen = _choose_use_case(here)
    if show_under_way(SLOT):
        pass
    elif trouble := st.session_state.get(_TROUBLE):
        show_error(trouble)
    if chosen == PACKAGED:
        _show_cards(state, SAMPLES, open_it)
        origins = ", ".join(dict.fromkeys(sample.origin for sample in SAMPLES))
        st.caption(f"Samples come with the packages that read them: {origins}. They name no patient.")
        return
    cases = [case for case in CASES if case.use_case == chosen]
    _show_stock(cases, [case for case in cases if case in here])
    shown = cases if is_at_hand() else [case for case in cases if case in here]
    _show_cards(state, shown, open_it)


def show_use_case_of(case: CatalogueCase) -> None:
    """Have the gallery open at the use case of a sample, and say that it must be fetched first."""
    st.session_state[_CHOSEN] = case.use_case
    st.session_state[_TROUBLE] = f"{case.title} has not been fetched to this computer: fetch it below."


def show_cases_of(slug: str) -> None:
    """Have the gallery open at the use case of a model."""
    st.session_state[_CHOSEN] = cases_for(slug)[0].use_case


def _take_fetched() -> None:
    job = jobs().take(SLOT)
    if job is not None:
        st.session_state[_TROUBLE] = job.trouble


def _choose_use_case(here: Sequence[CatalogueCase]) -> str:
    """Begins with what models know and what is here: fetched cases, else the samples of the packages."""
    options = [name for name in USE_CASES if any(case.use_case == name for case in CASES)]
    if not is_at_hand():  # a visitor cannot fetch, so an empty use case leads nowhere
        options = [name for name in options if any(case.use_case == name for case in here)]
    with_fetched = [name for name in options if any(case.use_case == name for case in here)]
    options = [*with_fetched, PACKAGED, *(name for name in options if name not in with_fetched)]
    kept = st.session_state.get(_CHOSEN)
    chosen: str = st.segmented_control(
        "Kind of sample",
        options,
        default=kept if kept in options else options[0],
        format_func=lambda name: USE_CASES.get(name, "Other images"),
        required=True,
        key="use-case",
        label_visibility="collapsed",
    ) or options[0]  # fmt: skip
    st.session_state[_CHOSEN] = chosen  # the control is forgotten while a scan is open
    return chosen


def _show_stock(cases: Sequence[CatalogueCase], here: Sequence[CatalogueCase]) -> None:
    """How many are here, what fetching the others would take from where, and the way to be rid of them."""
    missing = [case for case in cases if case not in here]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(_stock_words(cases, missing), width="content")
        st.space("stretch")
        st.toggle("Show what is true", key=_TRUTH)
        if is_at_hand():
            _offer_several(cases, missing)
            if here:
                with st.popover("Remove", icon=":material/delete:"):
                    words = f"Remove these {len(here)}"
                    st.button(words, key="remove-these", on_click=_remove, args=(here,), width="stretch")
                    st.button("Remove all samples that were fetched", key="remove-all", on_click=_remove, args=(CASES,))


def _stock_words(cases: Sequence[CatalogueCase], missing: Sequence[CatalogueCase]) -> str:
    if not missing:
        return f"{len(cases)} cases, all on {_this_computer()}."
    if not is_at_hand():
        return f"{len(cases) - len(missing)} of {len(cases)} cases; only who sits at the computer can fetch the others."
    return (
        f"{len(cases)} test cases, {len(missing)} not fetched yet: a click fetches from {_hosts(missing)} and sends "
        "nothing of yours."
    )


def _this_computer() -> str:
    return "this computer" if is_at_hand() else "the computer that runs ScanLens"


def _hosts(cases: Sequence[CatalogueCase]) -> str:
    return ", ".join(dict.fromkeys(host for case in cases for host in case.hosts))


def _offer_several(cases: Sequence[CatalogueCase], missing: Sequence[CatalogueCase]) -> None:
    """All for one model, each with its number, size and host."""
    if not missing:
        return
    busy, cards = jobs().is_busy(SLOT), visible_cards()[0]
    with st.popover("Fetch all for a model", icon=":material/download:"):
        st.caption(f"From {_hosts(missing)}, into the user folder, with their licences.")
        for slug in dict.fromkeys(slug for case in cases for slug in case.truths):
            wanted = [case for case in cases_for(slug) if not is_fetched(case)]
            if wanted and slug in cards:
                size = size_text(sum(case.size for case in wanted))
                st.button(
                    f"{plain(cards[slug].title)}: {len(wanted)} cases, {size}", key=f"fetch-all-{slug}",
                    on_click=_fetch, args=(wanted,), disabled=busy, width="stretch",
                )  # fmt: skip


def _show_cards(state: Reading, samples: Sequence[Sample | CatalogueCase], open_it: Opener) -> None:
    with st.grid("auto", min_column_width=210, gap="small"):
        for sample in samples:
            is_here = not isinstance(sample, CatalogueCase) or is_fetched(sample)
            # The button of a card reaches over all of it (`ui.show.STYLE`): its image is a part of it.
            with st.container(border=True, height="stretch", key=f"tile-{sample.key}"), errors_shown():
                if is_here:
                    st.image(cached_thumbnail(sample.key, THUMBNAIL), width="stretch", alt=sample.title)
                    st.button(
                        sample.title, key=f"sample-{sample.key}", width="stretch",
                        on_click=open_it, args=(state, sample.key, sample.title),
                    )  # fmt: skip
                else:
                    st.markdown(f"**{sample.title}**")
                st.caption(f"{sample.modality}. {sample.sentence}")
                if isinstance(sample, CatalogueCase):
                    if st.session_state.get(_TRUTH):
                        st.markdown(f"**{plain(truth_words(sample))}**")
                    _show_way(sample, is_here)


def _show_way(case: CatalogueCase, is_here: bool) -> None:
    """Fetch it, or remove it; for who sits at the computer."""
    if not is_at_hand():
        return
    if is_here:
        st.button(
            "Remove", key=f"remove-{case.key}", type="tertiary", on_click=_remove, args=([case],),
            help=plain(case.origin),
        )  # fmt: skip
        return
    st.button(
        f"Fetch, {size_text(case.size)}", key=f"fetch-{case.key}", icon=":material/download:", on_click=_fetch,
        args=([case],), disabled=jobs().is_busy(SLOT),
        help=plain(f"{case.title}, from {', '.join(case.hosts)}. {case.origin}"),
    )  # fmt: skip


def truth_words(case: CatalogueCase, slug: str = "") -> str:
    """What is true of a case, in the words of a model that was tested on it, or of all of them.

    Args:
        case: Of the catalogue.
        slug: Of a model; all where it was not tested on the case.
    """
    if slug in case.truths:
        return case.truths[slug]
    return " / ".join(dict.fromkeys(case.truths.values()))


def _fetch(cases: Sequence[CatalogueCase]) -> None:
    """Start fetching; only who sits at the computer may."""
    if not is_at_hand():
        return
    st.session_state[_TROUBLE] = ""
    words = f"{len(cases)} samples" if len(cases) > 1 else cases[0].title

    def work(progress: Progress, cancelled: Stopper) -> None:
        fetch(cases, progress, cancelled)

    jobs().start(SLOT, tuple(case.key for case in cases), f"Fetching {words}", work, patience=0.3)


def _remove(cases: Sequence[CatalogueCase]) -> None:
    if not is_at_hand():
        return
    st.session_state[_TROUBLE] = ""
    jobs().drop(SLOT)
    try:
        remove(cases[0]) if len(cases) == 1 else remove_all(cases)
    except ScanLensError as error:
        st.session_state[_TROUBLE] = str(error)
