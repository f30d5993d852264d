"""Broken, hostile and mistaken uploads: one clear sentence each, the rest opens, and memory stays in bounds."""

import io
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import MPEG2MPML, EncapsulatedPDFStorage, JPEG2000Lossless

from core.readers import Source, open_sources
from core.readers.dicom import file as dicom_file


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("empty.dcm", b"", "an empty file"),
        ("notes.dcm", b"just some notes\non two lines\n", "a text file that is named like an image"),
        ("page.html", b"<!DOCTYPE html><html></html>", "a web page"),
        ("data.json", b'{"a": 1}', "a JSON file"),
        ("paper.pdf", b"%PDF-1.7\n...", "a PDF document"),
        ("noise.dcm", bytes(np.random.default_rng(1).integers(0, 256, 5000, np.uint8)), "no known format"),
        ("preamble.dcm", b"\0" * 128 + b"DICM", "ends after its first bytes"),
        ("junk.dcm", b"\0" * 128 + b"DICM" + bytes(range(256)) * 4, ""),
        ("film.mp4", b"\0\0\0\x18ftypmp42", "a film"),
    ],
)
def test_what_is_no_scan_gets_its_own_sentence(name, data, words, refuse_one):
    reason = refuse_one(data, name)
    assert words in reason
    assert re.fullmatch(r"[A-Z].+: .+\.", reason)


def test_jpeg_named_dicom_opens_by_content():
    stream = io.BytesIO()
    Image.new("L", (8, 8), 40).save(stream, "JPEG")
    assert open_sources([Source("image.dcm", stream.getvalue())]).scans[0].source == "JPEG"


def test_claimed_size_is_refused_before_it_is_allocated(make_dicom, refuse_one):
    data = make_dicom(Rows=65535, Columns=65535, NumberOfFrames=10000)
    assert "claims 10,000 frames of 65,535 × 65,535" in refuse_one(data)


def test_more_rows_than_bytes_is_cut_short(make_dicom, refuse_one):
    assert "cut short" in refuse_one(make_dicom(Rows=5000, Columns=5000))


def test_codestream_larger_than_the_header_is_refused_before_decoding(package_file, refuse_one):
    data = bytearray(package_file("MR_small_jp2klossless.dcm"))
    at = data.index(b"\xff\x4f\xff\x51") + 8
    data[at : at + 8] = struct.pack(">2L", 60000, 60000)
    assert "60000 × 60000" in refuse_one(bytes(data))


def test_deflated_bomb_is_refused(make_dicom, refuse_one, monkeypatch):
    monkeypatch.setattr(dicom_file, "_INFLATED_LIMIT", 8 << 20)
    plain = make_dicom()
    end = plain.index(b"\x08\x00\x16\x00")
    worker = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = b"\0" * (1 << 20)
    body = b"".join(worker.compress(zeros) for _ in range(9)) + worker.flush()
    meta = plain[:end].replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")
    length = struct.unpack_from("<L", meta, 140)[0]
    at = meta.index(b"1.2.840.10008.1.2.1.99") - 2
    meta = meta[:140] + struct.pack("<L", length + 2) + meta[144:at] + struct.pack("<H", 22) + meta[at + 2 :]
    assert "grows beyond" in refuse_one(meta + body)


def test_encrypted_dicom_says_so(make_dicom, refuse_one):
    data = make_dicom(Rows=None, Columns=None, EncryptedAttributesSequence=[Dataset()])
    assert "encrypted" in refuse_one(data)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("test-SR.dcm", "a structured report"),
        ("rtplan.dcm", "a radiotherapy plan"),
        ("rtstruct.dcm", "radiotherapy contours"),
        ("waveform_ecg.dcm", "a waveform"),
        ("dicomdirtests/DICOMDIR", "a DICOMDIR index"),
        ("chrJapMulti.dcm", "a file without an image"),
        ("MR_truncated.dcm", "cut short"),
    ],
)
def test_dicom_without_an_image_says_what_it_is(name, words, package_file, refuse_one):
    data = package_file(name) if "chr" not in name else package_file("priv_SQ.dcm")
    assert words in refuse_one(data)


def test_pdf_inside_dicom_says_so(make_dicom, refuse_one):
    data = make_dicom(Rows=None, Columns=None, SOPClassUID=EncapsulatedPDFStorage)
    assert "a document inside DICOM" in refuse_one(data)


def test_film_inside_dicom_is_named(make_dicom, refuse_one):
    assert "MPEG2" in refuse_one(make_dicom(syntax=MPEG2MPML))


def test_compressed_frame_without_a_codestream_is_broken(make_dicom, refuse_one):
    assert "A frame in JPEG, JPEG-LS or JPEG 2000 is broken" in refuse_one(make_dicom(syntax=JPEG2000Lossless))


def test_missing_palette_says_so(make_dicom, refuse_one):
    data = make_dicom(np.zeros((2, 2), np.uint8), PhotometricInterpretation="PALETTE COLOR")
    assert "palette" in refuse_one(data)


@pytest.mark.parametrize("cut", [140, 200, 400, 700, 2000, 5000])
def test_file_cut_anywhere_gives_one_sentence(cut, package_file, refuse_one):
    assert refuse_one(package_file("MR_small_jp2klossless.dcm")[:cut])


def test_flipped_bytes_never_raise(package_file):
    rng = np.random.default_rng(5)
    for name in ("MR_small.dcm", "MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "SC_rgb_jpeg_dcmtk.dcm"):
        for _ in range(25):
            data = np.frombuffer(package_file(name), np.uint8).copy()
            data[rng.integers(132, len(data), 12)] = rng.integers(0, 256, 12)
            opened = open_sources([Source("flipped", data.tobytes())])
            assert opened.scans or opened.skipped


def test_a_bad_file_does_not_stop_the_others(package_file):
    sources = [Source("bad", b""), Source("good", package_file("CT_small.dcm")), Source("worse", b"\0" * 132)]
    opened = open_sources(sources)
    assert [scan.modality for scan in opened.scans] == ["CT"]
    assert [entry.name for entry in opened.skipped] == ["bad", "worse"]
    assert opened.summary == ("CT image, 128 × 128; 2 files skipped: 1 is empty, 1 is of no known format")


_NASTY = """
import gzip, io, zipfile
from PIL import Image
from core.readers import Source, open_sources
stream = io.BytesIO()
with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bomb:
    with bomb.open("zeros", "w", force_zip64=True) as member:
        for _ in range(1200):
            member.write(bytes(1 << 20))
packed = gzip.compress(bytes(64 << 20)) * 64
png = io.BytesIO()
Image.new("1", (20000, 20000)).save(png, "PNG")
opened = open_sources([Source(str(n), data) for n, data in enumerate([stream.getvalue(), packed, png.getvalue()])])
assert not opened.scans and len(opened.skipped) == 3, opened
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
print(int(status["VmHWM"].split()[0]) / 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak of memory where Linux keeps it")
def test_bombs_stay_under_two_gigabytes():
    # Not by getrusage: what starts a process hands its own peak on to it.
    result = subprocess.run([sys.executable, "-c", _NASTY], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert float(result.stdout) < 2000
