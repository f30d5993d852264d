import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from core.scan import VoiTable, display_frame, percentile_window


def _levels(scan, window=None):
    return display_frame(scan, 0, window)[0].tolist()


def test_ct_with_whole_rescale_stays_in_int16(make_dicom, open_one):
    scan = open_one(make_dicom(np.array([[0, 1024, 4095]], np.int16), RescaleSlope=1, RescaleIntercept=-1024))
    assert scan.pixels.dtype == np.int16
    assert scan.pixels.tolist() == [[[-1024, 0, 3071]]]
    assert scan.units == "HU"


@pytest.mark.parametrize(
    ("stored", "slope", "intercept", "dtype"),
    [
        ([0, 200], 1, 0, "uint8"),
        ([0, 40000], 1, 0, "uint16"),
        ([0, 40000], 1, -1024, "float32"),
        ([0, 9], 0.5, 0, "float32"),
    ],
)
def test_pixels_take_the_smallest_type_that_holds_them(stored, slope, intercept, dtype, make_dicom, open_one):
    scan = open_one(make_dicom(np.array([stored], np.uint16), RescaleSlope=slope, RescaleIntercept=intercept))
    assert scan.pixels.dtype == dtype
    np.testing.assert_array_equal(scan.pixels[0, 0], np.array(stored) * slope + intercept)


def test_rescale_slope_of_zero_is_left_out(make_dicom, open_one):
    scan = open_one(make_dicom(np.array([[5, 7]], np.int16), RescaleSlope=0, RescaleIntercept=0))
    assert scan.pixels.tolist() == [[[5, 7]]]


def test_monochrome1_scan_is_inverted_with_its_window(make_dicom, open_one):
    pixels = np.array([[0, 100, 500, 1000, 4095]], np.uint16)
    common = {"BitsStored": 12, "HighBit": 11, "WindowCenter": 500, "WindowWidth": 600, "Modality": "DX"}
    plain = open_one(make_dicom(pixels, **common))
    turned = open_one(make_dicom(pixels, PhotometricInterpretation="MONOCHROME1", **common))
    assert turned.pixels.tolist() == (4095 - pixels[None].astype(int)).tolist()
    assert np.abs(np.array(_levels(turned)) - (255 - np.array(_levels(plain)))).max() <= 1


def test_presentation_lut_shape_inverse_turns_once(make_dicom, open_one):
    pixels = np.array([[0, 255]], np.uint8)
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        data = make_dicom(pixels, PhotometricInterpretation=photometric, PresentationLUTShape="INVERSE")
        assert open_one(data).pixels.tolist() == [[[255, 0]]]


def test_signed_monochrome1_turns_about_its_representable_range(make_dicom, open_one):
    data = make_dicom(np.array([[-5, 7]], np.int16), PhotometricInterpretation="MONOCHROME1")
    assert open_one(data).pixels.tolist() == [[[4, -8]]]


def test_padding_goes_through_the_same_transforms(make_dicom, open_one):
    pixels = np.array([[-2000] * 6 + [0, 10, 20, 30]], np.int16)
    scan = open_one(make_dicom(pixels, PixelPaddingValue=-2000, RescaleSlope=1, RescaleIntercept=-1024))
    assert scan.padding == -3024
    assert percentile_window(scan.pixels, scan.padding).center > -1100


def test_padding_is_inverted_with_the_pixels(make_dicom, open_one):
    data = make_dicom(np.array([[0, 9]], np.uint8), PhotometricInterpretation="MONOCHROME1", PixelPaddingValue=9)
    assert open_one(data).padding == 246


def test_padding_range_becomes_one_value(make_dicom, open_one):
    pixels = np.array([[0, 1, 2, 3, 4]], np.uint16)
    scan = open_one(make_dicom(pixels, PixelPaddingValue=0, PixelPaddingRangeLimit=2))
    assert scan.pixels.tolist() == [[[0, 0, 0, 3, 4]]]
    assert scan.padding == 0


def test_padding_written_as_unsigned_in_a_signed_image(make_dicom, open_one):
    data = make_dicom(np.array([[-2000, 1]], np.int16), syntax=ImplicitVRLittleEndian, PixelPaddingValue=63536 - 65536)
    assert open_one(data).padding == -2000


def test_unused_high_bits_are_cut_off(make_dicom, open_one):
    stored = np.array([[0x1FFF, 0xF001]], np.uint16)  # an old overlay in bits 12 to 15
    assert open_one(make_dicom(stored, BitsStored=12, HighBit=11)).pixels.tolist() == [[[0xFFF, 1]]]


def test_sign_is_that_of_the_stored_bits(make_dicom, open_one):
    stored = np.array([[0x0FFF, 0x07FF]], np.uint16)
    assert open_one(make_dicom(stored, BitsStored=12, HighBit=11, PixelRepresentation=1)).pixels.tolist() == [
        [[-1, 2047]]
    ]


def test_bits_at_the_top_of_the_word_are_shifted_down(make_dicom, open_one):
    stored = np.array([[0xFFF0, 0x0010]], np.uint16)
    assert open_one(make_dicom(stored, BitsStored=12, HighBit=15)).pixels.tolist() == [[[0xFFF, 1]]]


