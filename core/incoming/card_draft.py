"""The card of a model that was brought, in the format of Hugging Face, with every field that is known filled in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.bounded import dump_yaml
from core.incoming.contract import Contract, input_entry
from core.incoming.report import Report

#: Key of the contract that marks a model as the user's own, with the file it was made from.
SOURCE = "source"
DISCLAIMER = "Brought by a user. For research and teaching only: not a medical device."
_PIPELINES = {"segmentation": "image-segmentation"}


def sha256_of(path: Path) -> str:
    """Hexadecimal hash of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_card(folder: Path, contract: Contract, report: Report, compiled: Mapping[str, Any]) -> None:
    """Write `README.md` for what lies in the folder.

    Args:
        folder: With `model.onnx` and what else belongs to the bundle.
        contract: As agreed on.
        report: Of the file that was brought.
        compiled: What was found while compiling: `explain_layer`, `max_difference`, `activation`, `units`.
    """
    matter = {
        "license": contract.license,
        "library_name": "onnx" if report.format == "onnx" else "keras",
        "pipeline_tag": _PIPELINES.get(contract.task, "image-classification"),
        "tags": ["medical", "own"],
        "model_name": contract.title,
        "scanlens": _contract(folder, contract, report, compiled),
    }
    text = f"---\n{dump_yaml(matter)}---\n\n{_body(contract, report, compiled)}"
    (folder / "README.md").write_text(text, encoding="utf-8")


def _hashes(folder: Path) -> dict[str, str]:
    skipped = {"README.md", "README.md.partial"}
    return {
        path.name: sha256_of(path) for path in sorted(folder.iterdir()) if path.is_file() and path.name not in skipped
    }


def _contract(folder: Path, contract: Contract, report: Report, compiled: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "title": contract.title.strip(),
        "summary": contract.summary.strip() or _summary(contract),
        "task": contract.task,
        "labels": [label.strip() for label in contract.labels],
        "inputs": [input_entry(spec) for spec in contract.inputs],
        "threshold_from": "Chosen by whoever brought the model, not fitted to data",
        "temperature": 1.0,
        "explain_layer": str(compiled.get("explain_layer", "")),
        "training_modality": contract.training_modality.strip() or _modality(contract),
        "population": {"words": contract.population.strip()} if contract.population.strip() else {},
        "non_commercial": contract.non_commercial,
        "sha256": _hashes(folder),
        SOURCE: {"file": report.name, "sha256": report.sha256, "format": report.format, "reading": contract.reading},
    }
    if contract.task == "binary" or (contract.task == "segmentation" and len(contract.labels) == 2):
        found["threshold"] = 0.5 if contract.threshold is None else contract.threshold
    elif contract.task in {"multilabel", "segmentation"}:
        names = contract.labels if contract.task == "multilabel" else contract.labels[1:]
        found["thresholds"] = {name.strip(): contract.threshold or 0.5 for name in names}
    return found


def _summary(contract: Contract) -> str:
    names = [label.strip() for label in contract.labels]
    listed = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    if contract.task == "segmentation":
        return f"A model brought by a user that marks {listed} in an image."
    return f"A model brought by a user that tells {listed} apart." if len(names) > 1 else f"A model of {listed}."


def _modality(contract: Contract) -> str:
    spec = contract.inputs[0]
    part = f" of the {spec.body_part[0]}" if spec.body_part else ""
    return f"images of modality {', '.join(spec.modality)}{part}" if spec.modality else f"images{part} of unnamed kind"


def _body(contract: Contract, report: Report, compiled: Mapping[str, Any]) -> str:
    unknown = "Not stated by whoever brought the model."
    layers = ", ".join(f"{count} {kind}" for kind, count in list(report.layers.items())[:8])
    inside = " ".join(report.preprocessing) or "No preprocessing was found inside the model."
    reading = {
        "bgr": "The channels are turned round before the model.",
        "caffe": "The channels are turned round and the means of ImageNet subtracted before the model.",
        "torch": "Means and deviations of ImageNet are applied before the model.",
    }.get(contract.reading, "")
    difference = compiled.get("max_difference")
    lines = [
        f"# {contract.title.strip()}",
        "",
        f"**{DISCLAIMER}**",
        "",
        "## What it is for",
        "",
        contract.summary.strip() or _summary(contract),
        "",
        "## Population",
        "",
        contract.population.strip() or unknown,
        "",
        "## The file",
        "",
        f"`{report.name}`, {report.format_words}, {report.producer or 'producer not stated'}; "
        f"sha256 `{report.sha256}`. "
        f"{report.weights:,} weights{f' in {report.backbone}' if report.backbone else ''}. Layers: {layers}.",
        "",
        "## Input",
        "",
        f"{inside} {reading}".strip(),
        "",
        "## Results",
        "",
        "Nothing was measured yet.",
        "",
        "## Threshold and temperature",
        "",
        "The threshold was chosen by whoever brought the model; the temperature is 1, so nothing was calibrated.",
        "",
        "## How it was made",
        "",
        f"Added on {datetime.now(UTC):%Y-%m-%d}."
        + (f" The compiled file answers as the model itself to {difference:.1g}." if difference is not None else ""),
        "",
    ]
    return "\n".join(lines)
