"""What goes to the board of heatmaps: the evidence for a label has a scale of its own, whatever speaks against it."""

import json
import struct
from dataclasses import replace

import cv2
import numpy as np
import pytest

from core.scan import display_frame
from ui.components.grid import Cell, board_message


def cells_and_maps(scan, *cells):
    """The described cells, and the image of each of their maps."""
    data = board_message(scan, display_frame(scan, 0, scan.windows[0], False), cells, "key")
    (length,) = struct.unpack_from("<I", data)
    header, offset, blobs = json.loads(data[4 : 4 + length]), 4 + length, []
    for size in header["blobs"]:
        blobs.append(cv2.imdecode(np.frombuffer(data[offset : offset + size], np.uint8), cv2.IMREAD_UNCHANGED))
        offset += size
    return header["cells"], blobs


@pytest.fixture
def opposed(make_scan, explain):
    """Evidence of a strength for the label, and of another against it in another cell."""

    def made(strength, against):
        scan = make_scan()
        found = explain(scan, strength)
        opposing = np.zeros_like(found.grids)
        opposing[:, 5, 1] = against
        return scan, replace(found, opposing=opposing)

    return made


@pytest.mark.parametrize("against", [0.0, 0.1, 0.5, 9.0])
def test_brightest_evidence_for_the_label_has_the_brightest_colour(opposed, against):
    scan, found = opposed(0.5, against)
    (cell,), blobs = cells_and_maps(scan, Cell("one", "One", found))
    assert blobs[cell["heat"]].max() > 230
    assert (cell["opposing"] is None) == (against == 0)


def test_what_speaks_against_has_a_scale_of_its_own(opposed):
    scan, found = opposed(0.5, 5.0)
    (cell,), blobs = cells_and_maps(scan, Cell("one", "One", found))
    assert blobs[cell["opposing"]].max() > 230


@pytest.mark.parametrize("strength", [0.0, 1e-7, 0.01, 0.24])
def test_specks_beside_strong_evidence_against_are_no_evidence(opposed, strength):
    scan, found = opposed(strength, 5.0)
    assert found.is_empty
    (cell,), blobs = cells_and_maps(scan, Cell("one", "One", found))
    assert cell["heat"] is None
    assert blobs[cell["opposing"]].max() > 230


def test_weak_evidence_is_evidence_where_nothing_stronger_speaks_against(opposed):
    assert not opposed(0.01, 0.0)[1].is_empty
    assert not opposed(0.01, 0.19)[1].is_empty
