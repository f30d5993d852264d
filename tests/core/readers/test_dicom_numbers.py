r"""Numbers of a header, however they were written: read where there is one meaning, else one sentence."""

import io
import struct

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from core.readers.dicom.numbers import read_numbers


def put(dataset, vr=None, /, **texts):
    """Raw elements, as a careless writer leaves them."""
    for keyword, written in texts.items():
        tag = Tag(tag_for_keyword(keyword))
        raw = written if isinstance(written, bytes) else written.encode()
        raw = raw + b" " * (len(raw) % 2)
        dataset._dict[tag] = RawDataElement(tag, vr or dictionary_VR(tag), len(raw), raw, 0, False, True)
    return dataset


def numbers(keyword, raw, vr=None, **others):
    return read_numbers(put(put(Dataset(), **others), vr, **{keyword: raw}), keyword)


@pytest.mark.parametrize(
    ("keyword", "raw", "values", "manner"),
    [
        ("PixelSpacing", r"0.5\.25", (0.5, 0.25), "plain"),
        ("PixelSpacing", " 0.5 \\0.25\0", (0.5, 0.25), "plain"),
        ("PixelSpacing", r"0,143\0,143", (0.143, 0.143), "comma"),
        ("PixelSpacing", r"1,250\1,250", (1.25, 1.25), "comma"),
        ("PixelSpacing", "0.5,0.25", (0.5, 0.25), "odd"),
        ("PixelSpacing", "0.5 0.25", (0.5, 0.25), "odd"),
        ("PixelSpacing", "[0.5, 0.25]", (0.5, 0.25), "odd"),
        ("PixelSpacing", "0,5;0,25", (0.5, 0.25), "comma"),
        ("PixelSpacing", "0,5,0,25", (0.5, 0.25), "comma"),
        ("PixelSpacing", "0,5", (), "unreadable"),
        ("PixelSpacing", "wide", (), "unreadable"),
        ("ImageOrientationPatient", "1,0,0,0,1,0", (1, 0, 0, 0, 1, 0), "odd"),
        ("ImageOrientationPatient", "1,0,0,0,0,0,0,0,1,0,0,0", (1, 0, 0, 0, 1, 0), "comma"),
        ("ImagePositionPatient", r"-12,500\3,250\100,125", (-12.5, 3.25, 100.125), "comma"),
        ("RescaleSlope", "1,5E-03", (0.0015,), "comma"),
        ("RescaleSlope", "1.5D-3", (0.0015,), "plain"),
        ("RescaleSlope", "NaN", (), "unreadable"),
        ("RescaleSlope", "1_0", (), "unreadable"),
        ("RescaleSlope", "", (), "plain"),
        ("RescaleSlope", "  ", (), "plain"),
        ("RescaleIntercept", "-1024,0", (-1024,), "comma"),
        ("RescaleIntercept", "-1.024,5", (-1024.5,), "comma"),
        ("RescaleIntercept", "-1,024.5", (-1024.5,), "odd"),
        ("RescaleIntercept", "-1'024", (-1024,), "odd"),
        ("RescaleIntercept", "\u22121024", (-1024,), "plain"),
        ("RescaleIntercept", "-1,024", (), "unreadable"),
        ("WindowCenter", r"40,5\300,5", (40.5, 300.5), "comma"),
        ("WindowCenter", "40,80,300", (40, 80, 300), "odd"),
        ("WindowCenter", "40,80", (), "unreadable"),
        ("SliceThickness", "2.5mm", (2.5,), "plain"),
    ],
)
def test_a_number_is_read_where_it_has_one_meaning(keyword, raw, values, manner):
    found = numbers(keyword, raw)
    assert found.values == pytest.approx(values)
    assert found.manner == manner


@pytest.mark.parametrize(
    ("others", "value"), [({"PixelSpacing": r"0.5\0.5"}, -1024.0), ({"RescaleSlope": "1,0"}, -1.024)]
)
def test_the_rest_of_the_header_says_what_a_comma_means(others, value):
    assert numbers("RescaleIntercept", "-1,024", **others).values == (value,)


@pytest.mark.parametrize(
    ("keyword", "vr", "raw", "value"),
    [
        ("SliceThickness", "LO", b"2.5 ", 2.5),
        ("SliceThickness", "UN", b"2.5 ", 2.5),
        ("SliceThickness", "OB", b"2.5\0", 2.5),
        ("SliceThickness", "FD", struct.pack("<d", 2.5), 2.5),
        ("SliceThickness", "UN", struct.pack("<d", 2.5), 2.5),
        ("DiffusionBValue", "UN", struct.pack("<d", 1000.0), 1000.0),
        ("DiffusionBValue", "UN", b"1000", 1000.0),
        ("DiffusionBValue", "DS", b"1000", 1000.0),
        ("Rows", "UN", struct.pack("<H", 512), 512),
        ("Rows", "US", struct.pack("<H", 32), 32),
        ("Rows", "IS", b"512 ", 512),
        ("NumberOfFrames", "US", struct.pack("<H", 8224), 8224),
    ],
)
def test_another_value_representation_holds_the_same_number(keyword, vr, raw, value):
    assert numbers(keyword, raw, vr).values == (value,)


