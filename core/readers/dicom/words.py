"""Titles, spacing and facts of a DICOM scan, from attributes that name nobody."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.datadict import dictionary_description, tag_for_keyword

from core.readers.dicom.diffusion import diffusion_weight
from core.readers.dicom.file import items
from core.readers.dicom.image import Image
from core.readers.dicom.numbers import Manner
from core.readers.dicom.series import Group
from core.readers.dicom.terms import defined_terms, described_words

_MEASURES = "PixelMeasuresSequence"
_PARTS = {"CHEST": "chest", "THORAX": "chest", "LUNG": "chest", "HEAD": "head", "BRAIN": "brain"}


def modality_code(image: Image) -> str:
    """The Modality, if it is one of DICOM's."""
    return next(iter(defined_terms("Modality", image.file.text("Modality"))), "")


def body_part(image: Image) -> str:
    """Body Part Examined in lower case, one word for one thing."""
    said = image.text("FrameAnatomySequence", "BodyPartExamined").replace("_", " ")
    code = next(iter(defined_terms("BodyPartExamined", said)), "")
    return _PARTS.get(code, code.lower())


def title_of(group: Group) -> str:
    """One line for people, e.g. `"CT series, 120 slices, 1.25 mm"`."""
    first, count = group.images[0], len(group.images)
    kind = modality_code(first)
    kind = {"SEG": "Segmentation", "RTDOSE": "Radiation dose"}.get(kind, "" if kind in {"OT", "SC"} else kind)
    size = f"{first.layout.rows} × {first.layout.columns}"
    if group.axis == "single":
        words = [f"{kind} image" if kind and " " not in kind and kind.isupper() else kind or "Image", size]
    elif group.axis == "time":
        words = [f"{kind} sequence".strip().capitalize() if not kind else f"{kind} sequence", f"{count} frames"]
    else:
        words = [f"{kind or 'Image'} series" if kind.isupper() or not kind else kind, f"{count} slices"]
        if group.slice_spacing:
            words.append(f"{group.slice_spacing:.4g} mm")
    b_value = diffusion_weight(first)
    if b_value:
        words.append(f"b {b_value:.4g}")
    return ", ".join([*words, group.label] if group.label else words)


def spacing_of(image: Image) -> tuple[tuple[float, float] | None, float, dict[str, str], list[str]]:
    r"""Spacing in mm, height of a pixel over its width, the facts and the warnings about them.

    Pixel Spacing counts first, then what holds at the detector (PS3.3 10.7.1.3), then ultrasound regions, then the
    bare Pixel Aspect Ratio, written vertical\horizontal (PS3.3 C.7.6.3.1.7).
    """
    warnings: list[str] = []
    for keyword, where in (
        ("PixelSpacing", ""),
        ("ImagerPixelSpacing", " at the detector, larger than in the patient"),
        ("NominalScannedPixelSpacing", " on the scanned film"),
    ):
        pair = image.numbers(_MEASURES, keyword)
        if len(pair) == 2 and all(1e-4 <= v <= 100 for v in pair):
            facts = {"Pixel spacing": f"{pair[0]:.4g} × {pair[1]:.4g} mm{where}"}
            return (pair[0], pair[1]), pair[0] / pair[1], facts, warnings
        if pair:
            warnings.append("The pixel spacing in the file cannot be right and is left out.")
    ultrasound = _ultrasound_spacing(image)
    if ultrasound is not None:
        facts = {"Pixel spacing": f"{ultrasound[0]:.4g} × {ultrasound[1]:.4g} mm in the ultrasound region"}
        return ultrasound, ultrasound[0] / ultrasound[1], facts, warnings
    ratio = image.file.numbers("PixelAspectRatio")
    if len(ratio) == 2 and min(ratio) > 0 and 0.05 <= ratio[0] / ratio[1] <= 20:
        return None, ratio[0] / ratio[1], {"Pixel shape": f"{ratio[0]:g} high, {ratio[1]:g} wide"}, warnings
    if ratio:
        warnings.append("The pixel aspect ratio in the file cannot be right and is left out.")
    return None, 1.0, {}, warnings


