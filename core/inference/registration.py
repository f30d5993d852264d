"""Laying one image of a study on another: rigid, by mutual information, on a grid that both share.

Two series of one patient differ in position, spacing and orientation, and a model that was trained on images that lie
on each other reads nonsense from those that do not. Only turning and moving are allowed: a head does not change its
shape between two sequences, and a transform that could bend would hide that something is wrong.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled, IncompatibleInput
from core.scan import Scan, Step, window_at

if TYPE_CHECKING:
    import SimpleITK

#: Fraction of the pixels that the measure looks at, of an image and of a volume.
SAMPLED, SAMPLED_3D = 0.5, 0.1
#: Grid steps of the coarse levels, and blur at each in pixels.
SHRINK, SMOOTH = (4, 2, 1), (2.0, 1.0, 0.0)
STEPS = 120


@dataclass(frozen=True)
class Moved:
    """What a registration did.

    Attributes:
        distance: How far the middle of the image was moved, in `unit`.
        degrees: Angle of the turn.
        unit: `"mm"`, or `"pixels"` where a scan has no spacing.
        before: Mutual information before, in nats; higher is better.
        after: The same after.
    """

    distance: float
    degrees: float
    unit: str
    before: float
    after: float

    @property
    def words(self) -> str:
        """E.g. `"moved by 3.2 mm and turned by 1.5°"`."""
        return f"moved by {self.distance:.1f} {self.unit} and turned by {self.degrees:.1f}°"


def needs_registration(moving: Scan, fixed: Scan) -> bool:
    """Whether two images differ in their grid, so that the same pixel cannot be the same place."""
    grids = [(scan.pixels.shape[:3], scan.spacing_mm, scan.slice_spacing_mm) for scan in (moving, fixed)]
    return grids[0] != grids[1]


def register(moving: Scan, fixed: Scan, cancelled: Callable[[], bool] | None = None) -> tuple[Scan, Moved]:
    """The moving image on the grid of the fixed one.

    Single images are turned and moved in their plane, volumes in space. Where it does not help, because mutual
    information falls, the image is only brought to the grid.

    Args:
        moving: A grey image or volume.
        fixed: Another one.
        cancelled: Asked at each step.

    Returns:
        A scan with the pixels' frames, rows and columns of the fixed one, linear between the old pixels, 0 outside; and
        what was done.

    Raises:
        IncompatibleInput: Colour images, or a volume and a single image.
        Cancelled: `cancelled` said so.
    """
    import SimpleITK

    if (
        moving.is_color
        or fixed.is_color
        or (moving.frames > 1) != (fixed.frames > 1)
        or "time" in {moving.axis, fixed.axis}
    ):
        raise IncompatibleInput(
            f"{moving.title} and {fixed.title} are neither two grey images nor two volumes", "leave them where they are"
        )
    with_spacing = moving.spacing_mm is not None and fixed.spacing_mm is not None
    target, source = _image(fixed, with_spacing), _image(moving, with_spacing)
    flat = moving.frames == 1
    kind = SimpleITK.Euler2DTransform() if flat else SimpleITK.Euler3DTransform()
    start = SimpleITK.CenteredTransformInitializer(
        target, source, kind, SimpleITK.CenteredTransformInitializerFilter.GEOMETRY
    )
    method = _method(SAMPLED if flat else SAMPLED_3D)
    if cancelled is not None:
        method.AddCommand(SimpleITK.sitkIterationEvent, lambda: method.StopRegistration() if cancelled() else None)
    method.SetInitialTransform(start, inPlace=False)
    before = -float(method.MetricEvaluate(target, source))
    found = method.Execute(target, source)
    if cancelled is not None and cancelled():
        raise Cancelled("the registration")
    after = -float(method.GetMetricValue())
    if after < before:
        found, after = start, before
    resampled = SimpleITK.Resample(source, target, found, SimpleITK.sitkLinear, 0.0, SimpleITK.sitkFloat32)
    moved = _moved(found, start, target, "mm" if with_spacing else "pixels", before, after)
    return _as_scan(moving, fixed, SimpleITK.GetArrayFromImage(resampled), moved), moved


def _image(scan: Scan, with_spacing: bool) -> SimpleITK.Image:
    import SimpleITK

    pixels = scan.pixels.astype(np.float32)
    image = SimpleITK.GetImageFromArray(pixels[0] if scan.frames == 1 else pixels)
    row, column = scan.spacing_mm if with_spacing and scan.spacing_mm else (scan.pixel_aspect, 1.0)
    spacing = [column, row]
    if scan.frames > 1:
        spacing.append(scan.slice_spacing_mm or 1.0)
    image.SetSpacing([float(value) for value in spacing])
    return image


def _method(fraction: float) -> Any:
    import SimpleITK

    method = SimpleITK.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(32)  # works across sequences, whose grey values have no common meaning
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(fraction, 1)
    method.SetInterpolator(SimpleITK.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-4, STEPS, relaxationFactor=0.6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(list(SHRINK))
    method.SetSmoothingSigmasPerLevel(list(SMOOTH))
    return method


def _moved(found: Any, start: Any, target: Any, unit: str, before: float, after: float) -> Moved:
    middle = target.TransformContinuousIndexToPhysicalPoint([(size - 1) / 2 for size in target.GetSize()])
    here, there = (np.array(transform.TransformPoint(middle)) for transform in (start, found))
    corner = np.array(middle) + np.eye(len(middle))[0]
    turned = np.array(found.TransformPoint(corner.tolist())) - there
    cosine = float(turned[0] / max(float(np.linalg.norm(turned)), 1e-12))
    return Moved(
        float(np.linalg.norm(there - here)), math.degrees(math.acos(min(1.0, max(-1.0, cosine)))), unit, before, after
    )


def _as_scan(moving: Scan, fixed: Scan, pixels: NDArray[np.float32], moved: Moved) -> Scan:
    values = pixels if pixels.ndim == 3 else pixels[None]
    digest = hashlib.sha256(f"{moving.digest} on {fixed.digest}".encode()).hexdigest()
    step = Step("Registered", f"on {fixed.title}: {moved.words}, linear between pixels")
    return replace(
        moving,
        pixels=values.astype(np.float32),
        digest=digest,
        spacing_mm=fixed.spacing_mm,
        pixel_aspect=fixed.pixel_aspect,
        slice_spacing_mm=fixed.slice_spacing_mm,
        slice_origins_mm=fixed.slice_origins_mm,
        overlays=(),
        windows=tuple(window_at(window, moving.frames // 2) for window in moving.windows),  # frames are mixed
        provenance=(*moving.provenance, step),
    )
