"""The panel of a model that says which class an image is of: decision, evidence, and how far to trust both."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.explain import EXPLAINERS
from core.explain.explanation import Explanation
from core.explain.request import Ask
from core.explain.trust.verdict import Trust
from core.figures.evidence import describe_evidence, evidence_figure
from core.inference.bundle import Bundle
from core.inference.predict import Prediction, predict
from core.inference.study import Study
from core.models.card import ModelCard
from core.scan import Scan, Step
from ui.background import Progress, Stopper, computed
from ui.cache import cached_bundle, cached_keras
from ui.charts import show_chart
from ui.foreign_text import plain
from ui.reading.answer import (
    choose_label,
    show_decision,
    show_doubt,
    show_probabilities,
    show_refusal,
    show_warning_on_image,
)
from ui.reading.display_settings import Look, show_image
from ui.reading.export import File, show_export
from ui.reading.trust import show_verdict
from ui.session import Reading
from ui.show import errors_shown

METHOD = "grad-cam"


@dataclass(frozen=True, eq=False)
class Answer:
    """What the page shows for one frame.

    Attributes:
        prediction: Of the frames that were read so far.
        frame: The frame on the page.
        position: Its row in the prediction.
        explanation: The evidence for the chosen label, over the frames of the prediction; None where it failed.
        key: Names the explanation.
        chart: The place for the probabilities.
        trust: The verdict on the explanation; None while it is checked, or where it cannot be.
    """

    prediction: Prediction
    frame: int
    position: int
    explanation: Explanation | None
    key: str
    chart: DeltaGenerator
    trust: Trust | None = None


def show_classification(
    state: Reading, scan: Scan, card: ModelCard, frame: int, image: DeltaGenerator, panel: DeltaGenerator
) -> Sequence[Step]:
    """The panel; see `ui.reading.panels`."""
    answer: Answer | None = None
    with panel, errors_shown():
        answer = _show_answer(state, scan, card, frame)
    explanation, key = (answer.explanation, answer.key) if answer else (None, "")
    look: Look | None = None
    with image, errors_shown():
        if answer is not None:
            show_warning_on_image(answer.prediction.withheld(answer.position))
        look = show_image(state, scan, lambda look: look.view(scan, frame, explanation, key))
        if answer is not None:
            _show_strip(state, scan, answer)
    if answer is None:
        return ()
    with panel, errors_shown():
        show_probabilities(answer.prediction, answer.position, answer.chart)
        if look is not None:
            show_export(card, scan, _files(scan, answer, look))
    return answer.prediction.prepared.provenance


def _show_answer(state: Reading, scan: Scan, card: ModelCard, frame: int) -> Answer | None:
    """The decision in words, its numbers, its doubt; None where it is withheld."""
    bundle = cached_bundle(card.slug)
    prediction = _predict(state, bundle, scan, frame)
    position = prediction.frames.index(frame)
    if show_refusal(state, card, prediction.withheld(position)):
        return None
    show_decision(prediction, position, scan)
    chart = st.container()
    show_doubt(prediction, position)
    explanation, key, trust = None, "", None
    with errors_shown():  # the answer stays when its explanation fails
        explanation, key = _explain(state, bundle, scan, prediction, position)
        _show_evidence(explanation, frame)
        trust = show_verdict(state, scan, bundle, prediction, position, explanation)
    return Answer(prediction, frame, position, explanation, key, chart, trust)


def _predict(state: Reading, bundle: Bundle, scan: Scan, frame: int) -> Prediction:
    whole = ("whole", scan.digest, bundle.card.slug)
    known: Prediction | None = state.answers.peek(whole)
    if known is not None:
        return known
    study = Study.of(bundle.card, scan)
    return state.answers.get(
        (scan.digest, bundle.card.slug, frame), lambda: predict(bundle, study, [frame], expect=Prediction)
    )


def _explain(
    state: Reading, bundle: Bundle, scan: Scan, prediction: Prediction, position: int
) -> tuple[Explanation, str]:
    labels = prediction.card.labels
    label = choose_label(prediction, position, scan.digest[:12])
    key = f"{prediction.card.slug} {label} {prediction.frames[0]}+{len(prediction.frames)}"
    keras = cached_keras()
    cold = bundle.cam_weights is None and keras.pid is None
    with st.spinner("Starting Keras, which this model's heatmaps need …") if cold else nullcontext():
        explanation = state.answers.get(
            ("heat", scan.digest, key),
            lambda: EXPLAINERS[METHOD].function(
                bundle, prediction.prepared, Ask(labels.index(label), output=prediction.output, keras=keras)
            ),
        )
    return explanation, key


def _show_evidence(explanation: Explanation, frame: int) -> None:
    here = float(explanation.grids[explanation.frames.index(frame)].max())
    if here <= 1e-6:
        st.markdown(f"○ No evidence for {plain(explanation.label)} here: no heat is drawn.")
    else:
        st.caption(
            f"Heat: {EXPLAINERS[METHOD].title} at layer {plain(explanation.layer)}, "
            f"brightest cell here {here:.2g} logit units for {plain(explanation.label)}."
        )


def _show_strip(state: Reading, scan: Scan, answer: Answer) -> None:
    """Where in a stack the evidence is, or the work that leads to it; nothing for a single image."""
    prediction, explanation = answer.prediction, answer.explanation
    if len(prediction.frames) < scan.frames:
        _read_all(state, scan, prediction.card.slug)
    elif scan.frames > 1 and explanation is not None:
        index = prediction.card.labels.index(explanation.label)
        threshold = prediction.decision(answer.position).calibrated_thresholds.get(index)
        show_chart(
            lambda: evidence_figure(explanation, scan, prediction.calibrated[:, index], answer.frame, threshold),
            "evidence",
            describe_evidence(explanation, scan, answer.frame),
        )


def _read_all(state: Reading, scan: Scan, slug: str) -> None:
    """Read every frame in the background; the answer for the frame on the page is already there."""
    whole = ("whole", scan.digest, slug)
    title = f"Reading {scan.frames} {'slices' if scan.axis == 'slice' else 'frames'}"

    def sweep(progress: Progress, cancelled: Stopper) -> Prediction:
        bundle = cached_bundle(slug)
        study = Study.of(bundle.card, scan)
        return predict(bundle, study, progress=progress, cancelled=cancelled, expect=Prediction)

    if computed("sweep", whole, state.answers, title, sweep, again="Read all frames") is not None:
        st.rerun()


def _files(scan: Scan, answer: Answer, look: Look) -> dict[str, File]:
    from core.report.image import overlay_png, remarks_of
    from core.report.numbers import as_csv, as_json
    from core.report.pdf import as_pdf

    prediction, explanation, frame, trust = answer.prediction, answer.explanation, answer.frame, answer.trust
    window, invert = look.window, look.invert
    remarks = remarks_of(explanation, trust, prediction.withheld(answer.position))
    return {
        "PNG": File("image/png", lambda: overlay_png(scan, frame, window, invert, explanation, 0.65, remarks=remarks)),
        "PDF": File(
            "application/pdf",
            lambda: as_pdf(scan, prediction, explanation, frame=frame, window=window, invert=invert, trust=trust),
        ),
        "JSON": File("application/json", lambda: as_json(scan, prediction, explanation, trust=trust)),
        "CSV": File("text/csv", lambda: as_csv(scan, prediction, explanation, trust)),
    }
