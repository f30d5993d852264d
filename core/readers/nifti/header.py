"""What a NIfTI-1, NIfTI-2 or Analyze 7.5 header says, read as other readers read it, with a sentence for each defect.

nibabel refuses many headers that the NIfTI library, FSL, SPM and ITK survive. Only its tables of fields are used here;
what the fields mean follows the NIfTI-1 standard (nifti1.h) and, where that is silent, the NIfTI library's own reader.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from nibabel.analyze import header_dtype as analyze_dtype
from nibabel.nifti1 import header_dtype as nifti1_dtype
from nibabel.nifti2 import header_dtype as nifti2_dtype
from numpy.typing import NDArray

from core.errors import UnreadableScan, UnsupportedScan

Order = Literal["<", ">"]
_ORDERS: tuple[Order, ...] = ("<", ">")
_MAGIC_1, _MAGIC_2 = (b"n+1\0", b"ni1\0"), (b"n+2\0", b"ni2\0")
#: Where the voxels of a single file start at the earliest: behind the header and the four bytes about extensions.
FIRST_VOXEL = {1: 352, 2: 544}
#: NIfTI's data type codes to NumPy's types; RGB and RGBA as records.
_PLAIN = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 32: "c8", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
    1792: "c16",
}  # fmt: skip
_COLOURS = {128: 3, 2304: 4}
_OTHERS = {0: "a data type of 0", 1: "single bits", 1536: "128-bit floats", 2048: "256-bit complex numbers"}
_METRES = 1
_MILLIMETRES = {_METRES: 1000.0, 2: 1.0, 3: 0.001}
_MILLISECONDS = {8: 1000.0, 16: 1.0, 24: 0.001}
#: A voxel longer than this, in mm, is a unit that was noted wrong.
_LARGEST_VOXEL = 100.0


@dataclass(frozen=True, eq=False)
class Header:
    """The fields, in this machine's byte order.

    Attributes:
        fields: One record with the names of the standard.
        version: 1 or 2; 0 for Analyze 7.5.
        order: Byte order of the file.
        is_pair: Whether the voxels lie in a file of their own.
    """

    fields: Any
    version: int
    order: Order
    is_pair: bool

    def number(self, name: str) -> float:
        """A field as a number, however broken."""
        return float(self.fields[name])

    @property
    def size(self) -> int:
        """Bytes of the header itself."""
        return 540 if self.version == 2 else 348


def recognised(head: bytes) -> Header | None:
    """The header that a file starts with, or None.

    A header is known by its size in either byte order, or by its magic where a writer left the size out. Analyze has no
    magic: its size and a number of dimensions must do.
    """
    if len(head) < 348:
        return None
    for order in _ORDERS:
        size = int(np.frombuffer(head, order + "i4", 1)[0])
        magic_1, magic_2 = head[344:348] in _MAGIC_1, head[4:8] in _MAGIC_2
        if (size == 540 or (magic_2 and size != 348)) and len(head) >= 540:
            dims = np.frombuffer(head, order + "i8", 1, 16)[0]
            if magic_2 and (size == 540 or 1 <= dims <= 7):
                return _header(head, nifti2_dtype, 2, order, head[4:8] == _MAGIC_2[1])
        elif size == 348 or magic_1:
            dims = np.frombuffer(head, order + "i2", 1, 40)[0]
            if magic_1 and (size == 348 or 1 <= dims <= 7):
                return _header(head, nifti1_dtype, 1, order, head[344:348] == _MAGIC_1[1])
            if 1 <= dims <= 7:
                return _header(head, analyze_dtype, 0, order, True)
    return None


def _header(head: bytes, dtype: np.dtype[Any], version: int, order: Order, is_pair: bool) -> Header:
    fields = np.frombuffer(head, dtype.newbyteorder(order), 1).astype(dtype.newbyteorder("="))[0]
    return Header(fields, version, order, is_pair)


@dataclass(frozen=True, eq=False)
class Voxels:
    """Where the voxels are and what they are.

    Attributes:
        shape: (x, y, z, times), at least 1 each.
        dtype: As stored; records R, G, B[, A] for colour.
        start: Byte of the first.
        warnings: A sentence for each thing that was mended.
    """

    shape: tuple[int, int, int, int]
    dtype: np.dtype[Any]
    start: int
    warnings: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes of all voxels."""
        return math.prod(self.shape) * self.dtype.itemsize


