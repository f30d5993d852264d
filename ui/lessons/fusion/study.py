"""Models of several images and facts: switch each input off and see the prediction move."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from core.inference.prepare import Prepared
from core.inference.study import Study, prepare_study
from core.inference.what_if import what_if
from core.lessons.fusion.figure import curve_figure, parts_figure
from core.lessons.fusion.study_parts import (
    Parts,
    answer_without,
    drawn_contrast,
    drawn_scans,
    one_frame,
)
from core.lessons.phantom import phantom
from core.models.card import FeatureSpec, ModelCard
from core.models.match_inputs import check_one_patient, match_scans
from core.scan import Scan, default_window, display_frame
from ui.cache import cached_bundle
from ui.charts import show_chart
from ui.components.tiles import Tile, Wall, show_tiles
from ui.foreign_text import plain
from ui.lessons.fusion.work import (
    kept,
    lost_alone,
    show_move,
    shown_label,
)
from ui.lessons.inside.columns import wide_columns
from ui.lessons.inside.work import probe_of
from ui.session import Reading

DRAWN, OPENED = "A drawn head", "The open scans"


def show_study(state: Reading, cards: Sequence[ModelCard], key: str) -> None:
    """Choose a model, fill its inputs, and switch them.

    Args:
        state: What is open.
        cards: Models of several inputs.
        key: Prefix of the widgets.
    """
    by_title = {card.title: card for card in cards}
    title = st.selectbox("Model", list(by_title), key=f"{key}-model", bind="query-params", width=480)
    card = by_title[title]
    scans, drawn = _scans(state, card, key)
    if scans is None:
        return
    facts = _facts(card, key)
    prepared = prepare_study(Study(scans, facts), card)
    left, right = wide_columns(f"{key}-study", (1.2, 1))
    with right:
        off = [
            spec.name
            for spec in card.inputs
            if not st.toggle(plain(spec.title), True, key=f"{key}-{card.slug}-{spec.name}")
        ]
        whole, now, alone = _answers(card, prepared, off)
        target = shown_label(card)
        show_move(card, whole.logits, now.logits, target)
        if drawn:
            st.caption(_said_of_drawn(card))
    with left:
        _show_inputs(scans, card, off, now)
        names = {spec.name: spec.title for spec in card.inputs}
        lost = lost_alone(card, whole.logits, {names[name]: part.logits for name, part in alone.items()}, target)
        alt = ", ".join(f"{name} {value:+.2f}" for name, value in lost.items())
        show_chart(
            lambda: parts_figure(lost, card.labels[target], [names[name] for name in off]),
            f"{key}-parts", f"Logit lost: {alt}",
        )  # fmt: skip
        _say_optional(card)
    _show_curves(card, prepared, target, key)


def _scans(state: Reading, card: ModelCard, key: str) -> tuple[dict[str, Scan] | None, bool]:
    """A scan for each image, and whether they are drawn."""
    images = [spec for spec in card.inputs if spec.is_image]
    scans = list(state.opened.scans) if state.opened is not None else []
    matched = match_scans(card, scans) if scans else {}
    source = DRAWN
    if matched:
        source = (
            st.segmented_control("Images", [OPENED, DRAWN], default=OPENED, required=True, key=f"{key}-source")
            or OPENED
        )
    if source == OPENED:
        chosen = {name: one_frame(scans[index]) for name, index in matched.items()}
        check_one_patient(chosen)
        missing = [spec.title for spec in images if spec.name not in chosen and not spec.optional]
        if missing:
            st.info(
                f"Among the open scans is no {', '.join(missing)}. Open it with the others, or take the drawn head."
            )
            return None, False
        return chosen, False
    number = st.number_input("Head no.", 1, 99, key=f"{key}-head", width=160)
    lesion = st.toggle("With a lesion", True, key=f"{key}-lesion")
    head = kept().get(("head", number, lesion), lambda: phantom(int(number), lesion=lesion))
    return drawn_scans(card, head), True


def _said_of_drawn(card: ModelCard) -> str:
    """What the answer for a drawn head is worth."""
    images = [spec for spec in card.inputs if spec.is_image]
    same = len({drawn_contrast(spec) for spec in images}) < len(images)
    twice = f" One drawn slice stands for {', '.join(spec.title for spec in images)}." if same else ""
    return f"The answer for a drawn head means nothing medical; what moves it shows how the model works.{twice}"


def _facts(card: ModelCard, key: str) -> dict[str, float | None]:
    """What is known of the patient, each fact by its own widget, beginning with the training mean."""
    found: dict[str, float | None] = {}
    features = [feature for spec in card.inputs for feature in spec.features]
    if not features:
        return found
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for feature in features:
            found[feature.name] = _fact(feature, f"{key}-{card.slug}-{feature.name}")
    return found


def _fact(feature: FeatureSpec, key: str) -> float | None:
    if feature.choices:
        answer = st.segmented_control(plain(feature.title), list(feature.choices), key=key)
        return None if answer is None else float(feature.choices[answer])
    unit = f" ({feature.unit})" if feature.unit else ""
    step = 1.0 if feature.high - feature.low >= 20 else (feature.high - feature.low) / 100
    start = round(feature.reference / step) * step
    words = "%.0f" if step == 1.0 else "%.3g"
    return float(
        st.slider(plain(f"{feature.title}{unit}"), feature.low, feature.high, start, step, words, key=key, width=260)
    )


def _answers(card: ModelCard, prepared: Prepared, off: list[str]) -> tuple[Parts, Parts, dict[str, Parts]]:
    """The model's answers with everything, as switched, and with each input off by itself."""
    bundle, probe = cached_bundle(card.slug), probe_of(card)
    whole = answer_without(bundle, prepared, ())
    alone = {spec.name: answer_without(bundle, prepared, [spec.name]) for spec in card.inputs}
    return whole, answer_without(bundle, prepared, off, probe), alone


