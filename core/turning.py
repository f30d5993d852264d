"""Images turned in their plane by quarters, or mirrored: to lie as a model saw them, or as they should where a file
does not tell the truth.
"""  # noqa: D205 - one sentence

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.planes import layout
from core.scan import Scan, Step


@dataclass(frozen=True)
class Turn:
    """What is done to an image, in this order.

    Attributes:
        transposed: Rows and columns change places.
        rows: The rows are put in the other order.
        columns: The columns are.
    """

    transposed: bool
    rows: bool
    columns: bool

    def applied(self, pixels: NDArray[np.generic]) -> NDArray[np.generic]:
        """The turned pixels, (frames, rows, columns[, 3]), as a view."""
        turned = pixels.swapaxes(1, 2) if self.transposed else pixels
        return turned[:, :: -1 if self.rows else 1, :: -1 if self.columns else 1]


#: All eight, by the words shown to people; the first leaves the image as it is.
TURNS: dict[str, Turn] = {
    "As in the file": Turn(False, False, False),
    "Half a turn": Turn(False, True, True),
    "Mirrored": Turn(False, False, True),
    "Upside down": Turn(False, True, False),
    "A quarter to the right": Turn(True, False, True),
    "A quarter to the left": Turn(True, True, False),
    "Mirrored, a quarter to the left": Turn(True, False, False),
    "Mirrored, a quarter to the right": Turn(True, True, True),
}
AS_STORED = next(iter(TURNS))
#: Degrees from which a plane is called oblique.
_OBLIQUE = 5.0


def can_be_turned(scan: Scan) -> bool:
    """Whether turning is offered: for a sequence in a plane that its file places in the patient.

    Models of sequences saw one way of lying only, and a converter that loses it leaves no other trace.
    """
    return scan.axis == "time" and (scan.grid is not None or scan.orientation is not None)


def is_placed_obliquely(scan: Scan) -> bool:
    """Whether the file places its image in the patient, at an angle to the body's axes of 5 degrees or more.

    A plane of the heart lies so in everyone. One that lies exactly along the axes has lost its place on the way.
    """
    if scan.grid is not None:
        return scan.grid.is_known and scan.grid.tilt >= _OBLIQUE
    if scan.orientation is None:
        return False
    nearest = np.abs(np.reshape(scan.orientation, (2, 3))).max(axis=1).min()
    return bool(nearest <= np.cos(np.radians(_OBLIQUE)))


def upright_turn(scan: Scan) -> str:
    """The turn that makes a DICOM sequence lie as `core.planes` lays every plane, whatever way it is stored.

    Returns:
        A key of `TURNS`; `AS_STORED` where the file does not place its image, or it lies upright.
    """
    if scan.orientation is None or not can_be_turned(scan):
        return AS_STORED
    across, down = np.reshape(scan.orientation, (2, 3)) * (-1.0, -1.0, 1.0)  # to the right, front and head
    directions = np.stack([down, across, np.cross(across, down)], axis=1)
    _, (_, row_axis, _), (_, rows, columns) = layout(directions, 2)
    wanted = Turn(row_axis == 1, rows, columns)
    return next(words for words, turn in TURNS.items() if turn == wanted)


def in_turn(scan: Scan, words: str) -> Scan:
    """A scan turned; masks still find the way back to the file's voxels.

    Args:
        scan: One for which `can_be_turned` holds.
        words: A key of `TURNS`.
    """
    turn = TURNS[words]
    if words == AS_STORED:
        return scan
    spacing, grid, orientation = scan.spacing_mm, scan.grid, scan.orientation
    if turn.transposed:
        spacing = spacing and (spacing[1], spacing[0])
    if grid is not None:
        frames, rows, columns = grid.axes
        forth, *back = grid.reversed
        if turn.transposed:
            rows, columns, back = columns, rows, back[::-1]
        turned = (forth, back[0] != turn.rows, back[1] != turn.columns)
        grid = replace(grid, axes=(frames, rows, columns), reversed=turned)
    if orientation is not None:
        across, down = np.reshape(orientation, (2, 3))
        if turn.transposed:
            across, down = down, across
        across, down = across * (-1 if turn.columns else 1), down * (-1 if turn.rows else 1)
        orientation = tuple(float(value) for value in (*across, *down))
    return replace(
        scan,
        pixels=np.ascontiguousarray(turn.applied(scan.pixels)),
        digest=hashlib.sha256(f"{scan.digest} {words}".encode()).hexdigest(),
        spacing_mm=spacing,
        pixel_aspect=1 / scan.pixel_aspect if turn.transposed else scan.pixel_aspect,
        provenance=(*scan.provenance, Step("Turn", f"{words[0].lower()}{words[1:]}, as seen against the file")),
        grid=grid,
        orientation=orientation,
    )
