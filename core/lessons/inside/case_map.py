"""Cases as points in the space of a model's features, and who is near whom.

A feature is the mean of one channel of the explained layer. Each is divided by its spread over the training scans, so
that none counts more for its unit. The plane is that of the two strongest directions: of the training scans where the
bundle knows them (`similarity.npz`), else of the cases themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled, IncompatibleInput, ScanLensError
from core.inference.bundle import Bundle
from core.inference.decision import decide
from core.inference.prepare import prepare
from core.scan import Scan, answered_frame

Array = NDArray[np.float64]
#: Most cases of a data set that are read.
MOST = 300


@dataclass(frozen=True, eq=False)
class Point:
    """One case as a model sees it.

    Attributes:
        name: For people.
        features: (D,) as the model gives them.
        predicted: The label that the model calls.
        truth: The case's label in the model's words, `""` where it is not known.
    """

    name: str
    features: NDArray[np.float32]
    predicted: str
    truth: str = ""

    @property
    def is_wrong(self) -> bool:
        """Whether the model calls something else than what is true."""
        return bool(self.truth) and self.predicted != self.truth


@dataclass(frozen=True, eq=False)
class Plane:
    """Two directions through the scaled features.

    Attributes:
        mean: (D,).
        scale: (D,).
        directions: (D, 2) orthonormal.
        deviations: (2,) standard deviation along them.
        fractions: (2,) of the whole variance, NaN where it is not known.
        of_training: Whether they are those of the training scans.
    """

    mean: Array
    scale: Array
    directions: Array
    deviations: Array
    fractions: Array
    of_training: bool

    def scaled(self, features: NDArray[np.floating]) -> Array:
        """(cases, D) in standard deviations from the mean."""
        return (np.asarray(features, np.float64) - self.mean) / self.scale

    def place(self, features: NDArray[np.floating]) -> Array:
        """(cases, D) to (cases, 2)."""
        found: Array = self.scaled(features) @ self.directions
        return found


def plane_of(bundle: Bundle, points: Sequence[Point]) -> Plane:
    """The plane on which the cases of a model are drawn.

    Raises:
        IncompatibleInput: The bundle knows nothing of its training scans and there are fewer than 3 cases.
    """
    known = bundle.reference
    if known is not None:
        variance = known.variances.astype(np.float64)
        total = variance.sum() + known.rest * (len(known.mean) - len(variance))
        return Plane(
            mean=known.mean.astype(np.float64),
            scale=known.scale.astype(np.float64),
            directions=known.directions[:, :2].astype(np.float64),
            deviations=np.sqrt(variance[:2]),
            fractions=variance[:2] / total,
            of_training=True,
        )
    return _plane_of_points(points)


def _plane_of_points(points: Sequence[Point]) -> Plane:
    if len(points) < 3:
        raise IncompatibleInput(f"A map of {len(points)} cases says nothing", "add data for at least three")
    values = np.stack([point.features for point in points]).astype(np.float64)
    mean, scale = values.mean(axis=0), values.std(axis=0)
    scale = np.maximum(scale, 1e-3 * max(float(scale.max()), 1e-12))
    _, singular, turned = np.linalg.svd((values - mean) / scale, full_matrices=False)
    spectrum = singular**2 / (len(values) - 1)
    deviations = np.sqrt(spectrum[:2])
    return Plane(mean, scale, turned[:2].T, deviations, spectrum[:2] / max(spectrum.sum(), 1e-12), False)


def nearest(plane: Plane, here: Point, others: Sequence[Point], count: int = 5) -> list[tuple[int, float]]:
    """The cases most like one: (index, distance) with the nearest first.

    The distance is Euclid's over all scaled features, not only over the two that are drawn.
    """
    if not others:
        return []
    values = plane.scaled(np.stack([point.features for point in others]))
    found = np.sqrt(((values - plane.scaled(here.features[None])[0]) ** 2).sum(axis=1))
    return [(int(index), float(found[index])) for index in np.argsort(found, kind="stable")[:count]]


def point_of(bundle: Bundle, scan: Scan, frame: int, name: str, truth: str = "") -> Point:
    """One frame of a scan as a point.

    Raises:
        IncompatibleInput: The model takes something else than one image, gives no features, or outlines.
    """
    if len(bundle.card.inputs) != 1 or "features" not in bundle.outputs or bundle.card.task == "segmentation":
        raise IncompatibleInput("This model gives no features of a single image", "choose another model")
    prepared = prepare(scan, bundle.card.inputs[0], [frame])
    output = bundle.run(prepared.batch, outputs=("features",))
    assert output.features is not None  # it has them
    predicted = decide(bundle.card, bundle.probabilities(output.logits)[0])
    return Point(name, output.features[0], predicted.label, truth)


@dataclass(frozen=True, eq=False)
class Gathered:
    """What came of reading many cases.

    Attributes:
        points: Of those that could be read.
        failed: How many could not.
        left_out: How many were not tried, because there are too many.
    """

    points: tuple[Point, ...]
    failed: int
    left_out: int


def gather(
    bundle: Bundle,
    cases: Sequence[tuple[str, str, Callable[[], Scan]]],
    progress: Callable[[float, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    most: int = MOST,
) -> Gathered:
    """Read cases and take their features; of a stack the middle frame.

    Args:
        bundle: The opened model.
        cases: (name, true label in the model's words or `""`, function that reads the scan).
        progress: Called with the fraction done and a sentence.
        cancelled: Asked before each case.
        most: Where there are more cases, this many are taken, evenly spread.

    Raises:
        Cancelled: The user stopped it.
    """
    spread = np.linspace(0, len(cases) - 1, min(most, len(cases))) if cases else np.zeros(0)
    chosen: list[int] = np.unique(spread.round().astype(int)).tolist()
    points, failed = [], 0
    for done, index in enumerate(chosen):
        if cancelled is not None and cancelled():
            raise Cancelled("the map of cases")
        name, truth, read = cases[index]
        try:
            scan = read()
            points.append(point_of(bundle, scan, answered_frame(scan), name, truth))
        except ScanLensError:
            failed += 1
        if progress is not None:
            progress((done + 1) / len(chosen), f"Case {done + 1} of {len(chosen)}")
    return Gathered(tuple(points), failed, len(cases) - len(chosen))