def _ultrasound_spacing(image: Image) -> tuple[float, float] | None:
    """(row, column) spacing in mm of the only tissue region, where both directions are in cm (PS3.3 C.8.5.5)."""
    regions = items(image.file.dataset, "SequenceOfUltrasoundRegions")
    read = image.file.numbers_in
    if len(regions) != 1 or any(read(regions[0], f"PhysicalUnits{axis}Direction")[:1] != (3,) for axis in "XY"):
        return None
    down, across = ((*read(regions[0], f"PhysicalDelta{axis}"), 0.0)[0] for axis in "YX")
    pair = (abs(down) * 10, abs(across) * 10)
    return pair if all(1e-4 <= v <= 100 for v in pair) else None


#: Fact, keyword, functional group, unit.
_NUMBERS: tuple[tuple[str, str, str, str], ...] = (
    ("Slice thickness", "SliceThickness", _MEASURES, "mm"),
    ("Tube voltage", "KVP", "CTXRayDetailsSequence", "kV"),
    ("Exposure", "Exposure", "", "mAs"),
    ("Field strength", "MagneticFieldStrength", "", "T"),
    ("Repetition time", "RepetitionTime", "MRTimingAndRelatedParametersSequence", "ms"),
    ("Echo time", "EchoTime", "", "ms"),
    ("Inversion time", "InversionTime", "", "ms"),
    ("Flip angle", "FlipAngle", "MRTimingAndRelatedParametersSequence", "°"),
    ("Heart rate", "HeartRate", "", "beats a minute"),
)
_CODES: tuple[tuple[str, str], ...] = (
    ("View", "ViewPosition"),
    ("Side", "ImageLaterality"),
    ("Side", "Laterality"),
    ("Kernel", "ConvolutionKernel"),
    ("Sequence", "ScanningSequence"),
    ("Contents", "ImageType"),
)


def facts_of(group: Group) -> dict[str, str]:
    """What the header says of how the image was made."""
    first = group.images[0]
    layout = first.layout
    facts = {"Matrix": f"{layout.rows} × {layout.columns}", "Bits": f"{layout.stored} of {layout.allocated}"}
    for name, keyword, macro, unit in _NUMBERS:
        value = first.number(macro, keyword)
        if value:
            facts[name] = f"{value:g} {unit}"
    for name, keyword in _CODES:
        if terms := defined_terms(keyword, first.file.text(keyword)):
            facts.setdefault(name, ", ".join(terms))
    said = f"{first.file.text('SeriesDescription')} {first.file.text('ProtocolName')}"
    if words := described_words(said):
        facts["Described as"] = ", ".join(words)
    if group.slice_spacing:
        facts["Slice spacing"] = f"{group.slice_spacing:.4g} mm"
    if group.frame_time:
        facts["Frame time"] = f"{group.frame_time:.4g} ms"
    if first.file.text("LossyImageCompression") == "01":
        ratio = first.file.number("LossyImageCompressionRatio")
        facts["Lossy compression"] = f"{ratio:.3g} to 1" if ratio else "yes"
    return facts


def manner_warnings(images: Sequence[Image]) -> list[str]:
    """Sentences on numbers of the header that are written unlike DICOM or cannot be read; values are not repeated.

    Args:
        images: Frames of one scan, after everything was read from them.
    """
    found: dict[Manner, dict[str, None]] = {}
    for file in {id(image.file): image.file for image in images}.values():
        for keyword, manner in file.manners.items():
            found.setdefault(manner, {})[_name(keyword)] = None
    sentences = []
    if names := found.get("comma"):
        sentences.append(f"Written with a decimal comma and read so: {', '.join(names)}.")
    if names := found.get("odd"):
        sentences.append(f"Written unlike DICOM and read as it was most likely meant: {', '.join(names)}; check it.")
    if names := found.get("unreadable"):
        sentences.append(f"Cannot be read as a number and is left out: {', '.join(names)}. Export the file again.")
    return sentences


def _name(keyword: str) -> str:
    """DICOM's name of an attribute, e.g. `"Pixel Spacing"`."""
    tag = tag_for_keyword(keyword)
    return keyword if tag is None else dictionary_description(tag)
