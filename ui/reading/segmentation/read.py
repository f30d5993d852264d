"""Outlining in the session: the frame on the page at once, all frames and their mirror images in the background."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import streamlit as st

from core.inference.bundle import Bundle
from core.inference.predict import Segmentation, predict
from core.inference.study import Study
from core.models.card import ModelCard
from core.readers.mask import Reference
from core.scan import Scan
from core.segmentation.tta import Spread, tta_uncertainty
from ui.background import Progress, Stopper, computed
from ui.cache import cached_bundle
from ui.session import Reading

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Outlined:
    """What the page shows for one frame.

    Attributes:
        segmentation: Of the frames that were read so far.
        frame: The frame on the page.
        position: Its row in the segmentation.
        spread: Of its mirror images, None where that is not asked for.
        reference: The user's own mask, or None.
        means: Which label of the model that mask means where its values do not say.
    """

    segmentation: Segmentation
    frame: int
    position: int
    spread: Spread | None = None
    reference: Reference | None = None
    means: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether every frame was read."""
        return len(self.segmentation.frames) > 1

    @property
    def key(self) -> str:
        """Names the outlines that are drawn."""
        whole = f"{self.segmentation.frames[0]}+{len(self.segmentation.frames)}"
        mask = self.reference.digest[:16] if self.reference else ""
        return f"{self.segmentation.card.slug} {whole} {mask} {self.means}"


def segmented_frame(state: Reading, scan: Scan, bundle: Bundle, frame: int) -> Segmentation:
    """All frames where they were read, else the one on the page."""
    study = Study.of(bundle.card, scan)
    key = ("outline", scan.digest, bundle.card.slug)
    return _known(state, key, frame, lambda: predict(bundle, study, [frame], expect=Segmentation))


def spread_frame(state: Reading, scan: Scan, bundle: Bundle, frame: int) -> Spread:
    """How far the answers to mirror images differ: all frames where they were read, else the one on the page."""
    key = ("mirrored", scan.digest, bundle.card.slug)
    return _known(state, key, frame, lambda: tta_uncertainty(bundle, scan, [frame]))


def _known(state: Reading, key: tuple[str, ...], frame: int, make: Callable[[], T]) -> T:
    known: T | None = state.answers.peek(key)
    return known if known is not None else state.answers.get((*key, frame), make)


def read_all(state: Reading, scan: Scan, card: ModelCard, mirrored: bool) -> None:
    """Outline every frame of a stack in the background, then its mirror images where they are asked for."""
    slug, noun = card.slug, "slices" if scan.axis == "slice" else "frames"
    first, second = ("outline", scan.digest, slug), ("mirrored", scan.digest, slug)

    def outline(progress: Progress, cancelled: Stopper) -> Segmentation:
        study = Study.of(card, scan)
        return predict(cached_bundle(slug), study, expect=Segmentation, progress=progress, cancelled=cancelled)

    def mirror(progress: Progress, cancelled: Stopper) -> Spread:
        return tta_uncertainty(cached_bundle(slug), scan, progress=progress, cancelled=cancelled)

    was = (first in state.answers, second in state.answers)
    computed("sweep", first, state.answers, f"Outlining {scan.frames} {noun}", outline, again=f"Outline all {noun}")
    if mirrored and first in state.answers:
        title = f"Asking again for {scan.frames} mirrored {noun}"
        computed("sweep", second, state.answers, title, mirror, again=f"Mirror all {noun}")
    if was != (first in state.answers, second in state.answers):
        st.rerun()  # what is above is of one frame
