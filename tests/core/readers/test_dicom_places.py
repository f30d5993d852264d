"""Which slices belong together: by what they are and where they lie, within what headers round."""

import io

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

PLANE = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}


@pytest.fixture
def opened(make_dicom, open_files):
    """Slices whose pixels are all their number, each with elements of its own: `opened(4, lambda n: {…})`."""

    def made(count, each, start=0, add=(), **common):
        files = []
        for n in range(start, start + count):
            elements = {"Modality": "MR", "ImagePositionPatient": [0, 0, 2 * n], "PixelSpacing": [1, 1], **PLANE}
            elements |= {"InstanceNumber": n + 1, **common, **each(n)}
            files.append(make_dicom(np.full((4, 4), n, np.int16), **elements))
        return open_files([*files, *add]).scans

    return made


def sizes(scans):
    return sorted(scan.frames for scan in scans)


ROUNDED = {
    "spacing to six digits": lambda n: {"PixelSpacing": [[0.48828125] * 2, [0.488281] * 2][n % 2]},
    "spacing to two digits": lambda n: {"PixelSpacing": [[0.48828125] * 2, [0.49] * 2][n % 2]},
    "echo time": lambda n: {"EchoTime": [8.948, 8.952][n % 2]},
    "echo time of each slice": lambda n: {"EchoTime": 8.90 + 0.01 * n},
    "b-value": lambda n: {"DiffusionBValue": [1000, 1000.4][n % 2]},
    "patient's name": lambda n: {"PatientName": ["Doe^Jane", "DOE^JANE^^"][n % 2]},
    "blanks of the image type": lambda n: {"ImageType": [["ORIGINAL", "PRIMARY"], ["ORIGINAL ", "PRIMARY", ""]][n % 2]},
    "image type of every other": lambda n: {"ImageType": [["ORIGINAL", "PRIMARY"], ["DERIVED", "PRIMARY"]][n % 2]},
    "image type of one": lambda n: {"ImageType": ["DERIVED" if n == 3 else "ORIGINAL", "PRIMARY"]},
    "one without spacing": lambda n: {"PixelSpacing": None if n == 2 else [1, 1]},
    "one without echo time": lambda n: {"EchoTime": None if n == 2 else 30},
    "exposure and tube": lambda n: {"Exposure": n, "KVP": 120, "SliceThickness": 2 + n / 1000},
}


@pytest.mark.parametrize("each", ROUNDED.values(), ids=ROUNDED)
def test_a_difference_that_means_nothing_parts_no_series(each, opened):
    (scan,) = opened(8, each)
    assert scan.pixels[:, 0, 0].tolist() == list(range(8))
    assert scan.slice_spacing_mm == 2


