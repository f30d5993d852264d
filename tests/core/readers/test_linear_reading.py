"""Work that must not grow with the square of a file: counted, never timed."""

import struct

import numpy as np
import pytest

from core.errors import TooLarge
from core.readers import Source, open_sources
from core.readers.dicom import file as dicom_file
from core.readers.dicom import frames as dicom_frames
from core.readers.dicom.alike import _clusters
from core.readers.dicom.file import parse
from core.readers.opening import Opening


def counting(monkeypatch, module, name):
    """Replace a function by one that counts its calls in a list."""
    calls, real = [], getattr(module, name)
    monkeypatch.setattr(module, name, lambda *args, **more: calls.append(1) or real(*args, **more))
    return calls


def test_fragments_are_found_by_offset_without_looking_at_all_of_them():
    class Counted(int):
        asked = 0

        def __lt__(self, other):
            Counted.asked += 1
            return int(self) < other

    count = 2000
    fragments = [(Counted(28 * n), memoryview(b"x")) for n in range(count)]
    frames = dicom_frames._by_offsets(fragments, [28 * n for n in range(count)])
    assert [len(frame) for frame in frames] == [1] * count
    assert Counted.asked < 40 * count


def test_offsets_that_share_fragments_over_and_over_are_refused():
    with pytest.raises(Exception, match="broken table"):
        dicom_frames._by_offsets([(0, memoryview(b"x"))], [0, 1] * 50)


def test_more_fragments_than_any_file_has_are_refused(monkeypatch):
    monkeypatch.setattr(dicom_frames, "FRAGMENTS", 10)
    with pytest.raises(TooLarge, match="at most 10 fragments"):
        dicom_frames._fragments(memoryview(struct.pack("<HHL", 0xFFFE, 0xE000, 0) * 20))


@pytest.mark.parametrize("keyword", ["FrameTimeVector", "WindowCenter"])
def test_a_vector_is_read_once_however_many_frames_ask(keyword, make_dicom, monkeypatch):
    read = []
    for frames in (4, 16):
        calls = counting(monkeypatch, dicom_file, "read_numbers")
        data = make_dicom(np.zeros((frames, 2, 2), np.uint8), **{keyword: [1.0] * frames})
        assert open_sources([Source("a.dcm", data)]).scans
        read.append(len(calls))
    assert read[0] == read[1]


def test_a_header_of_more_elements_than_any_has_is_refused_and_can_be_left(make_dicom, monkeypatch):
    asked = []
    data = make_dicom()
    parse(Source("a.dcm", data), asked=lambda: asked.append(1))
    monkeypatch.setattr(dicom_file, "READS", 5)
    with pytest.raises(TooLarge, match="elements"):
        parse(Source("a.dcm", data))


def test_frames_beyond_any_cine_are_refused(make_dicom, refuse_one):
    data = make_dicom(np.zeros((2, 2, 2), np.uint8), NumberOfFrames=20_001)
    assert "at most 20,000 pictures" in refuse_one(data)


def test_clusters_are_numbered_in_order_of_their_values():
    assert _clusters([5.0, 1.0, None, 1.0000001, 9.0], (0.005, 1e-6)) == [1, 0, None, 0, 2]


def test_memory_that_only_decoding_needs_is_given_back():
    opening = Opening()
    opening.claim(10)
    with opening.passing(100):
        assert opening.claimed == 110
    assert opening.claimed == 10
    with pytest.raises(ValueError, match="x"), opening.passing(100):
        raise ValueError("x")
    assert opening.claimed == 10
    opening.close()
