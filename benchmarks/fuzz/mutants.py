"""Ten thousand broken files, each read as the app would read it: `make fuzz`, or this module with count and first.

The seeds are made here, small and whole, of every kind that is read: scans, archives, cards, results and references.
A mutant is a seed with bits turned, bytes replaced by those that parsers trip over, parts cut out, doubled or swapped
with another seed's. It is the number of the mutant that decides everything, so one that is found is made again by its
number. A mutant may open, or be refused by the errors that its reader names; anything else is a fault.
"""

from __future__ import annotations

import io
import random
import struct
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.errors import ScanLensError
from core.evaluation.store.exchange import import_file
from core.inference.ood import read_reference
from core.models.card import load_card
from core.readers import Source, open_sources

#: Bytes and words at which parsers go wrong: ends of ranges, marks of formats, lengths that are undefined.
TROUBLE = (
    b"\0", b"\xff", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\x80", b"\xfe\xff\x00\xe0", b"-1",
    b"\xfe\xff\xdd\xe0", b"PK\x05\x06", b"nan", b"1e999", b"{" * 9, b"[" * 9, b"*a", b"SQ", b"\xff\xd8\xff", b"\\",
    b"\n",
)  # fmt: skip
CARD = b"""---
scanlens:
  title: T
  summary: S
  task: binary
  labels: [a, b]
  threshold: 0.5
  explain_layer: out
  training_modality: images
  sha256: {model.onnx: ab}
  inputs:
  - {name: image, kind: image, size: [4, 4], channels: 1, range: [0, 1], intensity: display, resize: stretch}
---
# Card
"""


def element(tag: int, kind: str, value: bytes) -> bytes:
    """One element in Explicit VR Little Endian."""
    value += b"\0" * (len(value) % 2)
    long = kind in {"OB", "OW", "SQ", "UN", "UT"}
    size = struct.pack("<HL", 0, len(value)) if long else struct.pack("<H", len(value))
    return struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, kind.encode()) + size + value


def dicom(
    syntax: bytes = b"1.2.840.10008.1.2.1", body: bytes | None = None, frames: int = 1, more: bytes = b""
) -> bytes:
    """A small DICOM file; `more` stands before the pixels, in group 0028 or above."""
    meta = element(0x00020010, "UI", syntax)
    head = element(0x00080060, "CS", b"MR") + element(0x00200032, "DS", b"0\\0\\0 ")
    head += element(0x00200037, "DS", b"1\\0\\0\\0\\1\\0")
    head += element(0x00280002, "US", b"\1\0") + element(0x00280004, "CS", b"MONOCHROME2 ")
    head += element(0x00280008, "IS", str(frames).encode())
    for number, value in ((0x10, 4), (0x11, 4), (0x100, 8), (0x101, 8), (0x102, 7), (0x103, 0)):
        head += element(0x00280000 | number, "US", struct.pack("<H", value))
    head += element(0x00281050, "DS", b"40") + element(0x00281051, "DS", b"80") + more
    head += element(0x7FE00010, "OB", bytes(range(16)) * frames) if body is None else body
    if syntax.endswith(b".99"):
        packer = zlib.compressobj(wbits=-15)
        head = packer.compress(head) + packer.flush()
    return bytes(128) + b"DICM" + element(0x00020000, "UL", struct.pack("<L", len(meta))) + meta + head


def fragments(*parts: bytes, table: bytes = b"") -> bytes:
    """Encapsulated pixel data (PS3.5 A.4)."""
    out = [struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)]
    for part in (table, *parts):
        out += [struct.pack("<HHL", 0xFFFE, 0xE000, len(part)), part]
    return b"".join(out) + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


def image(mode: str, form: str, size: int = 6, **options: object) -> bytes:
    """A ramp as an image file."""
    stream = io.BytesIO()
    Image.linear_gradient("L").resize((size, size)).convert(mode).save(stream, form, **options)
    return stream.getvalue()


