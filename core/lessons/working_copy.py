"""The image that a lesson works on: one frame of a scan, grey, square and small enough to answer at once."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import IncompatibleInput
from core.scan import Scan, display_frame

#: Edges to choose from, in pixels.
EDGES = (32, 64, 128, 256)

#: ITU-R BT.601 luma, as in `core.inference.prepare`.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, eq=False)
class WorkingCopy:
    """One frame as a lesson sees it.

    Attributes:
        levels: (edge, edge) uint8 grey levels as displayed.
        scan_size: (rows, columns) of the scan.
        was_cut: Whether the scan was longer than wide, or wider than long, so that its ends are not in the copy.
        was_color: Whether the scan is in colour.
    """

    levels: NDArray[np.uint8]
    scan_size: tuple[int, int]
    was_cut: bool
    was_color: bool

    @property
    def edge(self) -> int:
        """Rows, and columns, of the copy."""
        return int(self.levels.shape[0])

    @property
    def sentence(self) -> str:
        """How the copy was made, for people."""
        rows, columns = self.scan_size
        what = "the middle square" if self.was_cut else "a copy"
        parts = [f"{what} of the scan's {rows:,} × {columns:,} pixels, brought to {self.edge} × {self.edge}"]
        if min(rows, columns) > self.edge:
            parts.append("each the mean of those under it")
        if self.was_color:
            parts.append("colours turned to grey")
        return f"The lesson works on {', '.join(parts)}."


def working_copy(scan: Scan, frame: int = 0, edge: int = 128) -> WorkingCopy:
    """The middle square of a frame with square pixels, never larger than the scan itself.

    Black borders would keep the ends of a long scan, but their edges would outshine everything in it.

    Args:
        scan: Any scan; grey values are taken through its default window.
        frame: Which, from 0.
        edge: Wanted rows and columns; a smaller scan gives a smaller copy.

    Raises:
        IncompatibleInput: The frame does not exist.
    """
    if not 0 <= frame < scan.frames:
        raise IncompatibleInput(f"a frame from 1 to {scan.frames}", str(frame + 1), "move the slider")
    image = display_frame(scan, frame).astype(np.float32)
    grey = image @ _LUMA if image.ndim == 3 else image
    aspect = scan.pixel_aspect
    side = min(scan.rows * aspect, float(scan.columns))  # of the square, in widths of a pixel
    rows, columns = max(1, round(side / aspect)), max(1, round(side))
    top, left = (scan.rows - rows) // 2, (scan.columns - columns) // 2
    square = grey[top : top + rows, left : left + columns]
    edge = max(1, min(edge, rows, columns))
    small = cv2.resize(square, (edge, edge), interpolation=cv2.INTER_AREA)
    levels = np.clip(small + 0.5, 0, 255).astype(np.uint8)
    was_cut = rows < scan.rows or columns < scan.columns
    return WorkingCopy(levels, (scan.rows, scan.columns), was_cut, scan.is_color)
