"""Images of a dataset on its page, read from where it lies, a few at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from core.datasets.contact_sheet import contact_sheet
from core.datasets.dataset import Case, Dataset
from core.datasets.quality.duplicates import Alike
from core.errors import ScanLensError
from core.samples import thumbnail
from ui.datasets.shelf import Shelf, key_of
from ui.foreign_text import plain
from ui.packing import encode_image
from ui.show import errors_shown

#: Pairs that are shown at once.
PAIRS = 4
SIDE = 200
#: Images on a contact sheet, and the side of each in pixels.
SHEET, SMALL = 24, 112


def show_pairs(state: Shelf, dataset: Dataset, alike: Sequence[Alike]) -> None:
    """Copies and near-duplicates, two images of each side by side; those across splits or labels first."""
    if not alike:
        return
    ordered = sorted(alike, key=lambda one: (not one.across_splits, not one.across_labels, -one.likeness))
    cases = {case.name: case for case in dataset.cases}
    with st.expander(f"The same image more than once: {len(ordered):,}", expanded=True):
        pages = -(-len(ordered) // PAIRS)
        page = 0
        if pages > 1:
            page = int(st.number_input(f"Page, of {pages:,}", 1, pages, key="pairs-page", width=160)) - 1
        with st.grid("auto", min_column_width=420, gap="small"):
            for one in ordered[page * PAIRS : (page + 1) * PAIRS]:
                with st.container(border=True):
                    _show_pair(state, dataset, cases, one)


def _show_pair(state: Shelf, dataset: Dataset, cases: dict[str, Case], one: Alike) -> None:
    st.markdown(plain(pair_words(one)))
    for place, name in zip(st.columns(2, gap="small"), one.names, strict=False):
        with place:
            _show_case(state, dataset, cases[name])


def pair_words(one: Alike) -> str:
    """What is alike, and why it matters.

    Example:
        >>> pair_words(Alike(("a", "b"), True, 1.0, ("sick",), ("test", "train"), ()))
        '**Pixel for pixel the same** · in test and train'
    """
    parts = ["**Pixel for pixel the same**" if one.exact else f"**Nearly the same**, likeness {one.likeness:.2f}"]
    if one.across_splits:
        parts.append(f"in {' and '.join(split for split in one.splits if split)}")
    if one.across_labels:
        parts.append(f"labelled {' and '.join(plain(label) or 'nothing' for label in one.labels)}")
    if len(one.names) > 2:
        parts.append(f"{len(one.names)} of them, two shown")
    return " · ".join(parts)


def _show_case(state: Shelf, dataset: Dataset, case: Case) -> None:
    try:
        image = state.images.get(("small", key_of(dataset), case.name), lambda: small_image(dataset, case, SIDE))
    except ScanLensError as problem:
        st.caption(plain(problem))
        return
    told = ", ".join(part for part in (", ".join(case.labels), case.split) if part)
    st.image(image, width="stretch", alt=f"{case.name}: {told}")
    st.caption(plain(f"{case.name}, {told}"))


def small_image(dataset: Dataset, case: Case, side: int) -> bytes:
    """A case as PNG, square on black.

    Raises:
        ScanLensError: It cannot be read.
    """
    return encode_image(thumbnail(dataset.read(case), side))


def show_contact_sheet(state: Shelf, dataset: Dataset) -> None:
    """Some images of one class, evenly spread over the dataset."""
    counts = Counter(label for case in dataset.cases for label in (case.labels or ("",)))
    labels = [label for label in (*dataset.labels, "") if counts[label]]
    with errors_shown():
        st.markdown("**What a class looks like**")
        label = st.selectbox(
            "Class", labels, format_func=lambda name: f"{name or 'no label'} ({counts[name]:,})", key="sheet-label",
            width=420, label_visibility="collapsed",
        )  # fmt: skip
        key = ("sheet", key_of(dataset), label)
        with st.spinner("Reading images …", show_time=False):
            sheet = state.images.get(key, lambda: contact_sheet(dataset, str(label), SHEET, SMALL))
        shown = min(SHEET, counts[label])
        image = encode_image(sheet, ".jpg")
        st.image(image, width=sheet.shape[1], alt=f"{shown} images of {dataset.title} labelled {label or 'nothing'}")
