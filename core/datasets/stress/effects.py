"""The effects of `core.datasets.stress.levels` on one image with 0 black and 1 white.

Lengths are given for a long side of 256 pixels and grow with the image, so that a strength means the same for a
thumbnail and for a full radiograph. Values outside 0 to 1, bone beyond a window for example, are kept: effects on grey
levels change the part inside and add the rest back.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]

#: Photons behind air a pixel of 256 on the long side, standard deviation of the electronics in photons, and how many
#: times e the densest tissue weakens the beam.
_PHOTONS = (4000.0, 1500.0, 600.0, 250.0, 100.0)
_ELECTRONS = 5.0
_ATTENUATION = 2.0
_BLUR = (0.7, 1.2, 2.0, 3.0, 4.5)
_CONTRAST = (0.8, 0.6, 0.45, 0.3, 0.2)
_GAMMA = (1.2, 1.5, 1.9, 2.4, 3.2)
_LONG_SIDE = (128, 96, 64, 48, 28)
_QUALITY = (50, 30, 18, 10, 5)
_BIAS = (0.15, 0.3, 0.5, 0.75, 1.0)
_TURNED_FROM = (0.8, 0.6, 0.4, 0.2, 0.0)
_DEGREES = (3.0, 7.0, 12.0, 20.0, 30.0)
_MARKER = (0.05, 0.08, 0.11, 0.15, 0.20)


def _scale(image: Image) -> float:
    """Pixels of this image for one of an image of 256."""
    return max(image.shape[:2]) / 256.0


def _inside(image: Image) -> tuple[Image, Image]:
    """The part between 0 and 1, and what lies beyond it."""
    inside = np.clip(image, 0.0, 1.0)
    return inside, image - inside


def low_dose_noise(image: Image, strength: int, draw: np.random.Generator) -> Image:
    """Noise of counting and of electronics, carried to first order through the logarithm of the detector.

    Behind density x arrive N exp(−k x) photons. Their Poisson noise and a Gaussian one of the electronics make the
    density uncertain by sqrt(n + e²) / (k n) for n photons: more where it is dense. Smaller pixels catch fewer photons,
    taken into account up to four times the fineness.
    """
    inside, _ = _inside(image)
    fine = min(max(_scale(image), 0.25), 4.0)
    photons = _PHOTONS[strength - 1] / fine**2 * np.exp(-_ATTENUATION * inside)
    spread = np.sqrt(photons + _ELECTRONS**2) / (_ATTENUATION * photons)
    return (image + spread * draw.standard_normal(image.shape, np.float32)).astype(np.float32)


def blur(image: Image, strength: int, _draw: np.random.Generator) -> Image:
    """Gaussian blur."""
    return cv2.GaussianBlur(image, (0, 0), _BLUR[strength - 1] * max(_scale(image), 0.5))


def contrast(image: Image, strength: int, _draw: np.random.Generator) -> Image:
    """Values drawn towards their mean."""
    mean = np.float32(np.clip(image, 0.0, 1.0).mean())
    return mean + (image - mean) * np.float32(_CONTRAST[strength - 1])


def gamma(image: Image, strength: int, _draw: np.random.Generator) -> Image:
    """Values to a power above 1."""
    inside, beyond = _inside(image)
    return inside ** np.float32(_GAMMA[strength - 1]) + beyond


def resolution(image: Image, strength: int, _draw: np.random.Generator) -> Image:
    """Shrunk by the mean of areas and enlarged by straight lines; an image that is smaller already stays as it is."""
    rows, columns = image.shape[:2]
    zoom = _LONG_SIDE[strength - 1] / max(rows, columns)
    if zoom >= 1:
        return image
    small = (max(1, round(columns * zoom)), max(1, round(rows * zoom)))
    return cv2.resize(cv2.resize(image, small, interpolation=cv2.INTER_AREA), (columns, rows))


def jpeg(image: Image, strength: int, _draw: np.random.Generator) -> Image:
    """Through an 8-bit JPEG and back."""
    inside, beyond = _inside(image)
    levels = np.round(inside * 255).astype(np.uint8)
    is_color = levels.ndim == 3
    ordered = np.ascontiguousarray(levels[..., ::-1]) if is_color else levels  # OpenCV has blue first
    _, data = cv2.imencode(".jpg", ordered, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY[strength - 1]])
    back = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR if is_color else cv2.IMREAD_GRAYSCALE), np.float32)
    return (back[..., ::-1] if is_color else back) / np.float32(255) + beyond


def bias_field(image: Image, strength: int, draw: np.random.Generator) -> Image:
    """Brightness times the exponential of a polynomial of third order with mean 0 and largest value `_BIAS`."""
    down, across = (np.linspace(-1.0, 1.0, n, dtype=np.float32) for n in image.shape[:2])
    field = np.zeros(image.shape[:2], np.float32)
    for i in range(4):
        for j in range(4 - i):
            if i + j:
                field += np.float32(draw.uniform(-1.0, 1.0)) * down[:, None] ** i * across[None, :] ** j
    field -= field.mean()
    field *= _BIAS[strength - 1] / max(float(np.abs(field).max()), 1e-6)
    inside, beyond = _inside(image)
    shade = np.exp(field)
    return np.clip(inside * (shade[..., None] if image.ndim == 3 else shade), 0.0, 1.0) + beyond


def inverted(image: Image, strength: int, _draw: np.random.Generator) -> Image:
    """One minus the value, from a fraction of the brightest on that falls to 0 with the strength."""
    limit = _TURNED_FROM[strength - 1] * float(np.percentile(np.clip(image, 0.0, 1.0), 99))
    return np.where((image > limit) | (strength == 5), 1.0 - image, image).astype(np.float32)


def rotation(image: Image, strength: int, draw: np.random.Generator) -> Image:
    """Turned about the centre; what comes from outside takes the darkest value."""
    side = 1.0 if draw.random() < 0.5 else -1.0
    rows, columns = image.shape[:2]
    turn = cv2.getRotationMatrix2D(((columns - 1) / 2, (rows - 1) / 2), side * _DEGREES[strength - 1], 1.0)
    outside = float(min(image.min(), 0.0))
    border = (outside,) * 4
    return cv2.warpAffine(image, turn, (columns, rows), borderMode=cv2.BORDER_CONSTANT, borderValue=border)


def marker(image: Image, strength: int, draw: np.random.Generator) -> Image:
    """A bright R or L near a corner, on a plate that is darker, so that it is seen on any ground."""
    letter, right, low = ("R", "L")[int(draw.integers(2))], bool(draw.integers(2)), bool(draw.integers(2))
    rows, columns = image.shape[:2]
    edge = max(5, round(_MARKER[strength - 1] * min(rows, columns)))
    gap = max(1, round(0.03 * min(rows, columns)))
    plate = _letter(letter, edge)
    edge = min(edge, rows, columns)
    top = max(rows - gap - edge, 0) if low else min(gap, rows - edge)
    left = max(columns - gap - edge, 0) if right else min(gap, columns - edge)
    marked = image.copy()
    marked[top : top + edge, left : left + edge] = plate[:edge, :edge, None] if image.ndim == 3 else plate[:edge, :edge]
    return marked


def _letter(letter: str, edge: int) -> Image:
    """(edge, edge) with a white letter on dark grey, drawn large and shrunk, so that it is smooth at any size."""
    plate = np.full((128, 128, 3), 26, np.uint8)
    drawn = cv2.putText(plate, letter, (22, 108), cv2.FONT_HERSHEY_SIMPLEX, 4.0, (255, 255, 255), 14)
    grey = drawn[..., 0].astype(np.float32) / np.float32(255)
    return cv2.resize(grey, (edge, edge), interpolation=cv2.INTER_AREA if edge < 128 else cv2.INTER_LINEAR)
