"""Hostile uploads, each made when it is asked for: what grows, what never ends, and what contradicts itself."""

from __future__ import annotations

import json
import resource
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

from benchmarks.fuzz.mutants import dicom, element, fragments, image, nifti, packed
from core.readers import Source, open_sources

Make = Callable[[], bytes]
JPEG = "1.2.840.10008.1.2.4.50"
#: Those that must not open.
REFUSED = (
    "deflated 600 MB", "million frames", "a million fragments", "png of 60000 squared", "elements by the million",
    "zip in zip", "gzip bomb", "items by the million", "nifti of nothing", "rows of nothing",
)  # fmt: skip


def _zeros(megabytes: int) -> bytes:
    """A gzip of zeros, one member a megabyte."""
    worker = zlib.compressobj(wbits=31)
    return (worker.compress(bytes(1 << 20)) + worker.flush()) * megabytes


def _gzip(data: bytes) -> bytes:
    worker = zlib.compressobj(wbits=31)
    return worker.compress(data) + worker.flush()


def _deflated(megabytes: int) -> bytes:
    """A deflated DICOM of one frame's header and zeros; the same block over and over, which costs nothing to make."""
    plain, whole = dicom(b"1.2.840.10008.1.2.1.99"), dicom()
    worker = zlib.compressobj(wbits=-15)
    body = worker.compress(whole[whole.index(b"\x08\x00\x60\x00") : -16]) + worker.flush(zlib.Z_FULL_FLUSH)
    block = worker.compress(bytes(1 << 20)) + worker.flush(zlib.Z_FULL_FLUSH)
    end = plain.index(b".99") + 3
    return plain[:end] + body + block * megabytes + worker.flush()


