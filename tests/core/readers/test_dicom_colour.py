"""Colours by what the samples are, where header and codestream contradict each other."""

import io

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.pixels import convert_color_space
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless

ROWS, COLUMNS = np.mgrid[:64, :64]
#: Grey tissue with a red and a blue area, as Doppler ultrasound has it.
DOPPLER = np.repeat((40 + ROWS + COLUMNS).astype(np.uint8)[..., None], 3, axis=-1)
DOPPLER[20:40, 10:30] = np.stack([150 + COLUMNS, ROWS, 20 + 0 * ROWS], -1)[20:40, 10:30]
DOPPLER[40:60, 35:60] = np.stack([0 * ROWS, COLUMNS, 120 + ROWS], -1)[40:60, 35:60]
YBR = convert_color_space(DOPPLER, "RGB", "YBR_FULL")


def bare_jpeg(subsampling, identifiers=None):
    """Of YCbCr, without the markers that say so."""
    stream = io.BytesIO()
    Image.fromarray(DOPPLER).save(stream, "JPEG", quality=97, subsampling=subsampling)
    whole = stream.getvalue()
    at, kept = 2, whole[:2]
    while whole[at + 1] != 0xDA:
        length = int.from_bytes(whole[at + 2 : at + 4], "big")
        if whole[at + 1] not in {0xE0, 0xEE}:
            kept += whole[at : at + 2 + length]
        at += 2 + length
    return kept + whole[at:]


def jpeg_of(samples, **colours):
    return imagecodecs.jpeg8_encode(samples, level=97, **colours)


def error(scan):
    """Mean difference, without the edges that a subsampled JPEG blurs."""
    return float(np.abs(scan.pixels[0].astype(int) - DOPPLER).mean())


@pytest.fixture
def open_jpeg(make_dicom, open_one):
    def opened(encoded, photometric, syntax=JPEGBaseline8Bit):
        elements = {"PhotometricInterpretation": photometric, "Modality": "US"}
        return open_one(make_dicom(DOPPLER, syntax=syntax, encoded=encapsulate([encoded]), **elements))

    return opened


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize("subsampling", [1, 2])
def test_halved_chroma_is_chroma_whatever_the_header_says(photometric, subsampling, open_jpeg):
    assert error(open_jpeg(bare_jpeg(subsampling), photometric)) < 3


def test_without_any_sign_the_header_decides(open_jpeg):
    assert error(open_jpeg(bare_jpeg(0), "YBR_FULL")) < 3


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "YBR_FULL_422"])
def test_adobes_marker_outweighs_the_header(photometric, open_jpeg):
    assert error(open_jpeg(jpeg_of(DOPPLER, colorspace="rgb", outcolorspace="rgb"), photometric)) < 3


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_components_named_r_g_and_b_outweigh_the_header(photometric, open_jpeg):
    encoded = bytearray(jpeg_of(DOPPLER, colorspace="rgb", outcolorspace="rgb"))
    adobe = encoded.index(b"\xff\xee")
    del encoded[adobe : adobe + 16]
    frame, scan = encoded.index(b"\xff\xc0"), encoded.index(b"\xff\xda")
    for number, name in enumerate(b"RGB"):
        encoded[frame + 10 + 3 * number] = encoded[scan + 5 + 2 * number] = name
    assert error(open_jpeg(bytes(encoded), photometric)) < 3


@pytest.mark.parametrize("photometric", ["RGB", "YBR_RCT", "YBR_FULL"])
def test_jpeg_2000_that_undoes_its_own_transform_is_rgb(photometric, open_jpeg):
    encoded = imagecodecs.jpeg2k_encode(DOPPLER, level=0, reversible=True, mct=True)
    assert error(open_jpeg(encoded, photometric, JPEG2000Lossless)) == 0


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless])
@pytest.mark.parametrize(
    ("samples", "photometric", "said"),
    [(DOPPLER, "RGB", False), (DOPPLER, "YBR_FULL", True), (YBR, "YBR_FULL", False), (YBR, "RGB", True)],
    ids=["rgb", "rgb called ybr", "ybr", "ybr called rgb"],
)
def test_samples_without_a_transform_are_judged_by_themselves(samples, photometric, said, syntax, open_jpeg):
    encode = {
        JPEG2000Lossless: lambda a: imagecodecs.jpeg2k_encode(a, level=0, reversible=True, mct=False),
        JPEGLSLossless: imagecodecs.jpegls_encode,
    }[syntax]
    scan = open_jpeg(encode(samples), photometric, syntax)
    assert error(scan) < 1
    assert bool(scan.warnings) == said


