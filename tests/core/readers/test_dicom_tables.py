"""VOI, modality and palette tables whose descriptor is wrong: mended where one reading fits, else one sentence."""

import numpy as np
import pytest
from pydicom.dataset import Dataset

from core.scan import VoiTable, display_frame

STORED = np.linspace(0, 4095, 64 * 64).round().astype(np.uint16).reshape(64, 64)
TWELVE = {"BitsStored": 12, "HighBit": 11, "Modality": "CR"}


def table(descriptor, data, *, vr="US", data_vr="OW", signed=False):
    item = Dataset()
    item.add_new(0x00283002, "SS" if signed else vr, descriptor)
    if data is not None:
        item.add_new(0x00283006, data_vr, data)
    return [item]


def words(low, high, count=4096):
    return np.linspace(low, high, count).round().astype("<u2").tobytes()


def grey(scan):
    return display_frame(scan, 0).astype(int)


EXPECTED = np.floor(STORED / 4095 * 255 + 0.5).astype(int)

MENDED = {
    "16 bits said, 12 used": ([4096, 0, 16], words(0, 4095), True),
    "16 bits said, 10 used": ([4096, 0, 16], words(0, 1023), True),
    "8 bits said, 16 used": ([4096, 0, 8], words(0, 65535), True),
    "no bits said": ([4096, 0, 0], words(0, 4095), True),
    "32 bits said": ([4096, 0, 32], words(0, 65535), True),
    "12 bits, as it should be": ([4096, 0, 12], words(0, 4095), False),
    "more entries than said": ([256, 0, 12], words(0, 4095), True),
    "fewer entries said than needed, all there": ([4000, 0, 16], words(0, 65535), True),
}


@pytest.mark.parametrize(("descriptor", "data", "said"), MENDED.values(), ids=MENDED)
def test_a_voi_table_goes_from_black_to_white_whatever_its_descriptor_says(
    descriptor, data, said, make_dicom, open_one
):
    scan = open_one(make_dicom(STORED, VOILUTSequence=table(descriptor, data), **TWELVE))
    assert np.abs(grey(scan) - EXPECTED).max() <= 1
    assert bool(scan.warnings) == said


def test_entries_of_one_byte_may_be_packed_in_words(make_dicom, open_one):
    data = np.linspace(0, 255, 4096).round().astype(np.uint8).tobytes()
    scan = open_one(make_dicom(STORED, VOILUTSequence=table([4096, 0, 8], data), **TWELVE))
    assert np.abs(grey(scan) - EXPECTED).max() <= 1


def test_no_entries_said_means_65536(make_dicom, open_one):
    pixels = np.linspace(0, 65535, 64 * 64).round().astype(np.uint16).reshape(64, 64)
    scan = open_one(make_dicom(pixels, Modality="CR", VOILUTSequence=table([0, 0, 16], words(0, 65535, 65536))))
    assert len(scan.windows[0].table) == 65536
    assert np.abs(grey(scan) - EXPECTED).max() <= 1


FIRST = {
    "unsigned written signed": (40_000, np.uint16, [4096, 40_000 - 65536, 16], True),
    "signed written unsigned": (-1000, np.int16, [4096, 65536 - 1000, 16], False),
    "signed as it should be": (-1000, np.int16, [4096, -1000, 16], True),
}


@pytest.mark.parametrize(("first", "dtype", "descriptor", "signed"), FIRST.values(), ids=FIRST)
def test_the_first_value_has_the_sign_that_fits_the_pixels(first, dtype, descriptor, signed, make_dicom, open_one):
    pixels = (STORED.astype(int) + first).astype(dtype)
    scan = open_one(make_dicom(pixels, Modality="CR", VOILUTSequence=table(descriptor, words(0, 65535), signed=signed)))
    assert np.abs(grey(scan) - EXPECTED).max() <= 1


def test_the_first_value_is_in_modality_units(make_dicom, open_one):
    tables = table([4096, 65536 - 1024, 16], words(0, 65535))
    scan = open_one(make_dicom(STORED, RescaleSlope=1, RescaleIntercept=-1024, VOILUTSequence=tables, **TWELVE))
    assert np.abs(grey(scan) - EXPECTED).max() <= 1


