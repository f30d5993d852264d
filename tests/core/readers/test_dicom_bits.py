"""Words with more bits, another sign or another place than the header says: kept right, and said."""

import imagecodecs
import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

TWELVE = {"BitsStored": 12, "HighBit": 11}
RAMP = np.linspace(0, 1, 32 * 32).reshape(32, 32)


def ramp(low, high, dtype):
    return (low + RAMP * (high - low)).round().astype(dtype)


def tissue():
    """Smooth, from 900 to 1300, with some noise."""
    rows, columns = np.mgrid[:48, :48]
    noise = np.random.default_rng(1).normal(0, 8, (48, 48))
    return (1100 + 200 * np.sin(rows / 9) * np.cos(columns / 7) + noise).round().astype(np.uint16)


def with_disc(image, level):
    rows, columns = np.mgrid[:48, :48]
    image = image.copy()
    image[(rows - 24) ** 2 + (columns - 20) ** 2 < 40] = level
    return image


def with_letters(image, bit):
    image = image.copy()
    image[5:9, 3:40:3] |= 1 << bit
    image[12:40, 6] |= 1 << bit
    return image


BEYOND = {
    "ramp beyond 12 bits": ramp(0, 6000, np.uint16),
    "metal with sharp edges": with_disc(tissue(), 6000),
    "metal that fills four bits more": with_disc(tissue(), 40_000),
    "signed words beyond 12 bits": ramp(-1024, 3071, np.int16),
    "signed metal": with_disc(tissue().astype(np.int16) - 1100, 3000),
}


@pytest.mark.parametrize("pixels", BEYOND.values(), ids=BEYOND)
def test_values_beyond_the_stored_bits_are_kept_and_said(pixels, make_dicom, open_one):
    scan = open_one(make_dicom(pixels, RescaleSlope=1, RescaleIntercept=0, **TWELVE))
    np.testing.assert_array_equal(scan.pixels[0], pixels)
    assert [warning for warning in scan.warnings if "12 bits" in warning]


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
def test_values_beyond_the_stored_bits_are_kept_in_compressed_frames(syntax, make_dicom, open_one):
    pixels = ramp(0, 6000, np.uint16)
    encode = {
        RLELossless: lambda a: imagecodecs.dicomrle_encode(a.astype("<u2").tobytes()),
        JPEG2000Lossless: lambda a: imagecodecs.jpeg2k_encode(a, level=0, reversible=True),
        JPEGLSLossless: imagecodecs.jpegls_encode,
    }[syntax]
    if syntax == RLELossless:
        import io

        import pydicom

        dataset = pydicom.dcmread(io.BytesIO(make_dicom(pixels, **TWELVE)))
        dataset.BitsStored, dataset.HighBit = 16, 15
        dataset.compress(RLELossless, generate_instance_uid=False)
        dataset.BitsStored, dataset.HighBit = 12, 11
        stream = io.BytesIO()
        dataset.save_as(stream)
        data = stream.getvalue()
    else:
        data = make_dicom(pixels, syntax=syntax, encoded=encapsulate([encode(pixels)]), **TWELVE)
    scan = open_one(data)
    np.testing.assert_array_equal(scan.pixels[0], pixels)
    assert any("12 bits" in warning for warning in scan.warnings)


def test_overlay_bits_that_the_header_names_are_taken_off_in_silence(make_dicom, open_one):
    pixels = with_letters(tissue(), 14)
    overlay = {"OverlayRows": 48, "OverlayColumns": 48, "OverlayType": "G", "OverlayOrigin": [1, 1]}
    data = make_dicom(pixels, **TWELVE)
    data = with_overlay(data, OverlayBitsAllocated=16, OverlayBitPosition=14, **overlay)
    scan = open_one(data)
    np.testing.assert_array_equal(scan.pixels[0], tissue())
    assert not any("bits" in warning for warning in scan.warnings)


def with_overlay(data, **elements):
    import io

    import pydicom

    dataset, stream = pydicom.dcmread(io.BytesIO(data)), io.BytesIO()
    tags = {"OverlayRows": (0x10, "US"), "OverlayColumns": (0x11, "US"), "OverlayType": (0x40, "CS"),
            "OverlayOrigin": (0x50, "SS"), "OverlayBitsAllocated": (0x100, "US"), "OverlayBitPosition": (0x102, "US"),
            "OverlayData": (0x3000, "OW")}  # fmt: skip
    for name, value in elements.items():
        dataset.add_new(0x60000000 | tags[name][0], tags[name][1], value)
    dataset.save_as(stream)
    return stream.getvalue()


@pytest.mark.parametrize("bit", [12, 13, 15])
def test_overlay_bits_without_their_group_are_told_by_the_image(bit, make_dicom, open_one):
    scan = open_one(make_dicom(with_letters(tissue(), bit), **TWELVE))
    np.testing.assert_array_equal(scan.pixels[0], tissue())
    assert any("left out" in warning for warning in scan.warnings)


def test_the_same_high_bits_in_every_pixel_mean_nothing(make_dicom, open_one):
    np.testing.assert_array_equal(open_one(make_dicom(tissue() | 0xF000, **TWELVE)).pixels[0], tissue())


