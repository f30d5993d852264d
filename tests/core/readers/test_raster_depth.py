"""Images with more than 8 bits, a sign, or samples laid out in a rare way: every level, or one clear sentence."""

import io
import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from core.readers import Source, open_sources

_LEVELS = (np.arange(48) * 1365).astype(np.uint16).reshape(6, 8)


def _png(samples, color, extra=b""):
    """A 16-bit PNG, which Pillow does not write in colour: (rows, columns, channels) uint16."""
    rows, columns = samples.shape[:2]

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">2I5B", columns, rows, 16, color, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _tiff(*pages, order="<", big=False, photometric=1, extra=(), planar=False, turn=1, **tags):
    """An uncompressed TIFF: pages (rows, columns[, channels]) of any type; `planar` parts the channels."""
    size, word, count = ("Q", 8, "Q") if big else ("I", 4, "H")
    out = bytearray((b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42))
    out += struct.pack(order + "HHQ", 8, 0, 0) if big else struct.pack(order + "I", 0)
    link = len(out) - word
    for page in pages:
        channels = page.shape[2] if page.ndim == 3 else 1
        stored = page.astype(page.dtype.newbyteorder(order))
        strips = [stored[..., n].tobytes() for n in range(channels)] if planar else [stored.tobytes()]
        starts = []
        for strip in strips:
            starts.append(len(out))
            out += strip
        kind = {"u": 1, "b": 1, "i": 2, "f": 3, "c": 6}[page.dtype.kind]
        entries = {
            256: ("I", [page.shape[1]]), 257: ("I", [page.shape[0]]), 258: ("H", [page.dtype.itemsize * 8] * channels),
            259: ("H", [1]), 262: ("H", [photometric]), 273: (size, starts), 274: ("H", [turn]), 277: ("H", [channels]),
            278: ("I", [page.shape[0]]), 279: (size, [len(strip) for strip in strips]),
            284: ("H", [2 if planar else 1]), 339: ("H", [kind] * channels),
        }  # fmt: skip
        if extra:
            entries[338] = ("H", list(extra))
        entries |= {int(tag[1:]): value for tag, value in tags.items()}
        directory = struct.pack(order + count, len(entries))
        later, at = b"", 0
        place = len(out) + struct.calcsize(order + count) + len(entries) * (12 if word == 4 else 20) + word
        for tag, (form, values) in sorted(entries.items()):
            data = struct.pack(f"{order}{len(values)}{form}", *values)
            if len(data) > word:
                data, later, at = struct.pack(order + size, place + at), later + data, at + len(data)
            code = {"H": 3, "I": 4, "Q": 16}[form]
            directory += struct.pack(f"{order}HH{size}", tag, code, len(values)) + data.ljust(word, b"\0")
        out[link : link + word] = struct.pack(order + size, len(out))
        out += directory
        link = len(out)
        out += bytes(word) + later
    return bytes(out)