@pytest.mark.parametrize(
    ("samples", "photometric", "said"),
    [(DOPPLER, "RGB", False), (DOPPLER, "YBR_FULL", True), (YBR, "YBR_FULL", False), (YBR, "RGB", True),
     (YBR, "YBR_FULL_422", False), (DOPPLER, "YBR_FULL_422", True)],
)  # fmt: skip
def test_uncompressed_samples_are_judged_by_themselves(samples, photometric, said, make_dicom, open_one):
    scan = open_one(make_dicom(samples, PhotometricInterpretation=photometric, Modality="US"))
    assert error(scan) < 1
    assert bool(scan.warnings) == said


def test_halved_chroma_that_the_header_calls_whole_is_told_by_the_length(make_dicom, open_one):
    halves = YBR.reshape(64, 32, 2, 3)
    packed = np.stack([halves[..., 0, 0], halves[..., 1, 0], halves[..., 0, 1], halves[..., 0, 2]], -1).astype(np.uint8)
    data = make_dicom(packed.reshape(64, 128), Modality="US", Columns=64, SamplesPerPixel=3, PlanarConfiguration=0,
                      PhotometricInterpretation="YBR_FULL")  # fmt: skip
    scan = open_one(data)
    assert error(scan) < 3


@pytest.mark.parametrize("image", [DOPPLER, np.repeat(DOPPLER[..., :1], 3, axis=-1)], ids=["colour", "grey"])
@pytest.mark.parametrize(("planar", "stated"), [(0, 0), (1, 1), (0, 1), (1, 0)])
def test_planes_are_told_from_pixels_whatever_the_header_says(planar, stated, image, make_dicom, open_one):
    stored = np.ascontiguousarray(image.transpose(2, 0, 1)).reshape(64, 64, 3) if planar else image
    scan = open_one(make_dicom(stored, PlanarConfiguration=stated, Modality="US"))
    np.testing.assert_array_equal(scan.pixels[0], image)
    assert bool(scan.warnings) == (planar != stated)


def test_plain_colours_stay_what_the_header_says(make_dicom, open_one):
    for colour in ((255, 0, 0), (0, 128, 128), (128, 128, 128), (0, 0, 0), (255, 255, 255)):
        image = np.full((16, 16, 3), colour, np.uint8)
        scan = open_one(make_dicom(image, Modality="US"))
        np.testing.assert_array_equal(scan.pixels[0], image)
        assert scan.warnings == ()


def test_all_frames_are_read_in_one_way(make_dicom, open_one):
    frames = np.stack([np.zeros_like(DOPPLER), DOPPLER, np.zeros_like(DOPPLER)])
    scan = open_one(make_dicom(frames, PhotometricInterpretation="YBR_FULL", Modality="US"))
    np.testing.assert_array_equal(scan.pixels, frames)


def test_what_was_done_to_the_colours_is_said(open_jpeg):
    said = [step.name for step in open_jpeg(bare_jpeg(2), "RGB").provenance]
    assert "Colour" in said
    plain = open_jpeg(jpeg_of(DOPPLER, colorspace="rgb", outcolorspace="rgb"), "YBR_FULL")
    assert "Colour" not in [step.name for step in plain.provenance]


def test_a_frame_with_other_samples_than_the_header_says_so(make_dicom, refuse_one):
    data = make_dicom(DOPPLER[..., 0], syntax=JPEGBaseline8Bit, encoded=encapsulate([bare_jpeg(0)]), Modality="US")
    reason = refuse_one(data)
    assert "one sample" in reason
    assert "3 samples" in reason
