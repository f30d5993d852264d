"""Scans and explanations small enough to look at."""

import numpy as np
import pytest

from core.explain.explanation import Explanation
from core.inference.prepare import prepare
from core.models.card import InputSpec
from core.scan import Scan, Window

SPEC = InputSpec("image", "image", (28, 28), 1, (0.0, 1.0), "display", "letterbox", ("CT",))


@pytest.fixture
def make_scan():
    """A grey ramp that differs from frame to frame: `make_scan(frames=3)`."""

    def made(frames: int = 1, size: tuple[int, int] = (40, 30), axis: str = "", **facts) -> Scan:
        ramp = np.arange(size[0] * size[1], dtype=np.int16).reshape(size)
        pixels = np.stack([ramp + 10 * frame for frame in range(frames)])
        kind = axis or ("single" if frames == 1 else "slice")
        facts = {"windows": (Window(600.0, 1000.0),), **facts}
        return Scan(pixels, kind, "ab" * 32, "DICOM", "CT series", modality="CT", **facts)

    return made


@pytest.fixture
def explain():
    """Evidence of the given strength in one cell of each frame."""

    def made(scan: Scan, *strengths: float) -> Explanation:
        prepared = prepare(scan, SPEC)
        grids = np.zeros((len(prepared.frames), 7, 7), np.float32)
        grids[:, 2, 4] = strengths or 1.0
        return Explanation(grids, prepared.frames, prepared.geometry, "grad-cam", "Pneumonia", "last")

    return made