@pytest.mark.parametrize(("dtype", "keyword"), [("float32", "FloatPixelData"), ("float64", "DoubleFloatPixelData")])
def test_float_pixels(dtype, keyword, make_dicom, open_one):
    pixels = np.array([[-0.25, 1.5]], dtype)
    scan = open_one(make_dicom(pixels, keyword=keyword, BitsAllocated=pixels.itemsize * 8, BitsStored=None))
    assert scan.pixels.dtype == np.float32
    assert scan.pixels.tolist() == [[[-0.25, 1.5]]]


def _table(entries, first, bits, explanation=""):
    item = Dataset()
    item.LUTDescriptor, item.LUTData, item.LUTExplanation = [len(entries), first, bits], list(entries), explanation
    item["LUTDescriptor"].VR = item["LUTData"].VR = "US"
    return item


def test_modality_table_wins_over_rescale(make_dicom, open_one):
    item = _table([10, 20, 400], 1, 16)
    data = make_dicom(np.array([[0, 1, 2, 3, 9]], np.uint8), ModalityLUTSequence=[item], RescaleSlope=5)
    assert open_one(data).pixels.tolist() == [[[10, 10, 20, 400, 400]]]


def test_voi_table_comes_before_windows_and_all_keep_their_names(make_dicom, open_one):
    item = _table([0, 128, 255], 0, 8, "Table one")
    data = make_dicom(
        np.array([[0, 1, 2, 9]], np.uint8), VOILUTSequence=[item], WindowCenter=[40, 400], WindowWidth=[80, 1800],
        WindowCenterWidthExplanation=["BRAIN", "BONE"], VOILUTFunction="LINEAR_EXACT",
    )  # fmt: skip
    scan = open_one(data)
    assert [window.name for window in scan.windows] == ["", "BRAIN", "BONE"], "free text of a table is no name"
    assert isinstance(scan.windows[0], VoiTable)
    assert scan.windows[1].function == "LINEAR_EXACT"
    assert _levels(scan) == [0, 128, 255, 255]


def test_voi_table_is_inverted_with_monochrome1(make_dicom, open_one):
    item = _table([0, 50, 255], 0, 8)
    pixels = np.array([[0, 1, 2]], np.uint8)
    data = make_dicom(pixels, VOILUTSequence=[item], PhotometricInterpretation="MONOCHROME1")
    assert _levels(open_one(data)) == [255, 205, 0]


def test_window_without_legal_width_is_left_out_with_a_warning(make_dicom, open_one):
    scan = open_one(make_dicom(WindowCenter=[40, 50], WindowWidth=[0, 100]))
    assert [window.center for window in scan.windows] == [50]
    assert any("window" in warning for warning in scan.warnings)


def test_deep_colour_is_scaled_to_eight_bits(make_dicom, open_one):
    pixels = np.array([[[0, 32768, 65535]]], np.uint16)
    assert open_one(make_dicom(pixels)).pixels.tolist() == [[[[0, 128, 255]]]]


def test_deflated_file_opens(make_dicom, open_one):
    assert open_one(make_dicom(syntax=DeflatedExplicitVRLittleEndian)).pixels[0, 0].tolist() == [0, 1, 2, 3]


def test_file_without_preamble_and_meta_header_opens(make_dicom, open_one):
    data = make_dicom(syntax=ImplicitVRLittleEndian)
    start = data.index(b"\x08\x00\x16\x00")
    scan = open_one(data[start:])
    assert scan.pixels[0, 0].tolist() == [0, 1, 2, 3]
    assert "does not name a known" in scan.provenance[0].detail


@pytest.mark.parametrize(
    ("elements", "spacing", "aspect"),
    [
        ({"PixelSpacing": [0.5, 0.25]}, (0.5, 0.25), 2.0),
        ({"PixelSpacing": [0, 0], "ImagerPixelSpacing": [0.2, 0.2]}, (0.2, 0.2), 1.0),
        ({"NominalScannedPixelSpacing": [0.1, 0.2]}, (0.1, 0.2), 0.5),
        ({"PixelAspectRatio": [4, 3]}, None, 4 / 3),
        ({"PixelAspectRatio": [0, 3]}, None, 1.0),
        ({"PixelSpacing": [0, 0]}, None, 1.0),
    ],
)
def test_spacing_and_shape_of_pixels(elements, spacing, aspect, make_dicom, open_one):
    scan = open_one(make_dicom(**elements))
    assert scan.spacing_mm == spacing
    assert scan.pixel_aspect == pytest.approx(aspect)
    nonsense = any(0 in value for value in elements.values())
    assert any("cannot be right" in warning for warning in scan.warnings) == nonsense


def test_detector_spacing_says_so(make_dicom, open_one):
    assert "detector" in open_one(make_dicom(ImagerPixelSpacing=[0.2, 0.2])).facts["Pixel spacing"]


def test_provenance_names_each_transform_with_its_values(make_dicom, open_one):
    data = make_dicom(
        np.array([[0, 9]], np.uint8), PhotometricInterpretation="MONOCHROME1", RescaleSlope=2, RescaleIntercept=-10,
        PixelPaddingValue=0,
    )  # fmt: skip
    steps = {step.name: step.detail for step in open_one(data).provenance}
    assert list(steps) == ["Decoding", "Rescale", "Padding", "Inversion", "Resampling"]
    assert steps["Rescale"] == "slope 2, intercept -10 (HU)"
    assert "490" in steps["Inversion"]