APART = {
    "spacing": lambda n: {"PixelSpacing": [[0.488, 0.488], [0.5, 0.5]][n % 2]},
    "echo": lambda n: {"EchoTime": [1.15, 2.3][n % 2], "ImagePositionPatient": [0, 0, n // 2]},
    "b-value": lambda n: {"DiffusionBValue": [0, 50][n % 2], "ImagePositionPatient": [0, 0, n // 2]},
    "magnitude and phase": lambda n: {
        "ImageType": ["ORIGINAL", "PRIMARY", "MP"[n % 2]],
        "ImagePositionPatient": [0, 0, n // 2],
    },
    "orientation": lambda n: {"ImageOrientationPatient": [[1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, -1]][n % 2]},
    "patient": lambda n: {"PatientID": ["A", "B"][n % 2]},
}


@pytest.mark.parametrize("each", APART.values(), ids=APART)
def test_a_difference_that_means_something_parts_a_series(each, opened):
    assert sizes(opened(8, each)) == [4, 4]


def test_slices_that_round_their_orientation_differently_keep_their_order(opened):
    """The corner is far from the origin: along a normal of its own each second slice would be 1 mm off."""
    turned = np.deg2rad(10)
    exact = [1, 0, 0, 0, np.cos(turned), np.sin(turned)]
    normal = np.array([0, -np.sin(turned), np.cos(turned)])
    corner = np.array([-250.0, -250, 40])
    scans = opened(
        6,
        lambda n: {
            "ImageOrientationPatient": [exact, [round(v, 2) for v in exact]][n % 2],
            "ImagePositionPatient": list(corner + normal * n),
        },
    )
    assert [scan.pixels[:, 0, 0].tolist() for scan in scans] == [list(range(6))]
    assert scans[0].slice_spacing_mm == pytest.approx(1, abs=0.01)


def again(file, **changes):
    dataset, stream = dcmread(io.BytesIO(file)), io.BytesIO()
    for name, value in changes.items():
        setattr(dataset, name, value)
    dataset.save_as(stream)
    return stream.getvalue()


@pytest.fixture
def copied(make_slices, open_files):
    """Three slices and three more that are made from them."""

    def made(change, **elements):
        files = make_slices([0, 2, 4], **elements)
        return open_files([*files, *(change(n, file) for n, file in enumerate(files))]).scans

    return made


def test_one_sop_instance_exported_twice_is_opened_once(copied):
    (scan,) = copied(lambda _, file: again(file, StationName="ARCHIVE2"))
    assert scan.frames == 3
    assert "3 images were uploaded twice and opened once." in scan.warnings


def test_a_radiograph_exported_twice_is_opened_once(make_dicom, open_files):
    file = make_dicom(Modality="DX")
    assert len(open_files([file, again(file, StationName="ARCHIVE2")]).scans) == 1


def test_copies_with_new_identifiers_and_numbers_are_opened_once(copied):
    (scan,) = copied(lambda n, file: again(file, SOPInstanceUID=f"9.9.{n}", InstanceNumber=50 + n))
    assert scan.frames == 3
    assert any("there twice" in warning for warning in scan.warnings)


def test_two_versions_under_one_identifier_are_said(copied):
    (scan,) = copied(lambda n, file: again(file, PixelData=np.full((4, 4), 70 + n, np.int16).tobytes()))
    assert scan.pixels[:, 0, 0].tolist() == [0, 1, 2]
    assert any("two versions" in warning for warning in scan.warnings)


def test_slices_that_all_carry_one_identifier_are_all_kept(opened):
    (scan,) = opened(5, lambda _: {"SOPInstanceUID": "1.2.3.9"})
    assert scan.frames == 5


def test_two_blocks_beside_each_other_are_two_stacks(opened):
    scans = opened(20, lambda n: {"ImagePositionPatient": [100 * (n % 2), 50 * (n % 2), n]})
    assert sizes(scans) == [10, 10]
    assert {scan.slice_spacing_mm for scan in scans} == {2}
    assert {scan.title.rpartition(", ")[2] for scan in scans} == {"block 1 of 2", "block 2 of 2"}
    assert any("2 blocks" in warning for scan in scans for warning in scan.warnings)


def test_two_blocks_behind_each_other_and_shifted_are_two_stacks(opened):
    assert sizes(opened(12, lambda n: {"ImagePositionPatient": [60 * (n >= 6), 0, 2 * n]})) == [6, 6]


def test_times_of_each_block_become_volumes(opened):
    scans = opened(
        24,
        lambda n: {
            "ImagePositionPatient": [90 * (n % 2), 0, 2 * (n // 2 % 6)],
            "TemporalPositionIdentifier": n // 12,
            "InstanceNumber": n,
        },
    )
    assert sizes(scans) == [6] * 4
    assert len({scan.title for scan in scans}) == 4


@pytest.mark.parametrize(("step", "pixel"), [(0.009, 0.009), (0.0005, 0.0005), (0.004, None)])
def test_tiny_steps_are_slices_and_no_film(step, pixel, opened):
    each = {"PixelSpacing": None if pixel is None else [pixel] * 2}
    (scan,) = opened(10, lambda n: {"ImagePositionPatient": [0, 0, n * step]}, **each)
    assert scan.axis == "slice"
    assert scan.slice_spacing_mm == pytest.approx(step)
    assert scan.pixels[:, 0, 0].tolist() == list(range(10))


def test_a_tilted_gantry_is_said_and_kept(opened):
    tilt = np.deg2rad(15)
    scans = opened(
        6,
        lambda n: {
            "ImageOrientationPatient": [1, 0, 0, 0, np.cos(tilt), -np.sin(tilt)],
            "ImagePositionPatient": [0, 0, 5 * n],
        },
        Modality="CT",
    )
    (scan,) = scans
    assert scan.slice_spacing_mm == pytest.approx(5 * np.cos(tilt))
    np.testing.assert_allclose(scan.slice_origins_mm[1], [5 * np.cos(tilt), -5 * np.sin(tilt), 0], atol=1e-6)
    assert any("aslant by 15°" in warning for warning in scan.warnings)


def test_a_straight_stack_has_nothing_to_say(opened):
    (scan,) = opened(6, lambda _: {})
    assert scan.warnings == ()
    np.testing.assert_allclose(scan.slice_origins_mm, [[2 * n, 0, 0] for n in range(6)])


def test_a_tilted_gantry_without_positions_is_said(make_dicom, open_files):
    files = [make_dicom(np.full((4, 4), n, np.int16), InstanceNumber=n, GantryDetectorTilt=-12) for n in range(3)]
    assert any("tilted by -12°" in warning for warning in open_files(files).scans[0].warnings)


def test_a_run_that_was_stopped_keeps_its_whole_volumes(opened):
    scans = opened(
        10, lambda n: {"ImagePositionPatient": [0, 0, n % 4], "TemporalPositionIdentifier": n // 4 + 1}, Modality="MR"
    )
    assert [scan.pixels[:, 0, 0].tolist() for scan in scans] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_places_seen_equally_often_without_a_time_are_parted_by_number_and_it_is_said(opened):
    scans = opened(6, lambda n: {"ImagePositionPatient": [0, 0, n % 3]})
    assert [scan.pixels[:, 0, 0].tolist() for scan in scans] == [[0, 1, 2], [3, 4, 5]]
    assert "Nothing in the files but their numbers" in scans[0].warnings[0]


def private(make_dicom, creator, group, element, value, vr, position, level):
    dataset = dcmread(
        io.BytesIO(
            make_dicom(
                np.full((4, 4), level, np.int16), Modality="MR", ImagePositionPatient=[0, 0, position],
                InstanceNumber=position, PixelSpacing=[1, 1], **PLANE,
            )
        )
    )  # fmt: skip
    if creator:
        dataset.add_new((group, 0x0011), "LO", creator)
    dataset.add_new((group, (0x11 if creator else 0x10) << 8 | element), vr, value)
    stream = io.BytesIO()
    dataset.save_as(stream)
    return stream.getvalue()


MAKERS = {
    "Siemens": ("SIEMENS MR HEADER", 0x0019, 0x0C, "IS", str),
    "Siemens as UN": (
        "SIEMENS MR HEADER",
        0x0019,
        0x0C,
        "UN",
        lambda b: f"{b} "[: len(str(b)) + len(str(b)) % 2].encode(),
    ),
    "GE": ("GEMS_PARM_01", 0x0043, 0x39, "IS", lambda b: [b + 1_000_000_000, 8, 0, 0]),
    "Philips": ("Philips Imaging DD 001", 0x2001, 0x03, "FL", float),
    "United Imaging": ("Image Private Header", 0x0065, 0x09, "FD", float),
}


@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
def test_b_values_of_makers_count_behind_their_names(maker, make_dicom, open_files):
    creator, group, element, vr, written = maker
    files = [
        private(make_dicom, creator, group, element, written(b), vr, z, b + z) for b in (0, 500, 1000) for z in range(3)
    ]
    scans = open_files(files).scans
    assert [scan.pixels[:, 0, 0].tolist() for scan in scans] == [[b, b + 1, b + 2] for b in (0, 500, 1000)]
    assert [scan.title.rpartition(", ")[2] for scan in scans] == ["1 mm", "b 500", "b 1000"]


@pytest.mark.parametrize("creator", ["PHILIPS MR/PART", "SIEMENS CT VA0  COAD", None])
def test_the_element_of_another_maker_is_no_b_value(creator, make_dicom, open_files):
    files = [private(make_dicom, creator, 0x0019, 0x0C, str(100 + 3 * z), "DS", z, z) for z in range(6)]
    (scan,) = open_files(files).scans
    assert scan.frames == 6
    assert "b 1" not in scan.title


def test_b_values_without_a_maker_part_only_what_they_fit(make_dicom, open_files):
    files = [
        private(make_dicom, None, 0x0019, 0x0C, f"{b:<4}".encode(), "UN", z, 7) for b in (0, 1000) for z in range(3)
    ]
    scans = open_files(files).scans
    assert sizes(scans) == [3, 3]
    assert [scan.title.rpartition(", ")[2] for scan in scans] == ["b 0", "b 1000"]
    assert "maker's name" in scans[0].warnings[0]


def test_a_b_value_that_cannot_be_is_left_out(opened):
    scans = opened(3, lambda _: {"DiffusionBValue": 1e9})
    assert "b " not in scans[0].title


def test_magnitude_and_phase_of_an_enhanced_file_stay_apart(make_dicom, open_files):
    groups = []
    for n in range(4):
        group, plane, kind = Dataset(), Dataset(), Dataset()
        plane.ImagePositionPatient = [0, 0, n // 2]
        kind.FrameType = ["ORIGINAL", "PRIMARY", "MP"[n % 2]]
        group.PlanePositionSequence, group.MRImageFrameTypeSequence = [plane], [kind]
        groups.append(group)
    shared, orientation = Dataset(), Dataset()
    orientation.ImageOrientationPatient = PLANE["ImageOrientationPatient"]
    shared.PlaneOrientationSequence = [orientation]
    frames = np.arange(4, dtype=np.uint16)[:, None, None] * np.ones((4, 2, 2), np.uint16)
    data = make_dicom(
        frames, Modality="MR", SharedFunctionalGroupsSequence=[shared], PerFrameFunctionalGroupsSequence=groups
    )
    scans = open_files([data]).scans
    assert [scan.pixels[:, 0, 0].tolist() for scan in scans] == [[0, 2], [1, 3]]
