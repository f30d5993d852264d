import gzip

import nibabel
import numpy as np
import pytest

from core.readers import Source, open_sources


def _file(data, affine=None, kind=nibabel.Nifti1Image, **header):
    image = kind(np.asarray(data), np.eye(4) if affine is None else affine)
    for key, value in header.items():
        image.header[key] = value
    return image.to_bytes()


_CUBE = np.arange(24, dtype=np.int16).reshape(2, 3, 4)


def test_slices_lie_as_a_radiologist_sees_them(open_one):
    scan = open_one(_file(_CUBE))  # RAS: x to the right, y to the front, z to the head
    assert (scan.axis, scan.pixels.shape) == ("slice", (4, 3, 2))
    assert scan.pixels[0, 0, 0] == _CUBE[1, 2, 0]  # right, front, lowest
    assert scan.pixels[3, 2, 1] == _CUBE[0, 0, 3]  # left, back, highest


@pytest.mark.parametrize("axes", [(1, 2, 0), (2, 0, 1), (0, 1, 2)])
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1)])
def test_any_storage_order_gives_the_same_image(axes, signs, open_one):
    affine = np.zeros((4, 4))
    affine[3, 3] = 1
    stored = np.transpose(_CUBE, axes)
    for axis, (target, sign) in enumerate(zip(axes, signs, strict=True)):
        affine[target, axis] = sign * (target + 1)
        stored = np.flip(stored, axis) if sign < 0 else stored
    scan = open_one(_file(stored, affine))
    assert np.array_equal(scan.pixels, open_one(_file(_CUBE)).pixels)
    assert (scan.spacing_mm, scan.slice_spacing_mm) == ((2.0, 1.0), 3.0)


def test_slope_and_intercept_are_applied(open_one):
    scan = open_one(_file(_CUBE, scl_slope=2.0, scl_inter=-10.0))
    assert scan.pixels.dtype == np.int16
    assert scan.pixels.max() == 36


@pytest.mark.parametrize("slope", [0.0, float("nan")])
def test_slope_of_zero_or_nan_means_none(slope, open_one):
    assert open_one(_file(_CUBE, scl_slope=slope)).pixels.max() == 23


def test_example4d_equals_nibabel(package_file):
    data = package_file("example4d.nii.gz")
    scans = open_sources([Source("x.nii.gz", data)]).scans
    image = nibabel.as_closest_canonical(nibabel.Nifti1Image.from_bytes(gzip.decompress(data)))
    expected = np.asarray(image.dataobj)[::-1, ::-1]
    for time, scan in enumerate(scans):
        assert np.array_equal(scan.pixels, expected[..., time].transpose(2, 1, 0))
    assert "LAS" in scans[0].provenance[2].detail
    assert scans[0].digest != scans[1].digest


@pytest.mark.parametrize("name", ["anatomical.nii", "functional.nii", "example_nifti2.nii.gz", "standard.nii.gz"])
def test_nibabels_own_files_open(name, package_file):
    assert open_sources([Source(name, package_file(name))]).scans


def test_many_time_points_become_a_volume_and_a_sequence():
    data = np.arange(2 * 3 * 4 * 12, dtype=np.int16).reshape(2, 3, 4, 12)
    image = nibabel.Nifti1Image(data, np.eye(4))
    image.header.set_xyzt_units("mm", "sec")
    image.header["pixdim"][4] = 2
    volume, sequence = open_sources([Source("x", image.to_bytes())]).scans
    assert (volume.axis, sequence.axis, sequence.frame_time_ms) == ("slice", "time", 2000.0)
    assert sequence.pixels[:, 0, 0].tolist() == data[1, 2, 2].tolist()
    assert any("middle slice" in warning for warning in volume.warnings)


def test_colour_voxels_stay_colour(open_one):
    record = np.zeros((2, 2, 1), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    record["R"] = 9
    scan = open_one(_file(record))
    assert scan.pixels[0, 0, 0].tolist() == [9, 0, 0]


def test_file_that_does_not_say_how_the_patient_lies_warns(open_one):
    image = nibabel.Nifti1Image(_CUBE, None)
    assert any("guess" in warning for warning in open_one(image.to_bytes()).warnings)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("analyze.hdr", "The Analyze header came without its data"),
        ("nifti1.hdr", "The NIfTI header came without its data"),
        ("nifti2.hdr", "The NIfTI header came without its data"),
    ],
)
def test_header_without_data_says_so(name, words, package_file, refuse_one):
    assert words in refuse_one(package_file(name))


def test_cut_and_claimed_sizes_are_refused(refuse_one):
    data = bytearray(_file(_CUBE))
    assert "cut short" in refuse_one(bytes(data[:-4]))
    data[42:48] = (32767).to_bytes(2, "little") * 3
    assert "cut short" in refuse_one(bytes(data))
