"""Where the boxes of a network stand on a page: row after row, branches below each other.

A new row begins where the map gets smaller or the row is full, and where the whole image goes through one box, so
that no branch is torn apart; only where that never happens, as in a U-Net, a row ends where it is full.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.lessons.inside.network import Network

#: Boxes in a row, if its branches allow.
WIDEST = 11


@dataclass(frozen=True)
class Spot:
    """Where one box stands.

    Attributes:
        row: Row of the page.
        column: Place in the row, counted from 0.
        lane: Lane of the whole page, counted from 0 at the top.
    """

    row: int
    column: int
    lane: int


def lay_out(network: Network, widest: int = WIDEST) -> tuple[Spot, ...]:
    """A spot for each box.

    Args:
        network: What to draw.
        widest: Columns of a row; somewhat more where a block of branches needs them.
    """
    spots: list[Spot] = []
    lane = 0
    for row, members in enumerate(_rows(network, widest)):
        placed = _place(network, members)
        spots += [Spot(row, column, lane + depth) for column, depth in placed]
        lane += 1 + max(depth for _, depth in placed)
    return tuple(spots)


def _rows(network: Network, widest: int) -> list[list[int]]:
    """Numbers of the boxes of each row."""
    rows: list[list[int]] = []
    width = 0
    for block in (part for whole in _blocks(network) for part in _parted(network, whole, widest)):
        columns = 1 + max(column for column, _ in _place(network, block))
        if not rows or width + columns > widest or _shrinks(network, rows[-1], block):
            rows.append([])
            width = 0
        rows[-1] += block
        width += columns
    return rows


def _shrinks(network: Network, before: list[int], block: list[int]) -> bool:
    """Whether maps get smaller here; the head, which has no maps, stays in its row."""
    sizes = [network.boxes[number].grid for number in (before[0], block[0])]
    if len(before) == 1 and network.boxes[before[0]].kind == "input":
        return False  # an input by itself would be a poor row
    first = next((network.boxes[n].grid for n in before if network.boxes[n].kind != "input"), sizes[0])
    return first is not None and sizes[1] is not None and first != sizes[1] and network.boxes[block[0]].has_map


def _blocks(network: Network) -> list[list[int]]:
    """Runs of boxes, cut where only the output of one box is read later on."""
    last_reader = {box.number: max((*network.children(box.number), box.number)) for box in network.boxes}
    blocks: list[list[int]] = [[]]
    for box in network.boxes:
        blocks[-1].append(box.number)
        open_ones = [n for n in range(box.number + 1) if last_reader[n] > box.number]
        if open_ones == [box.number]:
            blocks.append([])
    return [block for block in blocks if block]


def _parted(network: Network, block: list[int], widest: int) -> list[list[int]]:
    """A block that is far wider than a row, in several parts."""
    if max(column for column, _ in _place(network, block)) < 1.3 * widest:
        return [block]
    parts: list[list[int]] = [[]]
    for number in block:
        if max(column for column, _ in _place(network, [*parts[-1], number])) >= widest:
            parts.append([])
        parts[-1].append(number)
    return parts


def _place(network: Network, members: list[int]) -> list[tuple[int, int]]:
    """(column, lane) of each box of a row: the column is the longest way to it, the lane that of its first parent."""
    inside = {number: position for position, number in enumerate(members)}
    placed: list[tuple[int, int]] = []
    for number in members:
        parents = [placed[inside[p]] for p in network.boxes[number].parents if p in inside]
        column = 1 + max((c for c, _ in parents), default=-1)
        lane = min((row for _, row in parents), default=0)
        while (column, lane) in placed:
            lane += 1
        placed.append((column, lane))
    return placed