def _ramp(kind):
    """48 values over the whole range of a type, or from -1e6 to 1e6 of a float."""
    kind = np.dtype(kind)
    low, high = (-1e4, 1e4) if kind.kind == "f" else (np.iinfo(kind).min, np.iinfo(kind).max)
    steps = [int(low) + (int(high) - int(low)) * n // 47 for n in range(48)]
    return np.array(steps, kind).reshape(6, 8)


@pytest.mark.parametrize(("color", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_a_16_bit_png_with_equal_channels_keeps_all_levels(color, channels, open_one):
    samples = np.repeat(_LEVELS[..., None], channels, axis=-1)
    if channels in {2, 4}:
        samples[..., -1] = 65535
    scan = open_one(_png(samples, color))
    assert scan.pixels.dtype == np.uint16
    assert np.array_equal(scan.pixels[0], _LEVELS)
    assert not scan.warnings


def test_16_bit_colours_become_8_by_rounding_and_say_so(open_one):
    samples = np.stack([_LEVELS, _LEVELS[::-1], _LEVELS[:, ::-1]], axis=-1)
    scan = open_one(_png(samples, 2))
    assert np.array_equal(scan.pixels[0], np.round(samples / 257))
    assert "16 bits; they are shown in 8" in scan.warnings[0]
    assert np.array_equal(open_one(_tiff(samples, photometric=2)).pixels, scan.pixels)


def test_16_bit_transparency_is_laid_on_black_with_all_levels(open_one):
    samples = np.stack([np.full((6, 8), 60000, np.uint16), _LEVELS], axis=-1)
    expected = np.round(60000.0 * _LEVELS / 65535)
    for data in (_png(samples, 4), _tiff(samples, extra=[2])):
        scan = open_one(data)
        assert np.array_equal(scan.pixels[0], expected)
        assert any("black" in step.detail for step in scan.provenance)


def test_a_level_marked_transparent_keeps_its_value(open_one):
    mark = struct.pack(">I", 2) + b"tRNS\5\x55" + struct.pack(">I", zlib.crc32(b"tRNS\5\x55"))
    assert np.array_equal(open_one(_png(_LEVELS[..., None], 0, mark)).pixels[0], _LEVELS)


@pytest.mark.parametrize("kind", ["i1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"])
@pytest.mark.parametrize("form", [{}, {"order": ">"}, {"big": True}], ids=["little", "big endian", "BigTIFF"])
def test_a_tiff_keeps_values_of_every_type(kind, form, open_one):
    values = _ramp(kind)
    scan = open_one(_tiff(values, **form))
    assert np.array_equal(scan.pixels[0], values.astype(np.float32))
    assert any("rounded" in warning for warning in scan.warnings) == (kind in {"i4", "u4", "i8", "u8"})


@pytest.mark.parametrize(
    ("values", "brightest"), [(_ramp("u2"), 65535), (_ramp("u4"), 2**32 - 1), (_ramp("i2"), 32768), (_ramp("f4"), 1e4)]
)
def test_a_tiff_that_counts_from_white_is_turned_round(values, brightest, open_one):
    scan = open_one(_tiff(values, photometric=0))
    assert scan.pixels[0, 0, 0] == pytest.approx(brightest)
    assert np.all(np.diff(scan.pixels[0].ravel().astype(float)) < 0)
    assert any(step.name == "Inversion" for step in scan.provenance)
    assert any("negated" in warning for warning in scan.warnings) == (values.dtype.kind != "u")


@pytest.mark.parametrize("planar", [False, True])
def test_channels_in_planes_are_put_together(planar, open_one):
    samples = np.stack([_LEVELS, _LEVELS[::-1], _LEVELS], axis=-1)
    scan = open_one(_tiff(samples, photometric=2, planar=planar))
    assert np.array_equal(scan.pixels[0], np.round(samples / 257))


def test_channels_that_are_no_colours_show_the_first_and_say_so(open_one):
    samples = np.stack([_LEVELS, _LEVELS * 0], axis=-1)
    scan = open_one(_tiff(samples, extra=[0]))
    assert np.array_equal(scan.pixels[0], _LEVELS)
    assert "2 channels" in scan.warnings[0]


def test_pages_with_a_sign_are_slices(open_one):
    pages = [np.full((6, 8), value, np.int16) for value in (-5, 0, 7)]
    scan = open_one(_tiff(*pages))
    assert (scan.axis, scan.pixels[:, 0, 0].tolist()) == ("slice", [-5, 0, 7])


def test_pages_of_several_depths_are_scans_of_their_own():
    opened = open_sources([Source("x", _tiff(np.full((6, 8), 9, np.uint8), _ramp("f4")))])
    assert [scan.pixels.dtype.name for scan in opened.scans] == ["uint8", "float32"]


def test_pixels_that_are_not_numbers_are_named(open_one):
    values = _ramp("f4")
    values[0, 0] = np.nan
    assert "not numbers" in open_one(_tiff(values)).warnings[0]


@pytest.mark.parametrize("values", [_ramp("u1"), _ramp("i2")])
@pytest.mark.parametrize("turn", [3, 6, 8])
def test_the_orientation_of_a_tiff_is_applied_at_every_depth(values, turn, open_one):
    scan = open_one(_tiff(values, turn=turn))
    assert np.array_equal(scan.pixels[0], np.rot90(values, {3: 2, 6: -1, 8: 1}[turn]))
    assert any(step.name == "Orientation" for step in scan.provenance)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_the_orientation_of_png_and_webp_is_applied(kind, open_one):
    exif, stream = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    image = np.arange(48, dtype=np.uint8).reshape(6, 8)
    Image.fromarray(image).save(stream, kind, exif=exif, lossless=True)
    assert np.array_equal(open_one(stream.getvalue()).pixels[0], np.rot90(image, -1))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (_tiff(_ramp("u2"), photometric=3), "a palette of 16 bits"),
        (_tiff(np.repeat(_LEVELS[..., None], 4, axis=-1), photometric=5), "CMYK of 16 bits"),
        (_tiff(_ramp("f4").astype(np.complex64)), "complex numbers"),
        (_tiff(_LEVELS.view(np.uint8), t258=("H", [48]), t256=("I", [2])), "samples of 48 bits"),
        (_tiff(np.stack([_ramp("f4")] * 2 + [_ramp("f4")[::-1]], -1), photometric=2), "floats from 0 to 1"),
        (_tiff(_ramp("i2"))[:60], "broken"),
    ],
    ids=["palette", "CMYK", "complex", "48 bits", "float colours", "cut"],
)
def test_samples_that_are_not_supported_are_named(data, said, refuse_one):
    assert said in refuse_one(data)


def test_packed_samples_of_12_bits_are_unpacked(open_one):
    packed = np.array([[0x12, 0x3A, 0xBC, 0xFF, 0xF0, 0x01]], np.uint8)
    scan = open_one(_tiff(packed, t258=("H", [12]), t256=("I", [4])))
    assert scan.pixels[0].tolist() == [[0x123, 0xABC, 0xFFF, 0x001]]


def test_a_jpeg_of_12_bits_keeps_its_levels(open_one):
    levels = (np.arange(64 * 64) % 4096).astype(np.uint16).reshape(64, 64)
    scan = open_one(imagecodecs.jpeg8_encode(levels, level=100, bitspersample=12))
    assert np.abs(scan.pixels[0].astype(int) - levels).max() <= 4
    assert any("12 bits" in step.detail for step in scan.provenance)


def test_lossless_jpegs_keep_every_level(open_one):
    levels = _LEVELS >> 4
    for data in (imagecodecs.ljpeg_encode(levels, bitspersample=12), imagecodecs.jpegls_encode(levels)):
        assert np.array_equal(open_one(data).pixels[0], levels)


@pytest.mark.parametrize("adobe", [True, False])
def test_the_inks_of_a_cmyk_jpeg_are_inverted_only_where_adobe_wrote_them(adobe, open_one):
    inks = np.zeros((16, 16, 4), np.uint8)
    inks[..., 1:3] = 255  # magenta and yellow: red
    stream = io.BytesIO()
    Image.fromarray(inks, "CMYK").save(stream, "JPEG", quality=95)
    data = stream.getvalue()
    if not adobe:  # without the marker the numbers are inks as they are
        at = data.index(b"\xff\xee")
        stream = io.BytesIO()
        Image.fromarray(255 - inks, "CMYK").save(stream, "JPEG", quality=95)
        data = stream.getvalue()
        at = data.index(b"\xff\xee")
        data = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
    red, green, blue = open_one(data).pixels[0, 8, 8]
    assert red > 200
    assert max(green, blue) < 60


def test_a_colour_profile_is_named_and_not_applied(open_one):
    stream = io.BytesIO()
    image = np.arange(48, dtype=np.uint8).reshape(6, 8)
    Image.fromarray(image).save(stream, "PNG", icc_profile=b"a profile")
    scan = open_one(stream.getvalue())
    assert np.array_equal(scan.pixels[0], image)
    assert any(step.name == "Colour profile" for step in scan.provenance)


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\xff\x0a", "JPEG XL"),
        (b"GIF89a", "GIF animation"),
        (b"NRRD0004", "NRRD volume"),
        (b"8BPS\0\1", "Photoshop"),
    ],
)
def test_formats_that_are_not_read_are_named(start, said, refuse_one):
    assert said in refuse_one(start + bytes(64))
