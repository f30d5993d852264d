import gzip
import io
import struct
import tarfile
import tracemalloc
import zipfile
import zlib

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
    assert "holds another archive" in opened.skipped[0].reason


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


def test_gzip_of_many_empty_members_is_read_in_time_that_grows_with_its_size(monkeypatch):
    given, real, empty = [], zlib.decompressobj, gzip.compress(b"")
    monkeypatch.setattr(archive.zlib, "decompressobj", lambda wbits: Counted(real(wbits=wbits), given))
    open_sources([Source("x.gz", empty * 5_000)])
    assert len(given) == 5_000
    assert sum(given) < 100 * len(empty) * 5_000


class Counted:
    """A decompressor that notes how much it is given."""

    def __init__(self, worker, given):
        self.worker, self.given = worker, given

    def __getattr__(self, name):
        return getattr(self.worker, name)

    def decompress(self, data, limit):
        self.given.append(len(data))
        return self.worker.decompress(data, limit)


def test_gzip_of_too_many_parts_is_refused(monkeypatch, refuse_one):
    monkeypatch.setattr(archive, "PARTS", 10)
    assert "more than 10 parts" in refuse_one(gzip.compress(b"") * 11)


def test_members_of_a_gzip_follow_each_other(make_dicom, open_one):
    data = make_dicom()
    packed = gzip.compress(data[:300]) + bytes(40) + gzip.compress(data[300:5]) + gzip.compress(data[300:])
    assert open_one(packed).modality == "CT"


def test_bytes_after_the_end_of_a_gzip_are_left_out_and_said_so(make_dicom):
    opened = open_sources([Source("x.dcm.gz", gzip.compress(make_dicom()) + b"garbage")])
    assert len(opened.scans) == 1
    assert opened.notes == ("7 bytes after the end of the gzip were left out.",)


def tar_of(*members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as packed:
        for member, data in members:
            packed.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def test_sparse_file_in_a_tar_is_refused_before_its_holes_are_filled(make_dicom):
    hole = tarfile.TarInfo("hole.dcm")
    hole.type = tarfile.GNUTYPE_SPARSE
    block = bytearray(hole.tobuf(tarfile.GNU_FORMAT))
    block[483:495] = b"%011o\0" % (1 << 30)  # the size with its holes
    block[148:156] = b"        "
    block[148:156] = b"%06o\0 " % sum(block)
    whole = tarfile.TarInfo("a.dcm")
    data = make_dicom()
    whole.size = len(data)
    tracemalloc.start()
    opened = open_sources([Source("x.tar", bytes(block) + tar_of((whole, data)))])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(opened.scans) == 1
    assert [(item.name, item.kind) for item in opened.skipped] == [("hole.dcm", "are sparse")]
    assert peak < 16 << 20


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_extended_header_of_a_tar_is_bounded(kind, refuse_one):
    header = tarfile.TarInfo("header")
    header.type, header.size = kind, 1 << 20
    assert "tar" in refuse_one(tar_of((header, b"1" * (1 << 20))))


def test_zip_member_that_asks_for_a_giant_dictionary_is_set_aside(make_dicom):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        packed.writestr("a.dcm", make_dicom())
        packed.writestr("b.dcm", b"x" * 100, compress_type=zipfile.ZIP_LZMA)
    opened = open_sources([Source("x.zip", stream.getvalue())])
    assert len(opened.scans) == 1
    assert [item.kind for item in opened.skipped] == ["are packed in a rare way"]


def test_directory_of_too_many_entries_is_refused_before_it_is_read(monkeypatch, refuse_one):
    monkeypatch.setattr(archive, "MEMBERS", 3)
    monkeypatch.setattr(archive.zipfile, "ZipFile", None)  # would be called to read it
    assert "more than 12 files" in refuse_one(_entries(20))


def _entries(count):
    entry = b"PK\x01\x02" + bytes(42)
    return b"PK\x03\x04" + bytes(26) + entry * count


def test_a_source_opens_as_a_file_without_a_copy():
    data = bytearray(b"0123456789")
    stream = Source("x", memoryview(data)).open()
    data[4:5] = b"!"
    assert stream.read(6) == b"0123!5"
    assert stream.seek(-2, io.SEEK_END) == 8
    assert (stream.read(), stream.read()) == (b"89", b"")
    with pytest.raises(OSError, match="before the start"):
        stream.seek(-11, io.SEEK_END)
