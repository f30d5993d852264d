"""Every file of the pydicom and pydicom-data packages, with the pixel values that pydicom publishes for them."""

import dataclasses
import re
import warnings
from importlib.resources import files
from pathlib import Path

import data_store
import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from core.readers import Source, open_sources
from core.scan import grey_levels

_ROOTS = (Path(pydicom.__file__).parent / "data", Path(data_store.__file__).parent / "data")
_FILES = [
    path
    for root in _ROOTS
    for path in sorted(root.rglob("*"))
    if path.is_file()
    and path.suffix not in {".py", ".pyc"}
    and not re.search(r"TINY_ALPHA/.*IM0000(0[0-9B-Z]|1)", str(path))
]
_SENTENCE = re.compile(r"[A-Z].+: .+\.")


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.name)
def test_every_file_gives_scans_or_exactly_one_sentence(path, capfd):
    opened = open_sources([Source(path.name, path.read_bytes())])
    assert bool(opened.scans) != bool(opened.skipped)
    assert all(_SENTENCE.fullmatch(entry.reason) and "\n" not in entry.reason for entry in opened.skipped)
    assert all(scan.pixels.dtype.name in {"uint8", "int16", "uint16", "float32"} for scan in opened.scans)
    assert capfd.readouterr() == ("", "")


def test_most_files_open():
    opened = [open_sources([Source(path.name, path.read_bytes())]) for path in _FILES if path.suffix == ".dcm"]
    assert sum(bool(result.scans) for result in opened) >= 137


#: File, frame, row, first column, values as stored: pydicom's own facts on its test files.
_STORED = [
    ("liver_1frame.dcm", 0, 155, 180, [0, 1, 1]),
    ("liver_1frame.dcm", 0, 254, 304, [1, 0, 0, 1, 1, 0]),
    ("liver.dcm", 1, 146, 253, [0, 1, 1, 1, 1, 1, 0, 1]),
    ("liver.dcm", 2, 364, 137, [0, 1, 0, 1, 1, 0, 0, 1]),
    ("liver_expb_1frame.dcm", 0, 145, 250, [0, 0, 0, 0, 1, 1, 1, 1, 1, 0]),
    ("liver_expb.dcm", 2, 147, 260, [1, 0, 1, 0, 1, 1]),
    ("image_dfl.dcm", 0, 300, 255, [138, 65, 65, 65, 65, 35, 35, 35]),
    ("MR_small.dcm", 0, 0, 31, [422, 319, 361]),
    ("MR_small_implicit.dcm", 0, 31, 0, [366, 363, 322]),
    ("MR_small_padded.dcm", 0, 63, 61, [1369, 1129, 862]),
    ("MR_small_expb.dcm", 0, 63, 61, [1369, 1129, 862]),
    ("MR_small_RLE.dcm", 0, 63, 61, [1369, 1129, 862]),
    ("MR_small_jpeg_ls_lossless.dcm", 0, 0, 31, [422, 319, 361]),
    ("emri_small.dcm", 0, 0, 31, [206, 197, 159]),
    ("emri_small.dcm", 4, 63, 61, [225, 380, 355]),
    ("emri_small_big_endian.dcm", 9, 31, 0, [25, 4, 9]),
    ("emri_small_RLE.dcm", 9, 63, 61, [227, 300, 147]),
    ("JPEG-LL.dcm", 0, 400, 124, [60, 58, 61, 68, 59, 65, 64, 67]),
    ("JPEG-LL.dcm", 0, 600, 124, [3, 1, 2, 0, 2, 1, 2, 0]),
    ("JPGLosslessP14SV1_1s_1f_8b.dcm", 0, 300, 512, [26, 26, 25, 22, 19, 16, 14, 15]),
    ("JPGLosslessP14SV1_1s_1f_8b.dcm", 0, 600, 512, [45, 43, 41, 38, 33, 30, 26, 21]),
    ("JPGExtended.dcm", 0, 420, 140, [244]),
    ("JPGExtended.dcm", 0, 230, 120, [95]),
    ("JPEG-lossy.dcm", 0, 420, 140, [244]),
    ("J2K_pixelrep_mismatch.dcm", 0, 0, 0, [-2000]),
]


