"""An opened model that outlines what is bright, and scans with planted squares."""

import numpy as np
import pytest

from core.inference.bundle import open_bundle
from core.models.card import load_card
from core.scan import Scan, Window


@pytest.fixture
def segmenter(tmp_path, write_segmenter):
    """The opened model: `segmenter(resize="crop")`."""
    return lambda **changes: open_bundle(load_card(write_segmenter(tmp_path / "models", **changes)), threads=1)


@pytest.fixture
def planted():
    """A dark scan with bright boxes: `planted((80, 120), [(10, 20, 30, 50)])`, one list of boxes a frame."""

    def made(size, *frames, level=255, **facts):
        pixels = np.zeros((len(frames), *size), np.uint8)
        for image, boxes in zip(pixels, frames, strict=True):
            for top, left, bottom, right, *own in boxes:
                image[top:bottom, left:right] = own[0] if own else level
        known = {"modality": "MR", "spacing_mm": (0.5, 0.5), "windows": (Window(127.5, 255.0, "LINEAR_EXACT"),)}
        axis = "single" if len(frames) == 1 else "slice"
        return Scan(pixels, facts.pop("axis", axis), "ab" * 32, "DICOM", "MR series", **{**known, **facts})

    return made
