"""A DICOM cine tells how its image lies, so that it can be laid as a model saw its like."""

import numpy as np
import pytest

from core.turning import TURNS, in_turn, upright_turn

#: A short axis: along a row to the left and back, down a column to the right, back and feet.
_ACROSS, _DOWN = np.array([0.639, 0.769, 0.0]), np.array([-0.385, 0.32, -0.866])


def _cine(make_dicom, open_files, turn):
    """The files of one slice over time, stored turned, with the orientation that belongs to it."""
    frames = np.random.default_rng(1).integers(0, 900, (4, 6, 5)).astype(np.int16)
    across, down = (_DOWN, _ACROSS) if turn.transposed else (_ACROSS, _DOWN)
    cosines = [*(across * (-1 if turn.columns else 1)), *(down * (-1 if turn.rows else 1))]
    place = {
        "Modality": "MR",
        "ImagePositionPatient": [0, 0, 0],
        "ImageOrientationPatient": [round(v, 6) for v in cosines],
    }
    files = [
        make_dicom(frame, TriggerTime=40.0 * n, InstanceNumber=n + 1, **place)
        for n, frame in enumerate(turn.applied(frames))
    ]
    (scan,) = open_files(files).scans
    return scan, frames


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
def test_a_cine_stored_in_any_way_is_laid_the_same(turn, make_dicom, open_files):
    scan, frames = _cine(make_dicom, open_files, turn)
    assert scan.axis == "time"
    assert np.array_equal(scan.pixels, turn.applied(frames)), "the reader itself turns nothing"
    assert np.array_equal(in_turn(scan, upright_turn(scan)).pixels, frames)
