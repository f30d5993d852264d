from pathlib import Path

import numpy as np
import pytest

from core.explain.explanation import Explanation
from core.inference.prepare import Geometry
from core.models.card import ModelCard
from core.scan import Scan


def contrast(color, background):
    """WCAG contrast ratio of two colours written as #RRGGBB."""

    def luminance(text):
        channels = np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        return linear @ np.array([0.2126, 0.7152, 0.0722])

    low, high = sorted([luminance(color), luminance(background)])
    return (high + 0.05) / (low + 0.05)


@pytest.fixture
def contrast_of():
    return contrast


@pytest.fixture
def make_card():
    def made(labels=("Normal", "Pneumonia"), threshold=0.62, task="binary"):
        return ModelCard(
            "m", Path("m"), "M", "S", task, labels, (), threshold, "", 1.0, "layer", {}, "mit", False, "an image"
        )

    return made


@pytest.fixture
def make_stack():
    """A stack of frames and an explanation with the given strengths."""

    def made(strengths, axis="slice", frame_time_ms=None, frames=None):
        chosen = tuple(range(len(strengths))) if frames is None else frames
        grids = np.zeros((len(strengths), 3, 3), np.float32)
        grids[:, 1, 2] = strengths
        geometry = Geometry((6, 6), (6, 6), (1.0, 1.0), (0.0, 0.0), (0, 0, 6, 6))
        count = max(chosen) + 1
        scan = Scan(np.zeros((count, 6, 6), np.uint8), axis, "0", "test", "test", frame_time_ms=frame_time_ms)
        return scan, Explanation(grids, chosen, geometry, "Grad-CAM", "Pneumonia", "layer")

    return made
