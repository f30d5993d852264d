"""What a model says of a study, and where in each image the evidence is."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import partial

import streamlit as st

from core.errors import UnsupportedModel
from core.explain import EXPLAINERS
from core.explain.every_frame import on_every_frame
from core.explain.explanation import Explanation
from core.explain.methods.layer_of_input import grad_cam_of_input
from core.explain.request import Ask
from core.explain.trust.verdict import Trust
from core.inference.bundle import Bundle
from core.inference.predict import Prediction, predict
from core.inference.study import Study
from core.models.card import InputSpec, ModelCard
from core.scan import Scan
from ui.cache import cached_bundle, cached_keras
from ui.foreign_text import plain
from ui.reading.answer import choose_label, show_decision, show_doubt, show_refusal
from ui.reading.trust import checked, measured, show_trust
from ui.session import Reading
from ui.show import errors_shown

#: Where Grad-CAM has no layer that sees an image, parts of it are covered instead.
WITHOUT_LAYER = "occlusion"


@dataclass(frozen=True, eq=False)
class StudyAnswer:
    """What the page shows of a study.

    Attributes:
        study: What was given.
        bundle: The model.
        prediction: One row.
        label: Which the evidence is for.
        maps: Input name to the map of its image, or one sentence why there is none.
        key: Names what was given.
    """

    study: Study
    bundle: Bundle
    prediction: Prediction
    label: str
    maps: dict[str, Explanation | str]
    key: tuple[Hashable, ...]

    @property
    def target(self) -> int:
        """Class index of the label."""
        return self.prediction.card.labels.index(self.label)

    def spread_map(self, name: str) -> Explanation | None:
        """The map of one input for every frame of its scan."""
        found = self.maps.get(name)
        if not isinstance(found, Explanation):
            return None
        return on_every_frame(found, self.study.scans[name].frames) if _has_depth(self, name) else found


def _has_depth(answer: StudyAnswer, name: str) -> bool:
    return answer.prediction.prepared.batch[name].ndim == 5


def images_of(card: ModelCard, study: Study) -> list[InputSpec]:
    """The images that were given, in the order of the card."""
    return [spec for spec in card.inputs if spec.name in study.scans]


def answer_study(state: Reading, card: ModelCard, study: Study, frame: int) -> StudyAnswer | None:
    """The decision in words, its numbers, its doubt; the maps behind it.

    Args:
        state: The session's.
        card: The model.
        study: What it is given.
        frame: Slice of the images; a sequence is one case whatever the frame.

    Returns:
        What is shown, None where the answer is withheld.
    """
    bundle = cached_bundle(card.slug)
    several = [spec for spec in images_of(card, study) if spec.kind != "image"]
    frames = None if several or not study.scans else [frame]
    given = tuple(sorted((name, scan.digest) for name, scan in study.scans.items()))
    key = ("study", card.slug, given, tuple(sorted(study.facts.items())), None if frames is None else frame)
    prediction = state.answers.get(key, lambda: predict(bundle, study, frames, expect=Prediction))
    if show_refusal(state, card, prediction.withheld()):
        return None
    show_decision(prediction, 0)
    if prediction.prepared.left_out:
        st.markdown(f"◐ Answered without {plain(', '.join(prediction.prepared.left_out))}: the rest decides alone")
    show_doubt(prediction, 0)
    label = choose_label(prediction, 0, "-".join(digest[:6] for _, digest in given))
    keras = cached_keras()
    cold = keras.pid is None and bundle.cam_weights is None and bool(study.scans)
    with st.spinner("Starting Keras, which this model's heatmaps need …") if cold else st.container():
        maps = {
            spec.name: state.maps.get((*key, label, spec.name), partial(_map, bundle, prediction, spec, label))
            for spec in images_of(card, study)
        }
    return StudyAnswer(study, bundle, prediction, label, maps, key)


def _map(bundle: Bundle, prediction: Prediction, spec: InputSpec, label: str) -> Explanation | str:
    """Grad-CAM of one image; where no layer sees that image, by covering its parts."""
    target = bundle.card.labels.index(label)
    ask = Ask(target, input=spec.name, output=prediction.output, keras=cached_keras())
    prepared = prediction.prepared.of_image(spec.name)
    try:
        return grad_cam_of_input(bundle, prepared, ask)
    except UnsupportedModel as refusal:
        if spec.kind != "image":
            return str(refusal)
        return EXPLAINERS[WITHOUT_LAYER].function(bundle, prepared, replace(ask, output=None))


def show_map_words(answer: StudyAnswer) -> None:
    """By which method each map was made, and where there is none."""
    specs = {spec.name: spec for spec in answer.prediction.card.inputs}
    lines = []
    for name, found in answer.maps.items():
        title = f"{specs[name].title}: " if len(answer.maps) > 1 else ""
        if isinstance(found, str):
            lines.append(f"{title}no heatmap. {found}")
        elif found.is_empty:
            lines.append(f"{title}no evidence for {answer.label}: no heat is drawn.")
        else:
            layer = f" at layer {found.layer}" if found.layer else ""
            most = f"most {found.scale:.2g} {found.units} for {answer.label}"
            lines.append(f"{title}{EXPLAINERS[found.method].title}{layer}, {most}.")
    st.caption("  \n".join(map(plain, lines)))


def verdict_of(state: Reading, answer: StudyAnswer, name: str) -> Trust | None:
    """How far one image's map can be trusted, where that is known by now."""
    key = (*answer.key, "trust", answer.label, name)
    found: Trust | None = state.checks.peek(key)
    return found


def measure_verdicts(state: Reading, answer: StudyAnswer) -> None:
    """Check one map after another in the background, and say how far it is; a single map's verdict is shown here."""
    for name, found in answer.maps.items():
        if isinstance(found, str) or found.is_empty:
            continue
        key, trust = (*answer.key, "trust", answer.label, name), None
        work = partial(checked, answer.bundle, answer.prediction, found, 0, name=name)
        with errors_shown():
            trust = measured(state, key, work, f"check:{name}")
        if trust is not None and len(answer.maps) == 1:
            show_trust(trust)
        if trust is None and state.jobs.is_busy(f"check:{name}"):
            return  # one after another; what cannot be checked has said so


def scan_on_page(answer: StudyAnswer, scan: Scan) -> str:
    """Name of the input whose image is on the page, `""` for none."""
    return next((name for name, found in answer.study.scans.items() if found.digest == scan.digest), "")
