"""What a file suggests for display: VOI tables and windows (DICOM PS3.3 C.11.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from core.readers.dicom_file import items, text, value
from core.readers.dicom_picture import Picture
from core.scan import FrameWindows, Voi, VoiTable, Window, WindowFunction, inverted_window

_MACRO = "FrameVOILUTSequence"


def lookup_table(item: Dataset, picture: Picture) -> tuple[float, NDArray[np.float64], int] | None:
    """First mapped value, entries and bits of a modality or VOI LUT item; None where it is broken."""
    descriptor, data = picture.file.numbers_in(item, "LUTDescriptor"), value(item, "LUTData")
    if len(descriptor) != 3 or data is None:
        return None
    count, first, bits = int(descriptor[0]) or 65536, descriptor[1], int(descriptor[2])
    if picture.layout.signed and first >= 1 << 15:  # written as unsigned, meant as signed
        first -= 1 << 16
    entries = _entries(data, count, "<" if picture.file.little_endian else ">")
    return (first, entries[:count], bits) if len(entries) and 1 <= bits <= 16 else None


def _entries(data: Any, count: int, order: str) -> NDArray[np.float64]:
    if isinstance(data, bytes):
        return np.frombuffer(data, f"{order}u2" if len(data) >= 2 * count else "u1").astype(np.float64)
    values = np.atleast_1d(np.asarray(data, dtype=np.float64))
    if len(values) * 2 == count:  # 8-bit entries packed by pairs into words
        return np.asarray(values, np.uint16).view(np.uint8).astype(np.float64)
    return values


def windows_of_frames(
    pictures: Sequence[Picture], pivot: float | None, fallback: Callable[[int], Window]
) -> tuple[tuple[Voi, ...], list[str]]:
    """What the file suggests for each frame, put together.

    Args:
        pictures: The frames in their order.
        pivot: Where the pixels were turned round as `pivot - pixels`, else None.
        fallback: Index of a frame without a suggestion, in a series where others have one, to a window for it.

    Returns:
        The suggestions, best first: one `Window` or `VoiTable` where all frames have the same, else `FrameWindows`;
        and warnings about those that are not legal.
    """
    known: dict[tuple[object, ...], tuple[Window | VoiTable, ...]] = {}
    frames, warnings = [], dict[str, None]()
    for picture in pictures:
        found, words = windows_of(picture, pivot)
        warnings |= dict.fromkeys(words)
        # Kept once however many frames have it, and then told apart by identity.
        frames.append(known.setdefault(tuple(_same(window) for window in found), found))
    if len(known) == 1:
        return frames[0], list(warnings)
    choices = []
    for each in zip_longest(*frames):
        windows = tuple(
            window or (own[0] if own else fallback(n)) for n, (window, own) in enumerate(zip(each, frames, strict=True))
        )
        name = next((window.name for window in each if window is not None and window.name), "")
        choices.append(windows[0] if len(set(windows)) == 1 else FrameWindows(windows, name))
    return tuple(choices), list(warnings)


def _same(window: Window | VoiTable) -> object:
    """What makes two suggestions the same."""
    return window if isinstance(window, Window) else (window.first, window.table.tobytes(), window.name)


def windows_of(picture: Picture, pivot: float | None) -> tuple[tuple[Window | VoiTable, ...], list[str]]:
    """Tables first, then windows, as DICOM prefers them.

    Args:
        picture: The frame whose suggestion is wanted.
        pivot: Where the pixels were turned round as `pivot - pixels`, else None.

    Returns:
        The suggestions, and warnings about those that are not legal.
    """
    found: list[Window | VoiTable] = [*_tables(picture)]
    windows, warnings = _windows(picture)
    found += windows
    if pivot is not None:
        found = [inverted_window(window, pivot) for window in found]
    return tuple(found), warnings


def _tables(picture: Picture) -> list[VoiTable]:
    place = picture.holder(_MACRO, "VOILUTSequence")
    tables = []
    for item in items(place, "VOILUTSequence") if place is not None else ():
        parsed = lookup_table(item, picture)
        if parsed is not None:
            first, entries, bits = parsed
            levels = (entries / ((1 << bits) - 1)).clip(0, 1).astype(np.float32)
            tables.append(VoiTable(first, levels, _name(text(item, "LUTExplanation"))))
    return tables


def _windows(picture: Picture) -> tuple[list[Window], list[str]]:
    place = picture.holder(_MACRO, "WindowCenter")
    if place is None:
        return [], []
    function = text(place, "VOILUTFunction").upper() or "LINEAR"
    legal: WindowFunction = function if function in get_args(WindowFunction) else "LINEAR"  # type: ignore[assignment]
    names = text(place, "WindowCenterWidthExplanation").split("\\")
    windows, refused = [], 0
    for number, (center, width) in enumerate(
        zip(picture.file.numbers_in(place, "WindowCenter"), picture.file.numbers_in(place, "WindowWidth"), strict=False)
    ):
        if width < 1 if legal == "LINEAR" else width <= 0:
            refused += 1
        else:
            windows.append(Window(center, width, legal, _name(names[number] if number < len(names) else "")))
    return windows, ["A window of the file has no legal width and is left out."] if refused else []


def _name(explanation: str) -> str:
    """An explanation short enough for a list, e.g. `"BONE"`."""
    return " ".join("".join(c for c in explanation if c.isprintable()).split())[:32]
