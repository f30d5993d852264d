"""The picture that a lesson works on: one frame of a scan, grey, square and small enough to answer at once."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import IncompatibleInput
from core.scan import Scan, display_frame

#: Edges to choose from, in pixels.
EDGES = (32, 64, 128, 256)

#: ITU-R BT.601 luma, as in `core.preprocess`.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, eq=False)
class WorkingCopy:
    """One frame as a lesson sees it.

    Attributes:
        levels: (edge, edge) uint8 grey levels as displayed.
        scan_size: (rows, columns) of the scan.
        view: (top, left, bottom, right) of the scan in the copy; what lies outside is black border.
        was_color: Whether the scan is in colour.
    """

    levels: NDArray[np.uint8]
    scan_size: tuple[int, int]
    view: tuple[int, int, int, int]
    was_color: bool

    @property
    def edge(self) -> int:
        """Rows, and columns, of the copy."""
        return int(self.levels.shape[0])

    @property
    def sentence(self) -> str:
        """How the copy was made, for people."""
        rows, columns = self.scan_size
        parts = [f"a copy of {self.edge} × {self.edge} pixels of the scan's {rows:,} × {columns:,}"]
        if max(rows, columns) > self.edge:
            parts.append("each the mean of the pixels under it")
        if self.view != (0, 0, self.edge, self.edge):
            parts.append("with black borders to make it square")
        if self.was_color:
            parts.append("colours turned to grey")
        return f"The lesson works on {', '.join(parts)}."


def working_copy(scan: Scan, frame: int = 0, edge: int = 128) -> WorkingCopy:
    """A frame with square pixels in a square, never larger than the scan itself.

    Args:
        scan: Any scan; grey values are taken through its default window.
        frame: Which, from 0.
        edge: Wanted rows and columns; a smaller scan gives a smaller copy.

    Raises:
        IncompatibleInput: The frame does not exist.
    """
    if not 0 <= frame < scan.frames:
        raise IncompatibleInput(f"a frame from 1 to {scan.frames}", str(frame + 1), "move the slider")
    picture = display_frame(scan, frame).astype(np.float32)
    grey = picture @ _LUMA if picture.ndim == 3 else picture
    height, width = scan.rows * scan.pixel_aspect, float(scan.columns)
    edge = max(1, min(edge, round(max(height, width))))
    zoom = edge / max(height, width)
    rows, columns = max(1, round(height * zoom)), max(1, round(width * zoom))
    # By area where pixels are put together; between pixels only where flat pixels are drawn square.
    how = cv2.INTER_AREA if rows <= scan.rows and columns <= scan.columns else cv2.INTER_LINEAR
    small = cv2.resize(grey, (columns, rows), interpolation=how)
    top, left = (edge - rows) // 2, (edge - columns) // 2
    levels = np.zeros((edge, edge), np.uint8)
    levels[top : top + rows, left : left + columns] = np.clip(small + 0.5, 0, 255).astype(np.uint8)
    return WorkingCopy(levels, (scan.rows, scan.columns), (top, left, top + rows, left + columns), scan.is_color)
