"""What the lesson on networks computes for one scan and one model, and keeps for the next click."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.inference.bundle import ONNX_FILE, Bundle
from core.inference.prepare import Prepared, prepare
from core.lessons.inside.case_map import Gathered
from core.lessons.inside.class_score import ClassScore, class_score
from core.lessons.inside.network import Network
from core.lessons.inside.probe import Probe, open_probe
from core.lessons.inside.receptive_field import Field, field_of
from core.models.card import ModelCard
from core.scan import Scan, default_window, display_frame
from ui.cache import cached_bundle
from ui.packing import fit_within
from ui.session import Recent

#: Long side of the scan beside the maps.
SIDE = 480


@dataclass
class Memory:
    """What this session keeps for the lesson; small, because maps of a scan are patient data too.

    Attributes:
        kept: Prepared input, thumbnails, maps and fields by what they were made of.
        gathered: Points of data sets, by data set and model.
        planes: Places by t-SNE.
    """

    kept: Recent = field(default_factory=lambda: Recent(24))
    gathered: Recent = field(default_factory=lambda: Recent(4))
    planes: Recent = field(default_factory=lambda: Recent(4))


def memory() -> Memory:
    """The lesson's memory in this session."""
    if "inside-memory" not in st.session_state:
        st.session_state["inside-memory"] = Memory()
    return st.session_state["inside-memory"]


@lru_cache(maxsize=4)
def _probe(slug: str, _digest: str) -> Probe:
    """The probe of a shipped model; nothing of a scan is in it, so all sessions share it."""
    return open_probe(cached_bundle(slug))


def probe_of(card: ModelCard) -> Probe:
    """The model with taps, opened once."""
    return _probe(card.slug, str(card.sha256.get(ONNX_FILE, "")))


@dataclass(frozen=True, eq=False)
class Work:
    """One frame of one scan in one model.

    Attributes:
        scan: The scan.
        frame: Which frame.
        card: The model's card.
        bundle: The opened model.
        probe: The model with taps, which gives what every box gives.
        prepared: What it gets.
    """

    scan: Scan
    frame: int
    card: ModelCard
    bundle: Bundle
    probe: Probe
    prepared: Prepared

    @property
    def network(self) -> Network:
        """The boxes of the model that is looked at."""
        return self.probe.network

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells this scan in this model from others."""
        return self.scan.digest, self.frame, self.card.slug

    def cell(self, number: int, place: tuple[float, float]) -> tuple[int, int]:
        """The cell of a box at a place of the model's image, given in fractions of its height and width."""
        rows, columns = self.network.boxes[number].grid or (1, 1)
        return min(int(place[0] * rows), rows - 1), min(int(place[1] * columns), columns - 1)


def work_on(scan: Scan, frame: int, card: ModelCard) -> Work:
    """Prepare a frame for a model.

    Raises:
        IncompatibleInput: The scan cannot be brought onto the model's grid.
        UnsupportedModel: The model has sequences or volumes.
        InvalidCard: Its file is gone.
    """
    key = ("work", scan.digest, frame, card.slug)

    def make() -> Work:
        prepared = prepare(scan, card.inputs[0], [frame])
        return Work(scan, frame, card, cached_bundle(card.slug), probe_of(card), prepared)

    return memory().kept.get(key, make)


def thumbnails(work: Work) -> list[NDArray[np.float32] | None]:
    """One small (rows, columns) map for each box, of the channel that varies most."""

    def make() -> list[NDArray[np.float32] | None]:
        boxes = [box for box in work.network.boxes if box.has_map]
        found: list[NDArray[np.float32] | None] = [None] * len(work.network.boxes)
        for start in range(0, len(boxes), 12):  # never all maps of a large image at once
            some = boxes[start : start + 12]
            for number, maps in work.probe.run(work.prepared.batch, [box.number for box in some]).items():
                best = int(np.argmax(maps.reshape(len(maps), -1).std(axis=1)))
                found[number] = _small(maps[best])
        return found

    return memory().kept.get(("thumbnails", *work.key), make)


def _small(values: NDArray[np.float32]) -> NDArray[np.float32]:
    import cv2

    rows, columns = fit_within(values.shape, 36)
    return values.copy() if values.shape == (rows, columns) else cv2.resize(values, (columns, rows), interpolation=3)


def maps_of(work: Work, number: int) -> NDArray[np.float32]:
    """(channels, rows, columns) of a box, or its (length,) numbers."""
    return memory().kept.get(("maps", *work.key, number), lambda: work.probe.run(work.prepared.batch, [number])[number])


def field_at(work: Work, number: int, cell: tuple[int, int]) -> Field:
    """What a cell can see."""
    return memory().kept.get(("field", work.card.slug, number, cell), lambda: field_of(work.network, number, cell))


def score_of(work: Work, target: int) -> ClassScore:
    """The score of a label, channel by channel."""
    return memory().kept.get(
        ("score", *work.key, target), lambda: class_score(work.bundle, work.prepared.batch, target)
    )


def gathered(key: tuple[Any, ...]) -> Gathered | None:
    """Points that were read before."""
    found: Gathered | None = memory().gathered.get(key, lambda: None) if key in memory().gathered else None
    return found


def shown_image(work: Work) -> NDArray[np.uint8]:
    """The frame as people see it, at most `SIDE` pixels long."""

    def make() -> NDArray[np.uint8]:
        import cv2

        scan = work.scan
        image = display_frame(scan, work.frame, None if scan.is_color else default_window(scan))
        rows, columns = fit_within(image.shape, SIDE)
        return cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)

    return memory().kept.get(("picture", work.scan.digest, work.frame), make)


def on_scan(work: Work, grid: NDArray[np.floating], size: tuple[int, int]) -> NDArray[np.float32]:
    """Values of the model's pixels drawn on the scan, at (rows, columns) of the shown image."""
    return work.prepared.geometry.to_scan(grid, size)


def frame_on_scan(work: Work, box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """(top, left, bottom, right) in model pixels, ends not included, as (x, y, w, h) in fractions of the scan."""
    way = work.prepared.geometry
    edges = []
    for axis in (0, 1):
        for value in (box[axis], box[axis + 2]):
            at = way.scale[axis] * (value - 0.5) + way.offset[axis] + 0.5
            edges.append(min(max(at / way.scan_size[axis], 0.0), 1.0))
    top, bottom, left, right = edges
    return left, top, right - left, bottom - top


def place_on_model(work: Work, down: float, across: float) -> tuple[float, float]:
    """A place on the scan in fractions of its size, as a place on the model's image."""
    way, found = work.prepared.geometry, []
    for axis, fraction in enumerate((down, across)):
        pixel = (fraction * way.scan_size[axis] - 0.5 - way.offset[axis]) / way.scale[axis]
        found.append(min(max((pixel + 0.5) / way.model_size[axis], 0.0), 0.999))
    return found[0], found[1]
