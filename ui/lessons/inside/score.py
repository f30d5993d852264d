"""How the score of a class is put together from the channels of the heatmap's layer."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.errors import UnsupportedModel
from core.lessons.inside.class_score import ClassScore
from core.lessons.inside.class_score_figure import describe_score, score_figure
from core.lessons.inside.feature_maps import limits, map_image
from ui.charts import show_chart
from ui.components.tiles import Tile, Wall, show_tiles
from ui.lessons.inside.columns import wide_columns
from ui.lessons.inside.work import Work, score_of
from ui.show import forget_unknown

LABEL = "class"


def show_score(work: Work) -> None:
    """Bars, maps and the formula with its numbers."""
    st.subheader("How the score is put together", anchor=False)
    if work.card.task == "segmentation":
        st.markdown("This model gives a logit for each pixel: its last box is the score, place by place.")
        return
    labels = list(work.card.labels)
    forget_unknown(LABEL, labels)
    first = len(labels) - 1 if len(labels) == 2 else 0
    label = st.selectbox("Score of", labels, first, key=LABEL, bind="query-params", width=320)
    try:
        score = score_of(work, labels.index(label))
    except UnsupportedModel:
        st.markdown("No one layer of maps stands behind the score of this model, so it is not put together here.")
        return
    left, right = wide_columns("score", (1, 1.2))
    with left:
        _formula(score)
        show_chart(lambda: score_figure(score), "inside-score", describe_score(score))
    with right:
        _maps(work, score)


def _formula(score: ClassScore) -> None:
    best = int(score.strongest(1)[0])
    if not score.exact:
        st.markdown(
            "The layers behind this map bend what they read, so no plain sum leads to the score. Each bar is measured: "
            f"how much of the logit, {score.logit:.2f}, is lost when one channel alone is set to 0. The bars need not "
            "add up to the logit."
        )
        return
    assert score.weights is not None and score.bias is not None  # noqa: PT018  exact means both
    st.latex(r"\text{logit} = b + \sum_c w_c \cdot \bar A_c")
    st.latex(
        rf"{score.logit:.2f} = {score.bias:.2f} + \dots + "
        rf"\underbrace{{{score.weights[best]:.2f} \cdot {score.means[best]:.2f}}}_{{\text{{channel }} {best}}} + \dots"
    )
    st.markdown(
        f"An average and one layer of weights: each of the {len(score.fractions)} channels adds weight times mean, "
        "exactly. "
        f"Place by place these fractions are the heatmap, before what speaks against {score.label} is cut off."
    )


def _maps(work: Work, score: ClassScore) -> None:
    order = score.strongest(12)
    maps = score.maps[order]
    low, high = limits(maps)
    tiles = [
        Tile(map_image(maps[place], low, high), f"Channel {index}", f"{index}", f"{score.fractions[index]:+.2f}")
        for place, index in enumerate(order)
    ]
    size = work.prepared.geometry.model_size
    if score.exact:
        st.markdown("**Where the channels with the largest shares add them**")
        total = score.maps.sum(axis=0)
        bound = float(np.abs(total).max()) or 1.0
        tiles.insert(0, Tile(map_image(total, -bound, bound), "All channels together", "all", f"{total.sum():+.2f}"))
    else:
        st.markdown("**What the channels with the largest losses found**")
    unit = "logit units a cell" if score.exact else "activation"
    wall = Wall(5, size[1] / size[0], True, scale=(low, high, unit))
    show_tiles(tiles, wall, f"inside-shares-{work.card.slug}")
    if score.exact:
        st.caption(f"The first tile is the sum of all, on a scale of its own: ±{bound:.2g} a cell.")
