"""The quality of the dataset on the page: what would flatter a metric first, then what it was found by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from core.datasets.dataset import Dataset
from core.datasets.quality.report import QualityReport, inspect
from core.figures.comparing.numbers import count_text
from ui.background import Progress, Stopper, Work, computed
from ui.datasets.images import show_contact_sheet, show_pairs
from ui.datasets.shelf import Key, Shelf, key_of
from ui.foreign_text import plain

#: Values of an attribute in its table.
_MOST_VALUES = 50


def show_quality(state: Shelf, dataset: Dataset) -> None:
    """The report, the inspection that makes it, or the button that starts it; images can be looked at anyway."""
    key = key_of(dataset)
    job = state.jobs.find("inspection")
    if job is not None and job.key != key and job.wait(0.0) and job.error is None:  # of another dataset
        state.reports.put(job.key, job.hand_over())
        state.jobs.drop("inspection")
    if key in state.reports or (job is not None and job.key == key):
        found = computed("inspection", key, state.reports, *_inspection(dataset), again="Inspect", is_long=True)
        if found is not None:
            _show_report(state, dataset, found)
    else:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Inspect", type="primary", icon=":material/search:", on_click=_start, args=(state, dataset, key),
                key="inspect",
            )  # fmt: skip
            st.caption(
                f"Reads all {count_text(len(dataset.cases), 'image')} once and looks for copies, patients in two "
                "splits, odd images, and what gives a label away.",
                width="content",
            )
    show_contact_sheet(state, dataset)


def _start(state: Shelf, dataset: Dataset, key: Key) -> None:
    state.jobs.start("inspection", key, *_inspection(dataset), patience=0.4, is_long=True)


def _inspection(dataset: Dataset) -> tuple[str, Work[QualityReport]]:
    def work(progress: Progress, cancelled: Stopper) -> QualityReport:
        return inspect(dataset, progress, cancelled)

    return f"Inspecting {dataset.title}", work


def _show_report(state: Shelf, dataset: Dataset, found: QualityReport) -> None:
    heading = "What to know before trusting a number" if found.findings else "Nothing was found that flatters a metric"
    st.markdown(f"**{heading}**")
    if found.findings:
        st.markdown("\n".join(f"- {plain(sentence)}" for sentence in found.findings))
    show_pairs(state, dataset, (*found.copies, *found.near_duplicates))
    _show_unreadable(found.unreadable)
    if found.odd:
        with st.expander(f"Images unlike the others: {len(found.odd):,}"):
            rows = [{"Case": odd.name, "What": odd.what, "How": odd.sentence} for odd in found.odd]
            st.dataframe(rows, hide_index=True, alt="Images unlike the others")
    if found.attributes:
        with st.expander("Counts by attribute"):
            _show_attributes(found.attributes)


def _show_unreadable(unreadable: Mapping[str, str]) -> None:
    if unreadable:
        with st.expander(f"Files that cannot be read: {len(unreadable):,}", expanded=True):
            rows = [{"Case": name, "Why": why} for name, why in unreadable.items()]
            st.dataframe(rows, hide_index=True, alt="Files that cannot be read, with the reason")


def _show_attributes(attributes: Mapping[str, Mapping[str, int]]) -> None:
    name = st.segmented_control("Attribute", list(attributes), default=next(iter(attributes)), required=True)
    st.dataframe(attribute_rows(attributes[str(name)]), hide_index=True, width=360, alt=f"Cases by {name}")


def attribute_rows(counts: Mapping[str, int]) -> Sequence[dict[str, str | int]]:
    """A row a value, the commonest first, and one for those that do not fit.

    Example:
        >>> attribute_rows({"F": 3, "": 1})
        [{'Value': 'F', 'Cases': 3}, {'Value': 'not known', 'Cases': 1}]
    """
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    rows: list[dict[str, str | int]] = [
        {"Value": value or "not known", "Cases": count} for value, count in ordered[:_MOST_VALUES]
    ]
    rest = ordered[_MOST_VALUES:]
    more: dict[str, str | int] = {"Value": f"{len(rest):,} other values", "Cases": sum(count for _, count in rest)}
    return [*rows, more] if rest else rows
