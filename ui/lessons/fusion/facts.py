"""Image and facts: what is known before the scan moves the answer, by Bayes' rule or inside a model."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.inference.predict import Prediction, predict
from core.inference.study import Study
from core.lessons.fusion.figure import curve_figure
from core.lessons.fusion.prior import with_prior
from core.models.card import ModelCard
from ui.cache import cached_shipped
from ui.charts import show_chart
from ui.foreign_text import plain
from ui.lessons.fusion.work import kept
from ui.lessons.inside.columns import wide_columns
from ui.lessons.inside.work import Work
from ui.lessons.question import show_question


def training_fraction(card: ModelCard) -> float | None:
    """Fraction of the positive label on the validation split that the temperature was fitted on; None if not known."""
    own = [found for found in cached_shipped()[0] if found.model == card.slug and found.split == "val"]
    if not own:
        return None
    return float(np.clip(np.asarray(own[0].scores.y_true).mean(), 0.01, 0.99))


def _answer(work: Work) -> Prediction:
    return predict(work.bundle, Study.of(work.card, work.scan), [work.frame], expect=Prediction)


def show_prior(work: Work) -> None:
    """The model's answer and a prior, as sliders, formula and curve."""
    card = work.card
    if card.task != "binary":
        st.info("Choose a model with two answers: there the prior is one number.")
        return
    prediction = kept().get(("prior", *work.key), lambda: _answer(work))
    chance = float(prediction.calibrated[0][1])
    fraction = kept().get(("training share", card.slug), lambda: training_fraction(card))
    left, right = wide_columns("prior", (1, 1.3))
    with left:
        image = st.toggle("The image", True, key="knows-picture", bind="query-params")
        facts = st.toggle("What is known of the patient", True, key="knows-facts", bind="query-params")
        trained = fraction if fraction is not None else 0.5
        prior = st.slider(
            "Ill among 100 people like this one, before the scan", 1, 99, 10, key="prior", bind="query-params"
        )
        now = _fused(chance, trained, prior / 100, image, facts)
        st.metric(
            plain(f"Probability of {card.labels[1]}"), f"{now:.2f}", f"{now - chance:+.2f} against the model alone"
        )
        st.latex(_formula(chance, trained, prior / 100, image, facts, now))
    with right:
        values = np.arange(1, 100) / 100
        chances = np.array([_fused(chance, trained, value, image, True) for value in values])
        at = prior / 100 if facts else trained
        show_chart(
            lambda: curve_figure(values, chances, (at, now), "fraction of ill people before the scan", card.labels[1]),
            "fusion-prior",
            f"The probability rises from {chances[0]:.2f} to {chances[-1]:.2f} with the prior",
        )
        source = "of its validation cases were ill" if fraction is not None else "is assumed: its card does not say"
        st.caption(
            f"Calibrated answer of the model {chance:.2f}; {trained:.0%} {source}. The rule holds where the ill look "
            "alike in both places, and the healthy too.".replace("%", " %")
        )


def _fused(chance: float, trained: float, prior: float, image: bool, facts: bool) -> float:
    if image and facts:
        return with_prior(chance, trained, prior)
    if image:
        return chance
    return prior if facts else trained


def _formula(chance: float, trained: float, prior: float, image: bool, facts: bool, now: float) -> str:
    if not (image and facts):
        alone = "the image alone" if image else "the patient alone" if facts else "neither"
        return rf"p = {now:.2f} \quad \text{{({alone})}}"
    odds = [value / (1 - value) for value in (chance, trained, prior)]
    return (
        rf"\frac{{p}}{{1-p}} = {odds[0]:.2f} \cdot \frac{{{odds[2]:.2f}}}{{{odds[1]:.2f}}} = {now / (1 - now):.2f}"
        rf"\;\Rightarrow\; p = {now:.2f}"
    )


def ask_about_priors() -> None:
    """The question of this part."""
    show_question(
        "fusion-prior-question",
        "A model was trained where 3 of 4 were ill. In a practice 1 of 50 is. Unchanged, its answers there are …",
        ["too high", "too low", "right, the image is the same"],
        0,
        "The training share is in the model's bias. The same image is far less often a sign of illness where few "
        "are ill; a model that also gets age and sex learns such shares for each group by itself.",
    )
