"""The panel beside the image: what was outlined, how large it is, and how far to trust it."""

from __future__ import annotations

from html import escape

import streamlit as st

from core.figures.contours import outline_color
from core.formatting import in_sentence
from core.models.card import ModelCard
from core.scan import Scan
from core.segmentation.sizes import area_text, number_text, range_text, size_notes, volume_ml
from core.segmentation.words import (
    components_text,
    headline,
    overlap_sentence,
    place_word,
    silence_sentence,
)
from ui.cache import cached_bundle
from ui.foreign_text import plain
from ui.reading.answer import show_doubt, show_refusal
from ui.reading.segmentation.read import Outlined, segmented_frame, spread_frame
from ui.reading.segmentation.reference import agree, choose_reference
from ui.session import Reading


def show_outline(state: Reading, scan: Scan, card: ModelCard, frame: int) -> Outlined | None:
    """The outline in words: what, how large, how sure; None where it is withheld."""
    bundle = cached_bundle(card.slug)
    segmentation = segmented_frame(state, scan, bundle, frame)
    outlined = Outlined(segmentation, frame, segmentation.frames.index(frame))
    if show_refusal(state, card, segmentation.withheld(outlined.position)):
        return None
    st.subheader(plain(headline(segmentation, outlined.position, scan)), anchor=False)
    st.html("<br>".join(size_lines(outlined, scan)))
    for note in size_notes(scan):
        st.caption(note)
    _show_doubt(outlined, card)
    spread = None
    if st.toggle("Show where it is unsure", key=f"unsure-{card.slug}", help=HELP):
        spread = spread_frame(state, scan, bundle, frame)
        position = spread.frames.index(frame)
        ranges = [spread.area_range(position, n) for n in range(len(segmentation.labels))]
        st.markdown(plain(_unsure(outlined, scan, ranges)))
    reference, means = choose_reference(state, scan, segmentation.labels, frame)
    outlined = Outlined(segmentation, frame, outlined.position, spread, reference, means)
    if reference is not None:
        agree(state, scan, outlined)
    return outlined


HELP = (
    "The model is asked again with the image mirrored left to right, upside down, and both. Where its probability "
    "changes, the outline is unsure. Where it does not, it can still be wrong."
)


def size_lines(outlined: Outlined, scan: Scan) -> list[str]:
    """One line of HTML a label, with its colour, size, pieces, and over a whole volume its volume.

    A single label and its area stand in the headline already.
    """
    segmentation, position, lines = outlined.segmentation, outlined.position, []
    alone = len(segmentation.labels) == 1
    for index, label in enumerate(segmentation.labels):
        pixels = int(segmentation.pixels[position, index])
        parts = [] if alone else [f"none on this {place_word(scan)}"]
        if pixels:
            pieces = components_text(int(segmentation.pieces[position, index]))
            parts = [pieces if alone else f"{area_text(pixels, scan)} in {pieces}"]
        if outlined.is_whole:
            parts += _over_all(outlined, scan, index)
        sign = f"<span style='color: {outline_color(index)}; -webkit-text-stroke: 0.5px #444'>■</span>"
        threshold = f"threshold {segmentation.thresholds[index]:.2f}"
        lines.append(f"{sign} {'' if alone else f'<b>{escape(label)}</b> '}{escape('; '.join([*parts, threshold]))}")
    return lines


def _over_all(outlined: Outlined, scan: Scan, label: int) -> list[str]:
    counts, word = outlined.segmentation.pixels[:, label], place_word(scan)
    if not counts.any():
        return [f"none on any {word}"]
    best = int(counts.argmax())
    found = [f"on {int((counts > 0).sum())} of {len(counts)} {word}s, largest on {word} {best + 1}"]
    volume = volume_ml(counts, scan)
    return found if volume is None else [f"{number_text(volume)} ml in all", *found]


def _show_doubt(outlined: Outlined, card: ModelCard) -> None:
    show_doubt(outlined.segmentation, outlined.position)
    measured = " ".join(filter(None, [overlap_sentence(card), silence_sentence(card)]))
    st.markdown(
        f"◐ {plain(measured)}" if measured else "◐ The card does not say how well its outlines fit an expert's."
    )


def _unsure(outlined: Outlined, scan: Scan, ranges: list[tuple[int, int]]) -> str:
    """How much the outline changes among mirror images, in a sentence."""
    parts = []
    for label, (low, high) in zip(outlined.segmentation.labels, ranges, strict=True):
        if high:
            parts.append(f"{in_sentence(label)} {range_text(low, high, scan)}")
    if not parts:
        return "Mirrored, the same image gets no outline either."
    return f"Mirrored, the same image gets outlines of other sizes: {', '.join(parts)}."
