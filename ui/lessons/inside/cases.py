"""Cases as points in the space of the model's features, with the scan among them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.datasets.dataset import Dataset
from core.errors import ScanLensError
from core.lessons.inside.case_map import (
    Gathered,
    Plane,
    Point,
    gather,
    nearest,
    plane_of,
    point_of,
)
from core.lessons.inside.case_map_figure import CaseMap, case_map_figure, describe_case_map
from core.samples import CatalogueCase, open_sample, samples_at_hand
from core.scan import Scan
from ui.background import Progress, Stopper, computed
from ui.cache import cached_bundle
from ui.charts import show_chart
from ui.lessons.inside.columns import wide_columns
from ui.lessons.inside.work import Work, memory

GALLERY = "The samples"
PLANES = ("Strongest directions (PCA)", "Neighbours (t-SNE)")
Cases = list[tuple[str, str, Callable[[], Scan]]]


def show_cases(work: Work) -> None:
    """Choose the cases and the map, then draw."""
    st.subheader("Cases as points", anchor=False)
    if work.card.task == "segmentation":
        st.markdown("This model outlines: it calls no case, so its cases have no place on a map.")
        return
    if "features" not in work.bundle.outputs:
        st.markdown("This model gives no features, so its cases have no place on a map.")
        return
    from ui.datasets.records import records
    from ui.datasets.shelf import shelf

    entries = {entry.title: entry.key for entry in records().entries(shelf())}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Cases", [GALLERY, *entries], key="inside-cases", width=320)
        how = st.segmented_control("Map", PLANES, default=PLANES[0], required=True, key="inside-plane")
    # What was fetched since is read as well.
    here = tuple(sample.key for sample in samples_at_hand()) if chosen == GALLERY else ()
    key = (chosen, work.card.slug, *here)
    found = _points(work, chosen, entries.get(chosen), key)
    if found is not None:
        _draw(work, found, chosen, how or PLANES[0], key)


def _points(work: Work, chosen: str, place: Any, key: tuple[Any, ...]) -> Gathered | None:
    """The points, read in the background where they are many."""
    slug, is_gallery = work.card.slug, chosen == GALLERY

    def read(progress: Progress, cancelled: Stopper) -> Gathered:
        cases = _gallery(slug) if is_gallery else _cases(place, slug)
        return gather(cached_bundle(slug), cases, progress, cancelled)

    title = "Reading the samples" if is_gallery else f"Reading {chosen}"
    return computed(
        "inside-cases", key, memory().gathered, title, read, again="Read the cases", patience=0.2,
        is_long=not is_gallery,
    )  # fmt: skip


def _gallery(slug: str) -> Cases:
    """The samples that are here, with what is true of those that the model was tested on."""

    def reader(name: str) -> Callable[[], Scan]:
        return lambda: open_sample(name)

    return [
        (
            f"{sample.title} ({sample.modality})",
            sample.truths.get(slug, "") if isinstance(sample, CatalogueCase) else "",
            reader(sample.key),
        )
        for sample in samples_at_hand()
    ]


def _cases(place: Any, slug: str) -> Cases:
    """The cases of an added data set with their labels in the model's words.

    Raises:
        UnusableDataset: It is no longer where it was.
    """
    from pathlib import Path

    from core.datasets.labels.mapping import suggest_map
    from core.datasets.readers import open_dataset

    dataset: Dataset = open_dataset(Path(place[0]), dict(place[1]))
    mapping = suggest_map(dataset.labels, cached_bundle(slug).card)

    def reader(case: Any) -> Callable[[], Scan]:
        return lambda: dataset.read(case)

    cases = dataset.split("test") or dataset.cases
    return [
        (case.name, mapping.get(case.labels[0], "") if len(case.labels) == 1 else "", reader(case)) for case in cases
    ]


def _draw(work: Work, found: Gathered, chosen: str, how: str, key: tuple[Any, ...]) -> None:
    here = memory().kept.get(("here", *work.key), lambda: point_of(work.bundle, work.scan, work.frame, "this scan"))
    try:
        plane = plane_of(work.bundle, found.points)
    except ScanLensError as fault:
        st.info(str(fault))
        return
    near = nearest(plane, here, found.points)
    places = _placed(plane, found, here, how, (*key, *work.key))
    if places is None:
        return
    fraction = [f", {value:.0%} of the variance".replace("%", " %") for value in plane.fractions]
    axes = (f"first direction{fraction[0]}", f"second direction{fraction[1]}") if how == PLANES[0] else ("", "")
    drawn = CaseMap(
        found.points, places[:-1], places[-1], [index for index, _ in near], axes,
        plane if how == PLANES[0] and plane.of_training else None,
    )  # fmt: skip
    left, right = wide_columns("cases", (1.6, 1))
    with left:
        show_chart(lambda: case_map_figure(drawn), "inside-case-map", describe_case_map(drawn))
    with right:
        _words(found, here, near, chosen, plane, how)


def _placed(plane: Plane, found: Gathered, here: Point, how: str, key: tuple[Any, ...]) -> NDArray[np.float64] | None:
    """(cases + 1, 2), this scan last."""
    features = np.stack([*(point.features for point in found.points), here.features])
    if how == PLANES[0]:
        return plane.place(features)
    kept = memory()
    if key not in kept.planes and len(features) < 5:
        st.info("t-SNE wants five cases at least.")
        return None
    values = plane.scaled(features)

    def spread(progress: Progress, cancelled: Stopper) -> NDArray[np.float64]:
        from core.lessons.inside.tsne import tsne

        return tsne(values, progress=progress, cancelled=cancelled)

    title = "Finding neighbours"
    return computed("inside-neighbours", key, kept.planes, title, spread, again="Find neighbours", patience=0.3)


def _words(found: Gathered, here: Point, near: list[tuple[int, float]], chosen: str, plane: Plane, how: str) -> None:
    st.markdown(f"**Nearest to this scan**, which the model predicts as {here.predicted}")
    st.dataframe(
        [
            {
                "Case": found.points[index].name,
                "Distance": round(distance, 1),
                "Called": found.points[index].predicted,
            }
            | ({"Is": found.points[index].truth or "not known"} if any(p.truth for p in found.points) else {})
            for index, distance in near
        ],
        hide_index=True,
        height="content",
    )
    st.markdown(
        f"A case is {len(here.features)} numbers, the means of the heatmap layer's channels. The distance counts all "
        "of them in standard deviations, the image only two."
    )
    if how == PLANES[0] and plane.of_training:
        st.markdown(
            "The ellipses show how far the model's training scans spread along these two directions. The scans "
            "themselves do not ship with the model."
        )
    if how == PLANES[1]:
        st.markdown("t-SNE keeps neighbours together. How far apart groups lie, and how wide they are, means nothing.")
    if chosen == GALLERY:
        st.markdown("The samples come from many machines: see which lie apart. Those that were fetched for this model "
                    "on the page Read have a label. Add a data set on the page Datasets to see more.")  # fmt: skip
    notes = [f"{found.failed} could not be read." if found.failed else ""]
    notes.append(f"{found.left_out:,} more were left out, evenly." if found.left_out else "")
    st.caption(" ".join(note for note in notes if note))
