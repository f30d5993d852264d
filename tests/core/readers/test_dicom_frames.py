import struct

import imagecodecs
import numpy as np
import pytest
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import (
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from core.readers import Source, open_sources
from core.readers.dicom.codestream import codestream_of

_GREY = np.random.default_rng(3).integers(0, 4096, (2, 24, 20), dtype=np.uint16)


def _jpeg2000(frame):
    return imagecodecs.jpeg2k_encode(frame, reversible=True, level=0, codecformat="j2k")


@pytest.mark.parametrize(
    ("syntax", "encode"),
    [
        (JPEG2000Lossless, _jpeg2000),
        (HTJ2KLossless, imagecodecs.htj2k_encode),
        (JPEGLSLossless, imagecodecs.jpegls_encode),
        (JPEGLosslessSV1, lambda frame: imagecodecs.ljpeg_encode(frame, bitspersample=16)),
    ],
    ids=["JPEG 2000", "HTJ2K", "JPEG-LS", "JPEG Lossless"],
)
@pytest.mark.parametrize("signed", [False, True])
def test_lossless_syntaxes_give_the_pixels_back(syntax, encode, signed, make_dicom, open_one):
    frames = (_GREY.astype(np.int16) - 2048) if signed else _GREY
    words = frames.view(np.uint16) if syntax in {JPEGLSLossless, JPEGLosslessSV1, HTJ2KLossless} else frames
    encoded = encapsulate([encode(np.ascontiguousarray(frame)) for frame in words])
    assert np.array_equal(open_one(make_dicom(frames, syntax=syntax, encoded=encoded)).pixels, frames)


def test_twelve_bit_jpeg_decodes(make_dicom, open_one):
    smooth = np.add.outer(np.arange(24), np.arange(20)).astype(np.uint16) * 80
    encoded = encapsulate([imagecodecs.jpeg8_encode(smooth, level=100, bitspersample=12)])
    scan = open_one(make_dicom(smooth, syntax=JPEGExtended12Bit, encoded=encoded, BitsStored=12, HighBit=11))
    assert np.abs(scan.pixels[0].astype(int) - smooth).max() <= 4


@pytest.mark.parametrize("fragments", [1, 3])
@pytest.mark.parametrize("offsets", [True, False])
def test_frames_in_fragments_are_put_together(fragments, offsets, make_dicom, open_one):
    frames = [_jpeg2000(frame) for frame in _GREY]
    encoded = encapsulate(frames, fragments_per_frame=fragments, has_bot=offsets)
    assert np.array_equal(open_one(make_dicom(_GREY, syntax=JPEG2000Lossless, encoded=encoded)).pixels, _GREY)


def test_extended_offset_table_is_followed(make_dicom, open_one):
    encoded, table, lengths = encapsulate_extended([_jpeg2000(frame) for frame in _GREY])
    data = make_dicom(
        _GREY, syntax=JPEG2000Lossless, encoded=encoded, ExtendedOffsetTable=table, ExtendedOffsetTableLengths=lengths
    )
    assert np.array_equal(open_one(data).pixels, _GREY)


def test_frame_that_is_cut_is_left_out(make_dicom, open_one):
    encoded = encapsulate([_jpeg2000(frame) for frame in _GREY])
    scan = open_one(make_dicom(_GREY, syntax=JPEG2000Lossless, encoded=encoded)[:-40])
    assert np.array_equal(scan.pixels, _GREY[:1])
    assert "1 of 2 frames are whole" in scan.warnings[0]


def test_a_broken_frame_leaves_the_others_and_says_so(make_dicom, open_one):
    encoded = encapsulate([_jpeg2000(_GREY[0]), b"\xff\x4f\xff\x51" + b"\0" * 60])
    opened = open_sources([Source("x", make_dicom(_GREY, syntax=JPEG2000Lossless, encoded=encoded))])
    assert np.array_equal(opened.scans[0].pixels, _GREY[:1])
    assert "1 of 2 frames could not be decoded" in opened.scans[0].warnings[-1]


def test_one_bit_frames_follow_each_other_bit_by_bit(make_dicom, open_one):
    bits = np.random.default_rng(1).integers(0, 2, (3, 3, 5), dtype=np.uint8)
    packed = np.packbits(bits.ravel(), bitorder="little")
    data = make_dicom(
        packed[None], BitsAllocated=1, BitsStored=1, HighBit=0, Rows=3, Columns=5, NumberOfFrames=3, Modality="SEG"
    )
    assert np.array_equal(open_one(data).pixels, bits)


def test_codestream_tells_its_size():
    facts = codestream_of(_jpeg2000(_GREY[0].astype(np.int16)))
    assert (facts.rows, facts.columns, facts.components, facts.precision, facts.signed) == (24, 20, 1, 16, True)
    facts = codestream_of(imagecodecs.jpegls_encode(_GREY[0]))
    assert (facts.family, facts.rows, facts.columns) == ("jpeg-ls", 24, 20)
    assert codestream_of(b"\xff\xd8\xff\xe0\x00") is None
    assert codestream_of(b"") is None


@pytest.mark.parametrize("table", [(9, 64), (1, 1 << 31), (2, 5000, 64), (0,)])
def test_rle_table_that_points_elsewhere_is_refused(table, make_dicom, refuse_one):
    frame = struct.pack("<16L", *table, *[0] * (16 - len(table))) + b"\x7f" * 200
    data = make_dicom(_GREY[:1], syntax=RLELossless, encoded=encapsulate([frame]))
    assert "RLE" in refuse_one(data)
