"""Outlines as files: what other programs read from them is the mask, pixel by pixel, in its place, and names nobody."""

import csv
import gzip
import io
import json
from dataclasses import replace
from pathlib import Path

import cv2
import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from core.errors import IncompatibleInput
from core.figures.contours import outlines_of
from core.inference.bundle import open_bundle
from core.inference.predict import Segmentation, predict
from core.inference.study import Study
from core.models.card import load_card
from core.readers import Source, open_sources
from core.readers.mask import read_reference
from core.report.segmentation_dicom import as_dicom_seg, dicom_refusal
from core.report.segmentation_image import segmentation_pixels, segmentation_png
from core.report.segmentation_nifti import as_nifti, label_map
from core.report.segmentation_numbers import COLUMNS, segmentation_csv, segmentation_json
from core.segmentation.originals import read_originals
from core.segmentation.tta import tta_uncertainty

SIZE = (60, 48)


def segment(bundle, scan, frames=None, **told):
    return predict(bundle, Study.of(bundle.card, scan), frames, expect=Segmentation, **told)


def slice_file(number, series, study):
    """One MR slice with a square that moves, 4 mm from the next, of a patient with a name; slices are tilted."""
    pixels = np.zeros(SIZE, np.uint16)
    if number != 2:
        pixels[10 + number : 30 + number, 8 : 20 + 4 * number] = 1000
    header = pydicom.Dataset()
    header.file_meta = pydicom.dataset.FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = MRImageStorage
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    header.PatientName, header.PatientID, header.PatientSex, header.PatientBirthDate = "Doe^Jane", "P-77", "F", ""
    header.StudyInstanceUID, header.SeriesInstanceUID, header.FrameOfReferenceUID = study, series, series[:-3]
    header.StudyID, header.StudyDate, header.StudyTime, header.AccessionNumber = "1", "20200101", "", "A1"
    header.Modality, header.InstanceNumber, header.SeriesNumber = "MR", 9 - number, 1
    header.Rows, header.Columns = SIZE
    header.PixelSpacing, header.SliceThickness = [0.8, 0.8], 4
    header.ImageOrientationPatient = [1, 0, 0, 0, 0.8, 0.6]
    header.ImagePositionPatient = [3, 5 - 0.6 * 4 * number, 7 + 0.8 * 4 * number]
    header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, 16, 15, 0
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.WindowCenter, header.WindowWidth = 500, 1000
    header.PixelData = pixels.tobytes()
    target = io.BytesIO()
    pydicom.dcmwrite(target, header, enforce_file_format=True)
    return Source(f"slice-{number}.dcm", target.getvalue())


@pytest.fixture(scope="module")
def sources():
    series, study = generate_uid(), generate_uid()
    return [slice_file(number, series, study) for number in (3, 0, 2, 1)]


@pytest.fixture(scope="module")
def outlined(sources, tmp_path_factory, write_segmenter):
    """The scan, its outline and the bundle."""
    (scan,) = open_sources(sources).scans
    folder = write_segmenter(tmp_path_factory.mktemp("models"), labels=("Background", "Tumour"))
    bundle = open_bundle(load_card(folder), threads=1)
    return scan, segment(bundle, scan), bundle


def test_a_dicom_segmentation_without_originals_holds_the_mask_and_names_nobody(outlined):
    import highdicom

    scan, found, _ = outlined
    data = as_dicom_seg(found, scan)
    segmentation = highdicom.seg.segread(io.BytesIO(data))
    heights = [
        g.PlanePositionSequence[0].ImagePositionPatient[2] for g in segmentation.PerFrameFunctionalGroupsSequence
    ]
    assert np.array_equal(segmentation.pixel_array[np.argsort(heights)].astype(bool), found.volume(0))
    volume = segmentation.get_volume(combine_segments=True)
    assert volume.spacing == pytest.approx((4.0, 0.8, 0.8))
    plain = pydicom.dcmread(io.BytesIO(data))
    assert str(plain.PatientName) == plain.PatientID == plain.StudyDate == ""
    assert "ReferencedSeriesSequence" not in plain
    assert b"Doe" not in data
    assert plain.SegmentSequence[0].SegmentLabel == "Tumour"
    assert plain.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Neoplasm"


def test_a_dicom_segmentation_with_originals_lies_where_they_lie(outlined, sources):
    import highdicom

    scan, found, _ = outlined
    segmentation = highdicom.seg.segread(io.BytesIO(as_dicom_seg(found, scan, read_originals(sources, scan))))
    headers = sorted((pydicom.dcmread(io.BytesIO(source.data)) for source in sources), key=lambda h: -h.InstanceNumber)
    uids = [header.SOPInstanceUID for header in headers]
    by_source = segmentation.get_pixels_by_source_instance(uids, combine_segments=True)
    assert np.array_equal(by_source.astype(bool), found.volume(0)), "each slice refers to the slice it was drawn on"
    assert str(segmentation.PatientName) == "Doe^Jane"
    assert segmentation.StudyInstanceUID == headers[0].StudyInstanceUID
    groups = segmentation.PerFrameFunctionalGroupsSequence
    places = sorted([float(v) for v in group.PlanePositionSequence[0].ImagePositionPatient] for group in groups)
    assert np.allclose(places, sorted([float(v) for v in header.ImagePositionPatient] for header in headers))


