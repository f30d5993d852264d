"""Overlay planes: beside the pixels or in their unused bits, on the right frames and places, and said."""

import io

import numpy as np
import pydicom
import pytest

from core.overlay_planes import draw_planes
from core.scan import display_frame

IMAGE = (np.mgrid[:20, :30].sum(axis=0) * 20).astype(np.uint16)
TAGS = {"rows": (0x10, "US"), "columns": (0x11, "US"), "frames": (0x15, "IS"), "kind": (0x40, "CS"),
        "origin": (0x50, "SS"), "first": (0x51, "US"), "allocated": (0x100, "US"), "bit": (0x102, "US"),
        "data": (0x3000, "OW")}  # fmt: skip


def box(shape, top, left, bottom, right):
    mask = np.zeros(shape, bool)
    mask[top:bottom, left:right] = True
    return mask


def packed(*masks):
    bits = np.packbits(np.concatenate([mask.ravel() for mask in masks]), bitorder="little").tobytes()
    return bits + b"\0" * (len(bits) % 2)


def overlaid(file, group=0x6000, /, **elements):
    dataset, stream = pydicom.dcmread(io.BytesIO(file)), io.BytesIO()
    for name, value in elements.items():
        dataset.add_new(group << 16 | TAGS[name][0], TAGS[name][1], value)
    dataset.save_as(stream)
    return stream.getvalue()


def plane(mask, **changes):
    known = {"rows": mask.shape[0], "columns": mask.shape[1], "kind": "G", "origin": [1, 1], "allocated": 1, "bit": 0}
    return known | {"data": packed(mask)} | changes


def test_graphics_beside_the_pixels_are_kept_where_they_lie(make_dicom, open_one):
    mask = box((20, 30), 3, 5, 9, 17)
    scan = open_one(overlaid(make_dicom(IMAGE), **plane(mask)))
    np.testing.assert_array_equal(scan.overlays[0].mask(0), mask)
    np.testing.assert_array_equal(scan.pixels[0], IMAGE)
    assert scan.warnings == ("The file carries 1 overlay plane (graphics); models see the image without.",)


@pytest.mark.parametrize(("origin", "corner"), [([4, 6], (3, 5)), ([-1, 28], (-2, 27)), ([0, 0], (-1, -1))])
def test_an_origin_may_lie_outside_the_image(origin, corner, make_dicom, open_one):
    mask = np.ones((5, 6), bool)
    scan = open_one(overlaid(make_dicom(IMAGE), **plane(mask, origin=origin)))
    top, left = corner
    expected = box((20, 30), max(top, 0), max(left, 0), top + 5, left + 6)
    np.testing.assert_array_equal(scan.overlays[0].mask(0), expected)


def test_graphics_in_unused_bits_are_taken_out_of_the_pixels_and_kept(make_dicom, open_one):
    mask = box((20, 30), 3, 5, 4, 17)
    data = make_dicom(IMAGE | mask.astype(np.uint16) << 13, BitsStored=12, HighBit=11)
    scan = open_one(overlaid(data, rows=20, columns=30, kind="G", origin=[1, 1], allocated=16, bit=13))
    np.testing.assert_array_equal(scan.pixels[0], IMAGE)
    np.testing.assert_array_equal(scan.overlays[0].mask(0), mask)


def test_several_planes_are_counted_by_what_they_are(make_dicom, open_one):
    data = overlaid(make_dicom(IMAGE), **plane(box((20, 30), 0, 0, 2, 2)))
    data = overlaid(data, 0x6002, **plane(box((20, 30), 5, 5, 9, 9), kind="R"))
    scan = open_one(overlaid(data, 0x6004, **plane(np.zeros((20, 30), bool))))
    assert [overlay.is_region for overlay in scan.overlays] == [False, True]
    assert "2 overlay planes (1 of kind graphics, 1 of kind marked region)" in scan.warnings[0]


def test_overlay_frames_belong_to_their_image_frames(make_dicom, open_one):
    masks = [box((20, 30), n, 0, n + 1, 30) for n in (2, 7)]
    data = make_dicom(np.stack([IMAGE] * 4), Modality="US")
    scan = open_one(overlaid(data, **plane(masks[0], frames=2, first=2, data=packed(*masks))))
    assert scan.overlays[0].mask(0) is None
    np.testing.assert_array_equal(scan.overlays[0].mask(1), masks[0])
    np.testing.assert_array_equal(scan.overlays[0].mask(2), masks[1])
    assert scan.overlays[0].mask(3) is None


def test_slices_have_their_own_planes(make_dicom, open_files):
    files = []
    for n in (2, 0, 1):
        data = make_dicom(IMAGE, ImagePositionPatient=[0, 0, n], ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
        files.append(overlaid(data, **plane(box((20, 30), n, 0, n + 1, 30))) if n else data)
    (scan,) = open_files(files).scans
    assert scan.overlays[0].mask(0) is None
    assert [int(np.flatnonzero(scan.overlays[0].mask(n).any(axis=1))[0]) for n in (1, 2)] == [1, 2]


def test_a_plane_that_is_cut_short_is_said(make_dicom, open_one):
    scan = open_one(overlaid(make_dicom(IMAGE), **plane(np.ones((20, 30), bool), data=b"\xff" * 20)))
    assert scan.overlays == ()
    assert scan.warnings == ("1 overlay plane is cut short and cannot be shown.",)


def test_planes_are_drawn_white_with_a_dark_edge_and_leave_the_rest(make_dicom, open_one):
    mask = box((20, 30), 10, 10, 11, 20)
    scan = open_one(overlaid(make_dicom(IMAGE), **plane(mask)))
    plain = display_frame(scan, 0)
    drawn = draw_planes(plain, scan.overlays, 0)
    assert (drawn[mask] == 255).all()
    assert (drawn[9, 10:20] == 0).all()
    np.testing.assert_array_equal(drawn[:8], plain[:8])
    assert draw_planes(plain, (), 0) is plain


def test_overlays_of_pydicoms_file_equal_pydicoms(package_file, open_one):
    data = package_file("MR-SIEMENS-DICOM-WithOverlays.dcm")
    dataset = pydicom.dcmread(io.BytesIO(data))
    overlay = open_one(data).overlays[0]
    np.testing.assert_array_equal(overlay.mask(0), dataset.overlay_array(0x6000).astype(bool))
