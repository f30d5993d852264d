"""The panel beside the picture: which model, what it says, how far to trust it, and what to take home."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.explain import EXPLAINERS
from core.explain.explanation import Explanation
from core.explain.request import Ask
from core.figures.evidence import describe_evidence, evidence_figure
from core.figures.probabilities import describe_probabilities, probability_figure
from core.formatting import beside_threshold, probability_text
from core.inference.bundle import REFERENCE_FILE, Bundle
from core.inference.predict import Prediction, predict
from core.inference.recognise import alikeness
from core.inference.study import Study
from core.models.card import ModelCard
from core.models.compatibility import UNTELLING, compatibility
from core.scan import Scan
from core.turning import can_be_turned, is_placed_obliquely
from ui.background import Progress, Stopper, computed
from ui.cache import cached_bundle, cached_keras, usable_bundle
from ui.charts import show_chart
from ui.downloads import show_download
from ui.foreign_text import plain
from ui.session import Reading
from ui.show import errors_shown, show_caution, show_error
from ui.verdict import show_verdict
from ui.visible import visible_cards

if TYPE_CHECKING:
    from ui.looking import Look

METHOD = "grad-cam"

#: Letters of all labels together that fit beside one another in the panel.
MOST_LETTERS = 44


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
    """

    prediction: Prediction
    frame: int
    position: int
    explanation: Explanation | None
    key: str
    chart: DeltaGenerator


def choose_model(state: Reading, scan: Scan) -> ModelCard | None:
    """The picker: models whose contract fits, and why the others do not."""
    cards, faults = visible_cards()
    for fault in faults:
        show_error(str(fault))
    fits = {slug: compatibility(card, scan) for slug, card in cards.items()}
    asked = _file_digest(state, scan)
    offered = [slug for slug in cards if fits[slug].fits or (asked, slug) in state.forced]
    offered.sort(key=lambda slug: _place(cards[slug]))
    others = [slug for slug in cards if slug not in offered]
    slug = _picker(offered, cards, _likeliest(state, scan, offered, cards)) if offered else None
    if not offered:
        st.info("No model here was trained on scans like this one.", icon=":material/help:")
    if others:
        with st.expander(f"Models that do not fit: {len(others)}", expanded=not offered):
            for other in others:
                st.markdown(f"**{plain(cards[other].title)}** {plain(fits[other].reason)}.")
                st.button("Use anyway", key=f"force-{other}", on_click=_force, args=(state, asked, other))
    if slug:
        _say_how_it_lay(cards[slug], scan)
    return cards[slug] if slug else None


def _say_how_it_lay(card: ModelCard, scan: Scan) -> None:
    """How the pictures of some models lay in training; a doubt where the file does not show that this one lies so."""
    for spec in card.inputs:
        if not spec.lies:
            continue
        turn = "; turn it, above, if it lies otherwise" if can_be_turned(scan) else ""
        words = f"In training the picture lay with {spec.lies}{turn}. The answer depends on it."
        if is_placed_obliquely(scan):
            st.caption(words)
        else:
            show_caution(f"The file does not show how the heart lies. {words}")


def _file_digest(state: Reading, scan: Scan) -> str:
    """Stays the same where the scan on the page is shown in another plane, or turned."""
    return state.stored_scan.digest if state.stored_scan is not None else scan.digest


def _place(card: ModelCard) -> tuple[object, ...]:
    """What one picture answers comes before what needs more, an answer before an outline."""
    return len(card.inputs), card.task == "segmentation", card.training_modality, card.title


def _force(state: Reading, digest: str, slug: str) -> None:
    state.forced.add((digest, slug))
    st.query_params["model"] = slug


def _likeliest(state: Reading, scan: Scan, offered: list[str], cards: dict[str, ModelCard]) -> str:
    """The model to begin with: the first for this kind of scan, told by its looks where the file does not say it.

    A model that was chosen for this scan, or that a link names, stays; one that was chosen for another kind does not.
    """
    unsaid = scan.modality in UNTELLING or (scan.modality == "MR" and not scan.body_part)  # an MR may be of anything
    if not unsaid or len(offered) < 2:
        return offered[0]
    asked = _file_digest(state, scan)
    if state.asked_about not in {"", asked}:
        _forget_model()
    state.asked_about = asked
    if st.query_params.get("model") in offered:
        return offered[0]
    able = [slug for slug in offered if len(cards[slug].inputs) == 1 and REFERENCE_FILE in cards[slug].sha256]
    near = state.answers.get(("alike", scan.digest), lambda: alikeness(filter(None, map(usable_bundle, able)), scan))
    nearest = next(iter(near), None)
    if nearest is None or near[nearest] > 1.0:  # none of them knows such pictures
        return offered[0]
    kind = cards[nearest].training_modality
    return next((slug for slug in offered if cards[slug].training_modality == kind), offered[0])


def _forget_model() -> None:
    if "model" in st.query_params:
        del st.query_params["model"]


def _picker(offered: list[str], cards: dict[str, ModelCard], likeliest: str) -> str:
    wanted = st.query_params.get("model", likeliest)
    slug = st.selectbox(
        "Model",
        offered,
        index=offered.index(wanted if wanted in offered else likeliest),
        format_func=lambda name: f"{cards[name].title}, for {cards[name].training_modality}",
    )
    st.query_params["model"] = slug
    return slug


