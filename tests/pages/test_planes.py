"""A volume of cubes can be looked at in every plane; one of thick slices only as it was acquired."""

import nibabel
import numpy as np
import pytest

VOXELS = np.random.default_rng(0).integers(0, 200, (16, 20, 24)).astype(np.int16)


def _volume(*sizes):
    return nibabel.Nifti1Image(VOXELS, np.diag([*sizes, 1.0])).to_bytes()


@pytest.fixture
def planes():
    """The control that chooses the plane, as a list: empty where there is none."""
    return lambda app: [box for box in app.selectbox if box.label == "Plane"]


def test_a_volume_of_cubes_is_turned_to_another_plane_and_back(upload, planes, state, words):
    app = upload(("cubes.nii", _volume(1, 1, 1)))
    (choice,) = planes(app)
    assert choice.options == ["Axial", "Coronal", "Sagittal"]
    assert state(app).scan.pixels.shape == (24, 20, 16)
    choice.select("sagittal").run()
    assert not app.exception
    assert state(app).scan.pixels.shape == (16, 24, 20)
    assert "16 slices" in words(app)
    assert "sagittal, cut from axial slices" in words(app)
    planes(app)[0].select("axial").run()
    assert state(app).scan.pixels.shape == (24, 20, 16)


def test_thick_slices_are_shown_as_they_were_acquired(upload, planes, state):
    app = upload(("thick.nii", _volume(4, 1, 1)))
    assert state(app).scan.pixels.shape == (16, 24, 20)
    assert not planes(app)
