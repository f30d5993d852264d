import gzip
import io
import struct
import tarfile
import zipfile

import pytest

from core.readers import Source, archive, open_sources


def _zip(**files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return stream.getvalue()


def test_zip_of_a_series_becomes_its_volume(make_slices, open_one):
    files = make_slices([2, 0, 1])
    scan = open_one(_zip(**{f"study/{n}": data for n, data in enumerate(files)}))
    assert scan.pixels[:, 0, 0].tolist() == [1, 2, 0]


def test_zip_and_loose_files_join_to_one_volume(make_slices, open_files):
    files = make_slices([0, 1, 2, 3])
    assert [scan.frames for scan in open_files([_zip(a=files[0], b=files[1]), *files[2:]]).scans] == [4]


def test_tar_in_gzip_opens(make_dicom, open_one):
    stream, data = io.BytesIO(), make_dicom()
    with tarfile.open(fileobj=stream, mode="w") as packed:
        member = tarfile.TarInfo("a/b.dcm")
        member.size = len(data)
        packed.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(link)
    assert open_one(gzip.compress(stream.getvalue())).modality == "CT"


def test_zip_in_zip_is_refused_and_the_rest_opens(make_dicom):
    opened = open_sources([Source("x.zip", _zip(inner=_zip(a=b"1"), image=make_dicom()))])
    assert len(opened.scans) == 1
    assert "an archive inside an archive" in opened.skipped[0].reason


def test_path_traversal_names_harm_nothing(make_dicom, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    opened = open_sources([Source("x.zip", _zip(**{"../../evil.dcm": make_dicom(), "/etc/evil": b"text"}))])
    assert len(opened.scans) == 1
    assert not list(tmp_path.iterdir())


def test_what_operating_systems_add_is_passed_over(make_dicom):
    clutter = {"__MACOSX/._a": b"x", ".DS_Store": b"x", "a/Thumbs.db": b"x", "._b": b"x"}
    opened = open_sources([Source("x.zip", _zip(a=make_dicom(), **clutter))])
    assert (len(opened.scans), opened.skipped) == (1, ())


def test_locked_member_says_so(make_dicom):
    data = bytearray(_zip(a=make_dicom()))
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + at] |= 1
    assert "password" in open_sources([Source("x.zip", bytes(data))]).skipped[0].reason


def test_too_many_members_are_refused(monkeypatch, refuse_one):
    monkeypatch.setattr(archive, "MEMBERS", 3)
    assert "one of 4 files" in refuse_one(_zip(a=b"1", b=b"2", c=b"3", d=b"4"))


@pytest.mark.parametrize("pack", [lambda data: _zip(a=data), gzip.compress])
def test_what_grows_too_much_is_refused(pack, monkeypatch, refuse_one):
    monkeypatch.setattr(archive, "UNPACKED", 1 << 20)
    assert "unpacks to" in refuse_one(pack(bytes(2 << 20)))


def test_member_that_lies_about_its_size_is_refused(refuse_one):
    data = bytearray(_zip(a=bytes(100_000)))
    for magic, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = data.index(magic) + at
        data[start : start + 4] = struct.pack("<L", 10)
    assert refuse_one(bytes(data))


@pytest.mark.parametrize("cut", [20, 60, 200])
def test_cut_archives_say_so(cut, make_dicom, refuse_one):
    assert refuse_one(_zip(a=make_dicom())[:cut])
    assert "cut short" in refuse_one(gzip.compress(make_dicom())[:cut])
