"""Headers with defects that other readers survive: opened with a sentence, or refused with one."""

import gzip
import io
import zipfile

import nibabel
import numpy as np
import pytest
from nibabel.nifti1 import header_dtype

from core.readers import Source, open_sources

_VOXELS = np.arange(5 * 6 * 3, dtype=np.int16).reshape(5, 6, 3)
#: Stored from left to right, as most scanners' files are: L, A, S.
_LAS = np.array([[-2.0, 0, 0, 8], [0, 2.0, 0, -10], [0, 0, 6.0, 3], [0, 0, 0, 1]])


def _file(voxels=_VOXELS, affine=_LAS, raw=None, **fields):
    """A file as nibabel writes it, its header then overwritten; `pixdim_1=0` and the like set one entry of a list."""
    image = nibabel.Nifti1Image(voxels, affine, dtype=voxels.dtype)
    image.header.set_qform(affine, 1)
    image.header.set_sform(affine, 1)
    data = bytearray(nibabel.Nifti1Image(voxels, None, image.header, dtype=voxels.dtype).to_bytes())
    header = np.frombuffer(data, header_dtype, 1)
    for name, value in fields.items():
        field, _, place = name.rpartition("_") if name[-1].isdigit() else (name, "", "")
        if place:
            header[field][0][int(place)] = value
        else:
            header[name] = value
    return raw(bytes(data)) if raw else bytes(data)


@pytest.fixture(scope="module")
def plain():
    (scan,) = open_sources([Source("plain", _file())]).scans
    assert not scan.warnings
    return scan


_MENDED = {
    "a quaternion longer than 1 by rounding": ({"sform_code": 0, "quatern_c": 1.0000002}, None),
    "a quaternion far too long": ({"sform_code": 0, "quatern_c": 1.5}, "brought to length 1"),
    "an sform of zeros": ({"srow_x": 0, "srow_y": 0, "srow_z": 0}, "sform in the header is broken"),
    "an sform that is not a number": ({"srow_y": np.nan}, "sform in the header is broken"),
    "a qform that is not a number": ({"quatern_b": np.inf}, "qform in the header is broken"),
    "voxel sizes of 0 beside an sform": ({"pixdim_1": 0, "pixdim_2": 0, "pixdim_3": 0}, "2 × 2 × 6 mm; the latter"),
    "a negative voxel size": ({"pixdim_1": -2}, "below 0"),
    "a voxel size that is not a number": ({"pixdim_3": np.nan}, "the latter where the former is 0"),
    "no number of dimensions": ({"dim_0": 0}, "says 0 dimensions, which cannot be"),
    "too many dimensions": ({"dim_0": 9}, "says 9 dimensions, which cannot be"),
    "a dimension that was not counted": ({"dim_0": 2}, "the file holds 3: 5 × 6 × 3"),
    "a fourth dimension of 0": ({"dim_0": 4, "dim_4": 0}, "size of 0"),
    "metres for millimetres": ({"xyzt_units": 1}, "metres, which cannot be"),
    "a unit that does not exist": ({"xyzt_units": 7}, None),
    "voxels that start at 0": ({"vox_offset": 0}, None),
    "voxels that start inside the header": ({"vox_offset": 100}, "byte 100, which cannot be"),
    "voxels that start behind the file": ({"vox_offset": 1e9}, "byte 1000000000, which cannot be"),
    "voxels that start nowhere": ({"vox_offset": np.nan}, "does not say where the voxels start"),
    "no bytes about extensions": ({"vox_offset": 348, "raw": lambda data: data[:348] + data[352:]}, None),
    "extensions that are not there": ({"raw": lambda data: data[:348] + b"\1\0\0\0" + data[352:]}, None),
    "bytes behind the voxels": ({"raw": lambda data: data + b"more"}, None),
    "no size of its own header": ({"sizeof_hdr": 0}, None),
    "no mark": ({"magic": b""}, "mark of a NIfTI file is missing"),
    "the mark of a pair": ({"magic": b"ni1"}, "read from this one"),
    "a scaling of NaN": ({"scl_slope": np.nan, "scl_inter": np.nan}, None),
    "an intercept of NaN": ({"scl_slope": 3, "scl_inter": np.nan}, "stored values are shown"),
    "an infinite slope": ({"scl_slope": np.inf}, "stored values are shown"),
    "a wrong number of bits": ({"bitpix": 8}, None),
    "a window beside all values": ({"cal_min": 5000, "cal_max": 6000}, "beside all values"),
}


