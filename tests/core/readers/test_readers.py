"""What holds for every reader in `READERS`, and for opening as a whole."""

import builtins
import io
import logging
import os
import tempfile
import warnings

import pytest

from core.errors import Cancelled
from core.readers import READERS, Source, open_sources, sources_in
from core.readers.opening import Opened, Opening, Skipped
from core.readers.quiet import quiet_libraries


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
class TestEveryReader:
    def test_refuses_what_is_nothing(self, reader):
        for head in (b"", b"\0", b"hello world", b"\0" * 1024, b"<html>"):
            assert not reader.accepts(head, "name.dcm")

    def test_does_not_trust_a_name(self, reader):
        assert not any(
            reader.accepts(b"plain words " * 40, f"x{end}") for end in (".dcm", ".nii", ".png", ".zip", ".gz")
        )

    def test_says_a_sentence_for_bytes_that_only_start_right(self, reader):
        heads = [
            b"PK\x03\x04",
            b"\0" * 128 + b"DICM",
            b"\x89PNG\r\n\x1a\n",
            b"\x5c\x01\0\0" + b"\0" * 36 + b"\3\0" + b"\0" * 302 + b"n+1\0",
        ]
        opening = Opening()
        broken = [
            Source("broken", head + b"\x01\x02\x03" * 50) for head in heads if reader.accepts(head + b"\1" * 200, "")
        ]
        assert broken
        assert reader.read(broken, opening) == []
        assert len(opening.skipped) == len(broken)


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("CT_small.dcm", "dicom"),  # its preamble makes it a TIFF, too
        ("ExplVR_LitEndNoMeta.dcm", "dicom"),
        ("anatomical.nii", "nifti"),
        ("example4d.nii.gz", "archive"),
    ],
)
def test_content_decides_the_reader(name, reader, package_file):
    head = package_file(name)[:1024]
    first = next(candidate for candidate in READERS if candidate.accepts(head, "photo.png"))
    assert first.__name__ == f"core.readers.{reader}"


def test_progress_rises_to_one_and_says_what_is_done(make_slices):
    seen = []
    sources = [Source(str(n), data) for n, data in enumerate(make_slices([0, 1, 2]))]
    open_sources(sources, progress=lambda fraction, text: seen.append((fraction, text)))
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert any("header 2 of 3" in text for _, text in seen)
    assert any("frame 3 of 3" in text for _, text in seen)


def test_cancelling_stops(make_slices):
    sources = [Source(str(n), data) for n, data in enumerate(make_slices([0, 1, 2]))]
    for calls in (1, 4, 7):
        left = iter([False] * calls)
        with pytest.raises(Cancelled):
            open_sources(sources, cancelled=lambda left=left: next(left, True))


def test_nothing_is_written_to_disk(package_file, monkeypatch):
    def refuse(*args, **options):
        raise AssertionError("a file was opened for writing")

    real = builtins.open
    files = [
        package_file(n)
        for n in ("CT_small.dcm", "example4d.nii.gz", "zipMR.gz", "SC_rgb_jpeg_dcmtk.dcm", "US1_J2KR.dcm")
    ]
    monkeypatch.setattr(
        builtins,
        "open",
        lambda path, mode="r", *a, **k: refuse() if set("wax+") & set(mode) else real(path, mode, *a, **k),
    )
    monkeypatch.setattr(os, "mkdir", refuse)
    for name in ("NamedTemporaryFile", "TemporaryFile", "mkstemp", "mkdtemp", "SpooledTemporaryFile"):
        monkeypatch.setattr(tempfile, name, refuse)
    assert len(open_sources([Source(str(n), data) for n, data in enumerate(files)]).scans) == 6


def test_libraries_say_nothing_while_reading(package_file, caplog, recwarn):
    warnings.simplefilter("always")
    with caplog.at_level(logging.DEBUG):
        for name in ("badVR.dcm", "rtdose.dcm", "SC_rgb_jpeg.dcm", "no_meta_group_length.dcm"):
            open_sources([Source(name, package_file(name))])
    assert not recwarn.list
    assert not caplog.records


def test_other_warnings_are_still_heard_while_reading():
    with warnings.catch_warnings(record=True) as heard, quiet_libraries():
        warnings.warn("mine", UserWarning, stacklevel=1)
    assert [str(warning.message) for warning in heard] == ["mine"]


def test_warnings_of_the_libraries_come_back_afterwards():
    before = list(warnings.filters)
    with quiet_libraries(), quiet_libraries():
        assert len(warnings.filters) == len(before) + 1
    assert list(warnings.filters) == before


def test_summary_counts_what_was_found_and_skipped(make_slices, open_files):
    opened = open_files([*make_slices([0, 1.25]), b"", b"words", b"more words"])
    assert opened.summary == "CT series, 2 slices, 1.25 mm; 3 files skipped: 1 is empty, 2 hold no scan"
    assert Opened((), ()).summary == "No scan found"
    assert Opened((), (Skipped("a", "x", "are cut short"),)).summary == "No scan found; 1 file skipped: 1 is cut short"


def test_folder_becomes_sources_without_what_links_point_out_of_it(tmp_path):
    (tmp_path / "inside" / "sub").mkdir(parents=True)
    (tmp_path / "outside").write_bytes(b"secret")
    (tmp_path / "inside" / "sub" / "b").write_bytes(b"2")
    (tmp_path / "inside" / "a").write_bytes(b"1")
    (tmp_path / "inside" / "link").symlink_to(tmp_path / "outside")
    assert [(s.name, s.data) for s in sources_in(tmp_path / "inside")] == [("a", b"1"), ("sub/b", b"2")]


def test_memoryviews_open_like_bytes(package_file):
    data = package_file("CT_small.dcm")
    scans = [open_sources([Source("x", kind(data))]).scans[0] for kind in (bytes, memoryview, bytearray)]
    assert len({scan.digest for scan in scans}) == 1
    assert isinstance(io.BytesIO(data), io.BytesIO)
