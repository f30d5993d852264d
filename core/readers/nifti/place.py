"""How a NIfTI file's axes lie in the patient: its sform, its qform, or neither; and what to say where they disagree."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.readers.nifti.header import (
    Header,
    millimetres,
    spacing_of,
    unit_matrix,
)

#: A quaternion may be longer than 1 by this much through rounding to 32 bits.
_ROUNDING = 1e-6
#: Cosine between two axes from which they are said not to stand at right angles.
_SHEARED = 0.02
#: Share by which voxel sizes may differ between pixdim and the sform.
_SIZES_DIFFER = 0.01
_SIDES = (("left", "right"), ("back", "front"), ("feet", "head"))


@dataclass(frozen=True, eq=False)
class Place:
    """Where the voxels lie.

    Attributes:
        directions: (3, 3); column k is the direction (right, front, head) of stored axis k, of length 1.
        spacing: Distance of voxels along each stored axis in mm, 0 where unknown.
        form: `"sform"` or `"qform"`, or `""` where the file does not say how the patient lies.
        warnings: A sentence for each doubt.
    """

    directions: NDArray[np.float64]
    spacing: tuple[float, float, float]
    form: str
    warnings: tuple[str, ...]


def place_of(header: Header) -> Place:
    """The sform where it can be used, else the qform, else axes to the left, front and head as Analyze has them.

    The order is that of the standard's method 3 before 2, which nibabel, FSL and SPM follow.
    """
    warnings: list[str] = []
    spacing = spacing_of(header, warnings)
    if header.version == 0:
        warnings.append("An Analyze header does not say how the patient lies; left and right are a guess.")
        return Place(np.diag([-1.0, 1.0, 1.0]), spacing, "", tuple(warnings))
    sform, qform = _sform(header), _quaternion(header, warnings)
    s_code, q_code = int(header.fields["sform_code"]), int(header.fields["qform_code"])
    s_axes = unit_matrix(sform) if s_code > 0 else None
    q_axes = qform if q_code > 0 else None
    forms = (("sform", s_code, s_axes), ("qform", q_code, q_axes))
    broken = [word for word, code, axes in forms if code > 0 and axes is None]
    if broken and (s_axes is not None or q_axes is not None):
        used = "sform" if s_axes is not None else "qform"
        warnings.append(f"The {broken[0]} in the header is broken; how the patient lies was read from the {used}.")
    elif broken:
        warnings.append(f"The {' and the '.join(broken)} in the header cannot be used.")
    if s_axes is not None:
        if q_axes is not None:
            warnings += _disagreement(s_axes, q_axes)
        warnings += _sheared(s_axes)
        spacing = _agreed(spacing, sform, millimetres(header), warnings)
        return Place(s_axes, spacing, "sform", _with_missing(header, spacing, warnings))
    if q_axes is not None:
        return Place(q_axes, spacing, "qform", _with_missing(header, spacing, warnings))
    warnings.append("The file does not say how the patient lies; left and right are a guess.")
    return Place(np.diag([-1.0, 1.0, 1.0]), spacing, "", _with_missing(header, spacing, warnings))


def _sform(header: Header) -> NDArray[np.float64]:
    rows = [np.asarray(header.fields[name], np.float64) for name in ("srow_x", "srow_y", "srow_z")]
    return np.vstack([*rows, [0.0, 0.0, 0.0, 1.0]])


def _quaternion(header: Header, warnings: list[str]) -> NDArray[np.float64] | None:
    """(3, 3) rotation of the qform, or None where it is not a number.

    nifti1.h, method 2: a is what makes a² + b² + c² + d² = 1. Where b, c and d alone are longer than that, they are
    brought to length 1 and a is 0, as the NIfTI library does. qfac below 0 turns the third axis round; 0 counts as 1.
    """
    b, c, d = (header.number(f"quatern_{letter}") for letter in "bcd")
    length = b * b + c * c + d * d
    if not math.isfinite(length):
        return None
    if length > 1:
        if length > 1 + _ROUNDING and int(header.fields["qform_code"]) > 0:
            warnings.append("The rotation in the header is longer than a rotation can be; it was brought to length 1.")
        b, c, d = (value / math.sqrt(length) for value in (b, c, d))
    a = math.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d)))
    turn = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    qfac = float(header.fields["pixdim"][0])
    if qfac not in (-1.0, 0.0, 1.0) and int(header.fields["qform_code"]) > 0 >= int(header.fields["sform_code"]):
        said = f"{qfac:g}" if math.isfinite(qfac) else "no number"
        warnings.append(f"The header's sign of the slices is {said} instead of 1 or -1; their order may be reversed.")
    return turn * np.array([1.0, 1.0, -1.0 if qfac < 0 else 1.0])


def _disagreement(s_axes: NDArray[np.float64], q_axes: NDArray[np.float64]) -> list[str]:
    """A sentence where the two forms send a stored axis to another side of the patient."""
    for s_axis, q_axis in zip(s_axes.T, q_axes.T, strict=True):
        s_main, q_main = int(np.abs(s_axis).argmax()), int(np.abs(q_axis).argmax())
        if float(s_axis @ q_axis) > 0.5:
            continue
        s_side, q_side = _SIDES[s_main][int(s_axis[s_main] > 0)], _SIDES[q_main][int(q_axis[q_main] > 0)]
        return [
            f"The file says in two places how the patient lies, and they disagree: what the sform calls {s_side}, the "
            f"qform calls {q_side}. The sform was used; check the sides."
        ]
    return []


def _sheared(axes: NDArray[np.float64]) -> list[str]:
    cosines = np.abs(axes.T @ axes - np.eye(3)).max()
    words = "The axes in the file do not stand at right angles; shapes are drawn as if they did."
    return [words] if cosines > _SHEARED else []


def _agreed(
    spacing: tuple[float, float, float], sform: NDArray[np.float64], scale: float, warnings: list[str]
) -> tuple[float, float, float]:
    """Voxel sizes of pixdim; of the sform where pixdim says none or only the ones that writers put there."""
    lengths = np.linalg.norm(sform[:3, :3], axis=0) * scale
    stated = np.array(spacing)
    if (np.abs(stated - lengths) <= _SIZES_DIFFER * lengths).all():
        return spacing
    unset = (stated <= 0) | np.all(stated == scale)
    found = np.where(unset, lengths, stated)
    words = [" × ".join(f"{value:.3g}" for value in sizes) for sizes in (stated, lengths)]
    used = "latter" if unset.all() else "former" if not unset.any() else "latter where the former is 0"
    warnings.append(f"The file says voxel sizes of {words[0]} mm and of {words[1]} mm; the {used} is used.")
    return float(found[0]), float(found[1]), float(found[2])


def _with_missing(header: Header, spacing: tuple[float, float, float], warnings: list[str]) -> tuple[str, ...]:
    dims = [int(value) for value in header.fields["dim"][1:4]]
    if any(size <= 0 and dim > 1 for size, dim in zip(spacing, dims, strict=True)):
        warnings.append("The file does not say how large its voxels are; sizes cannot be measured.")
    return tuple(warnings)