@pytest.mark.parametrize("defect", _MENDED)
def test_a_header_that_others_survive_opens_as_if_it_were_right(defect, plain, open_one):
    fields, said = _MENDED[defect]
    scan = open_one(_file(**fields))
    assert np.array_equal(scan.pixels, plain.pixels)
    assert (scan.spacing_mm, scan.slice_spacing_mm) == ((2.0, 2.0), 6.0)
    assert not scan.windows
    assert len(scan.warnings) == (said is not None)
    assert said is None or said in scan.warnings[0]


def test_forms_that_disagree_are_named_with_their_sides(open_one):
    flipped = np.diag([-1, 1, 1, 1]) @ _LAS
    rows = {f"srow_{axis}": flipped[row] for row, axis in enumerate("xyz")}
    scan = open_one(_file(**rows))
    (said,) = scan.warnings
    assert "what the sform calls right, the qform calls left" in said
    assert "RAS" in scan.provenance[2].detail, "the sform wins, as in nibabel, FSL and SPM"


def test_forms_a_few_degrees_apart_are_no_doubt(open_one):
    angle = np.radians(8)
    turned = _LAS.copy()
    turned[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]] @ _LAS[:2, :2]
    assert not open_one(_file(**{f"srow_{axis}": turned[row] for row, axis in enumerate("xyz")})).warnings


def test_axes_at_odd_angles_are_named(open_one):
    assert "right angles" in open_one(_file(srow_x=[-2, 0.8, 0, 8])).warnings[0]


@pytest.mark.parametrize(("qfac", "said"), [(0, False), (1, False), (3, True), (np.nan, True)])
def test_qfac_of_0_counts_as_1_and_what_is_no_sign_is_named(qfac, said, open_one):
    scan = open_one(_file(sform_code=0, pixdim_0=qfac))
    assert "LAI" in scan.provenance[2].detail, "LAS needs a qfac of -1"
    assert any("sign of the slices" in warning for warning in scan.warnings) == said


@pytest.mark.parametrize("size", [0.0, np.nan])
def test_a_file_without_sizes_and_place_opens_without_a_spacing(size, open_one):
    scan = open_one(_file(pixdim_1=size, pixdim_2=size, pixdim_3=size, sform_code=0, qform_code=0))
    assert (scan.axis, scan.spacing_mm, scan.slice_spacing_mm, scan.pixel_aspect) == ("slice", None, None, 1.0)
    assert [word for word in ("guess", "cannot be measured") if not any(word in w for w in scan.warnings)] == []


def test_a_pixel_a_million_times_longer_than_wide_is_not_believed(open_one):
    scan = open_one(_file(_VOXELS[:, :, :1], pixdim_1=1e6, sform_code=0))
    assert (scan.spacing_mm, scan.pixel_aspect) == (None, 1.0)
    assert "which cannot be" in scan.warnings[-1]


@pytest.mark.parametrize(("unit", "factor"), [(1, 0.001), (2, 1.0), (3, 1000.0), (0, 1.0)])
def test_units_of_length_are_brought_to_millimetres(unit, factor, open_one):
    scaled = np.diag([factor, factor, factor, 1]) @ _LAS
    data = _file(
        affine=scaled, xyzt_units=unit, **{f"pixdim_{axis}": factor * size for axis, size in ((1, 2), (2, 2), (3, 6))}
    )
    scan = open_one(data)
    assert scan.spacing_mm == pytest.approx((2, 2))
    assert scan.slice_spacing_mm == pytest.approx(6)
    assert not scan.warnings