def voxels_of(header: Header, length: int) -> Voxels:
    """Where the voxels lie in `length` bytes, those of the header included unless it is a pair.

    Raises:
        UnsupportedScan: More dimensions than time, or voxels that are no plain numbers.
        UnreadableScan: Sizes below 1, or fewer bytes than voxels.
    """
    dtype = _dtype(header)
    warnings: list[str] = []
    shape = _shape(header, dtype, length, warnings)
    size = math.prod(shape) * dtype.itemsize
    start = _start(header, length, size, warnings)
    if start + size > length:
        raise UnreadableScan("The NIfTI file is cut short", "copy or export it again")
    return Voxels(shape, dtype, start, tuple(warnings))


def _dtype(header: Header) -> np.dtype[Any]:
    code = int(header.fields["datatype"])
    if code in _PLAIN:
        return np.dtype(header.order + _PLAIN[code])
    if code in _COLOURS:
        return np.dtype([(name, "u1") for name in "RGBA"[: _COLOURS[code]]])
    received = _OTHERS.get(code, f"data type {code}")
    raise UnsupportedScan("voxels that are plain numbers or RGB", received, "export it as 16-bit integers or floats")


def _shape(header: Header, dtype: np.dtype[Any], length: int, warnings: list[str]) -> tuple[int, int, int, int]:
    """(x, y, z, times). Vectors at each place, the fifth dimension, are read like time points if there is no time."""
    dims = [int(value) for value in header.fields["dim"]]
    count = dims[0]
    if not 1 <= count <= 7:
        count = max((number for number in range(1, 8) if dims[number] > 1), default=0)
        warnings.append(f"The header says {dims[0]} dimensions, which cannot be; it was read with {count}.")
    sizes = dims[1 : count + 1]
    if not sizes or any(size < 0 for size in sizes) or sizes[0] == 0:
        lowest = min(sizes, default=0)
        raise UnreadableScan("a NIfTI file with a size along each axis", f"a size of {lowest}", "export it again")
    if 0 in sizes:
        warnings.append("The header says a size of 0 along one axis; it was read as 1.")
        sizes = [size or 1 for size in sizes]
    room = (length - (0 if header.is_pair else header.size)) // dtype.itemsize
    sizes = _with_forgotten(sizes, dims, room, warnings)
    sizes += [1] * (4 - len(sizes))
    while len(sizes) > 4 and sizes[-1] == 1:
        sizes.pop()
    if len(sizes) == 5 and sizes[3] == 1:
        sizes = [*sizes[:3], sizes[4]]
    if len(sizes) > 4 or sum(size > 1 for size in sizes) < 2:
        words = " × ".join(str(size) for size in sizes)
        raise UnsupportedScan("an image, a volume or a sequence", f"a NIfTI file of {words}", "export one volume")
    return sizes[0], sizes[1], sizes[2], sizes[3]


def _with_forgotten(sizes: list[int], dims: list[int], room: int, warnings: list[str]) -> list[int]:
    """The sizes, with axes that the count forgot, where the file has just the bytes that they ask for.

    Args:
        sizes: Of the axes that are counted.
        dims: The field, its count first.
        room: Voxels that fit behind the header.
        warnings: Gets a sentence.
    """
    for count in range(len(sizes) + 1, 5):
        longer = dims[1 : count + 1]
        whole, before = math.prod(longer), math.prod(sizes)
        # What else a file holds, such as extensions, is less than one more step along the forgotten axis.
        if longer[-1] > 1 and min(longer) > 0 and whole <= room < whole + before:
            warnings.append(
                f"The header says {len(sizes)} dimensions, the file holds {count}: {' × '.join(map(str, longer))}; "
                "all were read."
            )
            return longer
    return sizes


