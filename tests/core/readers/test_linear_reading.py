"""Work that must not grow with the square of a file: counted, never timed."""

import struct
import threading
from types import SimpleNamespace

import nibabel
import numpy as np
import pytest

from core.errors import Cancelled, TooLarge
from core.readers import Source, dicom, open_sources
from core.readers.dicom import alike as dicom_alike
from core.readers.dicom import file as dicom_file
from core.readers.dicom import frames as dicom_frames
from core.readers.dicom import overlays as dicom_overlays
from core.readers.dicom import series as dicom_series
from core.readers.dicom import stacks as dicom_stacks
from core.readers.dicom.alike import _clusters
from core.readers.dicom.file import parse
from core.readers.dicom.image import Image
from core.readers.dicom.layout import layout_of
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
    with pytest.raises(Exception, match="table of frames is broken"):
        dicom_frames._by_offsets([(0, memoryview(b"x"))], [0, 1] * 50)


def test_more_fragments_than_any_file_has_are_refused(monkeypatch):
    monkeypatch.setattr(dicom_frames, "FRAGMENTS", 10)
    with pytest.raises(TooLarge, match="more than 10 fragments"):
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
    assert "at most 20,000 images" in refuse_one(data)


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


def test_images_at_one_place_are_put_in_order_without_looking_through_all_for_each(make_dicom, monkeypatch):
    class Weight(float):
        asked = 0

        def __eq__(self, other):
            Weight.asked += 1
            return float(self) == float(other)

        __hash__ = float.__hash__

    count = 120
    monkeypatch.setattr(dicom_series, "unclaimed_weight", lambda file: Weight(file.number("InstanceNumber") % count))
    files = [
        Source(
            f"{place}-{n}.dcm",
            make_dicom(
                np.full((2, 2), n, np.int16),
                InstanceNumber=place * count + n,
                ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
                ImagePositionPatient=[0, 0, place],
            ),
        )
        for place in range(3)
        for n in range(count)
    ]
    opened = open_sources(files)
    assert len(opened.scans) == count
    assert [scan.frames for scan in opened.scans] == [3] * count
    assert Weight.asked < 20 * 3 * count


def radial(make_dicom, count):
    """Slices that all stand at another angle."""
    angles = np.linspace(0.0, np.pi, count, endpoint=False)
    return [
        Source(
            f"{n}.dcm",
            make_dicom(
                np.full((2, 2), n, np.int16),
                ImageOrientationPatient=[float(np.cos(angle)), float(np.sin(angle)), 0, 0, 0, 1],
                ImagePositionPatient=[0, 0, 0],
            ),
        )
        for n, angle in enumerate(angles)
    ]


def test_more_orientations_than_can_be_sorted_open_alone_and_it_is_said(make_dicom, monkeypatch):
    monkeypatch.setattr(dicom_alike, "PLANES", 4)
    opened = open_sources(radial(make_dicom, 6))
    assert len(opened.scans) == 6
    assert "more than 4 orientations" in " ".join(opened.scans[0].warnings)
    assert not open_sources(radial(make_dicom, 4)).scans[0].warnings


def kinds_of_slices(make_dicom, count):
    """Slices of one plane, each with an Image Type of its own and at no even distance."""
    return [
        Source(
            f"{n}.dcm",
            make_dicom(
                np.full((2, 2), n, np.int16),
                ImageType=["ORIGINAL", "PRIMARY", f"KIND{n}"],
                ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
                ImagePositionPatient=[0, 0, float(n**2)],
            ),
        )
        for n in range(count)
    ]


def test_more_kinds_of_slices_than_can_be_put_together_open_alone_and_it_is_said(make_dicom, monkeypatch):
    monkeypatch.setattr(dicom_alike, "PAIRED", 3)
    opened = open_sources(kinds_of_slices(make_dicom, 5))
    assert len(opened.scans) == 5
    assert "more than 3 kinds" in " ".join(opened.scans[0].warnings)
    assert not open_sources(kinds_of_slices(make_dicom, 3)).scans[0].warnings