@pytest.mark.parametrize(("unit", "milliseconds"), [(8, 40_000.0), (16, 40.0), (24, 0.04), (0, None), (32, None)])
def test_units_of_time_are_brought_to_milliseconds(unit, milliseconds, open_one):
    cine = np.zeros((4, 4, 1, 12), np.int16)
    time = open_one(_file(cine, xyzt_units=2 | unit, pixdim_4=40)).frame_time_ms
    assert time == (None if milliseconds is None else pytest.approx(milliseconds))


@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "u4", "i4", "i8", "u8", "f4", "f8"])
def test_every_plain_type_gives_the_same_values_in_both_byte_orders(kind, plain, open_one):
    assert np.array_equal(open_one(_file(_VOXELS.astype(kind))).pixels, plain.pixels)
    header = nibabel.Nifti1Header(endianness=">")
    header.set_data_dtype(np.dtype(kind))
    swapped = nibabel.Nifti1Image(_VOXELS.astype(kind), _LAS, header, dtype=np.dtype(kind)).to_bytes()
    assert np.array_equal(open_one(swapped).pixels, plain.pixels)


def test_whole_numbers_that_floats_cannot_hold_are_said_to_be_rounded(open_one):
    scan = open_one(_file(np.full((3, 3, 3), 2**40 + 1, np.int64)))
    assert scan.pixels.max() == 2.0**40
    assert "rounded" in scan.warnings[0]


def test_complex_numbers_show_their_magnitude_and_say_so(open_one):
    scan = open_one(_file(np.full((3, 3, 3), 3 - 4j, np.complex64)))
    assert scan.pixels.max() == 5.0
    assert "magnitude" in scan.warnings[0]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"datatype": 0}, "a data type of 0"),
        ({"datatype": 1}, "single bits"),
        ({"datatype": 1536}, "128-bit floats"),
        ({"datatype": 999}, "data type 999"),
        ({"dim_1": 0}, "a size of 0"),
        ({"dim_3": -3}, "a size of -3"),
        ({"dim_1": 30000}, "cut short"),
        ({"dim_0": 5, "dim_4": 2, "dim_5": 3}, "5 × 6 × 3 × 2 × 3"),
    ],
)
def test_what_cannot_be_read_gets_one_sentence(fields, said, refuse_one):
    assert said in refuse_one(_file(**fields))


def _pair(kind):
    image = kind(_VOXELS, _LAS)
    files = kind.make_file_map({"header": io.BytesIO(), "image": io.BytesIO()})
    image.to_file_map(files)
    return {"in/scan.hdr": files["header"].fileobj.getvalue(), "in/scan.img": files["image"].fileobj.getvalue()}


def _zipped(files):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return [Source("pair.zip", target.getvalue())]


@pytest.mark.parametrize("kind", [nibabel.Nifti1Pair, nibabel.Nifti2Pair, nibabel.AnalyzeImage])
@pytest.mark.parametrize("packed", ["at once", "zip", "gzip"])
def test_a_header_and_its_voxels_in_two_files_open_as_one(kind, packed, plain):
    files = dict(reversed(_pair(kind).items()))
    if packed == "zip":
        sources = _zipped(files)
    else:
        pack = gzip.compress if packed == "gzip" else bytes
        sources = [Source(f"{name}.gz" if packed == "gzip" else name, pack(data)) for name, data in files.items()]
    opened = open_sources(sources)
    assert not opened.skipped
    assert np.array_equal(opened.scans[0].pixels, plain.pixels)
    assert any("guess" in warning for warning in opened.scans[0].warnings) == (kind is nibabel.AnalyzeImage)


def test_voxels_go_with_the_header_of_their_own_name():
    files = _pair(nibabel.Nifti1Pair)
    other = {"in/other.img": b"\1\0" * 90}
    opened = open_sources([Source(name, data) for name, data in (other | files).items()])
    assert [scan.pixels.max() for scan in opened.scans] == [89]
    assert [(item.name, "without their header" in item.reason) for item in opened.skipped] == [("in/other.img", True)]