def rewritten(data, vr=None, /, **texts):
    stream = io.BytesIO()
    put(dcmread(io.BytesIO(data)), vr, **texts).save_as(stream)
    return stream.getvalue()


def test_decimal_commas_of_a_ct_are_read_and_said(make_dicom, open_one):
    data = rewritten(
        make_dicom(np.array([[0, 4095]], np.uint16)),
        RescaleSlope="1,0",
        RescaleIntercept="-1024,0",
        WindowCenter="40,0",
        WindowWidth="400,0",
        PixelSpacing=r"0,5\0,25",
    )
    scan = open_one(data)
    assert scan.pixels.tolist() == [[[-1024, 3071]]]
    assert (scan.units, scan.spacing_mm) == ("HU", (0.5, 0.25))
    assert (scan.windows[0].center, scan.windows[0].width) == (40, 400)
    (said,) = [warning for warning in scan.warnings if "decimal comma" in warning]
    assert "Pixel Spacing" in said
    assert "Rescale Intercept" in said


@pytest.mark.parametrize(
    ("keyword", "name"),
    [
        ("RescaleSlope", "Rescale Slope"),
        ("RescaleIntercept", "Rescale Intercept"),
        ("PixelSpacing", "Pixel Spacing"),
        ("ImagerPixelSpacing", "Imager Pixel Spacing"),
        ("NominalScannedPixelSpacing", "Nominal Scanned Pixel Spacing"),
        ("PixelAspectRatio", "Pixel Aspect Ratio"),
        ("SliceThickness", "Slice Thickness"),
        ("ImageOrientationPatient", "Image Orientation (Patient)"),
        ("ImagePositionPatient", "Image Position (Patient)"),
        ("WindowCenter", "Window Center"),
        ("WindowWidth", "Window Width"),
        ("EchoTime", "Echo Time"),
        ("DiffusionBValue", "Diffusion b-value"),
    ],
)
def test_what_cannot_be_read_is_named_without_its_value(keyword, name, make_dicom, open_one):
    stated = {"Modality": "MR", "RescaleSlope": 2, "RescaleIntercept": 5, "WindowCenter": 40, "WindowWidth": 400}
    scan = open_one(rewritten(make_dicom(np.array([[1, 2]], np.int16), **stated), "LO", **{keyword: "Doe^Jane"}))
    said = [warning for warning in scan.warnings if "Cannot be read" in warning]
    assert len(said) == 1
    assert name in said[0]
    assert "Doe" not in " ".join(scan.warnings)


def test_half_of_a_rescale_is_not_applied(make_dicom, open_one):
    data = make_dicom(np.array([[1, 2]], np.int16), RescaleSlope=2, RescaleIntercept=5)
    scan = open_one(rewritten(data, RescaleSlope="two"))
    assert scan.pixels.tolist() == [[[1, 2]]]
    assert scan.units == ""


def test_positions_with_commas_put_slices_in_order(make_slices, open_files):
    files = [rewritten(data, ImagePositionPatient=rf"0,0\0,0\{n},5") for n, data in enumerate(make_slices([0] * 4))]
    scan = open_files(files).scans[0]
    assert scan.pixels[:, 0, 0].tolist() == [0, 1, 2, 3]
    assert scan.slice_spacing_mm == 1


def test_commas_in_functional_groups_are_read(make_dicom, open_one):
    measures, shared = Dataset(), Dataset()
    put(measures, PixelSpacing=r"0,4\0,2", SpacingBetweenSlices="3,0")
    shared.PixelMeasuresSequence = [measures]
    scan = open_one(make_dicom(np.zeros((2, 2, 2), np.int16), Modality="MR", SharedFunctionalGroupsSequence=[shared]))
    assert (scan.spacing_mm, scan.slice_spacing_mm) == ((0.4, 0.2), 3.0)


def test_frame_time_with_a_comma_is_kept(make_dicom, open_one):
    data = make_dicom(np.zeros((3, 4, 4), np.uint8), Modality="US")
    assert open_one(rewritten(data, FrameTime="33,3")).frame_time_ms == pytest.approx(33.3)
