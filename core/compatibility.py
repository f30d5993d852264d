"""Does this scan fit what a model was trained on? The picker's question, answered with a reason."""

from __future__ import annotations

from dataclasses import dataclass

from core.card import InputSpec, ModelCard
from core.scan import Scan

#: Plain words for DICOM's modality codes (PS3.3 C.7.3.1.1.1), as they stand in "this is …".
MODALITY_WORDS: dict[str, str] = {
    "CR": "a radiograph",
    "CT": "a CT",
    "DR": "a radiograph",
    "DX": "a radiograph",
    "ECG": "an ECG",
    "ES": "an endoscopy picture",
    "IO": "a dental radiograph",
    "IVUS": "an ultrasound from inside a vessel",
    "MG": "a mammogram",
    "MR": "an MRI",
    "NM": "a nuclear medicine picture",
    "OCT": "an optical coherence tomography",
    "OP": "an eye photograph",
    "OPT": "an optical coherence tomography",
    "OT": "a picture of unnamed kind",
    "PT": "a PET",
    "PX": "a panoramic dental radiograph",
    "RF": "a fluoroscopy",
    "RG": "a radiograph",
    "RTDOSE": "a dose distribution",
    "RTIMAGE": "a portal image",
    "SC": "a secondary capture",
    "SM": "a microscopy picture",
    "US": "an ultrasound",
    "XA": "an angiography",
    "XC": "a photograph",
}

#: Codes that say nothing about what is in the picture.
UNTELLING = {"", "OT", "SC"}


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

    A model that needs more than one input, or a stack where there is one picture, does not fit. What a file does not
    say (a PNG has no modality) is not held against it, but said.
    """
    if len(card.inputs) > 1:
        names = ", ".join(spec.name for spec in card.inputs)
        return Compatibility(False, f"expects several inputs ({names}), this is one scan")
    spec = card.inputs[0]
    return _kind_fault(spec, scan) or _modality_fault(card, spec, scan)


def _kind_fault(spec: InputSpec, scan: Scan) -> Compatibility | None:
    wanted_axis = {"volume": "slice", "sequence": "time"}.get(spec.kind)
    if spec.kind == "table":
        return Compatibility(False, "expects facts about the patient, this is a scan")
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