REFUSED = {
    "cut short": ([4096, 0, 16], words(0, 65535)[:5000]),
    "flat": ([4096, 0, 16], words(700, 700)),
    "beyond the pixels": ([4096, 20_000, 16], words(0, 65535)),
    "without its descriptor": ([4096, 0], words(0, 65535)),
    "without entries": ([4096, 0, 16], None),
}


@pytest.mark.parametrize(("descriptor", "data"), REFUSED.values(), ids=REFUSED)
def test_a_voi_table_that_cannot_be_right_is_left_out_with_a_sentence(descriptor, data, make_dicom, open_one):
    scan = open_one(make_dicom(STORED, WindowCenter=2048, WindowWidth=4096,
                               VOILUTSequence=table(descriptor, data), **TWELVE))  # fmt: skip
    assert not isinstance(scan.windows[0], VoiTable)
    assert len([warning for warning in scan.warnings if "VOI table" in warning and "left out" in warning]) == 1
    assert np.abs(grey(scan) - EXPECTED).max() <= 1


def test_a_table_that_lacks_only_what_no_pixel_needs_is_used(make_dicom, open_one):
    low = (STORED // 4).astype(np.uint16)
    scan = open_one(make_dicom(low, VOILUTSequence=table([4096, 0, 16], words(0, 65535, 1024)), **TWELVE))
    assert np.abs(grey(scan) - EXPECTED).max() <= 1


def test_a_modality_table_with_the_wrong_sign_gives_the_right_values(make_dicom, open_one):
    pixels = (STORED.astype(int) - 2048).astype(np.int16)
    tables = table([4096, 65536 - 2048, 16], words(0, 4095))
    scan = open_one(make_dicom(pixels, ModalityLUTSequence=tables, **TWELVE))
    assert np.abs(scan.pixels[0].astype(int) - STORED.astype(int)).max() <= 0


def test_a_modality_table_that_is_cut_short_is_left_out_with_a_sentence(make_dicom, open_one):
    scan = open_one(make_dicom(STORED, ModalityLUTSequence=table([4096, 0, 16], words(0, 4095)[:100]), **TWELVE))
    np.testing.assert_array_equal(scan.pixels[0], STORED)
    assert any("modality table" in warning for warning in scan.warnings)


def palette(count, bits, data, first=0):
    elements = {}
    for colour in ("Red", "Green", "Blue"):
        elements[f"{colour}PaletteColorLookupTableDescriptor"] = [count, first, bits]
        elements[f"{colour}PaletteColorLookupTableData"] = data
    return elements | {"PhotometricInterpretation": "PALETTE COLOR", "Modality": "US"}


LEVELS = np.arange(256, dtype=np.uint8)
PALETTES = {
    "16 bits": (16, (LEVELS.astype("<u2") * 257).tobytes()),
    "16 bits said, 8 used": (16, LEVELS.astype("<u2").tobytes()),
    "16 bits said, 12 used": (16, (LEVELS.astype("<u2") * 16 + LEVELS // 16).astype("<u2").tobytes()),
    "8 bits in the upper half of words": (8, (LEVELS.astype("<u2") << 8).tobytes()),
    "8 bits, packed": (8, LEVELS.tobytes()),
}


@pytest.mark.parametrize(("bits", "data"), PALETTES.values(), ids=PALETTES)
def test_a_palette_is_as_bright_as_it_is_meant(bits, data, make_dicom, open_one):
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    scan = open_one(make_dicom(pixels, **palette(256, bits, data)))
    assert np.abs(scan.pixels[0, ..., 1].astype(int) - pixels).max() <= 1


def test_a_palette_with_missing_colours_is_used_and_said(make_dicom, open_one):
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    scan = open_one(make_dicom(pixels, **palette(256, 16, (LEVELS[:200].astype("<u2") * 257).tobytes())))
    np.testing.assert_array_equal(scan.pixels[0, ..., 0], np.minimum(pixels, 199))
    assert any("200 of 256 colours" in warning for warning in scan.warnings)
