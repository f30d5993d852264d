"""Volumes in the planes they were acquired in: the same whatever way they are stored, and never mirrored."""

import itertools

import nibabel
import numpy as np
import pytest

from core.planes import PLANES, VIEWS, acquired_axis, in_plane, layout, plane_choices, to_frames, to_voxels, view_axes
from core.readers import Source, open_sources

#: For each plane how its slices look: what lies up, and what on the left of the screen.
_LOOKS = {"axial": ("A", "R"), "coronal": ("S", "R"), "sagittal": ("S", "A")}
_SIDES = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}


def _opened(voxels, affine, **fields):
    image = nibabel.Nifti1Image(voxels, affine)
    for name, value in fields.items():
        image.header[name] = value
    return open_sources([Source("scan.nii", image.to_bytes())]).scans


def _stored(voxels, affine, order, signs):
    """The same voxels at the same places, stored in another order and direction."""
    stored, turned = voxels.transpose(*order, *range(3, voxels.ndim)), affine[:, [*order, 3]].copy()
    for axis, sign in enumerate(signs):
        if sign < 0:
            stored = np.flip(stored, axis)
            turned[:3, 3] += turned[:3, axis] * (stored.shape[axis] - 1)
            turned[:3, axis] *= -1
    return np.ascontiguousarray(stored), turned


_WAYS = list(itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3)))


