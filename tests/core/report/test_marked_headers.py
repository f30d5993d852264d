"""A DICOM whose every text element holds a marked name: the mark is nowhere outside the file."""

import dataclasses
import io
import struct

import numpy as np
import pytest
from pydicom.datadict import DicomDictionary
from pypdf import PdfReader

from core.readers import Source, open_sources
from core.readers.dicom.terms import defined_terms, described_words, window_name
from core.report.numbers import as_csv, as_json
from core.report.pdf import as_pdf

#: Every value representation that holds text, numbers and dates as text included (PS3.5 6.2).
TEXT = {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT", "UN"}
LONG = {"UC", "UR", "UT", "UN", "SQ", "OB", "OW"}
MARKS = ("ZQXVROE", "Zqxvroe^Richard", "B ZQXVROE", "ZQX")
#: What the pixels cannot be found without.
KEPT = {0x00280004: ("CS", b"MONOCHROME2 "), 0x00080060: ("CS", b"MR")}
SEQUENCES = (0x00283010, 0x00283000, 0x52009229, 0x52009230, 0x00209071, 0x00289132, 0x00189226)


def element(tag, kind, value):
    value += b" " * (len(value) % 2)
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, kind.encode())
    size = struct.pack("<HL", 0, len(value)) if kind in LONG else struct.pack("<H", len(value))
    return head + size + value


def texts(mark, groups):
    """Every text element of the dictionary and of two private blocks in these groups, as tag to bytes."""
    found = {}
    for tag, (kinds, *_) in DicomDictionary.items():
        kind = kinds.split(" or ")[0]
        if kind in TEXT and tag >> 16 in groups and tag & 0xFFFF:
            found[tag] = element(tag, kind, mark.encode())
    for group in (0x0009, 0x0029):
        if group in groups:
            found[group << 16 | 0x10] = element(group << 16 | 0x10, "LO", mark.encode())
            found |= {
                group << 16 | 0x1000 | n: element(group << 16 | 0x1000 | n, kind, mark.encode())
                for n, kind in enumerate(sorted(TEXT))
            }
    return found


def marked(mark, kept=KEPT, sequences=True, pixels=bytes(range(128))):
    groups = set(range(0x0008, 0x7FE0))
    found = texts(mark, groups)
    if sequences:
        inside = b"".join(value for _, value in sorted(texts(mark, {0x0008, 0x0018, 0x0020, 0x0028}).items()))
        table = element(0x00283002, "US", struct.pack("<3H", 2, 0, 16)) + element(0x00283003, "LO", mark.encode())
        table += element(0x00283006, "OW", struct.pack("<2H", 0, 65535))
        for tag in SEQUENCES:
            body = table if tag in {0x00283010, 0x00283000} else inside
            found[tag] = element(tag, "SQ", struct.pack("<HHL", 0xFFFE, 0xE000, len(body)) + body)
    found |= {tag: element(tag, kind, value) for tag, (kind, value) in kept.items()}
    samples = 3 if kept.get(0x00280004) is None else 1
    numbers = {0x02: samples, 0x10: 8, 0x11: len(pixels) // samples // 8, 0x100: 8, 0x101: 8, 0x102: 7, 0x103: 0}
    found |= {0x00280000 | n: element(0x00280000 | n, "US", struct.pack("<H", value)) for n, value in numbers.items()}
    found[0x7FE00010] = element(0x7FE00010, "OB", pixels)
    body = b"".join(value for _, value in sorted(found.items()))
    meta = element(0x00020010, "UI", b"1.2.840.10008.1.2.1\0")
    return bytes(128) + b"DICM" + element(0x00020000, "UL", struct.pack("<L", len(meta))) + meta + body


def everything(scan):
    """All that a scan says, its pixels apart."""
    return repr([getattr(scan, field.name) for field in dataclasses.fields(scan) if field.name != "pixels"])


def is_clean(text):
    return not any(mark.lower() in text.lower() for mark in ("zqx", "richard"))


@pytest.mark.parametrize("mark", MARKS)
def test_a_name_in_every_text_element_reaches_no_field_of_the_scan(mark):
    opened = open_sources([Source("a.dcm", marked(mark))])
    assert len(opened.scans) == 1, opened.skipped
    assert is_clean(everything(opened.scans[0]) + repr((opened.notes, opened.skipped, opened.summary)))


def test_a_name_as_window_explanation_is_left_out_with_the_window_kept():
    kept = KEPT | {0x00281050: ("DS", b"40\\50"), 0x00281051: ("DS", b"400\\500")}
    kept |= {0x00281055: ("LO", b"ZQXVROE\\SOFT TISSUE")}
    (scan,) = open_sources([Source("a.dcm", marked("ZQXVROE", kept, sequences=False))]).scans
    assert [(window.center, window.name) for window in scan.windows] == [(40, ""), (50, "SOFT TISSUE")]


@pytest.mark.parametrize("samples", [1, 3])
def test_a_name_as_kind_of_colour_is_not_repeated(samples):
    kept = {0x00280004: ("CS", b"ZQXVROE ")} if samples == 1 else {}
    opened = open_sources([Source("a.dcm", marked("ZQXVROE", kept, pixels=bytes(192)))])
    assert len(opened.scans) == (samples == 3)
    assert is_clean("".join(map(everything, opened.scans)) + repr(opened.skipped))


def test_the_reports_hold_no_name_either(predict, explain):
    (scan,) = open_sources([Source("a.dcm", marked("Zqxvroe"))]).scans
    prediction = predict(scan, [[1.9]])
    explanation = explain(prediction, [1.8])
    pages = PdfReader(io.BytesIO(as_pdf(scan, prediction, explanation))).pages
    said = as_json(scan, prediction, explanation) + as_csv(scan, prediction, explanation)
    assert is_clean(said.decode() + "".join(page.extract_text() for page in pages))


def test_terms_that_are_defined_pass_and_all_else_does_not():
    assert defined_terms("ImageType", "ORIGINAL\\PRIMARY\\ROE\\MOSAIC") == ("ORIGINAL", "PRIMARY", "MOSAIC")
    assert defined_terms("ConvolutionKernel", "Br40d\\3") == ("Br40d", "3")
    for kernel in ("STANDARD", "B30f", "FC08-H", "YA", "Hr68h", "HD BONE"):
        assert defined_terms("ConvolutionKernel", kernel) == (kernel,)
    for name in ("ROE", "Roe Jane", "JR19700101", "Standard Roe", "19700101"):
        assert defined_terms("ConvolutionKernel", name) == ()
        assert defined_terms("BodyPartExamined", name) == ()
    assert (window_name("Soft tissue"), window_name("Soft Roe"), window_name("")) == ("Soft tissue", "", "")


def test_words_of_a_series_description_serve_matching_without_the_rest():
    kept = KEPT | {0x0008103E: ("LO", b"ZQXVROE ax T1 post Gd ")}
    (scan,) = open_sources([Source("a.dcm", marked("ZQXVROE", kept))]).scans
    assert scan.facts["Described as"] == "ax, t1, post, gd"
    assert described_words("FLAIR_cor of J. Roe, born 1970") == ("flair", "cor")


def test_the_marked_file_holds_the_name_thousands_of_times():
    assert marked("ZQXVROE").count(b"ZQXVROE") > 2000
    assert np.frombuffer(marked("ZQXVROE")[-128:], np.uint8)[5] == 5