def test_signed_values_with_zeros_above_their_sign_are_read_in_silence(make_dicom, open_one):
    pixels = ramp(-900, 900, np.int16)
    scan = open_one(make_dicom(pixels.view(np.uint16) & 0xFFF, PixelRepresentation=1, **TWELVE))
    np.testing.assert_array_equal(scan.pixels[0], pixels)
    assert scan.warnings == ()


def test_unsigned_values_that_the_header_calls_signed_are_kept_and_said(make_dicom, open_one):
    pixels = ramp(0, 4095, np.uint16)
    scan = open_one(make_dicom(pixels, PixelRepresentation=1, **TWELVE))
    np.testing.assert_array_equal(scan.pixels[0], pixels)
    assert any("signed" in warning for warning in scan.warnings)


@pytest.mark.parametrize("stored", [12, 16])
def test_signed_values_that_the_header_calls_unsigned_are_turned_and_said(stored, make_dicom, open_one):
    pixels = ramp(-500, 500, np.int16)
    words = pixels.view(np.uint16) & ((1 << stored) - 1)
    scan = open_one(make_dicom(words, BitsStored=stored, HighBit=stored - 1))
    np.testing.assert_array_equal(scan.pixels[0], pixels)
    assert any("signed" in warning for warning in scan.warnings)


def test_a_wide_unsigned_radiograph_stays_as_it_is(make_dicom, open_one):
    pixels = ramp(0, 65535, np.uint16)
    scan = open_one(make_dicom(pixels, Modality="DX"))
    np.testing.assert_array_equal(scan.pixels[0], pixels)
    assert scan.warnings == ()


def test_unsigned_jpeg_2000_that_the_header_calls_signed_is_told_by_the_image(make_dicom, open_one):
    pixels = ramp(0, 4095, np.uint16)
    encoded = encapsulate([imagecodecs.jpeg2k_encode(pixels, level=0, reversible=True, bitspersample=12)])
    scan = open_one(make_dicom(pixels, syntax=JPEG2000Lossless, encoded=encoded, PixelRepresentation=1, **TWELVE))
    np.testing.assert_array_equal(scan.pixels[0], pixels)
    assert any("signed" in warning for warning in scan.warnings)


@pytest.mark.parametrize(("high_bit", "shift"), [(15, 4), (13, 2)])
def test_bits_above_the_lowest_are_shifted_down_in_silence(high_bit, shift, make_dicom, open_one):
    scan = open_one(make_dicom(tissue() << shift, BitsStored=12, HighBit=high_bit))
    np.testing.assert_array_equal(scan.pixels[0], tissue())
    assert scan.warnings == ()


def test_a_high_bit_that_does_not_fit_is_left_out_and_said(make_dicom, open_one):
    scan = open_one(make_dicom(tissue(), BitsStored=12, HighBit=15))
    np.testing.assert_array_equal(scan.pixels[0], tissue())
    assert any("High Bit 15" in warning for warning in scan.warnings)


@pytest.mark.parametrize("high_bit", [3, 40])
def test_a_high_bit_that_cannot_be_changes_nothing(high_bit, make_dicom, open_one):
    scan = open_one(make_dicom(tissue(), BitsStored=12, HighBit=high_bit))
    np.testing.assert_array_equal(scan.pixels[0], tissue())


def test_padding_beyond_the_stored_bits_is_padding_and_darkest(make_dicom, open_one):
    pixels = tissue()
    pixels[:6] = 63536
    scan = open_one(make_dicom(pixels, RescaleSlope=1, RescaleIntercept=-1024, PixelPaddingValue=63536, **TWELVE))
    assert scan.padding == -2000 - 1024
    assert (scan.pixels[0, :6] == scan.padding).all()
    np.testing.assert_array_equal(scan.pixels[0, 6:], tissue()[6:].astype(int) - 1024)
    assert scan.pixels.dtype == np.int16
    assert scan.warnings == ()


def test_padding_beyond_the_bits_stays_padding_where_overlay_bits_are_taken_off(make_dicom, open_one):
    pixels = with_letters(tissue(), 12)
    pixels[-4:] = 63536
    scan = open_one(make_dicom(pixels, PixelPaddingValue=63536, **TWELVE))
    assert (scan.pixels[0, -4:] == scan.padding).all()
    np.testing.assert_array_equal(scan.pixels[0, :-4], tissue()[:-4])


def test_all_slices_of_a_series_are_read_in_one_way(make_dicom, open_files):
    files = [
        make_dicom(image, ImagePositionPatient=[0, 0, n], ImageOrientationPatient=[1, 0, 0, 0, 1, 0], **TWELVE)
        for n, image in enumerate((tissue(), with_disc(tissue(), 6000), tissue()))
    ]
    scan = open_files(files).scans[0]
    np.testing.assert_array_equal(scan.pixels[1], with_disc(tissue(), 6000))
    np.testing.assert_array_equal(scan.pixels[2], tissue())


def test_monochrome1_with_values_beyond_its_bits_is_turned_round_without_wrapping(make_dicom, open_one):
    pixels = ramp(0, 6000, np.uint16)
    scan = open_one(make_dicom(pixels, PhotometricInterpretation="MONOCHROME1", **TWELVE))
    assert (np.diff(scan.pixels[0].ravel().astype(int)) <= 0).all()
