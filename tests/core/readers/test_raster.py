import io

import numpy as np
import pytest
from PIL import Image

from core.readers import Source, open_sources

_RAMP = np.arange(65536, dtype=np.uint16).reshape(256, 256)
_RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def _file(array, kind, **options):
    stream = io.BytesIO()
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_keep_all_levels(kind, open_one):
    scan = open_one(_file(_RAMP, kind))
    assert scan.pixels.dtype == np.uint16
    assert np.array_equal(scan.pixels[0], _RAMP)


def test_big_endian_tiff_keeps_its_levels(open_one):
    data = _file(Image.frombytes("I;16B", (256, 256), _RAMP.astype(">u2").tobytes()), "TIFF")
    assert np.array_equal(open_one(data).pixels[0], _RAMP)


def test_float_tiff_keeps_its_values(open_one):
    pixels = np.array([[-0.5, 1e6]], np.float32)
    assert open_one(_file(pixels, "TIFF")).pixels.tolist() == [[[-0.5, 1e6]]]


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("BMP", {}), ("WEBP", {"lossless": True}), ("TIFF", {})])
def test_lossless_colour_is_exact(kind, options, open_one):
    scan = open_one(_file(_RGB, kind, **options))
    assert np.array_equal(scan.pixels[0], _RGB)
    assert scan.source == kind


def test_equal_channels_are_read_as_grey(open_one):
    scan = open_one(_file(np.dstack([_RAMP.astype(np.uint8)] * 3), "PNG"))
    assert not scan.is_color
    assert any("grey" in step.detail for step in scan.provenance)


def test_transparency_is_laid_on_black(open_one):
    pixels = np.array([[[200, 100, 50, 255], [200, 100, 50, 0]]], np.uint8)
    scan = open_one(_file(pixels, "PNG"))
    assert scan.pixels.tolist() == [[[[200, 100, 50], [0, 0, 0]]]]
    assert any("black" in step.detail for step in scan.provenance)


def test_palette_is_looked_up(open_one):
    image = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    image.putpalette([10, 20, 30, 40, 50, 60])
    assert open_one(_file(image, "PNG")).pixels.tolist() == [[[[10, 20, 30], [40, 50, 60]]]]


def test_cmyk_becomes_rgb(open_one):
    assert open_one(_file(Image.new("CMYK", (4, 4), (0, 255, 255, 0)), "JPEG", quality=95)).pixels[0, 0, 0, 0] > 200


@pytest.mark.parametrize("turn", range(1, 9))
def test_exif_orientation_is_applied(turn, open_one):
    exif = Image.Exif()
    exif[0x0112] = turn
    upright = np.zeros((32, 16), np.uint8)
    upright[:8, :8] = 255
    inverse = {5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
               8: Image.Transpose.ROTATE_270, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
               4: Image.Transpose.FLIP_TOP_BOTTOM}  # fmt: skip
    image = Image.fromarray(upright)
    stored = image.transpose(inverse[turn]) if turn in inverse else image
    scan = open_one(_file(stored, "JPEG", exif=exif, quality=95))
    assert scan.pixels.shape == (1, 32, 16)
    assert np.abs(scan.pixels[0].astype(int) - upright).max() < 20


def test_what_the_camera_noted_is_dropped(open_one):
    exif = Image.Exif()
    exif[0x013B], exif[0x010E] = "Jane Roe", "Ward 5"
    scan = open_one(_file(_RGB, "JPEG", exif=exif))
    assert "Roe" not in repr((scan.facts, scan.provenance, scan.title, scan.warnings))


def test_pages_of_one_size_are_slices(open_one):
    pages = [Image.fromarray(np.full((4, 5), n, np.uint8)) for n in range(3)]
    scan = open_one(_file(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    assert (scan.axis, scan.pixels[:, 0, 0].tolist()) == ("slice", [0, 1, 2])
    assert scan.title == "TIFF series, 3 pages"


def test_pages_of_several_sizes_are_scans_of_their_own():
    pages = [Image.new("L", (4, 4)), Image.new("L", (5, 5))]
    opened = open_sources([Source("x", _file(pages[0], "TIFF", save_all=True, append_images=pages[1:]))])
    assert [scan.columns for scan in opened.scans] == [4, 5]
    assert len({scan.digest for scan in opened.scans}) == 2


def test_huge_image_is_refused_before_decoding(refuse_one):
    assert "150 million pixels" in refuse_one(_file(Image.new("1", (20000, 8000)), "PNG"))


def test_cut_image_says_so(refuse_one):
    assert "cut short" in refuse_one(_file(_RAMP, "PNG")[:300])