def show_answer(state: Reading, scan: Scan, card: ModelCard, frame: int) -> Answer:
    """The decision in words, its numbers, its doubt."""
    bundle = cached_bundle(card.slug)
    prediction = _predict(state, bundle, scan, frame)
    position = prediction.frames.index(frame)
    decision = prediction.decision(position)
    if prediction.warning:
        st.warning(
            f"This model {plain(prediction.warning)}. Its answer means nothing medical.", icon=":material/warning:"
        )
    st.subheader(plain(decision.sentence), anchor=False)
    st.markdown(plain(numbers_line(prediction, position)))
    chart = st.container()
    show_doubt(prediction, position)
    explanation, key = None, ""
    with errors_shown():  # the answer stays when its explanation fails
        explanation, key = _explain(state, bundle, scan, prediction, position)
        _show_evidence(explanation, frame)
        show_verdict(state, scan, bundle, prediction, position, explanation)
    return Answer(prediction, frame, position, explanation, key, chart)


def numbers_line(prediction: Prediction, position: int) -> str:
    """The numbers of the decision in one line, for those who read before the chart is there, or cannot see it."""
    decision = prediction.decision(position)
    labels = prediction.card.labels
    about = labels[decision.about]
    calibrated = float(prediction.calibrated[position][labels.index(about)])
    value, cut = beside_threshold(decision.probability, decision.threshold or 0.0)
    threshold = "" if decision.threshold is None else f", threshold {cut}"
    line = f"Probability of {about} {value}{threshold}, calibrated {probability_text(calibrated)}."
    if decision.derived:
        value, cut = beside_threshold(decision.derived.probability, decision.derived.threshold)
        line += f" Probability of {decision.derived.name} {value}, threshold {cut}."
    return line


def show_probabilities(answer: Answer) -> None:
    """The bar chart, in the place that was kept for it.

    The browser takes a second to load what draws charts; the picture with its heat should not wait for that.
    """
    prediction, position = answer.prediction, answer.position
    drawn = (
        prediction.card,
        prediction.probabilities[position],
        prediction.calibrated[position],
        prediction.decision(position),
    )
    shown = (prediction.card.slug, prediction.logits[position].tobytes())
    with answer.chart:
        show_chart(lambda: probability_figure(*drawn), "probabilities", describe_probabilities(*drawn), shows=shown)


def _predict(state: Reading, bundle: Bundle, scan: Scan, frame: int) -> Prediction:
    whole = ("whole", scan.digest, bundle.card.slug)
    if whole in state.answers:
        return state.answers.get(whole, lambda: None)  # type: ignore[return-value]
    study = Study.of(bundle.card, scan)
    return state.answers.get(
        (scan.digest, bundle.card.slug, frame), lambda: predict(bundle, study, [frame], expect=Prediction)
    )


def show_doubt(prediction: Prediction, position: int) -> None:
    """Whether the picture is like those the model knows, and what could not be checked."""
    if prediction.similarity:
        near = prediction.similarity[position]
        sign, words = ("●", "like its training scans") if near.is_similar else ("◐", "unlike its training scans")
        st.markdown(
            f"{sign} This picture is **{words}**",
            help=f"Its features are further from the training scans than those of {near.percentile:.0f} % of the "
            "validation scans. That says how the picture was made, not whether the answer is right.",
        )
    if prediction.note:
        st.markdown(f"◐ The model {plain(prediction.note)}")


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


def _show_evidence(explanation: Explanation, frame: int) -> None:
    here = float(explanation.grids[explanation.frames.index(frame)].max())
    if here <= 1e-6:
        st.markdown(f"○ Nothing found here that speaks for {plain(explanation.label)}: no heat is drawn.")
    else:
        st.caption(
            f"Heat: {EXPLAINERS[METHOD].title} at layer {plain(explanation.layer)}, "
            f"brightest cell here {here:.2g} logit units for {plain(explanation.label)}."
        )


def show_strip(state: Reading, scan: Scan, answer: Answer) -> None:
    """Where in a stack the evidence is, or the work that leads to it; nothing for a single image."""
    prediction, explanation = answer.prediction, answer.explanation
    if len(prediction.frames) < scan.frames:
        _read_all(state, scan, prediction.card.slug)
    elif scan.frames > 1 and explanation is not None:
        index = prediction.card.labels.index(explanation.label)
        cut = prediction.decision(answer.position).cuts.get(index)
        show_chart(
            lambda: evidence_figure(explanation, scan, prediction.probabilities[:, index], answer.frame, cut),
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


def show_take_home(scan: Scan, answer: Answer, look: Look) -> None:
    """Downloads, made only when they are asked for."""
    from core.report.numbers import as_csv, as_json
    from core.report.pdf import as_pdf
    from core.report.picture import overlay_png

    prediction, explanation, frame = answer.prediction, answer.explanation, answer.frame
    name = f"scanlens-{prediction.card.slug}-{scan.digest[:8]}"
    makers: dict[str, tuple[str, Callable[[], bytes]]] = {
        "PNG": ("image/png", lambda: overlay_png(scan, frame, look.window, look.invert, explanation, 0.65)),
        "PDF": (
            "application/pdf",
            lambda: as_pdf(scan, prediction, explanation, frame=frame, window=look.window, invert=look.invert),
        ),
        "JSON": ("application/json", lambda: as_json(scan, prediction, explanation)),
        "CSV": ("text/csv", lambda: as_csv(scan, prediction, explanation)),
    }
    st.caption("Take home")
    with st.container(horizontal=True):
        for kind, (mime, make) in makers.items():
            show_download(kind, make, f"{name}.{kind.lower()}", mime, key=f"take-{kind}")
