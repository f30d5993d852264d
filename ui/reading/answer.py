"""What a model answers, in words and numbers, and what speaks against it: the same for one image and for a study."""

from __future__ import annotations

from html import escape

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.figures.probabilities import describe_probabilities, probability_figure
from core.formatting import beside_threshold, frame_word, probability_text
from core.inference.predict import Prediction, Segmentation
from core.inference.series import series_answer
from core.inference.withhold import Withheld
from core.models.card import ModelCard
from core.scan import Scan
from ui.charts import show_chart
from ui.foreign_text import plain
from ui.session import Reading

#: Letters of all labels together that fit beside one another in the panel.
MOST_LETTERS = 44

#: Of the calibrated probability.
LARGE = "font-size: 1.9rem; font-weight: 600; font-variant-numeric: tabular-nums"


def numbers_line(prediction: Prediction, position: int) -> tuple[str, str]:
    """The numbers of the decision, for those who read before the chart is there, or cannot see it.

    Returns:
        The calibrated probability as it is shown large, and what it is of, with the threshold on the same scale.
    """
    decision = prediction.decision(position)
    about = prediction.card.labels[decision.about]
    limit = decision.calibrated_thresholds.get(decision.about)
    if limit is None:
        return probability_text(decision.calibrated), f"calibrated probability of {about}"
    value, written = beside_threshold(decision.calibrated, limit)
    return value, f"calibrated probability of {about}, alarm threshold {written}"


def raw_line(prediction: Prediction, position: int) -> str:
    """Probability and threshold before calibration, as the model itself has them, in one line."""
    decision = prediction.decision(position)
    about, threshold = prediction.card.labels[decision.about], ""
    value = probability_text(decision.probability)
    if decision.threshold is not None:
        value, limit = beside_threshold(decision.probability, decision.threshold)
        threshold = f", threshold {limit}"
    return f"Before calibration: {about} {value}{threshold}."


def show_refusal(state: Reading, card: ModelCard, refusal: Withheld | None) -> bool:
    """That the answer is withheld, with the reasons in order and a quiet way to see it all the same.

    Where the user asked to see it, the warning stands in the place of the headline, and the answer may follow.

    Returns:
        Whether the answer must not be shown.
    """
    asked = (state.digest, card.slug)
    if refusal is None:
        return False
    forced = asked in state.forced
    st.subheader(plain(refusal.warning if forced else refusal.headline), anchor=False)
    for reason in refusal.reasons[1:] if not forced else ():
        st.markdown(f"◐ Also: {plain(reason.sentence)}.")
    if forced:
        st.markdown("◐ **Shown all the same**, as asked. What follows means nothing medical.")
        st.button("Withhold it again", key="withhold", type="tertiary", on_click=state.forced.discard, args=(asked,))
    else:
        st.button("Show it anyway", key="show-anyway", type="tertiary", on_click=state.forced.add, args=(asked,))
    return not forced


def show_warning_on_image(refusal: Withheld | None) -> None:
    """The warning of an answer that was asked for, over the image, where its heat or contours are looked at."""
    if refusal is not None:
        st.warning(plain(refusal.warning), icon=":material/warning:")


def show_decision(prediction: Prediction, position: int, scan: Scan | None = None) -> None:
    """The decision in words, then its numbers.

    Args:
        prediction: The answer.
        position: Row on the page.
        scan: A scan each of whose frames is a case, or None: a series then has a headline of its own, above that of
            the slice on the page.
    """
    decision, raw = prediction.decision(position), plain(raw_line(prediction, position))
    if scan is not None and scan.frames > 1:
        _show_series(prediction, scan)
        word, number = frame_word(scan), prediction.frames[position] + 1
        told = f"{word.capitalize()} {number}, on the page: {decision.sentence}."
        st.markdown(plain(told), help=raw)
    else:
        st.subheader(plain(decision.sentence), anchor=False, help=raw)
    if decision.detail:
        st.markdown(plain(f"{decision.detail}."))
    if decision.derived:
        value, limit = beside_threshold(decision.derived.probability, decision.derived.threshold)
        st.markdown(plain(f"Probability of {decision.derived.name} {value}, threshold {limit}, before calibration."))
    value, words = numbers_line(prediction, position)
    st.html(f"<div><span style='{LARGE}'>{escape(value)}</span> {escape(words)}</div>")


def _show_series(prediction: Prediction, scan: Scan) -> None:
    """What all slices come to, or that they are still being read."""
    word = frame_word(scan)
    if len(prediction.frames) < scan.frames:
        st.subheader(f"{len(prediction.frames)} of {scan.frames} {word}s read", anchor=False)
        return
    found = series_answer(prediction, word)
    st.subheader(plain(found.headline), anchor=False)
    st.caption(plain(". ".join(filter(None, [found.which, found.pooled])) + "."))


def show_shortcuts(card: ModelCard) -> None:
    """What is known to lead the model astray, in short sentences."""
    for sentence in card.shortcuts:
        st.caption(f"◐ {plain(sentence)}.")


def show_doubt(found: Prediction | Segmentation, position: int) -> None:
    """Whether the image is like those the model knows, and what could not be checked."""
    if found.similarity:
        near = found.similarity[position]
        sign, words = ("●", "like its training scans") if near.is_similar else ("◐", "unlike its training scans")
        st.markdown(
            f"{sign} This image is **{words}**",
            help=f"Its features are further from the training scans than those of {near.percentile:.0f} % of the "
            "validation scans. That says how the image was made, not whether the answer is right.",
        )
    if found.note:
        st.markdown(f"◐ Not checked: the model {plain(found.note)}")
    show_shortcuts(found.card)


def show_probabilities(prediction: Prediction, position: int, place: DeltaGenerator) -> None:
    """The bar chart, in the place that was kept for it.

    The browser takes a second to load what draws charts; the image with its heatmap should not wait for that.
    """
    drawn = (
        prediction.card,
        prediction.probabilities[position],
        prediction.calibrated[position],
        prediction.decision(position),
    )
    shown = (prediction.card.slug, prediction.logits[position].tobytes())
    with place:
        show_chart(lambda: probability_figure(*drawn), "probabilities", describe_probabilities(*drawn), shows=shown)


def choose_label(prediction: Prediction, position: int, of: str) -> str:
    """Which label the evidence is shown for; the one that was called to begin with.

    Args:
        prediction: Of the model.
        position: Row on the page.
        of: Names the scan; a binary model keeps the choice from scan to scan.
    """
    labels = prediction.card.labels
    first, chosen = labels[prediction.decision(position).about], f"label-{prediction.card.slug}"
    if prediction.card.task != "binary":  # each scan starts with the class that it was called
        chosen += f"-{of}"
    if len("".join(labels)) > MOST_LETTERS:  # buttons would run out of the panel
        return str(st.selectbox("Show the evidence for", labels, index=labels.index(first), key=chosen))
    return str(st.segmented_control("Show the evidence for", labels, default=first, required=True, key=chosen) or first)