def _start(header: Header, length: int, size: int, warnings: list[str]) -> int:
    """The offset that the header says, or what fits where that cannot be right."""
    stated = header.number("vox_offset")
    lowest = 0 if header.is_pair else FIRST_VOXEL[header.version]
    if math.isfinite(stated) and stated >= lowest and (stated + size <= length or length != lowest + size):
        return int(stated)
    start = lowest
    if (not math.isfinite(stated) or stated < lowest) and not header.is_pair and length == header.size + size:
        start = header.size  # the four bytes about extensions are missing
    if not math.isfinite(stated):
        warnings.append(f"The header does not say where the voxels start; they were read from byte {start}.")
    elif stated not in {0, start}:
        words = f"The header says that the voxels start at byte {stated:.0f}, which cannot be"
        warnings.append(f"{words}; they were read from byte {start}.")
    return start


def spacing_of(header: Header, warnings: list[str]) -> tuple[float, float, float]:
    """Distances of voxels along x, y and z in mm as pixdim says; 0 where it does not say."""
    sizes = [float(value) for value in header.fields["pixdim"][1:4]]
    found = [abs(size) if math.isfinite(size) else 0.0 for size in sizes]
    if header.version > 0 and any(size < 0 for size in sizes):
        warnings.append("The header says a voxel size below 0; its sign was left out.")
    scale = millimetres(header)
    if scale == 1.0 and _unit(header) == _METRES:
        warnings.append("The header says that voxels are measured in metres, which cannot be; read as millimetres.")
    return found[0] * scale, found[1] * scale, found[2] * scale


def _unit(header: Header) -> int:
    return 0 if header.version == 0 else int(header.fields["xyzt_units"]) & 7


def millimetres(header: Header) -> float:
    """Millimetres in the file's unit of length, 1 where it names none (xyzt_units, bits 0 to 2)."""
    scale = _MILLIMETRES.get(_unit(header), 1.0)
    sizes = np.abs(np.asarray(header.fields["pixdim"][1:4], np.float64))
    return 1.0 if scale > 1 and np.nan_to_num(sizes, posinf=0.0).max() * scale > _LARGEST_VOXEL else scale


def frame_time_of(header: Header) -> float | None:
    """Milliseconds between time points, or None where the header does not say (xyzt_units, bits 3 to 5)."""
    step = float(header.fields["pixdim"][4])
    unit = 0.0 if header.version == 0 else _MILLISECONDS.get(int(header.fields["xyzt_units"]) & 56, 0.0)
    return step * unit if math.isfinite(step) and step * unit > 0 else None


def scaling_of(header: Header, warnings: list[str]) -> tuple[float, float]:
    """Slope and intercept; a slope of 0 means none, and so does NaN, which nibabel writes."""
    if header.version == 0:
        return 1.0, 0.0
    slope, intercept = header.number("scl_slope"), header.number("scl_inter")
    if math.isinf(slope) or (slope and math.isfinite(slope) and not math.isfinite(intercept)):
        warnings.append("The scaling in the header is not a number; stored values are shown.")
        return 1.0, 0.0
    return (1.0, 0.0) if slope == 0 or math.isnan(slope) else (slope, intercept)


def slice_axis_of(header: Header) -> int | None:
    """The stored axis along which slices were acquired, 0 to 2, or None (dim_info, bits 4 and 5)."""
    if header.version == 0:
        return None
    axis = int(header.fields["dim_info"]) >> 4 & 3
    return axis - 1 if axis else None


def unit_matrix(affine: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """(3, 3) directions of the axes as columns of length 1, or None where they do not span space."""
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(affine[:3, :3], axis=0)
        columns = affine[:3, :3] / lengths
    if not np.isfinite(affine).all() or not np.isfinite(columns).all() or abs(np.linalg.det(columns)) < 1e-3:
        return None
    return np.asarray(columns, np.float64)