@pytest.mark.parametrize(("name", "frame", "row", "column", "values"), _STORED)
def test_known_grey_pixels(name, frame, row, column, values, package_file, open_one):
    found = open_one(package_file(name)).pixels[frame, row, column : column + len(values)]
    assert found.tolist() == values


@pytest.mark.parametrize("name", ["rtdose.dcm", "rtdose_expb.dcm", "rtdose_rle.dcm"])
@pytest.mark.parametrize(
    ("frame", "values"), [(0, [1031, 1029, 1027]), (7, [1026, 1023, 1022]), (14, [1031, 1031, 1031])]
)
def test_known_doses(name, frame, values, package_file, open_one):
    scan = open_one(package_file(name))
    np.testing.assert_allclose(scan.pixels[frame, 4, 3:6], np.array(values) / 1000, rtol=1e-6)


_STRIPES = {
    5: (255, 0, 0), 15: (255, 128, 128), 25: (0, 255, 0), 35: (128, 255, 128), 45: (0, 0, 255), 55: (128, 128, 255),
    65: (0, 0, 0), 75: (64, 64, 64), 85: (192, 192, 192), 95: (255, 255, 255),
}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        *("SC_rgb.dcm", "SC_rgb_16bit.dcm", "SC_rgb_32bit.dcm", "SC_rgb_expb.dcm", "SC_rgb_expb_16bit.dcm"),
        *("SC_rgb_expb_32bit.dcm", "SC_rgb_rle.dcm", "SC_rgb_rle_16bit.dcm", "SC_rgb_rle_32bit.dcm"),
        *("SC_rgb_dcmtk_+eb+cr.dcm", "SC_rgb_2frame.dcm", "SC_rgb_rle_32bit_2frame.dcm", "SC_rgb_jpeg_gdcm.dcm"),
    ],
)
def test_known_colours(name, package_file, open_one):
    frames = open_one(package_file(name)).pixels
    assert {row: tuple(frames[0, row, 50].tolist()) for row in _STRIPES} == _STRIPES
    if len(frames) == 2:  # published as the first one inverted
        assert np.array_equal(frames[1], 255 - frames[0])


@pytest.mark.parametrize(
    "name",
    [
        *("SC_ybr_full_uncompressed.dcm", "SC_ybr_full_422_uncompressed.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm"),
        *("SC_rgb_dcmtk_+eb+cy+s2.dcm", "SC_rgb_dcmtk_+eb+cy+n1.dcm", "SC_rgb_dcmtk_+eb+cy+n2.dcm"),
        *("SC_rgb_dcmtk_+eb+cy+s4.dcm", "SC_rgb_jpeg_dcmtk.dcm"),
    ],
)
def test_luma_and_chroma_become_rgb_once(name, package_file, open_one):
    frame = open_one(package_file(name)).pixels[0]
    for row, colour in _STRIPES.items():
        # Halved chroma bleeds over the edges of the stripes by up to nine levels.
        assert np.abs(frame[row, 50].astype(int) - colour).max() <= 9


