"""The contract of a model in a form: what only a person can say, prefilled with what the file tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from core.incoming.contract import Contract, Proposal
from core.models.card import Task
from core.models.compatibility import MODALITY_WORDS
from core.models.inputs import InputSpec, Intensity, Resize
from core.models.own import MOST_TITLE
from ui.foreign_text import plain

TASKS: Mapping[Task, str] = {
    "binary": "Yes or no",
    "multiclass": "One of several classes",
    "ordinal": "A grade, in order",
    "multilabel": "Any number of findings",
    "segmentation": "A mask of the image",
}
#: Values of black and white as people know them, and how else an image is put before a model.
OWN_RANGE = "Other values"
RANGES: Mapping[str, tuple[float, float]] = {"0 to 1": (0.0, 1.0), "−1 to 1": (-1.0, 1.0), "0 to 255": (0.0, 255.0)}
READINGS: Mapping[str, str] = {
    "": "RGB, as it is",
    "bgr": "BGR",
    "caffe": "BGR, the means of ImageNet subtracted (ResNet, VGG)",
    "torch": "RGB, with means and deviations of ImageNet (DenseNet, torchvision)",
}
INTENSITIES: Mapping[Intensity, str] = {
    "display": "As the scan's own window shows it",
    "percentile": "0.5th to 99.5th percentile of the values",
    "window": "A fixed window",
}
RESIZES: Mapping[Resize, str] = {"stretch": "Stretch", "letterbox": "Fit in, with borders", "crop": "Crop the middle"}
AUTOMATIC = "The last that keeps positions"
#: Modalities that are offered (DICOM PS3.3 C.7.3.1.1.1), the usual ones first.
MODALITIES = (
    "CR", "DX", "DR", "RG", "CT", "MR", "US", "MG", "OP", "OPT", "PX", "IO", "ES", "XC", "SM", "NM", "PT", "XA", "RF",
    "ECG", "OT",
)  # fmt: skip


def show_form(proposal: Proposal, key: str) -> Contract:
    """Draw the form.

    Args:
        proposal: What it is filled with at first.
        key: Of this file, so that another file begins anew.

    Returns:
        The contract as the form has it now; it may still be incomplete.
    """
    draft = proposal.contract
    title = st.text_input("Name", draft.title, max_chars=MOST_TITLE, key=f"{key}-title")
    task, labels, threshold = _show_answers(proposal, key)
    inputs = tuple(
        _show_input(spec, proposal, f"{key}-{number}", several=len(draft.inputs) > 1)
        for number, spec in enumerate(draft.inputs)
    )
    reading = draft.reading
    if any(spec.channels == 3 for spec in draft.inputs):
        options = list(READINGS) if reading in READINGS else [*READINGS, reading]
        reading = st.selectbox(
            "Colours are given to the model", options, options.index(reading),
            format_func=lambda name: READINGS.get(name, name), key=f"{key}-reading",
        )  # fmt: skip
    layer = _show_layer(proposal, key)
    answered = replace(draft, title=title, task=task, labels=labels, threshold=threshold)
    return _show_about(replace(answered, inputs=inputs, reading=reading, explain_layer=layer), proposal, key)


def _show_answers(proposal: Proposal, key: str) -> tuple[Task, tuple[str, ...], float | None]:
    draft = proposal.contract
    tasks: list[Task] = list(TASKS)
    task: Task = st.selectbox(
        "Answer", tasks, tasks.index(draft.task), format_func=TASKS.__getitem__, key=f"{key}-task"
    )
    _how_known(proposal, "task")
    text = st.text_area(
        _named("Labels, one a line, in the order of the outputs", proposal, "labels"), "\n".join(draft.labels),
        key=f"{key}-labels", height=110,
        help="A single output speaks for the second label of two. A segmentation names the background first.",
    )  # fmt: skip
    _how_known(proposal, "labels")
    threshold = draft.threshold
    if task in {"binary", "segmentation"}:
        first = 0.5 if threshold is None else threshold
        threshold = st.number_input("Threshold of the probability", 0.0, 1.0, first, 0.01, key=f"{key}-threshold")
    else:
        threshold = None
    return task, lines_of(text), threshold


def _show_input(spec: InputSpec, proposal: Proposal, key: str, *, several: bool) -> InputSpec:
    if several:
        st.markdown(f"**Input {plain(spec.title or spec.name)}**")
    if spec.kind == "table":
        st.caption("Facts about the patient: the model takes them as numbers, in the order of the file.")
        return spec
    low_high = _show_range(spec, proposal, key)
    left, right = st.columns(2)
    with left:
        kinds = list(INTENSITIES)
        intensity = st.selectbox(
            "Brightness",
            kinds,
            kinds.index(spec.intensity),
            format_func=INTENSITIES.__getitem__,
            key=f"{key}-intensity",
        )
    with right:
        rules = list(RESIZES)
        resize = st.selectbox(
            "Resize", rules, rules.index(spec.resize), format_func=RESIZES.__getitem__, key=f"{key}-resize"
        )
    window = spec.window
    if intensity == "window":
        with left:
            center = st.number_input("Window centre", value=window[0] if window else 40.0, key=f"{key}-center")
        with right:
            width = st.number_input("Window width", 1.0, value=window[1] if window else 400.0, key=f"{key}-width")
        window = (center, width)
    modality = st.multiselect(
        _named("Modality", proposal, "modality"), [*dict.fromkeys((*MODALITIES, *spec.modality))], spec.modality,
        format_func=_modality, key=f"{key}-modality",
    )  # fmt: skip
    parts = st.text_input("Body part", ", ".join(spec.body_part), placeholder="chest, lung", key=f"{key}-body-part")
    return replace(
        spec, value_range=low_high, intensity=intensity, resize=resize, modality=tuple(modality),
        window=window if intensity == "window" else None, body_part=parts_of(parts),
    )  # fmt: skip


def _show_range(spec: InputSpec, proposal: Proposal, key: str) -> tuple[float, float]:
    known = next((name for name, ends in RANGES.items() if ends == spec.value_range), OWN_RANGE)
    options = [*RANGES, OWN_RANGE]
    name = st.segmented_control(
        _named("Values of black and white", proposal, "value_range"), options, default=known, required=True,
        key=f"{key}-range",
    ) or known  # fmt: skip
    _how_known(proposal, "value_range")
    if name != OWN_RANGE:
        return RANGES[name]
    left, right = st.columns(2)
    low = left.number_input("Black", value=spec.value_range[0], key=f"{key}-low")
    high = right.number_input("White", value=spec.value_range[1], key=f"{key}-high")
    return low, high


def _show_layer(proposal: Proposal, key: str) -> str | None:
    if not proposal.layers:
        return proposal.contract.explain_layer
    options = [AUTOMATIC, *proposal.layers]
    wanted = proposal.contract.explain_layer
    place = options.index(wanted) if wanted in options else 0
    chosen = st.selectbox("Heatmaps from the layer", options, place, key=f"{key}-layer")
    return None if chosen == AUTOMATIC else chosen


def _show_about(draft: Contract, proposal: Proposal, key: str) -> Contract:
    inputs = draft.inputs
    modality = st.text_input(
        "Trained on, in words", draft.training_modality, placeholder=trained_on(inputs) or "a chest radiograph",
        key=f"{key}-trained-on",
    )  # fmt: skip
    population = st.text_area(
        _named("Population", proposal, "population"), draft.population, height=80, key=f"{key}-population",
        placeholder="Adults of two hospitals, 2015 to 2019",
    )  # fmt: skip
    left, right = st.columns(2, vertical_alignment="bottom")
    licence = left.text_input("Licence of the weights", draft.license, key=f"{key}-licence")
    bound = right.checkbox("Not for commercial use", draft.non_commercial, key=f"{key}-non-commercial")
    return replace(
        draft, training_modality=modality.strip() or trained_on(inputs), population=population.strip(),
        license=licence.strip() or "unknown", non_commercial=bound,
    )  # fmt: skip


def trained_on(inputs: Sequence[InputSpec]) -> str:
    """What a model saw in words, from modality and body part of its first image; `""` where neither is said.

    Example:
        >>> from core.models.inputs import input_spec
        >>> chest = {"name": "x", "kind": "image", "size": [8, 8], "channels": 1, "resize": "stretch",
        ...          "modality": ["DX"], "body_part": ["chest"]}
        >>> trained_on([input_spec(chest)])
        'a radiograph of the chest'
    """
    spec = next((one for one in inputs if one.kind != "table"), None)
    if spec is None or not (spec.modality or spec.body_part):
        return ""
    kind = MODALITY_WORDS.get(spec.modality[0], "an image") if spec.modality else "an image"
    return f"{kind} of the {spec.body_part[0]}" if spec.body_part else kind


def lines_of(text: str) -> tuple[str, ...]:
    r"""What is written one a line, without empty lines.

    Example:
        >>> lines_of("Normal\n\n  Pneumonia ")
        ('Normal', 'Pneumonia')
    """
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def parts_of(text: str) -> tuple[str, ...]:
    """What is written between commas, in lower case, each once.

    Example:
        >>> parts_of("Chest, lung,, chest")
        ('chest', 'lung')
    """
    return tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))


def _modality(code: str) -> str:
    words = MODALITY_WORDS.get(code, "")
    return f"{code}, {words.split(' ', 1)[1]}" if " " in words else code


def _named(label: str, proposal: Proposal, field: str) -> str:
    """The label of a field, marked where only a person can complete it."""
    return f"{label} \\*" if field in proposal.open else label


def _how_known(proposal: Proposal, field: str) -> None:
    if field in proposal.known:
        st.caption(plain(proposal.known[field]))
