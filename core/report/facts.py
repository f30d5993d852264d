"""What every report states beside the answer: the scan without identifiers, doubts, versions and hashes."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from core.errors import IncompatibleInput
from core.explain.explanation import Explanation
from core.formatting import frame_word
from core.scan import Scan
from core.version import VERSION

if TYPE_CHECKING:  # the classifier brings ONNX Runtime, which text does not need
    from core.inference.predict import Prediction, Segmentation

DISCLAIMER = "Research and teaching only, never for diagnosis"

#: Packages that the numbers pass through on their way from the file to the answer.
PACKAGES = ("numpy", "onnxruntime", "pydicom", "nibabel", "opencv-python-headless", "pillow")


def versions() -> dict[str, str]:
    """Name to version of the product, Python and the packages that touched the numbers; nothing of the machine."""
    found = {"scanlens": VERSION, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


#: Facts of the file that `scan_facts` already says in its own words.
REPEATED = {"Matrix", "Frame time", "Pixel spacing", "Slice spacing"}


def scan_facts(scan: Scan) -> dict[str, str]:
    """What may be said of a scan, for people, in reading order; nothing that names the patient."""
    facts = {"Scan": scan.title, "Modality": scan.modality or "not stated"}
    if scan.body_part:
        facts["Body part"] = scan.body_part
    facts["Size"] = f"{scan.rows} × {scan.columns} pixels" + (
        f", {scan.frames} {frame_word(scan)}s" if scan.frames > 1 else ""
    )
    facts["Pixel spacing"] = "not stated" if scan.spacing_mm is None else _spacing(scan.spacing_mm)
    if scan.slice_spacing_mm is not None:
        facts["Slice spacing"] = f"{scan.slice_spacing_mm:.3g} mm"
    if scan.frame_time_ms is not None:
        facts["Time between frames"] = f"{scan.frame_time_ms:.3g} ms"
    facts["Format"] = scan.source
    return facts | {name: value for name, value in scan.facts.items() if name not in REPEATED}


def _spacing(spacing_mm: tuple[float, float]) -> str:
    return f"{spacing_mm[0]:.3g} × {spacing_mm[1]:.3g} mm"


def position_of(prediction: Prediction, scan: Scan, frame: int) -> int:
    """Row of a frame in the prediction.

    Raises:
        IncompatibleInput: The model was not asked about this frame.
    """
    if frame not in prediction.frames:
        word = frame_word(scan)
        raise IncompatibleInput(f"The model has not read {word} {frame + 1}", f"run it on this {word}")
    return prediction.frames.index(frame)


def grave_doubts(scan: Scan, prediction: Prediction | Segmentation) -> list[str]:
    """Why the answer may mean nothing at all; these belong right beside it."""
    refusals = [prediction.withheld(position) for position in range(len(prediction.frames))]
    told = list(dict.fromkeys(refusal.warning for refusal in refusals if refusal is not None))
    count = sum(refusal is not None for refusal in refusals)
    if told and len(refusals) > 1:
        told[0] = f"On {count} of {len(refusals)} {frame_word(scan)}s. {told[0]}"
    if prediction.warning and prediction.study is None:  # else it is among the reasons
        told.insert(0, f"This scan does not fit the model: it {prediction.warning}.")
    return told


def doubts(scan: Scan, prediction: Prediction, explanation: Explanation | None) -> list[str]:
    """Every reason to trust the answer less, as sentences, the gravest first, none twice."""
    found = grave_doubts(scan, prediction)
    if prediction.note:
        found.append(f"Not checked: the model {prediction.note}.")
    if not prediction.similarity:
        found.append("This model cannot tell whether the image is like what it was trained on.")
    if explanation is not None and explanation.is_empty:
        found.append(f"The explanation is empty: no positive evidence for {explanation.label} was found anywhere.")
    return list(dict.fromkeys([*found, *scan.warnings]))


def similarity_words(prediction: Prediction, position: int) -> str:
    """One line on how near a frame is to what the model has seen, with its numbers."""
    if not prediction.similarity:
        return "not measured"
    entry = prediction.similarity[position]
    word = "like its training scans" if entry.is_similar else "unlike its training scans"
    return f"{word} (distance {entry.distance:.3g}, percentile {entry.percentile:.3g} of the validation set)"
