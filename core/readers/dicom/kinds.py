"""Well-formed DICOM that holds no image, told apart for its sentence."""

from __future__ import annotations

from core.errors import ScanLensError, UnreadableScan, UnsupportedScan
from core.readers.dicom.file import DicomFile

#: Start of the SOP Class UID to what the object is, in words (PS3.4 B.5).
_CLASSES: tuple[tuple[str, str], ...] = (
    ("1.2.840.10008.1.3.10", "a DICOMDIR index"),
    ("1.2.840.10008.5.1.4.1.1.88", "a structured report"),
    ("1.2.840.10008.5.1.4.1.1.104", "a document inside DICOM"),
    ("1.2.840.10008.5.1.4.1.1.9", "a waveform such as an ECG"),
    ("1.2.840.10008.5.1.4.1.1.11", "a presentation state"),
    ("1.2.840.10008.5.1.4.1.1.481.3", "radiotherapy contours"),
    ("1.2.840.10008.5.1.4.1.1.481", "a radiotherapy plan or record"),
    ("1.2.840.10008.5.1.4.1.1.66.1", "a spatial registration"),
    ("1.2.840.10008.5.1.4.1.1.66.3", "a deformable registration"),
    ("1.2.840.10008.5.1.4.1.1.66", "raw data or a derived object"),
    ("1.2.840.10008.5.1.4.1.1.68", "a surface model"),
    ("1.2.840.10008.5.1.4.1.1.67", "real-world value maps"),
    ("1.2.840.10008.5.1.4.1.1.78", "eye measurements"),
    ("1.2.840.10008.5.1.4.39", "a colour palette"),
    ("1.2.840.10008.5.1.4.38", "a hanging protocol"),
)

_MODALITIES = {
    "SR": "a structured report",
    "RTPLAN": "a radiotherapy plan or record",
    "RTSTRUCT": "radiotherapy contours",
    "ECG": "a waveform such as an ECG",
    "PR": "a presentation state",
    "KO": "a list of key images",
    "DOC": "a document inside DICOM",
    "REG": "a spatial registration",
}


def no_image(file: DicomFile) -> tuple[ScanLensError, str]:
    """What to say about a file without pixel data, and the words for the summary."""
    if "EncryptedAttributesSequence" in file.dataset:
        error: ScanLensError = UnreadableScan(
            "The content of the DICOM file is encrypted", "export it without encryption"
        )
        return error, "are encrypted"
    sop_class = file.text("SOPClassUID")
    if not sop_class:
        meta = getattr(file.dataset, "file_meta", None)
        sop_class = str(meta.get("MediaStorageSOPClassUID", "")) if meta is not None else ""
    words = next((words for start, words in _CLASSES if sop_class.startswith(start)), "")
    words = words or _MODALITIES.get(file.text("Modality"), "")
    if words == "a DICOMDIR index":
        return UnsupportedScan("a DICOM image", words, "add the files that it lists"), "hold no image"
    if not words and file.count("Rows") > 0:
        action = "export it together with its pixels"
        return UnreadableScan(
            "The DICOM header describes an image, but its pixels are missing", action
        ), "hold no image"
    if not words and file.pixels is not None:
        return UnreadableScan(
            "The DICOM header does not say how large its image is", "export it again"
        ), "could not be read"
    words = words or "a file without an image"
    return UnsupportedScan("a DICOM image", words, "choose the images of the study instead"), "hold no image"
