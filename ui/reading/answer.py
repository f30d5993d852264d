"""What a model answers, in words and numbers, and what speaks against it: the same for one image and for a study."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.figures.probabilities import describe_probabilities, probability_figure
from core.formatting import beside_threshold, probability_text
from core.inference.predict import Prediction, Segmentation
from ui.charts import show_chart
from ui.foreign_text import plain

#: Letters of all labels together that fit beside one another in the panel.
MOST_LETTERS = 44


def numbers_line(prediction: Prediction, position: int) -> str:
    """The numbers of the decision in one line, for those who read before the chart is there, or cannot see it."""
    decision = prediction.decision(position)
    labels = prediction.card.labels
    about = labels[decision.about]
    calibrated = float(prediction.calibrated[position][labels.index(about)])
    value, limit = beside_threshold(decision.probability, decision.threshold or 0.0)
    threshold = "" if decision.threshold is None else f", threshold {limit}"
    line = f"Probability of {about} {value}{threshold}, calibrated {probability_text(calibrated)}."
    if decision.derived:
        value, limit = beside_threshold(decision.derived.probability, decision.derived.threshold)
        line += f" Probability of {decision.derived.name} {value}, threshold {limit}."
    return line


def show_decision(prediction: Prediction, position: int) -> None:
    """The decision in words, then its numbers."""
    show_warning(prediction.warning, "answer")
    st.subheader(plain(prediction.decision(position).sentence), anchor=False)
    st.markdown(plain(numbers_line(prediction, position)))


def show_warning(warning: str, what: str) -> None:
    """That a model was asked about what it is not for.

    Args:
        warning: The reason, `""` where there is none.
        what: That means nothing then: `"answer"`.
    """
    if warning:
        st.warning(f"This model {plain(warning)}. Its {what} means nothing medical.", icon=":material/warning:")


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
        st.markdown(f"◐ The model {plain(found.note)}")


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
