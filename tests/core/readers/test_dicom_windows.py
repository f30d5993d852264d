"""The window of each frame: kept, shown, and given to a model that goes by the display."""

import os
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from core.inference.prepare import prepare
from core.lessons.fusion.study_parts import one_frame
from core.models.inputs import InputSpec
from core.readers import open_sources, sources_in
from core.scan import FrameWindows, Window, display_frame, window_at, window_choices

RAMP = np.arange(0, 1600, 100, dtype=np.int16).reshape(4, 4)
CENTERS, WIDTHS = [300, 700, 1100], [401, 801, 1201]


def linear(values, center, width):
    """PS3.3 C.11.2.1.2.1, to grey levels."""
    levels = ((values - (center - 0.5)) / (width - 1) + 0.5).clip(0, 1)
    return np.floor(levels * 255 + 0.5).astype(int)


@pytest.fixture
def windowed(make_dicom, open_files):
    """A series of which each slice has a window of its own; the files come in another order than the slices."""

    def make(centers=CENTERS, widths=WIDTHS, **elements):
        files = []
        for n, (center, width) in enumerate(zip(centers, widths, strict=True)):
            window = {} if center is None else {"WindowCenter": center, "WindowWidth": width}
            place = {"ImagePositionPatient": [0, 0, 2 * n], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
            files.append(make_dicom(RAMP + n, InstanceNumber=n, Modality="MR", **place, **window, **elements))
        return open_files(files[::-1]).scans[0]

    return make


def test_each_slice_is_shown_with_its_own_window(windowed):
    scan = windowed()
    for n, (center, width) in enumerate(zip(CENTERS, WIDTHS, strict=True)):
        expected = linear(RAMP.astype(float) + n, center, width)
        assert np.abs(display_frame(scan, n).astype(int) - expected).max() <= 1
        assert window_at(scan.windows[0], n) == Window(center, width)


def test_slices_with_one_window_keep_a_single_one(windowed):
    assert windowed([40] * 3, [400] * 3).windows == (Window(40, 400),)


def test_a_model_that_goes_by_the_display_gets_the_window_of_each_slice(windowed):
    scan = windowed()
    spec = InputSpec("image", "image", (4, 4), 1, (0.0, 255.0), "display", "stretch", ("MR",))
    prepared = prepare(scan, spec)
    for n, image in enumerate(prepared.batch["image"]):
        np.testing.assert_allclose(image[..., 0], display_frame(scan, n), atol=0.51)
    assert "centre 300 to 1100" in prepared.provenance[0].detail
    assert "centre 700, width 801" in prepare(scan, spec, [1]).provenance[0].detail


def test_the_answer_for_a_slice_does_not_depend_on_the_window_of_the_others(windowed):
    spec = InputSpec("image", "image", (4, 4), 1, (0.0, 1.0), "display", "stretch", ("MR",))
    alone, among = prepare(windowed([300], [401]), spec, [0]), prepare(windowed(), spec, [0])
    np.testing.assert_array_equal(alone.batch["image"], among.batch["image"])


def test_provenance_says_that_windows_differ(windowed):
    steps = {step.name: step.detail for step in windowed().provenance}
    assert steps["Window for display"] == "each frame's own, centre 300 to 1100, width 401 to 1201"
    assert {step.name: step.detail for step in windowed([40] * 3, [400] * 3).provenance}[
        "Window for display"
    ] == "centre 40, width 400"


def test_a_slice_without_a_window_among_others_goes_by_its_own_range(windowed):
    scan = windowed([300, None, 1100])
    own = window_at(scan.windows[0], 1)
    assert isinstance(own, Window)
    assert own.name == "Full range"
    assert window_at(scan.windows[0], 2) == Window(1100, 1201)


def test_several_windows_of_each_slice_are_offered_in_their_order(windowed):
    scan = windowed([[40, 300], [50, 310], [60, 320]], [[80, 1500], [90, 1500], [100, 1500]])
    choices = window_choices(scan)
    assert list(choices)[:2] == ["From the file", "From the file 2"]
    assert [window_at(choices["From the file 2"], n).center for n in range(3)] == [300, 310, 320]


def test_one_slice_taken_out_keeps_its_own_window(windowed):
    assert window_at(one_frame(windowed(), 2).windows[0], 0) == Window(1100, 1201)


def test_monochrome1_slices_are_turned_round_with_their_own_windows(windowed):
    plain, turned = (
        windowed(BitsStored=12, HighBit=11),
        windowed(BitsStored=12, HighBit=11, PhotometricInterpretation="MONOCHROME1"),
    )
    for n in range(3):
        assert np.abs(display_frame(turned, n).astype(int) - (255 - display_frame(plain, n).astype(int))).max() <= 1


def test_frames_of_an_enhanced_file_have_the_windows_of_their_groups(make_dicom, open_one):
    groups = []
    for center in CENTERS:
        group, window = Dataset(), Dataset()
        window.WindowCenter, window.WindowWidth = center, 401
        group.FrameVOILUTSequence = [window]
        groups.append(group)
    scan = open_one(make_dicom(np.stack([RAMP] * 3), Modality="MR", PerFrameFunctionalGroupsSequence=groups))
    assert isinstance(scan.windows[0], FrameWindows)
    for n, center in enumerate(CENTERS):
        assert np.abs(display_frame(scan, n).astype(int) - linear(RAMP.astype(float), center, 401)).max() <= 1


def test_windows_are_kept_once_however_many_slices_fraction_them(windowed):
    scan = windowed([40, 40, 50], [400, 400, 400])
    assert scan.windows[0].each[0] is scan.windows[0].each[1]


def test_slices_of_real_scouts_keep_the_windows_of_their_files():
    folder = Path(os.environ.get("DATA") or Path(__file__).parents[4] / "shared" / "data") / "dicom_series"
    if not folder.is_dir():
        pytest.skip("no dicom_series in DATA or ../shared/data")
    scans = open_sources(sources_in(folder)).scans
    said = [pydicom.dcmread(path, force=True, stop_before_pixels=True) for path in folder.rglob("*.dcm")]
    expected = sorted((float(ds.WindowCenter), float(ds.WindowWidth)) for ds in said if "WindowCenter" in ds)
    kept = [window_at(scan.windows[0], n) for scan in scans for n in range(scan.frames)]
    assert sorted((window.center, window.width) for window in kept) == expected
