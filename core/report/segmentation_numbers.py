"""The numbers behind an outline, for other programs: strict JSON, and one row a frame and label as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from core.inference.masks import Segmentation
from core.report.facts import DISCLAIMER, grave_doubts, versions
from core.report.numbers import FORMAT_VERSION, _cell, _model, _scan, _strict, model_sha256, withheld_json
from core.scan import Scan
from core.segmentation.agreement import Agreement
from core.segmentation.sizes import pixel_area_mm2, size_notes, volume_ml
from core.segmentation.tta import Spread

COLUMNS = (
    "scan_sha256", "model", "model_sha256", "frame_number", "time_ms", "label", "threshold", "pixels", "area_mm2",
    "pieces", "smallest_pixels_of_mirror_images", "largest_pixels_of_mirror_images", "similarity_percentile",
    "is_similar", "volume_ml", "warnings", "scanlens_version", "disclaimer", "withheld",
)  # fmt: skip


def segmentation_doubts(scan: Scan, segmentation: Segmentation) -> list[str]:
    """Every reason to trust the outlines less, as sentences, the gravest first."""
    found = grave_doubts(scan, segmentation)
    if not segmentation.similarity:
        found.append("This model cannot tell whether the image is like what it was trained on.")
    if segmentation.note:
        found.append(f"Not checked: the model {segmentation.note}.")
    return [*found, *size_notes(scan), *scan.warnings]


def segmentation_json(
    scan: Scan,
    segmentation: Segmentation,
    spread: Spread | None = None,
    agreements: Sequence[Agreement] = (),
    made_at: datetime | None = None,
) -> bytes:
    """Everything that was measured, and what it was measured with.

    Args:
        scan: The scan.
        segmentation: Of the frames that were read.
        spread: Of its mirror images, or None.
        agreements: With the user's own mask.
        made_at: Time of making; None for now.

    Returns:
        UTF-8 JSON without NaN or infinity; what is not known is null. Frames are numbered from 1.
    """
    card = segmentation.card
    content = {
        "format": "scanlens-outline",
        "format_version": FORMAT_VERSION,
        "disclaimer": f"{DISCLAIMER}.",
        "made_at_utc": (made_at or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "scan": _scan(scan),
        "model": _model(card),
        "outline": {
            "labels": list(segmentation.labels),
            "thresholds": dict(zip(segmentation.labels, segmentation.thresholds, strict=True)),
            "threshold_from": card.threshold_from or None,
            "model_grid": list(segmentation.geometry.model_size),
            "pixel_area_mm2": pixel_area_mm2(scan),
            "volumes_ml": {
                label: _volume(segmentation, scan, index) for index, label in enumerate(segmentation.labels)
            },
            "input_provenance": [{"name": step.name, "detail": step.detail} for step in segmentation.provenance],
            "frames": [_frame(scan, segmentation, spread, position) for position in range(len(segmentation.frames))],
        },
        "agreement_with_reference": [asdict(agreement) for agreement in agreements],
        "warnings": segmentation_doubts(scan, segmentation),
        "versions": versions(),
    }
    return json.dumps(_strict(content), ensure_ascii=False, allow_nan=False, indent=2).encode()


def segmentation_csv(scan: Scan, segmentation: Segmentation, spread: Spread | None = None) -> bytes:
    """One row for each frame and label, with the columns of `COLUMNS`; undefined values are empty.

    Returns:
        UTF-8 CSV with a header. Text that a spreadsheet would run as a formula starts with an apostrophe.
    """
    target = io.StringIO(newline="")
    writer = csv.DictWriter(target, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    always = {
        "scan_sha256": scan.digest,
        "model": segmentation.card.slug,
        "model_sha256": model_sha256(segmentation.card),
        "warnings": " | ".join(segmentation_doubts(scan, segmentation)),
        "scanlens_version": versions()["scanlens"],
        "disclaimer": DISCLAIMER,
    }
    for position in range(len(segmentation.frames)):
        frame = _frame(scan, segmentation, spread, position)
        near = frame["similarity"] or {"percentile": None, "is_similar": None}
        for index, outline in enumerate(frame["outlines"]):
            row = {
                **always,
                **{key: frame[key] for key in ("frame_number", "time_ms")},
                **{key: value for key, value in outline.items() if key in COLUMNS},
                "similarity_percentile": near["percentile"],
                "is_similar": near["is_similar"],
                "volume_ml": _volume(segmentation, scan, index),
                "withheld": None if frame["withheld"] is None else frame["withheld"]["warning"],
            }
            writer.writerow({key: _cell(row[key]) for key in COLUMNS})
    return target.getvalue().encode()


def _volume(segmentation: Segmentation, scan: Scan, label: int) -> float | None:
    return volume_ml(segmentation.pixels[:, label], scan)


def _frame(scan: Scan, segmentation: Segmentation, spread: Spread | None, position: int) -> dict[str, Any]:
    frame = segmentation.frames[position]
    near = segmentation.similarity[position] if segmentation.similarity else None
    return {
        "frame_number": frame + 1,
        "time_ms": None if scan.frame_time_ms is None else frame * scan.frame_time_ms,
        "withheld": withheld_json(segmentation.withheld(position)),
        "similarity": None
        if near is None
        else {"distance": near.distance, "percentile": near.percentile, "is_similar": near.is_similar},
        "outlines": [
            _outline(scan, segmentation, spread, position, label) for label in range(len(segmentation.labels))
        ],
    }


def _outline(
    scan: Scan, segmentation: Segmentation, spread: Spread | None, position: int, label: int
) -> dict[str, Any]:
    pixels, area = int(segmentation.pixels[position, label]), pixel_area_mm2(scan)
    frame = segmentation.frames[position]
    known = spread is not None and frame in spread.frames
    ends = spread.area_range(spread.frames.index(frame), label) if spread is not None and known else (None, None)
    return {
        "label": segmentation.labels[label],
        "threshold": segmentation.thresholds[label],
        "pixels": pixels,
        "area_mm2": None if area is None else pixels * area,
        "pieces": int(segmentation.pieces[position, label]),
        "smallest_pixels_of_mirror_images": ends[0],
        "largest_pixels_of_mirror_images": ends[1],
    }
