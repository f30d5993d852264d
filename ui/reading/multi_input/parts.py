"""What each part of a study adds to the answer, and what the answer would be if one of them were another."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.explain.methods.features import feature_fractions
from core.explain.methods.input_fractions import InputFraction, absent_values, input_fractions
from core.explain.request import Ask
from core.figures.fractions import describe_fractions, describe_what_if, fractions_figure, what_if_figure
from core.inference.what_if import WhatIf, answer_over_time, what_if
from core.models.card import FeatureSpec
from ui.cache import cached_keras
from ui.charts import show_chart
from ui.reading.multi_input.answer import StudyAnswer
from ui.session import Reading

ADDS, WHAT_IF, OVER_TIME = "What each part adds", "What if", "Answer over time"


def show_parts(state: Reading, answer: StudyAnswer) -> None:
    """One of the closer looks that this model allows; only the chosen one is computed."""
    card = answer.prediction.card
    features = [feature for spec in card.inputs for feature in spec.features]
    sequences = [spec.name for spec in card.inputs if spec.kind == "sequence" and spec.name in answer.study.scans]
    looks = [ADDS] if len(card.inputs) > 1 else []
    looks += [WHAT_IF] if features else []
    looks += [OVER_TIME] if sequences else []
    if not looks:
        return
    first = looks[-1] if sequences else looks[0]
    look = st.segmented_control("A closer look", looks, default=first, required=True, key=f"look-{card.slug}") or first
    if look == ADDS:
        _show_fractions(state, answer)
    elif look == WHAT_IF:
        _show_what_if(answer, features)
    else:
        _show_over_time(state, answer, sequences[0])


def fractions_of(state: Reading, answer: StudyAnswer) -> list[InputFraction]:
    """What each input adds; with slopes once Keras runs."""
    keras = cached_keras() if cached_keras().pid is not None else None
    key = (*answer.key, "shares", answer.label, keras is None)
    return state.maps.get(
        key, lambda: input_fractions(answer.bundle, answer.prediction.prepared, Ask(answer.target, keras=keras))
    )


def _show_fractions(state: Reading, answer: StudyAnswer) -> None:
    fractions = fractions_of(state, answer)
    card, rows = answer.prediction.card, []
    tables = {spec.name: spec for spec in card.inputs if not spec.is_image}
    for fraction in fractions:
        if fraction.name not in tables:
            rows.append((fraction.title if fraction.given else f"{fraction.title}, left out", fraction.left_out))
            continue
        spec = tables[fraction.name]
        names = [feature.title for feature in spec.features]
        found = feature_fractions(
            answer.bundle, answer.prediction.prepared, Ask(answer.target), absent_values(spec), names, spec.name
        )
        rows += list(zip(names, (float(value) for value in found.left_out), strict=True))
    names, values = [name for name, _ in rows], [value for _, value in rows]
    show_chart(
        lambda: fractions_figure(names, values, answer.label), "shares", describe_fractions(names, values, answer.label)
    )
    st.caption(
        "What the score loses when this part alone is left out: an image empty, a fact at its mean in training. "
        + _untrained(fractions)
    )
    if any(fraction.slope is not None for fraction in fractions):
        st.dataframe(
            [
                {"Input": fraction.title, "Left out": round(fraction.left_out, 3), "Gradient × input": fraction.slope}
                for fraction in fractions
            ],
            hide_index=True,
            column_config={"Gradient × input": st.column_config.NumberColumn(format="%.3f")},
        )


def _untrained(fractions: Sequence[InputFraction]) -> str:
    never = [fraction.title for fraction in fractions if not fraction.trained_without]
    if not never:
        return "The model was trained to go without each of them."
    return f"The model was never trained without {', '.join(never)}: an empty one may confuse it more than it informs."


def _show_what_if(answer: StudyAnswer, features: list[FeatureSpec]) -> None:
    titles = {feature.name: feature for feature in features}
    name = st.segmented_control(
        "If another fact were true", list(titles), format_func=lambda key: titles[key].title, default=features[0].name,
        required=True, key=f"what-if-{answer.prediction.card.slug}",
    ) or features[0].name  # fmt: skip
    known = answer.study.facts.get(name) is not None
    curve = what_if(answer.bundle, answer.prediction.prepared, name, known=known)
    feature = titles[name]
    axis = f"{feature.title}, {feature.unit}" if feature.unit else feature.title
    _show_curve(answer, curve, axis, "what-if")
    line = "The line is this patient. " if known else "It is unknown for this patient. "
    st.caption(
        f"{line}Everything else stays as it is: this is what the model does with the fact, not what age or sex do."
    )


def _show_over_time(state: Reading, answer: StudyAnswer, name: str) -> None:
    key = (*answer.key, "over time", name)
    curve = state.maps.get(key, lambda: answer_over_time(answer.bundle, answer.prediction.prepared, name))
    _show_curve(answer, curve, "frames of the model seen", "over-time")
    st.caption("The answer as if the cine had stopped after so many frames, the last one standing still.")


def _show_curve(answer: StudyAnswer, curve: WhatIf, axis: str, key: str) -> None:
    card = answer.prediction.card
    shown = [1] if card.task == "binary" else list(range(len(card.labels)))
    threshold = card.threshold if card.task == "binary" else None
    show_chart(
        lambda: what_if_figure(curve, card.labels, shown, axis, threshold),
        key,
        describe_what_if(curve, card.labels, shown, axis),
    )
