"""What is this image? One small network for all scans, which answers before any model is asked.

The network is the beginning of EfficientNet-Lite0 (Tan and Le 2019, arXiv:1905.11946) with the weights of ImageNet;
mean and standard deviation of three of its stages describe an image. It is of the kind to which the Mahalanobis
distance (Lee et al. 2018, arXiv:1807.03888) is least, as a fraction of that kind's limit from validation images, and of
none where it is beyond. All is made by `python -m core.training.recogniser`; its card lies in `recogniser/`.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.inference.kinds import KINDS, Kind
from core.inference.prepare import place_on_grid, plan_geometry
from core.models.card import InputSpec, ModelCard
from core.models.compatibility import UNTELLING, modality_words
from core.scan import (
    Scan,
    Window,
    answered_frame,
    default_window,
    display_frame,
    grey_levels,
    percentile_window,
    window_at,
)

#: Where the network, what was learnt of the kinds, and their card lie.
FOLDER = Path(__file__).with_name("recogniser")
NETWORK, LEARNT = "features.onnx", "kinds.npz"

#: Edge of the network's input in pixels.
SIDE = 160

#: Edge in pixels to which larger images are shrunk first.
MOST = 640

#: From which probability on, among the variants of a kind, one is named.
SURE = 0.8

#: The window in HU in which every CT is looked at, whatever the file asks for.
CT_WINDOW = Window(40.0, 400.0, "LINEAR", "Soft tissue")

#: Values below it occur in a CT in HU only: air is −1000.
AIR = -500.0

_SPEC = InputSpec("image", "image", (SIDE, SIDE), 3, (0.0, 1.0), "percentile", "letterbox", ())


@dataclass(frozen=True)
class Recognition:
    """What a scan looks like.

    Attributes:
        kind: What it is, or None where it is none of the kinds that are known.
        variant: Which of the kind's variants, `""` where there are none or it cannot be told.
        probability: Of that kind, or of the nearest where there is none, by a softmax over all, 0 to 1. It says nothing
            of whether the image is of any of them.
        distances: Slug to distance over that kind's limit, nearest first; up to 1 is inside.
        told: What the file says of itself, e.g. `"an MRI of the chest"`, `""` where it says nothing.
        agrees: Whether kind and file agree; None where the file says nothing or there is no kind.
        disagreement: One sentence where they do not, else `""`.
    """

    kind: Kind | None
    variant: str
    probability: float
    distances: Mapping[str, float]
    told: str = ""
    agrees: bool | None = None
    disagreement: str = ""

    @property
    def slug(self) -> str:
        """Slug of the kind, `""` where there is none."""
        return self.kind.slug if self.kind else ""

    @property
    def words(self) -> str:
        """`"an MRI of the brain, FLAIR"`, `""` where there is no kind."""
        if self.kind is None:
            return ""
        joint = ", " if self.kind.slug == "brain-mri" else " "
        return f"{self.kind.noun}{joint}{self.kind.variant_words[self.variant]}" if self.variant else self.kind.noun


@dataclass(frozen=True, eq=False)
class Learnt:
    """What was learnt of the kinds, K of them, in the space of D directions.

    Attributes:
        kinds: Their slugs.
        mean: (F,) of the features.
        directions: (F, D) from standardised features to the space.
        coefficients: (D, K) of the choice between kinds.
        intercepts: (K,) of it.
        centres: (K, D) of each kind.
        whitening: (K, D, D); a difference from the centre times it has the Mahalanobis distance as its length.
        limits: (K,) largest distance that still is of the kind.
        variants: Slug of a kind to the names, coefficients (D, V) and intercepts (V,) of the choice between its
            variants.
    """

    kinds: tuple[str, ...]
    mean: NDArray[np.float32]
    directions: NDArray[np.float32]
    coefficients: NDArray[np.float32]
    intercepts: NDArray[np.float32]
    centres: NDArray[np.float32]
    whitening: NDArray[np.float32]
    limits: NDArray[np.float32]
    variants: Mapping[str, tuple[tuple[str, ...], NDArray[np.float32], NDArray[np.float32]]]

    def project(self, features: NDArray[np.floating]) -> NDArray[np.float32]:
        """(N, F) features as the network gives them to (N, D)."""
        return np.asarray((squeeze(features) - self.mean) @ self.directions, np.float32)

    def over_limit(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, K) distance to each kind as a fraction of its limit."""
        away = np.einsum("nkd,kde->nke", points[:, None] - self.centres, self.whitening)
        return np.asarray(np.sqrt((away**2).sum(axis=-1)) / self.limits, np.float32)

    def probabilities(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, K) of each kind, given that it is one of them."""
        return _softmax(points @ self.coefficients + self.intercepts)

    def variant(self, kind: str, point: NDArray[np.float32]) -> str:
        """The variant of a kind that one point is of, `""` where none is likely enough."""
        if kind not in self.variants:
            return ""
        names, coefficients, intercepts = self.variants[kind]
        found = _softmax(point[None] @ coefficients + intercepts)[0]
        best = int(found.argmax())
        return names[best] if found[best] >= SURE else ""


def squeeze(features: NDArray[np.floating]) -> NDArray[np.float32]:
    """Features with their long tails drawn in: `sign(x) · log(1 + |x|)`."""
    values = np.asarray(features, np.float32)
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)), np.float32)


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), np.float32)


def recognise(scan: Scan, frame: int | None = None) -> Recognition:
    """What one frame of a scan looks like, and whether the file says the same.

    Args:
        scan: Any scan.
        frame: Which frame; None for the one that stands for a stack.
    """
    learnt = _learnt()
    image = look(scan, answered_frame(scan) if frame is None else frame)
    told = "" if scan.modality in UNTELLING else modality_words(scan)
    if image is None:
        return Recognition(None, "", 0.0, {}, told)
    point = learnt.project(features(image[None]))
    over, probabilities = learnt.over_limit(point)[0], learnt.probabilities(point)[0]
    best = int(over.argmin())
    distances = {learnt.kinds[place]: float(over[place]) for place in np.argsort(over)}
    # Not `>`: a distance that is no number is outside.
    if not over[best] <= 1.0:
        return Recognition(None, "", float(probabilities[best]), distances, told)
    kind = KINDS[learnt.kinds[best]]
    agrees = _agrees(kind, scan)
    return Recognition(
        kind=kind,
        variant=learnt.variant(kind.slug, point[0]),
        probability=float(probabilities[best]),
        distances=distances,
        told=told,
        agrees=agrees,
        disagreement=f"The file says {told}; the image looks like {kind.noun}." if agrees is False else "",
    )


def is_of_kind(card: ModelCard, found: Recognition) -> bool:
    """Whether a model was trained on the kind that a scan was recognised as, whatever its variant.

    Not where the file says that it is something else: one of the two is wrong, and nobody knows which.
    """
    if found.kind is None or found.agrees is False:
        return False
    return any(entry.split("/")[0] == found.kind.slug for entry in card.kinds)


def knows(card: ModelCard, found: Recognition) -> bool:
    """Whether a model was trained on the kind and the variant that a scan was recognised as.

    A card names kinds as `brain-mri`, or as `chest-radiograph/child` where it knows one variant only; a variant that
    cannot be told is not held against it.
    """
    if not is_of_kind(card, found) or not found.variant:
        return is_of_kind(card, found)
    return bool({found.slug, f"{found.slug}/{found.variant}"} & set(card.kinds))


def known_words(cards: Mapping[str, ModelCard]) -> list[str]:
    """The kinds that some model knows, in words, in the order of `KINDS`."""
    known = {entry.split("/")[0] for card in cards.values() for entry in card.kinds}
    return [kind.noun for kind in KINDS.values() if kind.slug in known]


def _agrees(kind: Kind, scan: Scan) -> bool | None:
    if scan.modality in UNTELLING:
        return None
    if scan.modality not in kind.modality:
        return False
    return None if not scan.body_part else any(part in scan.body_part for part in kind.body_part)


def look(scan: Scan, frame: int) -> NDArray[np.float32] | None:
    """One frame as the network sees it: the same content looks the same from a PNG, a DICOM file or a volume.

    A CT is taken in one window; anything else as it is displayed, then stretched between its own percentiles, since a
    PNG has lost the window that it was made with. Colour without colour is grey.

    Returns:
        (SIDE, SIDE, 3) float32 from 0 to 1 with black borders; None of a frame that is empty or too thin to see.
    """
    image = _shown(scan, frame)
    zoom = MOST / max(image.shape[:2])
    if zoom < 1 and min(image.shape[:2]) >= 8:
        size = (max(8, round(image.shape[1] * zoom)), max(8, round(image.shape[0] * zoom)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    if image.ndim == 3 and float((image[::2, ::2].max(axis=-1) - image[::2, ::2].min(axis=-1)).mean()) < 2.0:
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    low, high = int(image.min()), int(image.max())
    if low == high or min(image.shape[:2]) < 8:
        return None
    window = percentile_window(image)
    start, width = window.center - window.width / 2, window.width
    levels = np.clip((image.astype(np.float32) - np.float32(start)) / np.float32(width), 0.0, 1.0)
    aspect = scan.pixel_aspect
    if not 1 / 16 <= levels.shape[0] * aspect / levels.shape[1] <= 16:
        return None
    placed = place_on_grid(levels, plan_geometry((levels.shape[0], levels.shape[1]), aspect, _SPEC))
    return np.repeat(placed[..., None], 3, axis=-1) if placed.ndim == 2 else placed


def _shown(scan: Scan, frame: int) -> NDArray[np.uint8]:
    """(rows, columns[, 3]) uint8: as people see it, a CT in HU in one window."""
    if scan.is_color:
        return display_frame(scan, frame)
    pixels = scan.pixels[frame]
    is_ct = scan.units == "HU" or (
        scan.modality in UNTELLING and not scan.windows and pixels.size > 0 and float(pixels.min()) < AIR
    )
    chosen = CT_WINDOW if is_ct else default_window(scan) if scan.windows else percentile_window(pixels, scan.padding)
    zoom = 2 * MOST / max(pixels.shape)
    if zoom < 1:  # large radiographs: the window of each pixel would take as long as all the rest
        size = max(8, round(pixels.shape[1] * zoom)), max(8, round(pixels.shape[0] * zoom))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return np.asarray(np.nan_to_num(grey_levels(pixels, window_at(chosen, frame))) * 255.0 + 0.5, np.uint8)


def features(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, SIDE, SIDE, 3) images as `look` gives them to (N, F) features."""
    return np.asarray(_network().run(None, {"image": images})[0], np.float32)