def bare(source, *without):
    """The same file without some of its attributes."""
    header = pydicom.dcmread(io.BytesIO(source.data))
    for keyword in without:
        delattr(header, keyword)
    target = io.BytesIO()
    pydicom.dcmwrite(target, header, enforce_file_format=True)
    return Source(source.name, target.getvalue())


def test_originals_without_study_facts_serve_and_those_without_a_place_do_not(outlined, sources):
    bundle = outlined[2]
    poor = [bare(source, "AccessionNumber", "StudyID", "PatientSex") for source in sources]
    (scan,) = open_sources(poor).scans
    assert as_dicom_seg(segment(bundle, scan), scan, read_originals(poor, scan))
    lost = [bare(source, "FrameOfReferenceUID") for source in sources]
    with pytest.raises(IncompatibleInput, match="where in the scanner they lie"):
        read_originals(lost, open_sources(lost).scans[0])


@pytest.mark.parametrize("linked", [False, True])
def test_our_own_segmentation_can_be_read_as_a_reference(outlined, sources, linked):
    scan, found, _ = outlined
    data = as_dicom_seg(found, scan, read_originals(sources, scan) if linked else None)
    assert np.array_equal(read_reference(Source("seg.dcm", data), scan).of(), found.volume(0))


def test_a_segmentation_of_more_frames_than_the_scan_has_is_refused_before_it_is_decoded(outlined, monkeypatch):
    scan, found, _ = outlined
    header = pydicom.dcmread(io.BytesIO(as_dicom_seg(found, scan)))
    header.NumberOfFrames = 1_000_000
    target = io.BytesIO()
    pydicom.dcmwrite(target, header)
    monkeypatch.setattr("core.readers.mask._sorted_segments", lambda *_: pytest.fail("was decoded"))
    with pytest.raises(IncompatibleInput, match="1,000,000 frames"):
        read_reference(Source("seg.dcm", target.getvalue()), scan)


def test_other_files_than_the_scans_own_are_refused(outlined, sources):
    scan, _, _ = outlined
    for others in (sources[:3], [slice_file(n, generate_uid(), generate_uid()) for n in range(4)]):
        with pytest.raises(IncompatibleInput, match="that this scan was opened from"):
            read_originals(others, scan)


def test_where_a_dicom_segmentation_cannot_be_it_is_said_why(outlined):
    scan, found, bundle = outlined
    assert "how large a pixel is" in dicom_refusal(found, type(scan)(**{**vars(scan), "spacing_mm": None}))
    assert "came as DICOM" in dicom_refusal(found, type(scan)(**{**vars(scan), "source": "PNG"}))
    assert "all slices" in dicom_refusal(segment(bundle, scan, [0]), scan)
    with pytest.raises(IncompatibleInput, match="not a sequence"):
        as_dicom_seg(found, type(scan)(**{**vars(scan), "axis": "time"}))


def nifti_of(stored, affine, outline):
    source = Source("scan.nii", nib.Nifti1Image(stored, affine).to_bytes())
    (scan,) = open_sources([source]).scans
    return source, scan, segment(outline, scan)


@pytest.fixture
def tilted():
    """A volume stored as S, L, P with a tilt and an origin of its own."""
    stored = np.zeros((3, 30, 40), np.uint8)
    stored[1, 5:12, 20:33] = 250
    stored[2, 8:9, 3:30] = 250
    affine = np.array([[0, -1.5, 0.1, 30], [0, 0.1, -2.0, 20], [5.0, 0, 0, 10], [0, 0, 0, 1]])
    return stored, affine


def test_a_mask_of_a_nifti_scan_lies_voxel_on_voxel_on_the_original(tilted, outlined):
    source, scan, found = nifti_of(*tilted, outlined[2])
    image = nib.Nifti1Image.from_bytes(gzip.decompress(as_nifti(found, scan, read_originals([source], scan))))
    assert image.shape == tilted[0].shape
    assert np.allclose(image.affine, tilted[1])
    inside = np.asarray(image.dataobj) > 0
    assert (inside & (tilted[0] > 0)).sum() / (tilted[0] > 0).sum() > 0.8, "the grid of 64 rounds the corners"
    assert not inside[0].any()


def test_a_mask_without_the_original_keeps_voxel_size_and_sides_and_says_what_it_lacks(tilted, outlined):
    _, scan, found = nifti_of(*tilted, outlined[2])
    data = gzip.decompress(as_nifti(found, scan))
    image = nib.Nifti1Image.from_bytes(data)
    assert image.header.get_zooms() == pytest.approx((1.503, 2.002, 5.0), abs=1e-3)
    assert nib.aff2axcodes(image.affine) == ("R", "A", "S")
    assert int(image.header["sform_code"]) == 2, "aligned, not scanner"
    (again,) = open_sources([Source("mask.nii", data)]).scans
    assert np.array_equal(again.pixels > 0, found.volume(0)), "our own reader shows it as it was"


