"""Outlines as a DICOM Segmentation (PS3.3 A.51), written by highdicom.

With the original files the segmentation refers to them and lies where they lie; it then carries their identifiers, as
every image of the study does. Without them it names nobody, refers to nothing, and states its geometry alone: the size
of its pixels and the distance of its slices.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import IncompatibleInput, UnsupportedScan
from core.inference.masks import Segmentation
from core.report.numbers import model_sha256
from core.report.text import printable
from core.scan import Scan
from core.segmentation.originals import Originals
from core.version import VERSION

#: Words of a label to SNOMED CT: category, and type after DICOM PS3.16 CID 7150 and 7159, each as value and meaning.
_ABNORMAL = ("49755003", "Morphologically Abnormal Structure")
_ANATOMY = ("91723000", "Anatomical Structure")
_CODES: tuple[tuple[str, tuple[str, str], tuple[str, str]], ...] = (
    ("tumour", _ABNORMAL, ("108369006", "Neoplasm")),
    ("tumor", _ABNORMAL, ("108369006", "Neoplasm")),
    ("glioma", _ABNORMAL, ("108369006", "Neoplasm")),
    ("haemorrhage", _ABNORMAL, ("50960005", "Hemorrhage")),
    ("hemorrhage", _ABNORMAL, ("50960005", "Hemorrhage")),
    ("lesion", _ABNORMAL, ("52988006", "Lesion")),
    ("vessel", _ANATOMY, ("59820001", "Blood Vessel")),
)
#: What every file of a study should state, if only by an empty value; anonymised files often lack some of it.
_STUDY = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate",
    "StudyTime", "ReferringPhysicianName",
)  # fmt: skip
_OTHER = ("309825002", "Spatial and Relational Concept")


def dicom_refusal(segmentation: Segmentation, scan: Scan) -> str:
    """Why there can be no DICOM SEG of this answer, as what was expected; `""` where there can."""
    if scan.source != "DICOM":
        return "a scan that came as DICOM"
    if scan.spacing_mm is None:
        return "a scan whose file says how large a pixel is"
    if scan.axis == "time":
        return "an image or a volume, not a sequence"
    if scan.axis == "slice" and scan.slice_spacing_mm is None:
        return "a volume whose file says how far apart its slices are"
    return "" if segmentation.frames == tuple(range(scan.frames)) else "all slices to be read first"


def as_dicom_seg(segmentation: Segmentation, scan: Scan, originals: Originals | None = None) -> bytes:
    """The masks of the whole scan as one binary DICOM Segmentation.

    Args:
        segmentation: Of all frames.
        scan: As DICOM, with spacing.
        originals: The scan's own files; without them the file names nobody.

    Returns:
        A DICOM file with one segment a label; slices where nothing was found are there and empty.

    Raises:
        IncompatibleInput: The scan does not say what a segmentation needs.
        UnsupportedScan: The original files lack what a segmentation must repeat of them.
    """
    refusal = dicom_refusal(segmentation, scan)
    if refusal:
        raise IncompatibleInput(f"for a DICOM SEG {refusal}", scan.title, "take the mask as NIfTI or PNG")
    linked = originals is not None and bool(originals.datasets)
    masks = np.stack([segmentation.volume(label) for label in range(len(segmentation.labels))], axis=-1)
    try:
        dataset = _build(segmentation, scan, masks, list(originals.datasets) if linked and originals else [])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnsupportedScan(
            "The original files lack some of what a DICOM SEG must repeat of them",
            "take the mask without the original files, or as NIfTI",
        ) from error
    target = io.BytesIO()
    dataset.save_as(target)
    return target.getvalue()


def _build(segmentation: Segmentation, scan: Scan, masks: NDArray[np.bool_], originals: list[Any]) -> Any:
    import highdicom  # two seconds that only an export pays for
    from highdicom import UID, PixelMeasuresSequence, PlaneOrientationSequence, PlanePositionSequence

    for header in originals:
        _fill_in(header)
    sources = originals or _nobody(scan)
    places: dict[str, Any] = {}
    if not originals:
        places = {
            "pixel_measures": PixelMeasuresSequence(scan.spacing_mm or (1.0, 1.0), None, scan.slice_spacing_mm),
            "plane_orientation": PlaneOrientationSequence("PATIENT", [1, 0, 0, 0, 1, 0]),
            "plane_positions": [PlanePositionSequence("PATIENT", place) for place in _positions(scan)],
        }
    dataset = highdicom.seg.Segmentation(
        source_images=sources,
        pixel_array=masks.astype(np.uint8),
        segmentation_type="BINARY",
        segment_descriptions=[_segment(segmentation, label) for label in range(len(segmentation.labels))],
        series_instance_uid=UID(),
        series_number=1,
        sop_instance_uid=UID(),
        instance_number=1,
        manufacturer="ScanLens",
        manufacturer_model_name=printable(segmentation.card.title, "ascii")[:64],
        software_versions=VERSION,
        device_serial_number=(model_sha256(segmentation.card) or "0")[:16],
        series_description="Outlines by a model, research and teaching only",
        content_description="Outlines by a model, not for diagnosis",
        omit_empty_frames=False,
        **places,
    )
    return dataset if originals else _without_references(dataset)


def _segment(segmentation: Segmentation, label: int) -> Any:
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.seg import SegmentDescription
    from highdicom.sr import CodedConcept

    name = printable(segmentation.labels[label], "ascii")
    own = (_OTHER, ("label-" + str(label + 1), name[:64]))
    category, kind = next(((c, k) for word, c, k in _CODES if word in name.lower()), own)
    scheme = "SCT" if kind[0].isdigit() else "99SCANLENS"
    return SegmentDescription(
        segment_number=label + 1,
        segment_label=name[:64],
        segmented_property_category=CodedConcept(category[0], "SCT", category[1]),
        segmented_property_type=CodedConcept(kind[0], scheme, kind[1]),
        algorithm_type="AUTOMATIC",
        algorithm_identification=AlgorithmIdentificationSequence(
            name=printable(segmentation.card.title, "ascii")[:64],
            family=CodedConcept("123110", "DCM", "Artificial Intelligence"),
            version=(model_sha256(segmentation.card) or "unknown")[:16],
        ),
    )


def _positions(scan: Scan) -> list[tuple[float, float, float]]:
    """Slices from the origin on, as they lie to each other: the scan does not keep where it lay in the patient."""
    if scan.slice_origins_mm is not None:
        return [(float(across), float(down), float(up)) for up, down, across in scan.slice_origins_mm]
    return [(0.0, 0.0, number * (scan.slice_spacing_mm or 1.0)) for number in range(scan.frames)]


def _nobody(scan: Scan) -> list[Any]:
    """Headers of images that do not exist, of nobody: what highdicom takes study and geometry from."""
    from highdicom import UID
    from pydicom import Dataset

    study, series, reference = UID(), UID(), UID()
    headers = []
    for number, place in enumerate(_positions(scan), start=1):
        header = Dataset()
        _fill_in(header)
        header.SOPClassUID, header.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.4", UID()
        header.StudyInstanceUID, header.SeriesInstanceUID = study, series
        header.FrameOfReferenceUID, header.Modality = reference, scan.modality or "OT"
        header.InstanceNumber = number
        header.Rows, header.Columns = scan.rows, scan.columns
        header.PixelSpacing = list(scan.spacing_mm or (1.0, 1.0))
        header.SliceThickness = scan.slice_spacing_mm
        header.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        header.ImagePositionPatient = list(place)
        headers.append(header)
    return headers


def _fill_in(header: Any) -> None:
    for keyword in _STUDY:
        if keyword not in header:
            setattr(header, keyword, "")


def _without_references(dataset: Any) -> Any:
    """Take out what refers to images that do not exist."""
    if "ReferencedSeriesSequence" in dataset:
        del dataset.ReferencedSeriesSequence
    if "SourceImageSequence" in dataset:
        del dataset.SourceImageSequence
    groups: Sequence[Any] = [*dataset.PerFrameFunctionalGroupsSequence, *dataset.SharedFunctionalGroupsSequence]
    for group in groups:
        if "DerivationImageSequence" in group:
            del group.DerivationImageSequence
    return dataset