@cache
def _network() -> Any:
    """The session; it is part of the product and runs in this process."""
    from core.inference.onnx_session import session_options
    from core.onnx_runtime import onnxruntime

    content = (FOLDER / NETWORK).read_bytes()
    return onnxruntime.InferenceSession(content, session_options(0), providers=["CPUExecutionProvider"])


@cache
def _learnt() -> Learnt:
    return read_learnt((FOLDER / LEARNT).read_bytes())


def forget() -> None:
    """Read network and kinds anew, after they were made again."""
    _network.cache_clear()
    _learnt.cache_clear()


def read_learnt(content: bytes) -> Learnt:
    """Read the bytes of a `kinds.npz`."""
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        variants = {}
        for name in (name for name in stored.files if name.startswith("variants/")):
            slug = name.removeprefix("variants/")
            names = tuple(str(text) for text in stored[name])
            variants[slug] = (names, stored[f"coefficients/{slug}"], stored[f"intercepts/{slug}"])
        arrays = {
            name: stored[name].astype(np.float32)
            for name in ("mean", "directions", "coefficients", "intercepts", "centres", "whitening", "limits")
        }
        return Learnt(kinds=tuple(str(slug) for slug in stored["kinds"]), variants=variants, **arrays)


def save_learnt(learnt: Learnt, path: Path) -> None:
    """Write `kinds.npz`."""
    arrays: dict[str, Any] = {name: value for name, value in vars(learnt).items() if name not in {"kinds", "variants"}}
    for slug, (names, coefficients, intercepts) in learnt.variants.items():
        arrays[f"variants/{slug}"] = np.array(names)
        arrays[f"coefficients/{slug}"], arrays[f"intercepts/{slug}"] = coefficients, intercepts
    np.savez_compressed(path, kinds=np.array(learnt.kinds), **arrays)