def _show_inputs(scans: dict[str, Scan], card: ModelCard, off: list[str], now: Parts) -> None:
    """The images with what attention gives to each."""
    tiles = []
    for spec in card.inputs:
        if spec.name not in scans:
            continue
        scan = scans[spec.name]
        image = display_frame(scan, 0, None if scan.is_color else default_window(scan))
        shown = np.zeros_like(image) if spec.name in off else image
        weight = f"attention {now.weights[spec.name]:.2f}" if spec.name in now.weights else ""
        tiles.append(Tile(shown, spec.title, spec.title, weight))
    if tiles:
        first = next(iter(scans.values()))
        show_tiles(
            tiles, Wall(max(3, len(tiles)), first.columns / (first.rows * first.pixel_aspect), False), "study-inputs"
        )
    if now.weights:
        terms = " + ".join(rf"{weight:.2f} \cdot f_{{\text{{{name}}}}}" for name, weight in now.weights.items())
        st.latex(rf"f = \sum_m a_m f_m = {terms}")


def _say_optional(card: ModelCard) -> None:
    rigid = [spec.title for spec in card.inputs if not spec.optional]
    if rigid:
        st.caption(
            f"The model was never trained without {', '.join(rigid)}: off, it gets an empty image or the training "
            "mean, and the number says what that does, not what the part is worth."
        )
    else:
        st.caption("The model was trained to go without any one of its inputs; off, it gets what it got there.")


def _show_curves(card: ModelCard, prepared: Prepared, target: int, key: str) -> None:
    """The answer over each number among the facts, all else as it is."""
    numbers = [f for spec in card.inputs for f in spec.features if not f.choices]
    if not numbers:
        return
    bundle = cached_bundle(card.slug)
    chosen = st.segmented_control(
        "Answer over", [f.title for f in numbers], default=numbers[0].title, required=True, key=f"{key}-curve"
    )
    feature = next(f for f in numbers if f.title == chosen)
    found = what_if(bundle, prepared, feature.name)
    chances = found.probabilities[:, target]
    here = (found.here, float(np.interp(found.here, found.values, chances)))
    unit = f", {feature.unit}" if feature.unit else ""
    show_chart(
        lambda: curve_figure(found.values, chances, here, plain(f"{feature.title}{unit}"), card.labels[target]),
        f"{key}-curve-chart", f"Probability from {chances[0]:.2f} to {chances[-1]:.2f} over {feature.title}",
    )  # fmt: skip
    st.caption("Everything else stays as it is: what the model does with this fact, not how a person grows older.")
