"""What a file suggests for display: VOI tables and windows (DICOM PS3.3 C.11.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import get_args

from core.readers.dicom.file import items, text
from core.readers.dicom.image import Image
from core.readers.dicom.lut import read_table
from core.readers.dicom.terms import window_name
from core.scan import FrameWindows, Voi, VoiTable, Window, WindowFunction, inverted_window

_MACRO = "FrameVOILUTSequence"
#: Windows, and tables, of one frame that are offered; a file has a handful.
_OFFERED = 32


def windows_of_frames(
    images: Sequence[Image], span: tuple[float, float], pivot: float | None, fallback: Callable[[int], Window]
) -> tuple[tuple[Voi, ...], list[str]]:
    """What the file suggests for each frame, put together.

    Args:
        images: The frames in their order.
        span: Lowest and highest modality value of all frames, before they were turned round.
        pivot: Where the pixels were turned round as `pivot - pixels`, else None.
        fallback: Index of a frame without a suggestion, in a series where others have one, to a window for it.

    Returns:
        The suggestions, best first: one `Window` or `VoiTable` where all frames have the same, else `FrameWindows`;
        and warnings about those that are not legal.
    """
    known: dict[tuple[object, ...], tuple[Window | VoiTable, ...]] = {}
    frames, warnings = [], dict[str, None]()
    read: dict[tuple[int, ...], tuple[tuple[Window | VoiTable, ...], list[str]]] = {}
    for image in images:
        # What all frames of a file share is read once.
        places = (image.holder(_MACRO, "VOILUTSequence"), image.holder(_MACRO, "WindowCenter"))
        key = (id(image.file), *map(id, places))
        if key not in read:
            read[key] = windows_of(image, span, pivot)
        found, words = read[key]
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


def windows_of(
    image: Image, span: tuple[float, float], pivot: float | None
) -> tuple[tuple[Window | VoiTable, ...], list[str]]:
    """Tables first, then windows, as DICOM prefers them.

    Args:
        image: The frame whose suggestion is wanted.
        span: Lowest and highest modality value that occurs.
        pivot: Where the pixels were turned round as `pivot - pixels`, else None.

    Returns:
        The suggestions, and warnings about those that are not legal.
    """
    tables, refused = _tables(image, span)
    windows, warnings = _windows(image)
    found: list[Window | VoiTable] = [*tables, *windows]
    if pivot is not None:
        found = [inverted_window(window, pivot) for window in found]
    return tuple(found), [*refused, *warnings]


def _tables(image: Image, span: tuple[float, float]) -> tuple[list[VoiTable], list[str]]:
    place = image.holder(_MACRO, "VOILUTSequence")
    tables, warnings = [], []
    for item in items(place, "VOILUTSequence")[:_OFFERED] if place is not None else ():
        table, said = read_table(item, image.file, span, "VOI table")
        warnings += said
        if table is not None:
            tables.append(VoiTable(table.first, table.levels, window_name(text(item, "LUTExplanation"))))
    return tables, warnings


def _windows(image: Image) -> tuple[list[Window], list[str]]:
    place = image.holder(_MACRO, "WindowCenter")
    if place is None:
        return [], []
    function = text(place, "VOILUTFunction").upper() or "LINEAR"
    legal: WindowFunction = function if function in get_args(WindowFunction) else "LINEAR"  # type: ignore[assignment]
    names = text(place, "WindowCenterWidthExplanation").split("\\")
    centers, widths = image.file.numbers_in(place, "WindowCenter"), image.file.numbers_in(place, "WindowWidth")
    windows, refused = [], abs(len(centers) - len(widths)) if centers and widths else 0
    for number, (center, width) in enumerate(zip(centers[:_OFFERED], widths, strict=False)):
        if width < 1 if legal == "LINEAR" else width <= 0:
            refused += 1
        else:
            windows.append(Window(center, width, legal, window_name(names[number] if number < len(names) else "")))
    said = ["A window of the file has no legal width and is left out."] if refused else []
    if len(centers) > _OFFERED:
        said.append(f"The file suggests {len(centers):,} windows for one image; the first {_OFFERED} are offered.")
    return windows, said
