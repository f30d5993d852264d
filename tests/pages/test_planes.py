"""A volume of cubes can be looked at in every plane; one of thick slices only as it was acquired."""

import io

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

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
    assert choice.options == ["Plane: axial", "Plane: coronal", "Plane: sagittal"]
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


def test_a_sequence_is_turned_by_hand_and_the_model_says_how_hearts_lay(start, upload, state, words):
    film = np.random.default_rng(1).integers(0, 200, (24, 20, 1, 12)).astype(np.int16)
    data = nibabel.Nifti1Image(film, np.diag([-1.5, -1.5, 8.0, 1.0])).to_bytes()
    app = upload(("cine.nii", data), app=start(model="heart-cine-gru"))
    (turn,) = [box for box in app.selectbox if box.label == "Turn"]
    assert turn.value == "As in the file"
    assert "The file does not show how the heart lies." in words(app), "its place is a plain grid"
    assert "right ventricle on the left, the liver below; turn it, above, if it lies otherwise" in words(app)
    before = state(app).scan.pixels
    turn.select("Mirrored").run()
    assert not app.exception
    assert np.array_equal(state(app).scan.pixels, before[:, :, ::-1])
    assert "mirrored, as seen against the file" in words(app)
    assert "right ventricle" in words(app), "the model stays chosen"


def test_a_dicom_cine_stored_from_behind_is_laid_upright_and_can_be_put_back(upload, state):
    files, study, series = [], generate_uid(), generate_uid()
    frames = np.random.default_rng(2).integers(0, 900, (3, 16, 20)).astype(np.uint16)
    for number, frame in enumerate(frames):
        header = pydicom.Dataset()
        header.file_meta = pydicom.dataset.FileMetaDataset()
        header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = MRImageStorage
        header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        header.StudyInstanceUID, header.SeriesInstanceUID, header.Modality = study, series, "MR"
        header.Rows, header.Columns, header.InstanceNumber, header.TriggerTime = 16, 20, number + 1, 40.0 * number
        header.ImagePositionPatient, header.ImageOrientationPatient = [0, 0, 0], [-1, 0, 0, 0, 0, -1]
        header.BitsAllocated = header.BitsStored = 16
        header.HighBit, header.PixelRepresentation, header.SamplesPerPixel = 15, 0, 1
        header.PhotometricInterpretation, header.PixelData = "MONOCHROME2", frame.tobytes()
        target = io.BytesIO()
        pydicom.dcmwrite(target, header, enforce_file_format=True)
        files.append((f"{number}.dcm", target.getvalue()))
    app = upload(*files)
    (turn,) = [box for box in app.selectbox if box.label == "Turn"]
    assert turn.value == "Mirrored", "seen from behind in the file"
    assert np.array_equal(state(app).scan.pixels, frames[:, :, ::-1])
    turn.select("As in the file").run()
    assert np.array_equal(state(app).scan.pixels, frames)
