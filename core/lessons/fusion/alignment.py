"""Laying one image on another of the same head: rigid registration by mutual information, in the plane.

Two contrasts of one place do not look alike: what is bright in one may be dark in the other. Mutual information asks
only whether one tells about the other (Wells et al. 1996, doi:10.1016/S1361-8415(01)80004-9; Maes et al. 1997,
doi:10.1109/42.563664). It finds shifts and turns of one slice; it knows nothing of tilts out of the plane, of zoom, of
growing or sinking tissue, and a start that is too far off ends in the wrong place.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
BINS = 32
#: What the search covers: fraction of the shorter side, and degrees.
FURTHEST, STEEPEST = 0.15, 20.0


@dataclass(frozen=True)
class Pose:
    """How an image is moved: first turned around its middle, then shifted.

    Attributes:
        down: Pixels.
        across: Pixels.
        degrees: Counter-clockwise as it is seen.
    """

    down: float = 0.0
    across: float = 0.0
    degrees: float = 0.0


def moved(image: NDArray[np.floating], pose: Pose) -> Image:
    """A (rows, columns) image in another pose, of the same size; what comes in from outside is 0."""
    rows, columns = image.shape
    turn = cv2.getRotationMatrix2D(((columns - 1) / 2, (rows - 1) / 2), pose.degrees, 1.0)
    turn[:, 2] += (pose.across, pose.down)
    warped = cv2.warpAffine(image.astype(np.float32), turn, (columns, rows), flags=cv2.INTER_LINEAR)
    return np.asarray(warped, np.float32)


def distance(first: Pose, second: Pose, size: tuple[int, int]) -> float:
    """How far apart two poses put the pixels of an image, in the mean over a centred disc of half its shorter side."""
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    radius = min(size) / 4
    away = []
    for pose in (first, second):
        turned = angles + np.deg2rad(-pose.degrees)
        away.append(np.stack([radius * np.sin(turned) + pose.down, radius * np.cos(turned) + pose.across]))
    return float(np.linalg.norm(away[0] - away[1], axis=0).mean())


def joint_histogram(fixed: NDArray[np.floating], moving: NDArray[np.floating], bins: int = BINS) -> NDArray[np.float64]:
    """(bins, bins) fraction of the pixels with each pair of brightnesses; both images go from 0 to 1."""
    found, _, _ = np.histogram2d(fixed.ravel(), moving.ravel(), bins=bins, range=((0, 1), (0, 1)))
    fractions: NDArray[np.float64] = found / max(found.sum(), 1.0)
    return fractions


def mutual_information(fixed: NDArray[np.floating], moving: NDArray[np.floating], bins: int = BINS) -> float:
    """What one image tells about the other, in bits; 0 where they are independent.

    Example:
        >>> both = np.array([[0.1, 0.9], [0.9, 0.1]])
        >>> round(mutual_information(both, 1 - both), 6)
        1.0
    """
    joint = joint_histogram(fixed, moving, bins)
    alone = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    seen = joint > 0
    return float((joint[seen] * np.log2(joint[seen] / alone[seen])).sum())


@dataclass(frozen=True, eq=False)
class Registration:
    """What the search came to.

    Attributes:
        pose: That lays the moving image on the fixed one.
        before: Mutual information at the start, in bits.
        after: At the end.
        tried: How many poses were tried.
    """

    pose: Pose
    before: float
    after: float
    tried: int


def register(fixed: Image, moving: Image) -> Registration:
    """Find the pose in which the moving image tells most about the fixed one.

    From coarse to fine: on images of a quarter and a half of the size first, then on the whole ones, each time by
    ever smaller steps along shift and angle.

    Args:
        fixed: (rows, columns) from 0 to 1.
        moving: (rows, columns) of the same size.
    """
    tried, pose = 0, Pose()
    for level, steps in ((4, (0.12, 10.0)), (2, (0.03, 3.0)), (1, (0.012, 1.0))):
        size = (max(8, fixed.shape[1] // level), max(8, fixed.shape[0] // level))
        small = [
            cv2.GaussianBlur(cv2.resize(p, size, interpolation=cv2.INTER_AREA), (0, 0), 0.7) for p in (fixed, moving)
        ]
        pose, count = _climb(small[0], small[1], pose, level, steps, min(fixed.shape))
        tried += count
    return Registration(pose, mutual_information(fixed, moving), mutual_information(fixed, moved(moving, pose)), tried)


def _climb(
    fixed: Image, moving: Image, start: Pose, level: int, steps: tuple[float, float], side: int
) -> tuple[Pose, int]:
    """Step along one of shift and angle at a time while it helps, then halve the steps."""
    at = np.array([start.down, start.across, start.degrees])
    bound = np.array([FURTHEST * side, FURTHEST * side, STEEPEST])
    step, tried = np.array([steps[0] * side, steps[0] * side, steps[1]]), 0

    def worth(pose: NDArray[np.float64]) -> float:
        nonlocal tried
        tried += 1
        return mutual_information(fixed, moved(moving, Pose(pose[0] / level, pose[1] / level, pose[2])))

    best = worth(at)
    while step[0] > 0.04 * level:
        better = False
        for axis in range(3):
            for sign in (-1, 1):
                there = at.copy()
                there[axis] = np.clip(there[axis] + sign * step[axis], -bound[axis], bound[axis])
                value = worth(there)
                if value > best + 1e-9:
                    at, best, better = there, value, True
        if not better:
            step = step / 2
    return Pose(float(at[0]), float(at[1]), float(at[2])), tried


def checkerboard(first: Image, second: Image, fields: int = 8) -> Image:
    """Squares of one image and the other in turn: edges that break show where they do not fit."""
    rows, columns = (np.arange(n) * fields // n for n in first.shape)
    own = (rows[:, None] + columns[None]) % 2 == 0
    return np.where(own, first, second).astype(np.float32)
