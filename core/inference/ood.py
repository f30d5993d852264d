"""Is this image like what the model has seen? A distance between its features and those of the training split.

The distance is Mahalanobis' (Lee et al. 2018, arXiv:1807.03888, without classes) in a covariance of low rank: the
strongest directions of the training features with their variances, and one variance for all other directions (Tipping
and Bishop 1999, probabilistic principal components), so that it holds for 100 features and for 2,000. It is read as a
percentile of the validation split, which took no part in its making.

It tells other kinds of images from the model's own. It does not tell a wrong answer from a right one, nor a rare
disease whose image is made the same way.
"""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Directions kept. More gain nothing on our models, and the file stays small.
RANK = 64

#: Bytes of all arrays of a reference; those that ship have 70 kB.
MOST_BYTES = 256 << 20

#: Images beyond this percentile of the validation split are out of distribution: about 1 in 100 of its own kind.
LIMIT = 99.0


@dataclass(frozen=True)
class Similarity:
    """How near one image is to what the model has seen.

    Attributes:
        distance: Mahalanobis distance of its features, 0 or more; about √D for D features of the same kind.
        percentile: Of the validation split's distances, between which it is interpolated.
        is_similar: Whether the percentile is at most `LIMIT`.
    """

    distance: float
    percentile: float
    is_similar: bool


@dataclass(frozen=True, eq=False)
class Reference:
    """The training split in the space of features, as stored in `similarity.npz`.

    Attributes:
        mean: (D,) float32.
        scale: (D,) float32 standard deviation, so that no feature counts more for its unit.
        directions: (D, k) float32, orthonormal.
        variances: (k,) float32, of the scaled features along the directions.
        rest: Variance along each other direction.
        distances: (n,) float32, ascending, of the validation split.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    directions: NDArray[np.float32]
    variances: NDArray[np.float32]
    rest: float
    distances: NDArray[np.float32]

    @property
    def limit(self) -> float:
        """The distance from which on an image is unlike: the `LIMIT`th percentile of `distances`.

        Percentiles are interpolated (Hyndman and Fan 1996, type 7), so that among few cases the furthest one, which may
        be an image gone wrong, does not set the limit alone.
        """
        return float(np.percentile(self.distances, LIMIT)) if len(self.distances) else float("inf")


def fit_reference(train: NDArray[np.floating], val: NDArray[np.floating], rank: int = RANK) -> Reference:
    """Learn the reference.

    Args:
        train: (cases, D) features of the training split.
        val: (cases, D) features of the validation split.
        rank: Most directions to keep; never more than half of the features or a tenth of the cases.
    """
    values = np.asarray(train, np.float64)
    mean, scale = values.mean(axis=0), values.std(axis=0)
    scale = np.maximum(scale, 1e-3 * max(float(scale.max()), 1e-12))  # features that never vary must not explode
    _, singular, turned = np.linalg.svd((values - mean) / scale, full_matrices=False)
    spectrum = singular**2 / max(len(values) - 1, 1)
    kept = max(1, min(rank, values.shape[1] // 2, len(values) // 10))
    others = values.shape[1] - kept
    rest = float(spectrum[kept:].sum() / others) if others else 1.0
    reference = Reference(
        mean=mean.astype(np.float32),
        scale=scale.astype(np.float32),
        directions=turned[:kept].T.astype(np.float32),
        variances=np.maximum(spectrum[:kept], 1e-6).astype(np.float32),
        rest=float(np.float32(max(rest, 1e-6))),  # as the file will hold it
        distances=np.empty(0, np.float32),
    )
    found = np.sort(distances(reference, val)).astype(np.float32)
    return Reference(**{**vars(reference), "distances": found})


def distances(reference: Reference, features: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mahalanobis distance of each row.

    Args:
        reference: What to measure against.
        features: (cases, D).

    Returns:
        (cases,) float64.
    """
    centred = (np.asarray(features, np.float64) - reference.mean) / reference.scale
    along = centred @ reference.directions
    beside = np.maximum((centred**2).sum(axis=1) - (along**2).sum(axis=1), 0.0)
    return np.sqrt((along**2 / reference.variances).sum(axis=1) + beside / reference.rest)


def similarity(reference: Reference, features: NDArray[np.floating]) -> tuple[Similarity, ...]:
    """How near each image is to what the model has seen.

    Args:
        reference: Of the model.
        features: (frames, D) as the model's `features` output gives them.

    Returns:
        One entry a frame. A distance that is not a number counts as unlike.
    """
    found = distances(reference, features)
    far, places = unlike(reference, found), percentiles(reference, found)
    return tuple(
        Similarity(float(distance), float(place), not away)
        for distance, place, away in zip(found, places, far, strict=True)
    )


def unlike(reference: Reference, found: NDArray[np.floating]) -> NDArray[np.bool_]:
    """(cases,) whether distances are too large for the model's own kind: the one rule of pages, exports and cards."""
    return ~(np.asarray(found, np.float64) <= reference.limit)  # so that what is not a number is unlike


def percentiles(reference: Reference, found: NDArray[np.floating]) -> NDArray[np.float64]:
    """(cases,) where distances lie among those of the validation split, above `LIMIT` where they are `unlike`."""
    known = np.asarray(reference.distances, np.float64)
    if not len(known):
        return np.zeros(len(found))
    # With equal distances the place of the last counts; beyond the furthest there is nothing but 100.
    values, last = np.unique(known[::-1], return_index=True)
    places = 100.0 * (len(known) - 1 - last) / max(len(known) - 1, 1)
    return np.interp(np.nan_to_num(np.asarray(found, np.float64), nan=np.inf), values, places, right=100.0)


def _claimed(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> int:
    """Bytes that an array says it has, which NumPy allocates before it reads any."""
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
    return math.prod(shape) * dtype.itemsize


def save_reference(reference: Reference, path: Path) -> None:
    """Write `similarity.npz`."""
    arrays: dict[str, Any] = {name: np.asarray(value, np.float32) for name, value in vars(reference).items()}
    np.savez_compressed(path, **arrays)


def read_reference(content: bytes) -> Reference:
    """Read the bytes of a `similarity.npz`; nothing in it can run code, or claim more memory than it fills.

    Raises:
        ValueError: It is not such a file.
        KeyError: An array is missing.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
            claimed = sum(_claimed(archive, member) for member in archive.infolist())
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError("no whole archive of arrays") from error
    if max(unpacked, claimed) > MOST_BYTES:
        raise ValueError(f"arrays of more than {MOST_BYTES >> 20} MB")
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        arrays = {name: stored[name].astype(np.float32) for name in Reference.__dataclass_fields__ if name != "rest"}
        return Reference(**arrays, rest=float(stored["rest"]))