def test_sorting_can_be_left(make_dicom):
    file = parse(Source("a.dcm", make_dicom(np.zeros((50, 2, 2), np.uint8))))
    asked = []

    def stop():
        asked.append(1)
        if len(asked) == 10:
            raise Cancelled("the upload")

    layout = layout_of(file)
    images = [Image(file, layout, None, (), index, "digest") for index in range(50)]
    with pytest.raises(Cancelled):
        dicom_series.group_images(images, stop)
    assert len(asked) == 10


def test_who_cancels_does_not_wait_for_files_that_are_not_hashed_yet(make_dicom, monkeypatch):
    begun, go_on = [], threading.Event()

    def slow(source):
        begun.append(source.name)
        go_on.wait(30)
        return "digest"

    monkeypatch.setattr(dicom, "_sha256", slow)
    monkeypatch.setattr(dicom.os, "cpu_count", lambda: 3)
    files = [Source(f"{n}.dcm", make_dicom()) for n in range(20)]
    with pytest.raises(Cancelled):
        open_sources(files, cancelled=lambda: bool(begun))
    assert len(begun) <= 2, "no more than were under way"
    go_on.set()


def peak_claim(monkeypatch, source):
    """The most bytes that opening a file has claimed at once."""
    peaks, real = [0], Opening.claim

    def claim(opening, size):
        real(opening, size)
        peaks.append(opening.claimed)

    monkeypatch.setattr(Opening, "claim", claim)
    assert open_sources([source]).scans
    monkeypatch.setattr(Opening, "claim", real)
    return max(peaks)


def test_values_that_need_a_wider_type_than_the_stored_ones_are_claimed(make_dicom, monkeypatch):
    pixels = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
    plain = Source("a.dcm", make_dicom(pixels))
    scaled = Source("a.dcm", make_dicom(pixels, RescaleSlope=0.5, RescaleIntercept=0))
    assert peak_claim(monkeypatch, scaled) >= peak_claim(monkeypatch, plain) + 4 * pixels.size


@pytest.mark.parametrize(("dtype", "more"), [("complex64", 8), ("complex128", 12), ("rgb", 3)])
def test_copies_of_complex_and_colour_voxels_are_claimed(monkeypatch, dtype, more):
    kind = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")]) if dtype == "rgb" else np.dtype(dtype)
    voxels = np.zeros((32, 32, 8), kind)
    source = Source("a.nii", nibabel.Nifti1Image(voxels, np.eye(4), dtype=kind).to_bytes())
    size = len(source.data)
    assert peak_claim(monkeypatch, source) >= size + more * voxels.size


def test_of_thousands_of_windows_the_first_are_offered_and_it_is_said(make_dicom, open_one):
    scan = open_one(make_dicom(WindowCenter=[float(n) for n in range(40)], WindowWidth=[100.0] * 40))
    assert [window.center for window in scan.windows] == list(range(32))
    assert "suggests 40 windows for one image; the first 32 are offered" in " ".join(scan.warnings)


@pytest.mark.parametrize(("start", "stop"), [(0, 4), (1, 4), (3, 5), (2, 8)])
def test_words_of_a_big_endian_overlay_are_swapped_for_one_frame_only(start, stop):
    data = bytes(range(8))
    swapped = bytes([1, 0, 3, 2, 5, 4, 7, 6])
    element = SimpleNamespace(value=data, VR="OW")
    file = SimpleNamespace(little_endian=False, dataset=SimpleNamespace(get_item=lambda tag: element))
    assert dicom_overlays._bits(file, 0x6000, start, stop).tobytes() == swapped[start:stop]
    assert dicom_overlays._bits(file, 0x6000, start, 9) is None


def test_stacks_beside_each_other_are_told_apart_and_their_search_can_be_left():
    places = np.array([(n, 300.0 * (n % 2), 0.0) for n in range(20)])
    asked = []
    found = dicom_stacks.blocks_of(places, 1.0, lambda: asked.append(1))
    assert found == [list(range(0, 20, 2)), list(range(1, 20, 2))]
    assert len(asked) == 20