def test_odd_rows_of_big_endian_colour(package_file, open_one):
    for name in ("SC_rgb_small_odd.dcm", "SC_rgb_small_odd_big_endian.dcm"):
        assert open_one(package_file(name)).pixels[0, :, 0].tolist() == [[166, 141, 52], [63, 87, 176], [158] * 3]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("MR_small.dcm", "MR_small_jp2klossless.dcm"),
        ("MR_small.dcm", "MR_small_RLE.dcm"),
        ("MR_small.dcm", "MR_small_jpeg_ls_lossless.dcm"),
        ("MR_small.dcm", "MR_small_bigendian.dcm"),
        ("MR_small.dcm", "zipMR.gz"),
        ("emri_small.dcm", "emri_small_jpeg_2k_lossless.dcm"),
        ("emri_small.dcm", "emri_small_jpeg_ls_lossless.dcm"),
        ("RG1_UNCR.dcm", "RG1_J2KR.dcm"),
        ("RG1_UNCI.dcm", "RG1_J2KI.dcm"),
        ("RG3_UNCR.dcm", "RG3_J2KR.dcm"),
        ("693_UNCR.dcm", "693_J2KR.dcm"),
        ("693_UNCI.dcm", "693_J2KI.dcm"),
        ("MR2_UNCR.dcm", "MR2_J2KR.dcm"),
        ("US1_UNCR.dcm", "US1_J2KR.dcm"),
        ("US1_UNCI.dcm", "US1_J2KI.dcm"),
        ("JPEG2000_UNC.dcm", "JPEG2000.dcm"),
        ("SC_rgb_gdcm2k_uncompressed.dcm", "SC_rgb_gdcm_KY.dcm"),
        ("SC_rgb_jpeg_dcmd.dcm", "SC_rgb_jpeg.dcm"),
        ("OBXXXX1A.dcm", "OBXXXX1A_expb.dcm"),
        ("OBXXXX1A_2frame.dcm", "OBXXXX1A_rle_2frame.dcm"),
        ("gdcm-US-ALOKA-16.dcm", "gdcm-US-ALOKA-16_big.dcm"),
        ("liver.dcm", "liver_expb.dcm"),
    ],
)
def test_another_encoding_gives_the_same_pixels(one, other, package_file, open_one):
    first, second = open_one(package_file(one)), open_one(package_file(other))
    assert np.array_equal(first.pixels, second.pixels)
    assert first.windows == second.windows


@pytest.mark.parametrize("name", ["CT_small.dcm", "693_UNCR.dcm", "MR2_UNCR.dcm", "mlut_18.dcm", "bad_sequence.dcm"])
def test_modality_values_equal_pydicoms(name, package_file, open_one, tmp_path):
    path = tmp_path / name
    path.write_bytes(package_file(name))
    dataset = pydicom.dcmread(path)
    expected = apply_modality_lut(dataset.pixel_array, dataset)
    np.testing.assert_allclose(open_one(package_file(name)).pixels[0], expected, rtol=1e-6)


def test_voi_table_equals_pydicoms(package_file, open_one):
    dataset = pydicom.dcmread(files("data_store").joinpath("data/vlut_04.dcm"))
    scan = open_one(package_file("vlut_04.dcm"))
    expected = apply_voi_lut(dataset.pixel_array, dataset) / 65535.0
    np.testing.assert_allclose(grey_levels(scan.pixels[0], scan.windows[0]), expected, atol=1e-6)


_IDENTIFYING = {
    *("PatientID", "OtherPatientIDs", "PatientBirthDate", "PatientAddress", "PatientComments", "AccessionNumber"),
    *("InstitutionName", "InstitutionAddress", "StationName", "StudyID", "StudyDate", "ContentDate", "AcquisitionDate"),
    *("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "DeviceSerialNumber", "PatientTelephoneNumbers"),
}


def _identifiers(dataset):
    """Every string of the header that names a person, a place, a day or a number of theirs."""
    for element in dataset.iterall():
        if element.VR == "PN" or element.keyword in _IDENTIFYING:
            yield from (
                text.strip() for text in re.split(r"[\\^=\[\]',]+", str(element.value)) if len(text.strip()) > 3
            )


@pytest.mark.parametrize("path", [p for p in _FILES if p.suffix == ".dcm"], ids=lambda path: path.name)
def test_nothing_that_names_the_patient_is_in_the_scan(path):
    with warnings.catch_warnings(action="ignore"):
        named = set(_identifiers(pydicom.dcmread(path, force=True)))
    named -= {"Modality"}  # the name of a test pattern, and of a transform
    opened = open_sources([Source("upload", path.read_bytes())])
    words = [repr(dataclasses.replace(scan, pixels=None, digest="", windows=())) for scan in opened.scans]
    assert not [text for text in named for word in [*words, repr(opened.skipped), opened.summary] if text in word]