def _oblique(*angles_and_sizes):
    """An affine turned by three angles in degrees, with three voxel sizes."""
    *angles, x, y, z = angles_and_sizes
    turn = np.eye(3)
    for axis, angle in enumerate(np.radians(angles)):
        a, b = [k for k in range(3) if k != axis]
        step = np.eye(3)
        step[[a, a, b, b], [a, b, a, b]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
        turn = turn @ step
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn * (x, y, z), (12, -30, 45)
    return affine


@pytest.mark.parametrize(
    ("shape", "affine"),
    [
        ((5, 6, 4), _oblique(20, -35, 50, 1.5, 1.5, 8)),
        ((5, 6, 1, 12), _oblique(-40, 30, 15, 1.4, 1.4, 8)),
        ((5, 6, 4, 12), _oblique(55, 10, -70, 1.4, 1.4, 10)),
        ((4, 5, 6), _oblique(10, 20, 30, 1, 1, 1)),
        ((4, 5, 6), _oblique(45, 0, 0, 1, 1, 1)),
        ((4, 5, 6), _oblique(0, 45, 45, 1, 1, 3)),
        ((4, 5, 6), _oblique(0, 0, 45, 0.8, 0.8, 0.5)),
    ],
    ids=["thick slices", "cine", "cine of a volume", "cubes", "cubes at 45°", "slices at 45°", "thin slices"],
)
def test_all_48_ways_to_store_a_volume_give_the_same_scan(shape, affine):
    voxels = np.random.default_rng(3).integers(0, 2000, shape).astype(np.int16)
    expected = _opened(voxels, affine)
    for order, signs in _WAYS:
        scans = _opened(*_stored(voxels, affine, order, signs))
        assert [scan.title for scan in scans] == [scan.title for scan in expected]
        for scan, same in zip(scans, expected, strict=True):
            assert np.array_equal(scan.pixels, same.pixels), (order, signs)
            assert scan.spacing_mm == pytest.approx(same.spacing_mm)
            assert scan.grid.plane == same.grid.plane


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("time", [(), (14,)])
def test_thick_and_single_slices_are_shown_in_their_plane_with_the_sides_where_radiologists_look(plane, time):
    slice_axis = {"sagittal": 0, "coronal": 1, "axial": 2}[plane]
    sizes, shape = [1.0, 1.0, 1.0], [20, 20, 20]
    sizes[slice_axis], shape[slice_axis] = 6.0, 1 if time else 5
    up, left = _LOOKS[plane]
    voxels = np.zeros((*shape, *time), np.int16)
    for side, value in ((up, 1), (left, 2)):
        axis, sign = _SIDES[side]
        voxels[tuple(slice(None) if k != axis else slice(15, None) if sign > 0 else slice(5) for k in range(3))] += (
            value
        )
    (scan,) = _opened(voxels, np.diag([*sizes, 1.0]))
    assert scan.grid.plane == plane
    assert scan.pixels.shape == (*(time or (5,)), 20, 20)
    image = scan.pixels[0]
    assert (image[:5, 10] & 1).all(), f"{up} is up"
    assert (image[10, :5] & 2).all(), f"{left} is on the left"
    assert not image[15:, 10:].any()


def test_slices_run_to_the_head_to_the_back_and_to_the_right():
    volume = np.zeros((4, 5, 6), np.int16)
    volume[:] = np.arange(4)[:, None, None] * 100 + np.arange(5)[:, None] * 10 + np.arange(6)
    (scan,) = _opened(volume, np.eye(4))
    assert [int(frame.min()) for frame in scan.pixels] == [0, 1, 2, 3, 4, 5]
    assert [int(frame.min()) for frame in in_plane(scan, "coronal").pixels] == [40, 30, 20, 10, 0]
    assert [int(frame.min()) for frame in in_plane(scan, "sagittal").pixels] == [0, 100, 200, 300]


@pytest.mark.parametrize(
    ("shape", "spacing", "noted", "axis"),
    [
        ((1, 64, 64), (1, 1, 1), None, 0),
        ((64, 1, 64), (1, 1, 9), 2, 1),
        ((64, 64, 20), (5, 1, 1), None, 0),
        ((64, 64, 20), (1, 5, 0.9), None, 1),
        ((64, 64, 20), (1.2, 1, 1), None, 0),
        ((64, 64, 20), (0.7, 0.7, 0.4), None, 2),
        ((64, 64, 20), (0.9, 1.0, 1.2), None, 2),
        ((64, 64, 20), (1, 1, 1), None, None),
        ((64, 64, 20), (1, 1, 1), 0, 0),
        ((64, 64, 20), (1, 1, 1.2), 1, 1),
        ((64, 64, 20), (1, 1, 3), 1, 2),
        ((64, 64, 20), (0, 0, 0), None, None),
    ],
)
def test_the_acquired_axis_is_inferred(shape, spacing, noted, axis):
    assert acquired_axis(shape, spacing, noted) == axis


def test_cubes_are_shown_axially_unless_the_file_notes_its_slices():
    cubes = np.random.default_rng(0).integers(0, 99, (6, 7, 8)).astype(np.int16)
    sagittal_storage = np.array([[0, 0, 1.0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    (plain,) = _opened(cubes, sagittal_storage)
    (noted,) = _opened(cubes, sagittal_storage, dim_info=3 << 4)
    assert (plain.grid.plane, noted.grid.plane) == ("axial", "sagittal")
    assert plain.facts["Plane"] == "axial"


def test_a_heart_in_short_axis_is_seen_from_the_apex_in_whatever_plane_it_is_nearest_to():
    """The long axis points to the left, to the front and to the feet; how much to each differs between patients."""
    for apex in itertools.product((-0.8, -0.55, -0.3), (0.3, 0.55, 0.8), (-0.2, -0.5, -0.8)):
        normal = np.array(apex) / np.linalg.norm(apex)
        across = np.cross(normal, (0, 0, 1.0))
        across /= np.linalg.norm(across)
        directions = np.stack([across, np.cross(normal, across), normal], axis=1)
        _, axes, turned = layout(directions, 2)
        _, down, right = (directions[:, axis] * (-1 if back else 1) for axis, back in zip(axes, turned, strict=True))
        assert np.cross(right, down) @ normal < 0, "into the screen is from the apex to the base"
        if apex[0] <= -0.55 and apex[1] >= 0.55:  # as hearts lie; the others lie nearly in one of the three planes
            assert down[2] < -0.5, "the head is up and the liver below"
            assert right[0] < -0.5, "the side wall is on the right, and so the right ventricle on the left"


@pytest.mark.parametrize("lean", [-1e-6, 0.0, 1e-6])
def test_rounding_does_not_decide_between_two_planes(lean):
    angle = np.radians(45) + lean
    directions = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    assert layout(directions, 2)[0] == "axial"
    sideways = directions[[1, 2, 0]][:, [1, 2, 0]]
    assert layout(sideways, 1)[0] == "coronal"


def test_no_oblique_plane_is_seen_from_behind():
    draw = np.random.default_rng(5)
    for _ in range(400):
        directions, _ = np.linalg.qr(draw.normal(size=(3, 3)))
        plane, axes, turned = layout(directions, 2)
        forth, down, right = (directions[:, k] * (-1 if back else 1) for k, back in zip(axes, turned, strict=True))
        assert np.cross(right, down) @ view_axes(plane)[0] > 0
        assert np.cross(right, down) @ forth > 0


def test_the_way_back_is_exact_in_each_plane():
    voxels = np.arange(4 * 5 * 6).reshape(4, 5, 6).astype(np.int16)
    (scan,) = _opened(*_stored(voxels, np.diag([1.0, 1.2, 1.1, 1]), (2, 0, 1), (1, -1, -1)))
    stored = _stored(voxels, np.eye(4), (2, 0, 1), (1, -1, -1))[0]
    for plane in PLANES:
        shown = in_plane(scan, plane)
        assert np.array_equal(to_voxels(shown.pixels, shown.grid), stored)
        assert np.array_equal(to_frames(stored, shown.grid), shown.pixels)


def test_a_plane_keeps_sizes_and_gets_a_digest_of_its_own():
    (scan,) = _opened(np.zeros((10, 12, 14), np.int16), np.diag([1.0, 1.2, 1.1, 1]), dim_info=3 << 4)
    assert plane_choices(scan) == ("axial", "coronal", "sagittal")
    coronal = in_plane(scan, "coronal")
    assert coronal.spacing_mm == pytest.approx((1.1, 1.0))
    assert coronal.slice_spacing_mm == pytest.approx(1.2)
    assert coronal.pixel_aspect == pytest.approx(1.1)
    assert coronal.title == "NIfTI volume, 12 slices, 1.2 mm"
    assert "coronal, cut from axial" in coronal.provenance[-1].detail
    assert len({in_plane(scan, plane).digest for plane in PLANES}) == 3
    assert in_plane(scan, "axial") is scan


def test_thick_slices_and_sequences_are_offered_in_their_own_plane_alone():
    thick = _opened(np.zeros((10, 12, 14), np.int16), np.diag([1.0, 1.0, 3.0, 1]))[0]
    cine = _opened(np.zeros((10, 12, 1, 14), np.int16), np.eye(4))[0]
    assert plane_choices(thick) == plane_choices(cine) == ("axial",)


def test_views_are_right_handed():
    for plane in VIEWS:
        frames, rows, columns = view_axes(plane)
        assert np.array_equal(np.cross(columns, rows), frames), "as DICOM series are sorted"
