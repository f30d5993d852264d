"""Does this scan fit what a model was trained on? The picker's question, answered with a reason."""

from __future__ import annotations

from dataclasses import dataclass

from core.models.card import InputSpec, ModelCard
from core.scan import Scan

#: Plain words for DICOM's modality codes (PS3.3 C.7.3.1.1.1), as they stand in "this is …".
MODALITY_WORDS: dict[str, str] = {
    "CR": "a radiograph",
    "CT": "a CT",
    "DR": "a radiograph",
    "DX": "a radiograph",
    "ECG": "an ECG",
    "ES": "an endoscopy image",
    "IO": "a dental radiograph",
    "IVUS": "an ultrasound from inside a vessel",
    "MG": "a mammogram",
    "MR": "an MRI",
    "NM": "a nuclear medicine image",
    "OCT": "an optical coherence tomography",
    "OP": "an eye photograph",
    "OPT": "an optical coherence tomography",
    "OT": "an image of unnamed kind",
    "PT": "a PET",
    "PX": "a panoramic dental radiograph",
    "RF": "a fluoroscopy",
    "RG": "a radiograph",
    "RTDOSE": "a dose distribution",
    "RTIMAGE": "a portal image",
    "SC": "a secondary capture",
    "SM": "a microscopy image",
    "US": "an ultrasound",
    "XA": "an angiography",
    "XC": "a photograph",
}

#: Codes that say nothing about what is in the image.
UNTELLING = {"", "OT", "SC"}

#: Formats that say whether a stack is a volume or a sequence; pages of a TIFF or images in a zip may be either.
TELLS_TIME = {"DICOM", "NIfTI"}


@dataclass(frozen=True)
class Compatibility:
    """Whether a model may be offered for a scan.

    Attributes:
        fits: Offer it without warning.
        reason: Why not, or what could not be checked; `""` where everything matched.
    """

    fits: bool
    reason: str = ""


def modality_words(scan: Scan) -> str:
    """`"a CT"`, `"a radiograph of the hand"`, or that the file does not say."""
    words = MODALITY_WORDS.get(scan.modality, f"of modality {scan.modality}" if scan.modality else "of unknown kind")
    return f"{words} of the {scan.body_part}" if scan.body_part and scan.modality not in UNTELLING else words


def compatibility(card: ModelCard, scan: Scan) -> Compatibility:
    """Compare the contract of a model with one scan.

    A model with several inputs fits where the scan can be one of them; what else it needs is asked for beside the
    image. A stack where there is one image, or one image where there should be a stack, does not fit. What a file
    does not say (a PNG has no modality) is not held against it, but said.
    """
    fits = [input_fit(card, spec, scan) for spec in card.inputs if spec.is_image]
    if not fits:
        return Compatibility(False, "expects facts about the patient, this is a scan")
    return next((fit for fit in fits if fit.fits), fits[0])


def input_fit(card: ModelCard, spec: InputSpec, scan: Scan) -> Compatibility:
    """Compare one image of a model's contract with one scan."""
    return _kind_fault(spec, scan) or _modality_fault(card, spec, scan)


def _kind_fault(spec: InputSpec, scan: Scan) -> Compatibility | None:
    wanted_axis = {"volume": "slice", "sequence": "time"}.get(spec.kind)
    if wanted_axis == "time" and scan.axis == "slice" and scan.source not in TELLS_TIME:
        return Compatibility(True, "expects a sequence; the file does not say whether its images follow in time")
    if wanted_axis and scan.axis != wanted_axis:
        found = (
            "one image" if scan.frames == 1 else {"slice": "a volume", "time": "a sequence"}.get(scan.axis, "one image")
        )
        return Compatibility(False, f"expects a {spec.kind}, this is {found}")
    return None


def _modality_fault(card: ModelCard, spec: InputSpec, scan: Scan) -> Compatibility:
    if scan.modality in UNTELLING:
        return Compatibility(True, f"expects {card.training_modality}; the file does not say what it shows")
    if spec.modality and scan.modality not in spec.modality:
        return Compatibility(False, f"expects {card.training_modality}, this is {modality_words(scan)}")
    if spec.body_part and not scan.body_part:
        return Compatibility(True, f"expects {card.training_modality}; the file does not name the body part")
    if spec.body_part and not any(part in scan.body_part for part in spec.body_part):
        return Compatibility(False, f"expects {card.training_modality}, this is {modality_words(scan)}")
    return Compatibility(True)