def test_a_nifti_mask_of_a_dicom_scan_lies_in_the_scanner_where_its_slices_lie(outlined, sources):
    scan, found, _ = outlined
    image = nib.Nifti1Image.from_bytes(gzip.decompress(as_nifti(found, scan, read_originals(sources, scan))))
    assert np.array_equal(np.asarray(image.dataobj).swapaxes(0, 2) > 0, found.volume(0))
    for place, header in enumerate(
        sorted((pydicom.dcmread(io.BytesIO(s.data)) for s in sources), key=lambda h: -h.InstanceNumber)
    ):
        x, y, z = (float(v) for v in header.ImagePositionPatient)
        assert image.affine @ [0, 0, place, 1] == pytest.approx([-x, -y, z, 1])
    assert (image.affine @ [0, 1, 0, 0])[:3] == pytest.approx([0, -0.8 * 0.8, 0.8 * 0.6]), "down the image"


def test_a_dicom_segmentation_without_originals_is_as_aslant_as_its_scan(outlined):
    scan, found, _ = outlined
    origins = np.array([[4.0 * n, 1.0 * n, 0.5 * n] for n in range(4)])
    written = pydicom.dcmread(io.BytesIO(as_dicom_seg(found, replace(scan, slice_origins_mm=origins))))
    groups = written.PerFrameFunctionalGroupsSequence
    places = {tuple(map(float, group.PlanePositionSequence[0].ImagePositionPatient)) for group in groups}
    assert places <= {tuple(map(float, origin[::-1])) for origin in origins}


def test_overlapping_masks_give_each_voxel_to_the_more_probable(tmp_path, write_segmenter, outlined):
    scan = outlined[0]
    folder = write_segmenter(tmp_path, labels=("Background", "Low", "High"), threshold=0.0001)
    found = segment(open_bundle(load_card(folder), threads=1), scan)
    both = found.volume(0) & found.volume(1)
    assert both.any()
    numbers = label_map(found)
    position, row, column = np.argwhere(both)[0]
    likelier = int(np.argmax([found.probability(position, label)[row, column] for label in (0, 1)]))
    assert numbers[position, row, column] == likelier + 1


def test_the_image_carries_line_fill_and_caption(outlined):
    scan, found, _ = outlined
    bare = segmentation_pixels(scan, found, 2)
    assert np.ptp(bare, axis=-1).max() == 0, "nothing was found on this slice, so nothing is drawn"
    drawn = segmentation_pixels(scan, found, 0, fill=0.25)
    blue = drawn[..., 2].astype(int) - drawn[..., 0]
    assert (blue > 60).sum() >= 2 * (20 + 12), "the line"
    assert np.ptp(drawn[20, 14].astype(int)) > 20, "the fill"
    mask = found.mask(0, 0)
    assert (
        np.abs(drawn.astype(int) - bare.astype(int))[
            ~cv2.dilate(mask.astype(np.uint8), np.ones((9, 9))).astype(bool)
        ].max()
        == 0
    )
    image = cv2.imdecode(np.frombuffer(segmentation_png(scan, found, 0, references=outlines_of(found, 0)), np.uint8), 1)
    assert image.shape[0] > SIZE[0] + 40


def test_json_and_csv_hold_what_was_measured(outlined):
    scan, found, bundle = outlined
    spread = tta_uncertainty(bundle, scan)
    content = json.loads(segmentation_json(scan, found, spread))
    assert content["scan"]["sha256"] == scan.digest
    assert content["model"]["sha256"]["model.onnx"] == bundle.card.sha256["model.onnx"]
    assert content["outline"]["thresholds"] == {"Tumour": 0.5}
    areas = [frame["outlines"][0]["area_mm2"] for frame in content["outline"]["frames"]]
    assert areas == pytest.approx((found.pixels[:, 0] * 0.64).tolist())
    assert content["outline"]["volumes_ml"]["Tumour"] == pytest.approx(sum(areas) * 4 / 1000, rel=1e-5)
    rows = list(csv.DictReader(io.StringIO(segmentation_csv(scan, found, spread).decode())))
    assert tuple(rows[0]) == COLUMNS
    assert [int(row["pixels"]) for row in rows] == found.pixels[:, 0].tolist()
    assert "Doe" not in segmentation_json(scan, found).decode()


def test_what_is_not_known_is_null(outlined):
    scan, _, bundle = outlined
    bare = type(scan)(**{**vars(scan), "spacing_mm": None})
    content = json.loads(segmentation_json(bare, segment(bundle, bare, [1])))
    assert content["outline"]["frames"][0]["outlines"][0]["area_mm2"] is None
    assert content["outline"]["volumes_ml"]["Tumour"] is None


def test_highdicom_is_loaded_by_an_export_and_by_nothing_else():
    """It takes two seconds, which nobody should wait for who takes no DICOM home."""
    at_once = [
        str(path)
        for folder in ("core", "ui", "pages")
        for path in (Path(__file__).resolve().parents[3] / folder).rglob("*.py")
        if any(line.startswith(("import highdicom", "from highdicom")) for line in path.read_text("utf-8").splitlines())
    ]
    assert not at_once