def nifti(kind: int = 4, bits: int = 16, shape: tuple[int, ...] = (4, 4, 3)) -> bytes:
    """A NIfTI-1 file."""
    head = bytearray(352)
    struct.pack_into("<L", head, 0, 348)
    struct.pack_into("<8h", head, 40, len(shape), *shape, *[1] * (7 - len(shape)))
    struct.pack_into("<2h", head, 70, kind, bits)
    struct.pack_into("<8f", head, 76, 1, 1, 1, 1, 1, 1, 1, 1)
    struct.pack_into("<3f", head, 108, 352, 1, 0)
    head[344:348] = b"n+1\0"
    return bytes(head) + np.arange(int(np.prod(shape)) * bits // 8, dtype=np.uint8).tobytes()


def packed(members: dict[str, bytes], form: str = "zip") -> bytes:
    """A zip or a tar."""
    stream = io.BytesIO()
    if form == "zip":
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
    else:
        with tarfile.open(fileobj=stream, mode="w") as tar:
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def _gzip(data: bytes) -> bytes:
    worker = zlib.compressobj(wbits=31)
    return worker.compress(data) + worker.flush()


def _reference() -> bytes:
    stream = io.BytesIO()
    names = ("mean", "scale", "axes", "variances", "quantiles")
    arrays: dict[str, Any] = {name: np.zeros(3, np.float32) for name in names}
    np.savez(stream, **arrays, rest=np.float32(1))
    return stream.getvalue()


def seeds() -> dict[str, tuple[str, bytes]]:
    """Name to kind and bytes of each whole file."""
    jpeg = image("L", "JPEG", 4)
    columns = b'# scanlens {"kind": "result", "task": "binary"}\ncase,patient,y_true,logit\na,p,1,0.5\nb,q,0,-0.5\n'
    scans = {
        "plain.dcm": dicom(),
        "frames.dcm": dicom(frames=3),
        "deflated.dcm": dicom(b"1.2.840.10008.1.2.1.99"),
        "jpeg.dcm": dicom(b"1.2.840.10008.1.2.4.50", fragments(jpeg, jpeg, table=struct.pack("<2L", 0, 8)), frames=2),
        "volume.nii": nifti(),
        "float.nii": nifti(16, 32, (3, 4, 2, 2)),
        "volume.nii.gz": _gzip(nifti()),
        "grey.png": image("L", "PNG"),
        "clear.png": image("RGBA", "PNG"),
        "palette.png": image("P", "PNG", transparency=0),
        "sixteen.png": image("I;16", "PNG"),
        "a.jpg": image("RGB", "JPEG"),
        "ink.jpg": image("CMYK", "JPEG"),
        "a.tif": image("L", "TIFF"),
        "float.tif": image("F", "TIFF"),
        "a.webp": image("RGBA", "WEBP"),
        "a.bmp": image("RGB", "BMP"),
        "a.zip": packed({"a.dcm": dicom(), "b.png": image("L", "PNG")}),
        "a.tar": packed({"a.dcm": dicom()}, "tar"),
    }
    return {name: ("scan", data) for name, data in scans.items()} | {
        "README.md": ("card", CARD),
        "result.csv": ("result", columns),
        "similarity.npz": ("reference", _reference()),
    }


def mutant(number: int, whole: dict[str, tuple[str, bytes]]) -> tuple[str, str, bytes]:
    """Name, kind and bytes of the mutant of this number."""
    chance = random.Random(number)
    name = sorted(whole)[number % len(whole)]
    kind, seed = whole[name]
    data = bytearray(seed)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(data) + 1)
        action = chance.randrange(6)
        if action == 0 and at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        elif action == 1:
            word = chance.choice(TROUBLE)
            data[at : at + len(word)] = word
        elif action == 2:
            del data[at : at + chance.randint(1, 40)]
        elif action == 3:
            data[at:at] = data[at : at + chance.randint(1, 200)]
        elif action == 4:
            other = whole[chance.choice(sorted(whole))][1]
            start = chance.randrange(len(other))
            data[at : at + 64] = other[start : start + 64]
        else:
            data[at : at + 4] = struct.pack("<L", chance.choice((1, 255, 65535, 1 << 20, 1 << 31, (1 << 32) - 2)))
        data = data or bytearray(b"\0")
    return name, kind, bytes(data)


def _open_scan(name: str, data: bytes) -> str:
    opened = open_sources([Source(name, data)])
    for one in opened.skipped:
        if not one.reason.strip() or "\n" in one.reason or len(one.reason) > 400:
            raise AssertionError(f"no clear sentence: {one.reason[:80]}")
    for scan in opened.scans:
        scan.frame(scan.frames - 1)
    return "opened" if opened.scans else "refused"


def _open_card(_name: str, data: bytes) -> str:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "README.md").write_bytes(data)
        return _refusable(lambda: load_card(Path(folder)), ScanLensError)


def _refusable(read: Callable[[], object], *errors: type[Exception]) -> str:
    try:
        read()
    except errors:
        return "refused"
    return "opened"


READERS: dict[str, Callable[[str, bytes], str]] = {
    "scan": _open_scan,
    "card": _open_card,
    "result": lambda _, data: _refusable(lambda: import_file(data), ScanLensError),
    "reference": lambda _, data: _refusable(lambda: read_reference(data), ValueError, KeyError),
}


def run(count: int, first: int = 0) -> tuple[Counter[str], list[str]]:
    """Read mutants.

    Args:
        count: How many.
        first: Number of the first one.

    Returns:
        How many opened and were refused, and the faults in one line each.
    """
    whole, seen, faults = seeds(), Counter[str](), []
    for number in range(first, first + count):
        name, kind, data = mutant(number, whole)
        try:
            seen[READERS[kind](name, data)] += 1
        except Exception as error:  # whatever it is, it is a fault
            faults.append(f"mutant {number} of {name}: {type(error).__name__}: {str(error)[:200]}")
    return seen, faults


if __name__ == "__main__":
    found, wrong = run(*(int(word) for word in sys.argv[1:]) if len(sys.argv) > 1 else (10_000,))
    sys.stdout.write(f"{dict(found)}, {len(wrong)} faults\n" + "\n".join(wrong[:50]) + "\n" * bool(wrong))
    sys.exit(bool(wrong))
