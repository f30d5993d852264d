"""The numbers behind an answer, for other programs: strict JSON, and a tidy table as CSV.

Keys are stable and carry their units; what is not known is `null`, never NaN and never left out.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from core.csv_cells import as_cell
from core.explain.explanation import Explanation
from core.formatting import frame_word
from core.inference.series import series_answer
from core.models.card import ModelCard
from core.report.facts import DISCLAIMER, doubts, versions
from core.scan import Scan

if TYPE_CHECKING:  # the classifier brings ONNX Runtime
    from core.explain.trust.verdict import Trust
    from core.inference.predict import Prediction
    from core.inference.withhold import Withheld

#: Raised when a key changes its name or meaning.
FORMAT_VERSION = 1

COLUMNS = (
    "scan_sha256", "model", "model_sha256", "frame_number", "time_ms", "label", "probability",
    "calibrated_probability", "is_decision", "threshold", "temperature", "similarity_distance",
    "similarity_percentile", "is_similar", "evidence_max_logit", "warnings", "scanlens_version", "disclaimer",
    "in_prediction_set", "heatmap_verdict", "withheld",
)  # fmt: skip


def as_json(
    scan: Scan,
    prediction: Prediction,
    explanation: Explanation | None = None,
    made_at: datetime | None = None,
    trust: Trust | None = None,
) -> bytes:
    """Everything that was computed, and what it was computed with.

    Args:
        scan: The scan.
        prediction: The answer.
        explanation: The explanation on show, or None.
        made_at: Time of making; None for now.
        trust: The verdict on the explanation, or None where it was not checked.

    Returns:
        UTF-8 JSON without NaN or infinity. Frames are numbered from 1, as on the page. Lists under
        `prediction.frames` are in the order of `prediction.labels`.
    """
    content = {
        "format": "scanlens-result",
        "format_version": FORMAT_VERSION,
        "disclaimer": f"{DISCLAIMER}.",
        "made_at_utc": (made_at or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "scan": _scan(scan),
        "model": _model(prediction.card),
        "prediction": _prediction(scan, prediction, explanation),
        "explanation": None if explanation is None else _explanation(explanation, trust),
        "warnings": doubts(scan, prediction, explanation),
        "versions": versions(),
    }
    return json.dumps(_strict(content), ensure_ascii=False, allow_nan=False, indent=2).encode()


def as_csv(
    scan: Scan, prediction: Prediction, explanation: Explanation | None = None, trust: Trust | None = None
) -> bytes:
    """One row for each frame and label, with the columns of `COLUMNS`; undefined values are empty.

    Returns:
        UTF-8 CSV with a header. Text that a spreadsheet would run as a formula starts with an apostrophe.
    """
    target = io.StringIO(newline="")
    writer = csv.DictWriter(target, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    frames, card = _prediction(scan, prediction, explanation)["frames"], prediction.card
    always = {**_always(scan, prediction, explanation), "heatmap_verdict": verdict_words(explanation, trust)}
    for frame in frames:
        for index, label in enumerate(prediction.card.labels):
            row = {**always, **_row(frame, index, label, card.thresholds.get(label, card.threshold))}
            writer.writerow({key: _cell(row[key]) for key in COLUMNS})
    return target.getvalue().encode()


def verdict_words(explanation: Explanation | None, trust: Trust | None) -> str | None:
    """The verdict on a heatmap in three words, `"no evidence for …"` for an empty one, None where none was given."""
    if explanation is not None and explanation.is_empty:
        return f"no evidence for {explanation.label}"
    return None if explanation is None or trust is None else trust.verdict


def model_sha256(card: ModelCard) -> str | None:
    """Hash of the file that gave the answer: the compiled model, else whichever file the card names first."""
    return card.sha256.get("model.onnx") or next(iter(card.sha256.values()), None)


def _always(scan: Scan, prediction: Prediction, explanation: Explanation | None) -> dict[str, Any]:
    card = prediction.card
    return {
        "scan_sha256": scan.digest,
        "model": card.slug,
        "model_sha256": model_sha256(card),
        "temperature": card.temperature,
        "warnings": " | ".join(doubts(scan, prediction, explanation)),
        "scanlens_version": versions()["scanlens"],
        "disclaimer": DISCLAIMER,
    }


def _row(frame: dict[str, Any], index: int, label: str, threshold: float | None) -> dict[str, Any]:
    similarity = frame["similarity"] or {"distance": None, "percentile": None, "is_similar": None}
    return {
        "frame_number": frame["frame_number"],
        "time_ms": frame["time_ms"],
        "label": label,
        "probability": frame["probabilities"][index],
        "calibrated_probability": frame["calibrated_probabilities"][index],
        "is_decision": label in frame["decision"]["called_labels"],
        "in_prediction_set": None
        if frame["decision"]["prediction_set"] is None
        else label in frame["decision"]["prediction_set"],
        "threshold": threshold,
        "similarity_distance": similarity["distance"],
        "similarity_percentile": similarity["percentile"],
        "is_similar": similarity["is_similar"],
        "evidence_max_logit": frame["evidence_max_logit"],
        "withheld": None if frame["withheld"] is None else frame["withheld"]["warning"],
    }


def _cell(value: object) -> object:
    plain = _strict(value)
    if isinstance(plain, bool):
        return "true" if plain else "false"
    return "" if plain is None else as_cell(plain)


def _scan(scan: Scan) -> dict[str, Any]:
    row_mm, column_mm = scan.spacing_mm or (None, None)
    return {
        "title": scan.title,
        "source": scan.source,
        "sha256": scan.digest,
        "modality": scan.modality or None,
        "body_part": scan.body_part or None,
        "axis": scan.axis,
        "frames": scan.frames,
        "rows": scan.rows,
        "columns": scan.columns,
        "is_color": scan.is_color,
        "row_spacing_mm": row_mm,
        "column_spacing_mm": column_mm,
        "pixel_aspect": scan.pixel_aspect,
        "slice_spacing_mm": scan.slice_spacing_mm,
        "frame_time_ms": scan.frame_time_ms,
        "pixel_units": scan.units or None,
        "facts": scan.facts,
        "provenance": [{"name": step.name, "detail": step.detail} for step in scan.provenance],
        "warnings": list(scan.warnings),
    }


def _model(card: ModelCard) -> dict[str, Any]:
    return {
        "slug": card.slug,
        "title": card.title,
        "task": card.task,
        "sha256": dict(card.sha256),
        "license": card.license,
        "is_non_commercial": card.non_commercial,
        "explain_layer": card.explain_layer,
        "out_of_distribution": dict(card.out_of_distribution),
        "metrics": card.metrics,
        "shortcuts": list(card.shortcuts),
        "prediction_set_coverage": None if card.conformal is None else card.conformal.coverage,
    }


def _prediction(scan: Scan, prediction: Prediction, explanation: Explanation | None) -> dict[str, Any]:
    card = prediction.card
    evidence = {} if explanation is None else dict(zip(explanation.frames, explanation.strip.tolist(), strict=True))
    return {
        "labels": list(card.labels),
        "threshold": card.threshold,
        "threshold_label": card.labels[1] if card.task == "binary" else None,
        "threshold_from": card.threshold_from or None,
        "thresholds": dict(card.thresholds),
        "temperature": card.temperature,
        "does_not_fit_because": prediction.warning or None,
        "could_not_check": prediction.note or None,
        "input_provenance": [{"name": step.name, "detail": step.detail} for step in prediction.prepared.provenance],
        "series": _series(scan, prediction),
        "frames": [_frame(scan, prediction, evidence, position) for position in range(len(prediction.frames))],
    }


def withheld_json(refusal: Withheld | None) -> dict[str, Any] | None:
    """Why an answer is withheld, with its reasons in order; None where it is not."""
    if refusal is None:
        return None
    return {"warning": refusal.warning, "reasons": [asdict(reason) for reason in refusal.reasons]}


def _series(scan: Scan, prediction: Prediction) -> dict[str, str] | None:
    """What the frames come to together; None for one image, and while frames are unread."""
    if len(prediction.frames) < 2 or len(prediction.frames) < scan.frames:
        return None
    return asdict(series_answer(prediction, frame_word(scan)))


def _frame(scan: Scan, prediction: Prediction, evidence: dict[int, float], position: int) -> dict[str, Any]:
    frame = prediction.frames[position]
    decision = prediction.decision(position)
    near = prediction.similarity[position] if prediction.similarity else None
    return {
        "frame_number": frame + 1,
        "time_ms": None if scan.frame_time_ms is None else frame * scan.frame_time_ms,
        "logits": _numbers(prediction.logits[position]),
        "probabilities": _numbers(prediction.probabilities[position]),
        "calibrated_probabilities": _numbers(prediction.calibrated[position]),
        "decision": {
            "label": decision.label,
            "class_index": decision.class_index,
            "probability": decision.probability,
            "sentence": decision.sentence,
            "called_labels": [prediction.card.labels[index] for index in decision.predicted],
            "calibrated_probability": decision.calibrated,
            "calibrated_threshold": decision.calibrated_thresholds.get(decision.about),
            "detail": decision.detail or None,
            "prediction_set": None
            if decision.possible is None
            else [prediction.card.labels[index] for index in decision.possible],
            "undecided_labels": [prediction.card.labels[index] for index in decision.undecided],
            "derived": None if decision.derived is None else asdict(decision.derived),
        },
        "withheld": withheld_json(prediction.withheld(position)),
        "similarity": None
        if near is None
        else {"distance": near.distance, "percentile": near.percentile, "is_similar": near.is_similar},
        "evidence_max_logit": evidence.get(frame),
    }


def _explanation(explanation: Explanation, trust: Trust | None) -> dict[str, Any]:
    return {
        "verdict": verdict_words(explanation, trust),
        "verdict_sentence": None if trust is None else f"{trust.sentence}.",
        "checks": []
        if trust is None
        else [{"name": each.name, "outcome": each.outcome, "sentence": each.sentence} for each in trust.checks],
        "method": explanation.method,
        "label": explanation.label,
        "layer": explanation.layer,
        "scale_logit": explanation.scale,
        "is_empty": explanation.is_empty,
        "grid_rows": int(explanation.grids.shape[1]),
        "grid_columns": int(explanation.grids.shape[2]),
        "frame_numbers": [frame + 1 for frame in explanation.frames],
    }


def _numbers(values: Sequence[float] | Any) -> list[float]:
    return [float(value) for value in values]


def _strict(value: Any) -> Any:
    """A value in JSON's own types: arrays as lists, undefined as None, floats to float32's 8 digits at most."""
    if isinstance(value, dict):
        return {str(key): _strict(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(entry) for entry in value]
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if hasattr(value, "tolist"):  # numpy's scalars and arrays
        return _strict(value.tolist())
    if isinstance(value, float):
        return float(f"{value:.8g}") if math.isfinite(value) else None
    return str(value)
