import numpy as np
import pytest
from pydicom.dataset import Dataset

from core.readers import Source, open_sources


def _levels(scan):
    return scan.pixels[:, 0, 0].tolist()


def test_slices_are_sorted_by_position_not_by_number(make_slices, open_files):
    scan = open_files(make_slices([5, 0, 2.5])).scans[0]
    assert _levels(scan) == [1, 2, 0]
    assert (scan.axis, scan.slice_spacing_mm) == ("slice", 2.5)
    assert scan.title == "CT series, 3 slices, 2.5 mm"


def test_uneven_gap_is_reported(make_slices, open_files):
    scan = open_files(make_slices([0, 1, 2, 5])).scans[0]
    assert scan.slice_spacing_mm == 1
    assert any("not evenly spaced" in warning and "3 mm" in warning for warning in scan.warnings)


def test_the_same_file_twice_is_opened_once(make_slices, open_files):
    files = make_slices([0, 1, 2])
    opened = open_files([*files, files[0]])
    assert [scan.frames for scan in opened.scans] == [3]
    assert "twice" in opened.scans[0].warnings[0]


def test_other_orientation_is_another_scan(make_slices, make_dicom, open_files):
    localizer = make_dicom(ImagePositionPatient=[0, 0, 0], ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    assert sorted(scan.frames for scan in open_files([*make_slices([0, 1, 2]), localizer]).scans) == [1, 3]


def test_rounded_orientation_is_the_same_scan(make_dicom, open_files):
    files = [
        make_dicom(ImagePositionPatient=[0, 0, z], ImageOrientationPatient=[1, 0, 0, 0, 1, tilt])
        for z, tilt in enumerate([0, 0.0004, -0.0004])
    ]
    assert [scan.frames for scan in open_files(files).scans] == [3]


def test_echoes_and_b_values_are_kept_apart(make_slices, open_files):
    for keyword, values in (("EchoTime", [10, 80]), ("DiffusionBValue", [0, 1000])):
        files = [file for value in values for file in make_slices([0, 1], Modality="MR", **{keyword: value})]
        assert [scan.frames for scan in open_files(files).scans] == [2, 2]


def test_other_sizes_and_series_are_other_scans(make_slices, make_dicom, open_files):
    files = make_slices([0, 1])
    files += make_slices([0, 1], SeriesInstanceUID="1.2.3.5")
    files.append(make_dicom(np.zeros((8, 8), np.int16), ImagePositionPatient=[0, 0, 2]))
    assert sorted(scan.frames for scan in open_files(files).scans) == [1, 2, 2]


def test_time_points_become_volumes(make_slices, open_files):
    files = [
        f for time in (2, 1) for f in make_slices([0, 1], [time * 10, time * 10 + 1], TemporalPositionIdentifier=time)
    ]
    scans = open_files(files).scans
    assert [_levels(scan) for scan in scans] == [[10, 11], [20, 21]]
    assert scans[0].title.endswith("time point 1 of 2")


def test_heart_phases_become_a_sequence_at_each_slice(make_slices, open_files):
    files = [
        file
        for phase, delay in enumerate((0, 50, 100))
        for file in make_slices([0, 8], [phase, phase + 10], Modality="MR", TriggerTime=[delay, delay + 7])
    ]
    scans = open_files(files[::-1]).scans
    assert [_levels(scan) for scan in scans] == [[0, 1, 2], [10, 11, 12]]
    assert {(scan.axis, scan.frame_time_ms) for scan in scans} == {("time", 50.0)}


def test_one_place_with_trigger_times_is_a_cine(make_slices, open_files):
    scan = open_files(make_slices([3, 3, 3], Modality="MR", TriggerTime=[80, 0, 40])).scans[0]
    assert (scan.axis, _levels(scan), scan.frame_time_ms) == ("time", [1, 2, 0], 40.0)


def test_slices_without_positions_follow_their_numbers_with_a_warning(make_dicom, open_files):
    files = [make_dicom(np.full((4, 4), n, np.int16), InstanceNumber=n) for n in (3, 1, 2)]
    scan = open_files(files).scans[0]
    assert _levels(scan) == [1, 2, 3]
    assert any("positions are missing" in warning for warning in scan.warnings)


def test_radiographs_of_one_series_stay_single(make_dicom, open_files):
    scans = open_files([make_dicom(Modality="DX", ViewPosition=view) for view in ("PA", "LL")]).scans
    assert [scan.axis for scan in scans] == ["single", "single"]
    assert [scan.facts["View"] for scan in scans] == ["PA", "LL"]


def test_patients_are_kept_apart_and_the_summary_says_so(make_slices, open_files):
    opened = open_files([*make_slices([0, 1], PatientID="ABC-1"), *make_slices([0, 1], PatientID="ABC-2")])
    assert [scan.frames for scan in opened.scans] == [2, 2]
    assert "2 patients" in opened.summary
    assert "ABC" not in opened.summary


def test_rescale_of_each_slice_is_its_own(make_slices, open_files):
    scan = open_files(
        make_slices([0, 1], [10, 10], Modality="PT", Units="BQML", RescaleSlope=[0.5, 2.0], RescaleIntercept=0)
    ).scans[0]
    assert _levels(scan) == [5.0, 20.0]
    assert scan.units == "Bq/ml"


@pytest.mark.parametrize(
    ("elements", "milliseconds"),
    [({"FrameTime": 40}, 40), ({"CineRate": 20}, 50), ({"FrameTimeVector": [0, 30, 30]}, 30), ({}, None)],
)
def test_ultrasound_frames_are_time(elements, milliseconds, make_dicom, open_one):
    scan = open_one(make_dicom(np.zeros((3, 4, 4), np.uint8), Modality="US", **elements))
    assert (scan.axis, scan.frames, scan.frame_time_ms) == ("time", 3, milliseconds)


def _enhanced(position, slope, center):
    def item(**values):
        dataset = Dataset()
        for name, value in values.items():
            setattr(dataset, name, value)
        return [dataset]

    return item(
        PlanePositionSequence=item(ImagePositionPatient=[0, 0, position]),
        PixelValueTransformationSequence=item(RescaleSlope=slope, RescaleIntercept=0, RescaleType="US"),
        FrameVOILUTSequence=item(WindowCenter=center, WindowWidth=100),
    )[0]


def test_enhanced_frames_take_geometry_rescale_and_window_from_their_groups(make_dicom, open_one):
    shared = Dataset()
    plane, measures = Dataset(), Dataset()
    plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    measures.PixelSpacing = [0.4, 0.2]
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [plane], [measures]
    groups = [_enhanced(4, 1, 10), _enhanced(0, 2, 20), _enhanced(2, 3, 30)]
    frames = np.array([[[1]], [[10]], [[100]]], np.uint16)
    scan = open_one(
        make_dicom(
            frames, Modality="MR", SharedFunctionalGroupsSequence=[shared], PerFrameFunctionalGroupsSequence=groups
        )
    )
    assert _levels(scan) == [20.0, 300.0, 1.0]
    assert (scan.slice_spacing_mm, scan.spacing_mm, scan.pixel_aspect) == (2.0, (0.4, 0.2), 2.0)
    assert [window.center for window in scan.windows[0].each] == [20, 30, 10]


def test_digest_names_the_bytes_in_their_order(make_slices, open_files):
    files = make_slices([0, 1, 2])
    digests = {open_files(order).scans[0].digest for order in (files, files[::-1])}
    assert len(digests) == 1
    assert open_files(files[:2]).scans[0].digest not in digests


def test_truncated_multi_frame_opens_its_whole_frames(make_dicom, open_one):
    data = make_dicom(np.arange(48, dtype=np.uint8).reshape(3, 4, 4), Modality="US")
    scan = open_one(data[:-10])
    assert scan.frames == 2
    assert "2 of 3 frames are whole" in scan.warnings[0]


def test_a_broken_slice_leaves_the_others(package_file, make_slices):
    whole = package_file("MR_small_jp2klossless.dcm")
    broken = whole[:4600] + b"\x5a" * 900 + whole[5500:]
    sources = [Source("a", make_slices([0])[0]), Source("b", make_slices([1])[0]), Source("c", broken)]
    opened = open_sources([*sources, Source("d", whole[:-3000])])
    assert opened.scans[0].frames == 2
    assert opened.skipped[-1].name in {"c", "d"}
    assert all("Traceback" not in entry.reason for entry in opened.skipped)


def test_series_of_one_patient_are_told_from_those_of_another_without_a_name(make_slices, open_files):
    same = open_files([*make_slices([0, 1], PatientID="ABC-1"), *make_slices([9, 10], PatientID="ABC-2")]).scans
    again = open_files(make_slices([0, 1], PatientID="ABC-1")).scans[0]
    assert len({scan.patient for scan in same}) == 2
    assert again.patient in {scan.patient for scan in same}
    assert not any("ABC" in scan.patient for scan in same)
