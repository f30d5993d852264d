"""Sequences turned in their plane: DICOM as its Image Orientation says, anything by hand, and always back again."""

import nibabel
import numpy as np
import pytest

from core.planes import to_voxels
from core.readers import Source, open_sources
from core.scan import Scan
from core.turning import AS_STORED, TURNS, can_be_turned, in_turn, is_placed_obliquely, upright_turn

#: Image Orientation of each plane as scanners write it, (left, back, head) along a row and down a column.
_USUAL = {"axial": (1, 0, 0, 0, 1, 0), "coronal": (1, 0, 0, 0, 0, -1), "sagittal": (0, 1, 0, 0, 0, -1)}
#: A short axis: along a row to the left and back, down a column to the right, back and feet.
_SHORT_AXIS = (0.639, 0.769, 0.0, -0.385, 0.32, -0.866)
_FILM = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)


def _film(orientation, pixels=_FILM):
    size = {"spacing_mm": (2.0, 1.0), "pixel_aspect": 2.0}
    return Scan(pixels, "time", "d", "DICOM", "film", orientation=orientation, **size)


def _stored(turn, orientation):
    """A DICOM cine of the same heart, its pixels and its orientation turned."""
    return in_turn(_film(orientation), turn)


@pytest.mark.parametrize("plane", _USUAL)
def test_a_sequence_as_scanners_write_it_lies_as_it_is(plane):
    assert upright_turn(_film(tuple(map(float, _USUAL[plane])))) == AS_STORED


@pytest.mark.parametrize("orientation", [*_USUAL.values(), _SHORT_AXIS])
@pytest.mark.parametrize("turn", TURNS)
def test_a_sequence_that_is_stored_in_any_way_is_laid_upright(turn, orientation):
    expected = in_turn(_film(orientation), upright_turn(_film(orientation)))
    stored = _stored(turn, orientation)
    laid = in_turn(stored, upright_turn(stored))
    assert np.array_equal(laid.pixels, expected.pixels)
    assert laid.spacing_mm == expected.spacing_mm
    assert laid.pixel_aspect == expected.pixel_aspect
    assert np.allclose(laid.orientation, expected.orientation)


def test_the_eight_turns_are_eight_and_named_as_they_look():
    assert len({in_turn(_film(None), words).pixels.tobytes() for words in TURNS}) == 8
    assert np.array_equal(in_turn(_film(None), "A quarter to the right").pixels[0], np.rot90(_FILM[0], -1))
    assert np.array_equal(in_turn(_film(None), "Half a turn").pixels[0], np.rot90(_FILM[0], 2))
    assert np.array_equal(in_turn(_film(None), "Mirrored").pixels[0], np.fliplr(_FILM[0]))
    assert np.array_equal(in_turn(_film(None), "Upside down").pixels[0], np.flipud(_FILM[0]))


def test_a_turned_scan_is_another_scan_and_says_so():
    turned = in_turn(_film(None), "A quarter to the left")
    assert turned.digest != "d"
    assert (turned.spacing_mm, turned.pixel_aspect) == ((1.0, 2.0), 0.5)
    assert "quarter to the left" in turned.provenance[-1].detail
    assert in_turn(_film(None), AS_STORED).digest == "d"


@pytest.mark.parametrize("turn", TURNS)
def test_the_voxels_of_a_nifti_cine_are_found_again_after_each_turn(turn):
    cine = np.arange(4 * 5 * 3, dtype=np.int16).reshape(4, 5, 1, 3)
    data = nibabel.Nifti1Image(cine, np.diag([-1.0, 1, 8, 1])).to_bytes()
    (scan,) = open_sources([Source("cine.nii", data)]).scans
    assert can_be_turned(scan)
    turned = in_turn(scan, turn)
    frames = np.moveaxis(turned.pixels, 0, -1)[None]
    assert np.array_equal(to_voxels(frames, turned.grid), cine)


def test_what_has_no_place_is_not_turned():
    assert not can_be_turned(_film(None))
    assert upright_turn(_film(None)) == AS_STORED
    volume = Scan(_FILM, "slice", "d", "DICOM", "v", orientation=tuple(-float(v) for v in _USUAL["axial"]))
    assert upright_turn(volume) == AS_STORED, "slices keep the order and view of their series"


@pytest.mark.parametrize("degrees", [-40, -10, 10, 40])
def test_a_quarter_is_turned_only_where_it_brings_the_image_nearer(degrees):
    angle = np.radians(degrees)
    assert upright_turn(_film((np.cos(angle), np.sin(angle), 0.0, -np.sin(angle), np.cos(angle), 0.0))) == AS_STORED


def test_a_heart_exactly_along_the_axes_of_the_body_has_lost_its_place():
    assert is_placed_obliquely(_film(_SHORT_AXIS))
    assert not is_placed_obliquely(_film(tuple(map(float, _USUAL["axial"]))))
    assert not is_placed_obliquely(_film(None))
    tilted = np.diag([-1.0, 1, 8, 1])
    tilted[:3, :3] = [[-0.9, 0.4, 0], [0.4, 0.9, 0], [0, 0, 8]]
    for affine, oblique in ((np.diag([-1.0, 1, 8, 1]), False), (tilted, True)):
        data = nibabel.Nifti1Image(np.zeros((4, 5, 1, 3), np.int16), affine).to_bytes()
        assert is_placed_obliquely(open_sources([Source("cine.nii", data)]).scans[0]) == oblique
