"""A draft of the contract from what the look into a file found."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any, cast

from core.incoming.contract import Contract, Proposal
from core.incoming.keras_config import BACKBONE_RANGES
from core.incoming.report import Report, Tensor
from core.models.card import InputSpec, Task, input_spec
from core.models.inputs import FeatureSpec, InputKind

#: Size that is proposed where a model takes any: that of ImageNet.
OPEN_SIZE = 224
OPEN_FRAMES = 16


def propose(report: Report) -> Proposal:
    """The likeliest contract of a model, what it rests on, and what only a person can say.

    Args:
        report: Of a file that was not refused.
    """
    own = report.card.get("scanlens") if isinstance(report.card.get("scanlens"), dict) else None
    known: dict[str, str] = {}
    outputs = report.outputs[0] if report.outputs else Tensor("output", ())
    units = next((size for size in reversed(outputs.shape) if size), 0)
    task, labels = _task(report, outputs, units, known)
    low_high, reading = _range(report, known)
    inputs = tuple(_spec(tensor, report, low_high, number) for number, tensor in enumerate(_images_last(report)))
    contract = Contract(
        title=_title(report),
        task=task,
        labels=labels,
        inputs=inputs,
        threshold=0.5 if task in {"binary", "segmentation"} else None,
        license=str(report.card.get("license", "unknown"))[:60],
        reading=reading,
    )
    if own is not None:
        contract = _from_card(own, contract, known)
    missing = [name for name in ("labels", "value_range", "modality", "population") if name not in known]
    return Proposal(contract, known, tuple(missing), _spatial_layers(report))


def _images_last(report: Report) -> tuple[Tensor, ...]:
    return report.inputs or (Tensor("input", (None, None, 3)),)


def _task(report: Report, output: Tensor, units: int, known: dict[str, str]) -> tuple[Task, tuple[str, ...]]:
    named = report.labels
    if _is_map(report, output):
        known["task"] = "The model gives a map of the image, so it segments."
        return "segmentation", named or ("Background", *(f"Region {number + 1}" for number in range(max(units - 1, 1))))
    if named:
        known["labels"] = f"{len(named)} names came with the file."
    if units == 1:
        known["task"] = "A single output is the probability of a yes."
        return "binary", named if len(named) == 2 else ("No", "Yes")
    names = named if named and len(named) == units else tuple(f"Class {number + 1}" for number in range(max(units, 2)))
    if units == 2:
        known["task"] = "Two outputs for two answers."
        return "binary", names
    if report.ending == "sigmoid":
        known["task"] = f"{units} outputs, each with a probability of its own."
        return "multilabel", names
    if units:
        known["task"] = f"{units} outputs for as many classes."
    return "multiclass", names


def _is_map(report: Report, output: Tensor) -> bool:
    if len(output.shape) >= 3:
        return True
    kinds = {kind for _, kind in report.layer_names[-12:]}
    pooled = {"GlobalAveragePooling2D", "GlobalMaxPooling2D", "Flatten", "Dense", "GlobalAveragePool", "Gemm"}
    last = next((kind for _, kind in reversed(report.layer_names) if kind not in {"Activation", "Softmax"}), "")
    return report.format in {"keras", "h5"} and last in {"Conv2D", "Conv2DTranspose"} and not kinds & pooled


def _range(report: Report, known: dict[str, str]) -> tuple[tuple[float, float], str]:
    if report.value_range is not None:
        known["value_range"] = " ".join(report.preprocessing)
        return report.value_range, ""
    if report.backbone in BACKBONE_RANGES and report.format in {"keras", "h5"}:
        low_high, reading = BACKBONE_RANGES[report.backbone]
        how = {"": f"{low_high[0]:g} to {low_high[1]:g}", "caffe": "BGR with the means of ImageNet subtracted"}
        how["torch"] = "RGB with means and deviations of ImageNet"
        known["value_range"] = f"{report.backbone} of keras.applications is usually given {how[reading]}."
        return low_high, reading
    if report.format == "h5" and report.labels:
        known["value_range"] = "Teachable Machine gives its models −1 to 1."
        return (-1.0, 1.0), ""
    if report.format == "onnx" and report.channels_first:
        known["value_range"] = "Models of torchvision are given RGB with means and deviations of ImageNet."
        return (0.0, 255.0), "torch"
    return (0.0, 1.0), ""


def _spec(tensor: Tensor, report: Report, low_high: tuple[float, float], number: int) -> InputSpec:
    shape = tensor.shape
    if report.channels_first and len(shape) in {3, 4}:
        shape = (*shape[1:], shape[0])
    name = tensor.name or f"input_{number + 1}"
    if len(shape) == 1:
        return InputSpec(
            name, "table", (0, 0), 0, (0.0, 1.0), "display", "stretch", (), title="About the patient",
            features=tuple(FeatureSpec(f"fact_{k + 1}", f"Fact {k + 1}") for k in range(shape[0] or 1)),
        )  # fmt: skip
    *frames, rows, columns, channels = (None, None, None, *shape)[-4:] if len(shape) == 4 else (None, *shape[-3:])
    kind: InputKind = "image"
    if len(shape) == 4:
        kind = "sequence" if _is_sequence(report) else "volume"
    return InputSpec(
        name=name,
        kind=kind,
        size=(rows or OPEN_SIZE, columns or OPEN_SIZE),
        channels=channels if channels in {1, 3} else (channels or 3),
        value_range=low_high,
        intensity="display",
        resize="stretch",
        modality=(),
        title=name.replace("_", " ").capitalize(),
        frames=(frames[0] or OPEN_FRAMES) if kind != "image" else 1,
    )


def _is_sequence(report: Report) -> bool:
    return any(kind in {"TimeDistributed", "LSTM", "GRU", "ConvLSTM2D", "Bidirectional"} for kind in report.layers)


def _title(report: Report) -> str:
    name = report.card.get("model_name") or PurePath(report.name).stem
    words = re.sub(r"[_\-.]+", " ", str(name)).strip()
    return (words[:1].upper() + words[1:])[:60] or "My model"


def _spatial_layers(report: Report) -> tuple[str, ...]:
    kinds = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose", "Activation", "ReLU", "Add",
             "BatchNormalization", "MaxPooling2D", "AveragePooling2D",
             "Concatenate", "ConvLSTM2D", "Conv3D")  # fmt: skip
    return tuple(name for name, kind in reversed(report.layer_names) if kind in kinds)[:60]


def _from_card(own: dict[str, Any], draft: Contract, known: dict[str, str]) -> Contract:
    """The contract of a card of ours that came with the file, as far as it holds."""
    from core.models.card import Task as _Task
    from core.models.inputs import choice, names

    try:
        task = cast(Task, choice(own["task"], _Task, "task"))
        labels, inputs = names(own["labels"], "labels"), tuple(input_spec(entry) for entry in own["inputs"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return draft
    known |= dict.fromkeys(("labels", "value_range", "modality", "task"), "The card that came with the file says so.")
    return Contract(
        title=str(own.get("title", draft.title))[:60],
        task=task,
        labels=labels,
        inputs=inputs,
        summary=str(own.get("summary", ""))[:400],
        threshold=float(own["threshold"]) if isinstance(own.get("threshold"), (int, float)) else draft.threshold,
        training_modality=str(own.get("training_modality", ""))[:200],
        license=draft.license,
        explain_layer=str(own["explain_layer"]) if own.get("explain_layer") else None,
    )
