"""Lines over the image: sent for the frame, for all frames when they are asked for, and kept."""

import json
import struct

import numpy as np
import pytest

from core.scan import Window
from core.segmentation.contours import Outline
from ui.components.viewer import Lines, View, message
from ui.session import Recent

WINDOW = Window(600.0, 1000.0)
SQUARE = np.array([[2.25, 3.25], [9.75, 3.25], [9.75, 8.123]], np.float32)


def unpacked(data):
    (length,) = struct.unpack_from("<I", data)
    header, offset, blobs = json.loads(data[4 : 4 + length]), 4 + length, []
    for size in header["blobs"]:
        blobs.append(data[offset : offset + size])
        offset += size
    return header, blobs


@pytest.fixture
def lines():
    """Lines on every frame but the second; counts how often they are drawn."""
    drawn = []

    def draw(frame, tolerance):
        drawn.append((frame, tolerance))
        return () if frame == 1 else (Outline("Tumour", "#56B4E9", (SQUARE,)), Outline("Mask", "#FFFFFF", (), True))

    legend = (("Tumour", "#56B4E9", False), ("Mask", "#FFFFFF", True))
    made = Lines("model 0+3", (0, 1, 2), draw, legend, "the outline of tumour")
    object.__setattr__(made, "drawn", drawn)
    return made


def test_the_outline_of_the_frame_is_sent_as_numbers(make_scan, lines):
    header, blobs = unpacked(message(View(make_scan(frames=3), 0, WINDOW, "wide", lines=lines), False, Recent(24)))
    tumour, mask = json.loads(blobs[header["outlines"]])
    assert tumour == {
        "label": "Tumour",
        "color": "#56B4E9",
        "reference": False,
        "rings": [[2.25, 3.25, 9.75, 3.25, 9.75, 8.12]],
    }
    assert mask["reference"]
    assert header["legend"][0] == ["Tumour", "#56B4E9", False]
    assert "the outline of tumour" in header["heat_alt"]
    assert header["heat"] is header["outline_reel"] is None


def test_all_frames_are_sent_once_when_they_are_asked_for_and_kept(make_scan, lines):
    view, images = View(make_scan(frames=3), 2, WINDOW, "wide", lines=lines), Recent(24)
    header, blobs = unpacked(message(view, True, images))
    frames = json.loads(blobs[header["outline_reel"]])
    assert [len(frame) for frame in frames] == [2, 0, 2]
    before = len(lines.drawn)
    assert message(view, True, images)
    assert len(lines.drawn) == before, "nothing is drawn twice"


def test_other_outlines_are_other_reels(make_scan, lines):
    scan = make_scan(frames=3)
    others = Lines("model 0+3 mask", lines.frames, lines.draw, lines.legend, lines.alt)
    keys = {View(scan, 0, WINDOW, "wide", lines=chosen).reel_key for chosen in (None, lines, others)}
    assert len(keys) == 3


def test_an_image_without_outlines_has_none(make_scan):
    header, blobs = unpacked(message(View(make_scan(), 0, WINDOW, "wide"), False, Recent(24)))
    assert header["outlines"] is None
    assert header["legend"] == []
    assert len(blobs) == 1
