"""The numbers beside the image: what a box is, how one cell's value came about, and how far it sees."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.lessons.inside.feature_maps import limits, map_image
from core.lessons.inside.network import Box
from core.lessons.inside.receptive_field import reaches
from core.lessons.sequences.cell_sum import CellSum, cell_sum
from ui.components.tiles import Tile, Wall, show_tiles
from ui.foreign_text import plain
from ui.lessons.inside.work import Work, field_at, maps_of

MEANING = {
    "input": "The image as the model gets it: its grid, its grey levels.",
    "convolution": "Each output channel slides a kernel of its own over all channels before.",
    "depthwise": "Each channel has one kernel of its own and sees no other channel.",
    "dense": "Each output reads every number before.",
    "pool": "Keeps the largest of each small window, and so shrinks the map.",
    "average": "One number a channel: the mean over all places. Where it was is lost.",
    "sum": "Adds two maps place by place; a shortcut lets the older one through unchanged.",
    "gate": "Multiplies: one side says how much of the other passes.",
    "join": "Puts the channels of its branches side by side and changes none.",
    "row": "Puts all places and channels in one row.",
    "enlarge": "Makes the map larger again.",
    "other": "",
}


def about_layer(work: Work, box: Box) -> None:
    """What it is, in one glance."""
    details = f", {box.details}" if box.details else ""
    st.markdown(f"**{plain(box.title)}**{details}  \n{plain(box.layer or box.tensor)}")
    st.markdown(f"{MEANING.get(box.kind, '')} Gives {box.output_words}; {box.weights:,} trained numbers.")
    if box.number == work.network.heat:
        st.markdown(":material/local_fire_department: Heatmaps are drawn from this box.")


def about_cell(work: Work, box: Box, maps: NDArray[np.float32], channel: int, cell: tuple[int, int]) -> None:
    """Show the value of one cell of a channel of (channels, rows, columns) maps as the sum it is."""
    value = float(maps[channel][cell])
    st.markdown(f"**Channel {channel} at row {cell[0]}, column {cell[1]}: {value:.3g}**")
    if box.kernel is None or len(box.parents) != 1:
        _about_pair(work, box, channel, cell)
        return
    before = maps_of(work, box.parents[0])
    found = cell_sum(box, before, channel, cell) if before.ndim == 3 else None
    if found is not None:
        st.latex(_sum_formula(found, box, value))


def _sum_formula(found: CellSum, box: Box, value: float) -> str:
    channels, rows, columns = found.terms.shape
    count = rf"{rows} \cdot {columns} \cdot {channels}"
    products, bias = float(found.terms.sum()), f"{found.bias:+.3g}"
    first = rf"\sum_{{{count}}} w \, x + b &= {products:.3g} {bias} = {found.total:.3g}"
    if abs(found.total - value) < 1e-3 * max(1.0, abs(value)):
        return rf"\begin{{aligned}} {first} \end{{aligned}}"
    second = rf"&\xrightarrow{{\text{{{_after(box)}}}}} {value:.3g}"
    return rf"\begin{{aligned}} {first} \\ {second} \end{{aligned}}"


def _after(box: Box) -> str:
    """What comes between the sum and what the box gives."""
    normed = any(step.op in {"Mul", "Add"} and step.constants for step in box.steps[1:])
    bent = [word for word in box.details.split(", ") if word and word.split()[0] not in {"stride", "dilation"}]
    return ", ".join([*(["norm"] if normed else []), *bent])


def _about_pair(work: Work, box: Box, channel: int, cell: tuple[int, int]) -> None:
    """A sum or a product of two maps at this cell."""
    if box.kind not in {"sum", "gate"} or len(box.parents) != 2:
        return
    parts = []
    for parent in box.parents:
        maps = maps_of(work, parent)
        if maps.ndim != 3:
            return
        at = cell if maps.shape[1:] != (1, 1) else (0, 0)
        parts.append(float(maps[channel if len(maps) > 1 else 0][at]))
    sign = "+" if box.kind == "sum" else r"\cdot"
    result = parts[0] + parts[1] if box.kind == "sum" else parts[0] * parts[1]
    st.latex(rf"{parts[0]:.3g} {sign} ({parts[1]:.3g}) = {result:.3g}")


def about_field(work: Work, box: Box, cell: tuple[int, int]) -> None:
    """The receptive field: the rule of thumb with its numbers, and what is true of this cell."""
    rule, found = reaches(work.network).get(box.number), field_at(work, box.number, cell)
    st.markdown("**Receptive field**")
    if rule is not None and rule.before is not None and rule.kernel > 1:
        size, jump = rule.before
        dilated = rf" \cdot {rule.dilation}" if rule.dilation > 1 else ""
        st.latex(rf"r = {size} + ({rule.kernel} - 1){dilated} \cdot {jump} = {rule.size}\ \text{{px}}")
    elif rule is not None:
        st.latex(rf"r = {rule.size}\ \text{{px}}")
    if rule is not None:
        st.latex(rf"j = {rule.jump}\ \text{{px from cell to cell}}")
    if found.box is None:
        return
    top, left, bottom, right = found.box
    st.markdown(
        f"This cell: {bottom - top} × {right - left} pixels of the model's image, {_percent(found.fraction)} of it. "
        f"Half of all paths run through {_percent(found.half)}."
    )
    if found.whole:
        st.markdown("Attention averages over the whole image, so all other pixels have some say as well.")


def _percent(fraction: float) -> str:
    return f"{fraction:.1%}".replace("%", " %") if fraction >= 0.001 else "less than 0.1 %"


def about_kernel(box: Box, channel: int) -> None:
    """The filters behind the channel, where they are small kernels."""
    kernel = box.kernel
    assert kernel is not None  # the caller looked
    if kernel.shape[2:] == (1, 1):
        weights = kernel[channel, :, 0, 0]
        top = np.argsort(-np.abs(weights))[:8]
        st.markdown(
            f"**The filter of channel {channel}** is {len(weights)} numbers, one for each channel before; the largest: "
            + ", ".join(f"{weights[index]:+.2f} × channel {index}" for index in top)
            + "."
        )
        return
    if kernel.shape[1] <= 3:
        images, labels = [own.mean(axis=0) for own in kernel[:32]], [f"{n}" for n in range(min(32, len(kernel)))]
        title, active = "Its filters, one for each channel", min(channel, 31)
    else:
        top = np.argsort(-np.abs(kernel[channel]).sum(axis=(1, 2)))[:16]
        images, labels = [kernel[channel, index] for index in top], [f"reads {index}" for index in top]
        title, active = f"The filter of channel {channel}: its kernels for the 16 channels that weigh most", -1
    low, high = limits(np.stack(images))
    bound = max(abs(low), high)
    tiles = [
        Tile(map_image(values, -bound, bound), f"Kernel {label}", label)
        for values, label in zip(images, labels, strict=True)
    ]
    st.markdown(f"**{title}**")
    show_tiles(tiles, Wall(16, 1.0, True, active, scale=(-bound, bound, "")), f"inside-kernels-{box.number}")