def _png(columns: int, rows: int, depth: int = 8, colour: int = 6, rows_there: int = 1) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + name + data + struct.pack(">L", zlib.crc32(name + data))

    row = bytes(1 + columns * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour] * depth // 8)
    worker = zlib.compressobj(9)
    data = b"".join(worker.compress(row) for _ in range(rows_there)) + worker.flush()
    palette = chunk(b"PLTE", bytes(768)) if colour == 3 else b""
    head = chunk(b"IHDR", struct.pack(">2L5B", columns, rows, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + palette + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def _nested(levels: int, stated: bool) -> bytes:
    inner = b""
    if stated:
        for _ in range(levels):
            item = struct.pack("<HHL", 0xFFFE, 0xE000, len(inner)) + inner
            inner = struct.pack("<HH2sHL", 0x0040, 0xA730, b"SQ", 0, len(item)) + item
        return inner
    start = struct.pack("<HH2sHL", 0x0040, 0xA730, b"SQ", 0, 0xFFFFFFFF)
    start += struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
    end = struct.pack("<HHL", 0xFFFE, 0xE00D, 0) + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    return start * levels + end * levels


def _items(tag: int, count: int) -> bytes:
    return (
        struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, b"SQ", 0, 8 * count)
        + struct.pack("<HHL", 0xFFFE, 0xE000, 0) * count
    )


def _private(count: int) -> bytes:
    tags = ((0x0029 + 2 * (n >> 15), 0x1000 + (n & 0x7FFF)) for n in range(count))
    return b"".join(struct.pack("<HH2sH", group, number, b"SH", 0) for group, number in tags)


def _offsets(count: int, table: list[int] | None = None) -> bytes:
    part = image("L", "JPEG", 4)[:20]
    offsets = table or [28 * n for n in range(count)]
    return dicom(
        JPEG.encode(), fragments(*[part] * count, table=struct.pack(f"<{len(offsets)}L", *offsets)), frames=count - 1
    )


def _patched(data: bytes, tag: int, value: bytes) -> bytes:
    """Another value of the same length for an element of the header."""
    at = data.index(struct.pack("<HH", tag >> 16, tag & 0xFFFF))
    return data[: at + 8] + value + data[at + 8 + len(value) :]


def _nifti(place: int, form: str, *values: float) -> bytes:
    data = bytearray(nifti())
    struct.pack_into(form, data, place, *values)
    return bytes(data)


def _tiny(count: int) -> bytes:
    return packed({f"{n}.dcm": dicom() for n in range(count)})


def uploads() -> dict[str, Make]:
    """Name to what makes the bytes."""
    found: dict[str, Make] = {
        "deflated 300 MB": lambda: _deflated(300),
        "deflated 600 MB": lambda: _deflated(600),
        "deflated noise": lambda: dicom(b"1.2.840.10008.1.2.1.99")[:-40] + bytes(range(40)),
        "million frames": lambda: _patched(dicom(frames=1_000_000), 0x00280010, b"\1\0"),
        "many frames of one pixel": lambda: _patched(
            _patched(dicom(frames=1000), 0x00280010, b"\1\0"), 0x00280011, b"\1\0"
        ),
        "offset table of 30000": lambda: _offsets(15_000),
        "offsets that run back": lambda: _offsets(300, [0, 8400] * 200),
        "offsets of nowhere": lambda: _offsets(300, [0xFFFFFFFF] * 5000),
        "a million fragments": lambda: dicom(JPEG.encode(), fragments(*[b""] * 1_000_000), frames=3),
        "nested by stated length": lambda: dicom(more=_nested(400, stated=True)),
        "nested without length": lambda: dicom(more=_nested(20_000, stated=False)),
        "private blocks": lambda: dicom(more=_private(200_000)),
        "elements by the million": lambda: dicom(more=_private(1_600_000)),
        "items by the million": lambda: dicom(more=_items(0x52009230, 3_100_000)),
        "functional groups": lambda: dicom(frames=2000, more=_items(0x52009230, 2000)),
        "windows by the thousand": lambda: dicom(
            frames=500, more=element(0x00281050, "DS", b"40\\" * 15_000) + element(0x00281051, "DS", b"80\\" * 15_000)
        ),
        "tables by the frame": lambda: dicom(
            frames=2000,
            more=struct.pack("<HH2sHL", 0x0028, 0x3000, b"SQ", 0, 0xFFFFFFFF)
            + struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
            + element(0x00283002, "US", struct.pack("<3H", 0, 0, 16))
            + element(0x00283006, "OW", bytes(range(256)) * 512)
            + struct.pack("<HHL", 0xFFFE, 0xE00D, 0)
            + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0),
        ),
        "zip in zip": lambda: packed({"a.zip": packed({"b.zip": packed({"c": b"x"})})}),
        "zip of 1500 tiny scans": lambda: _tiny(1500),
        "zip of nothing": lambda: packed({}),
        "gzip bomb": lambda: _zeros(1100),
        "gzip of empty members": lambda: _gzip(b"") * 50_000,
        "nifti of zeros": lambda: _gzip(b"") + _gzip(nifti()),
        "nifti of nothing": lambda: _nifti(40, "<8h", 3, 0, 0, 0, 1, 1, 1, 1),
        "nifti gz that grows": lambda: _gzip(_nifti(40, "<8h", 3, 600, 600, 300, 1, 1, 1, 1)[:352]) + _zeros(207),
        "rows of nothing": lambda: _patched(dicom(), 0x00280010, b"\0\0"),
    }  # fmt: skip
    for columns, rows, depth, colour in (
        (60_000, 60_000, 8, 6), (12_000, 12_000, 8, 6), (12_000, 12_000, 8, 2), (12_000, 12_000, 8, 3),
        (2_000, 2_000, 16, 6), (1_000, 1_000, 16, 2), (12_000, 12_000, 8, 0), (1, 2**31 - 1, 8, 0),
        (2**31 - 1, 1, 1, 0),
    ):  # fmt: skip
        name = "png of 60000 squared" if columns == 60_000 else f"png {columns} {rows} {depth} {colour}"
        there = rows if columns in {1_000, 2_000} else 1
        found[name] = lambda c=columns, r=rows, d=depth, k=colour, t=there: _png(min(c, 1 << 24), r, d, k, t)  # type: ignore[misc]
    whole = {
        "dicom": dicom(frames=3), "jpeg": image("L", "JPEG"), "png": image("RGBA", "PNG"), "nifti": nifti(),
        "tiff": image("L", "TIFF"), "webp": image("RGB", "WEBP"), "bmp": image("RGB", "BMP"),
        "zip": packed({"a": dicom()}), "tar": packed({"a": dicom()}, "tar"),
    }  # fmt: skip
    for kind, data in whole.items():
        found[f"{kind} cut in half"] = lambda d=data: d[: len(d) // 2]  # type: ignore[misc]
        found[f"{kind} without its end"] = lambda d=data: d[:-3]  # type: ignore[misc]
        found[f"{kind} with lengths of all ones"] = lambda d=data: d[:60] + b"\xff" * 8 + d[68:]  # type: ignore[misc]
        found[f"{kind} before a megabyte of nothing"] = lambda d=data: d + bytes(1 << 20)  # type: ignore[misc]
    for tag, value in (
        (0x00280010, b"\xff\xff"), (0x00280011, b"\xff\xff"), (0x00280002, b"\3\0"), (0x00280002, b"\xff\xff"),
        (0x00280100, b"\x20\0"), (0x00280100, b"\1\0"), (0x00280100, b"\7\0"), (0x00280101, b"\0\0"),
        (0x00280102, b"\xff\xff"), (0x00280103, b"\xff\xff"), (0x00281051, b"-1"), (0x00281050, b"na"),
    ):  # fmt: skip
        found[f"element {tag:08x} as {value.hex()}"] = lambda t=tag, v=value: _patched(dicom(), t, v)  # type: ignore[misc]
    for place, form, values in (
        (70, "<h", (1792,)), (70, "<h", (-1,)), (72, "<h", (0,)), (108, "<f", (float("nan"),)), (108, "<f", (1e30,)),
        (112, "<f", (float("inf"),)), (40, "<h", (7,)), (40, "<h", (-5,)), (42, "<3h", (32767, 32767, 32767)),
        (76, "<4f", (0, 0, 0, 0)),
    ):  # fmt: skip
        found[f"nifti {place} as {values}"] = lambda p=place, f=form, v=values: _nifti(p, f, *v)  # type: ignore[misc]
    return found


def _memory(key: str) -> int:
    """Bytes that this process holds, by a line of Linux' status; 0 elsewhere."""
    try:
        text = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return int(text.partition(f"{key}:")[2].split()[0]) * 1024


def _forget_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:  # the peak is then that of all so far, which is bounded too
        return


def _seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def report(fraction: int, fractions: int) -> None:
    """Open every so-many-th upload, and write one line of JSON about each."""
    for name, make in list(uploads().items())[fraction::fractions]:
        data = make()
        _forget_peak()
        start, fault, scans, sentence = _seconds(), "", 0, ""
        try:
            opened = open_sources([Source("upload", data)])
            scans = len(opened.scans)
            sentence = opened.skipped[0].reason if opened.skipped else " ".join(opened.notes)
            del opened
        except Exception as error:  # none may leave
            fault = f"{type(error).__name__}: {str(error)[:200]}"
        line = {"name": name, "scans": scans, "sentence": sentence, "fault": fault}
        line |= {"seconds": round(_seconds() - start, 2), "peak": _memory("VmHWM")}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
