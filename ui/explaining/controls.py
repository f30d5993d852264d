"""The question that the page answers: which model, which class, rather than which, by which methods, at which layer."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.explain import EXPLAINERS
from core.explain.trust.second_opinion import METHODS
from core.inference.predict import Prediction
from core.inference.study import Study
from core.models.card import ModelCard
from core.scan import Scan, answered_frame
from ui.explaining.work import Wanted
from ui.foreign_text import plain

#: What is shown until the user chooses: one of each kind, a few seconds together.
FIRST = (
    "grad-cam",
    "layer-cam",
    "score-cam",
    "smooth-grad",
    "integrated-gradients",
    "occlusion",
    "rise",
    "kernel-shap",
)

NOBODY = "no other class"


def choose_frame(scan: Scan) -> int:
    """Which slice or frame; the middle one to begin with."""
    if scan.frames == 1:
        return 0
    unit = "Slice" if scan.axis == "slice" else "Frame"
    return st.slider(unit, 1, scan.frames, answered_frame(scan) + 1, key=f"explain-frame-{scan.digest[:12]}") - 1


def choose_image(card: ModelCard, study: Study) -> str:
    """Name of the image that is explained; `""` where a model is given none."""
    specs = {spec.name: spec for spec in card.inputs if spec.name in study.scans}
    if len(specs) < 2:
        return next(iter(specs), "")
    return str(
        st.segmented_control(
            "Image", list(specs), format_func=lambda name: plain(specs[name].title), default=next(iter(specs)),
            required=True, key=f"explain-picture-{card.slug}-{'-'.join(specs)}",
        )
    )  # fmt: skip


def choose_label(card: ModelCard, prediction: Prediction | None) -> tuple[str, str]:
    """(label, rather than which label, or `""`).

    Args:
        card: The model.
        prediction: Its answer, which says the first label; None for one that segments.
    """
    labels = card.labels if prediction is not None else card.labels[1:]
    first = labels[prediction.decision(0).about] if prediction is not None else labels[0]
    label = st.selectbox("Evidence for", labels, index=labels.index(first), key=f"explain-label-{card.slug}", width=220)
    if len(card.labels) < 3 or prediction is None:
        return label, ""
    others = [NOBODY, *(name for name in card.labels if name != label)]
    chosen = st.selectbox("rather than", others, key=f"explain-against-{card.slug}-{label}", width=220)
    return label, "" if chosen == NOBODY else chosen


def choose_methods() -> list[str]:
    """Names of methods, kept in the address."""
    given = [name for name in st.query_params.get("methods", "").split(",") if name in EXPLAINERS]
    chosen = st.pills(
        "Methods",
        list(EXPLAINERS),
        selection_mode="multi",
        default=given or list(FIRST),
        format_func=lambda name: EXPLAINERS[name].title,
        key="explain-methods",
    )
    if chosen and list(chosen) != list(FIRST):
        st.query_params["methods"] = ",".join(chosen)
    elif "methods" in st.query_params:
        del st.query_params["methods"]
    return [name for name in EXPLAINERS if name in chosen]  # in the registry's order, however they were clicked


def choose_second_opinion(methods: list[str]) -> bool:
    """Whether an independent implementation is asked too, kept in the address; nothing where it has no such method."""
    if not METHODS & set(methods):
        return False
    given = st.query_params.get("second") == "1"
    wanted = st.toggle(
        "Second opinion", value=given, key="explain-second",
        help="The same maps by an independent implementation (tf-keras-vis), once the others are made and checked. "
        "Score-CAM takes seconds to minutes there.",
    )  # fmt: skip
    if wanted:
        st.query_params["second"] = "1"
    elif given:
        del st.query_params["second"]
    return wanted


def choose_method() -> str:
    """One method, to compare models by."""
    return st.selectbox(
        "Method", list(EXPLAINERS), format_func=lambda name: EXPLAINERS[name].title, key="explain-method", width=300
    )


def questions(
    cards: list[ModelCard],
    methods: list[str],
    label: str,
    rather_than: str,
    layer: str,
    frame: int,
    untrained: bool,
    image: str = "",
    given: str = "",
) -> list[Wanted]:
    """Every map that is asked for; a layer other than the card's only where the method looks at one."""
    found = []
    for card in cards:
        own = label if label in card.labels else ""
        if not own:
            continue
        for method in methods:
            looks = EXPLAINERS[method].family == "activations" and not method.startswith("score-cam")
            against = rather_than if rather_than in card.labels else ""
            asked = Wanted(card.slug, method, own, against, layer if looks else "", frame, input=image, given=given)
            found.append(asked)
            if untrained and method == methods[0]:
                found.append(replace(asked, untrained=True))
    return found
