"""An image that was turned and moved finds its way back, also where the grey values are others."""

import cv2
import numpy as np
import pytest

from core.errors import IncompatibleInput
from core.inference.registration import needs_registration, register
from core.scan import Scan


def head(size=128):
    """A head-like image without symmetry."""
    image = np.zeros((size, size), np.float32)
    cv2.ellipse(image, (size // 2, size // 2), (size // 3, size * 2 // 5), 0, 0, 360, 0.5, -1)
    cv2.circle(image, (size * 3 // 8, size * 3 // 8), size // 10, 1.0, -1)
    cv2.ellipse(image, (size * 5 // 8, size // 2), (size // 12, size // 6), 20, 0, 360, 0.2, -1)
    return cv2.GaussianBlur(image, (0, 0), 1.5)


def scan_of(pixels, **changes):
    stack = np.asarray(pixels, np.float32)
    stack = stack if stack.ndim == 3 else stack[None]
    axis = "single" if len(stack) == 1 else "slice"
    return Scan(stack, axis, digest=str(float(stack.sum())), source="test", title="head", modality="MR", **changes)


def turned(image, degrees, right, down):
    rows, columns = image.shape
    matrix = cv2.getRotationMatrix2D((columns / 2 - 0.5, rows / 2 - 0.5), degrees, 1.0)
    matrix[:, 2] += (right, down)
    return cv2.warpAffine(image, matrix, (columns, rows), flags=cv2.INTER_LINEAR)


@pytest.mark.parametrize("other_sequence", [False, True])
def test_a_turned_image_is_brought_back(other_sequence):
    fixed = head()
    moving = turned(1.0 - fixed**0.5 if other_sequence else fixed, 7.0, 6.0, -4.0)
    found, moved = register(scan_of(moving), scan_of(fixed))
    assert moved.degrees == pytest.approx(7.0, abs=0.6)
    assert moved.distance == pytest.approx(np.hypot(6, 4), abs=0.8)
    assert moved.after > moved.before
    inside = (slice(16, -16), slice(16, -16))
    wanted = 1.0 - fixed**0.5 if other_sequence else fixed
    assert (
        np.abs(found.pixels[0][inside] - wanted[inside]).mean() < 0.25 * np.abs(moving[inside] - wanted[inside]).mean()
    )
    assert "turned by" in found.provenance[-1].detail


def test_a_coarser_grid_with_its_spacing_lands_on_the_finer_one():
    fixed = head()
    coarse = cv2.resize(fixed, (64, 64), interpolation=cv2.INTER_AREA)
    moving, target = scan_of(coarse, spacing_mm=(2.0, 2.0)), scan_of(fixed, spacing_mm=(1.0, 1.0))
    assert needs_registration(moving, target)
    found, moved = register(moving, target)
    assert found.pixels.shape == target.pixels.shape
    assert moved.unit == "mm"
    assert np.corrcoef(found.pixels.ravel(), fixed.ravel())[0, 1] > 0.98


def test_volumes_are_moved_in_space():
    stack = np.stack([head(64) * weight for weight in (0.2, 0.6, 1.0, 0.6, 0.3, 0.1)])
    shifted = np.roll(stack, (5, -3), axis=(1, 2))
    found, moved = register(scan_of(shifted, slice_spacing_mm=3.0), scan_of(stack, slice_spacing_mm=3.0))
    assert moved.distance == pytest.approx(np.hypot(5, 3), abs=1.0)
    assert found.pixels.shape == stack.shape


def test_colour_and_mixed_stacks_are_refused():
    flat, deep = scan_of(head(32)), scan_of(np.stack([head(32)] * 4))
    with pytest.raises(IncompatibleInput, match="neither two grey images nor two volumes"):
        register(flat, deep)
