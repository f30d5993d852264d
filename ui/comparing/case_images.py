"""Images of the cases behind the numbers, with the models' heatmaps side by side, read where the dataset lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from core.datasets.dataset import Dataset, UnusableDataset
from core.datasets.digest import digest_of_variant
from core.datasets.stress.levels import stressed
from core.display import (
    blend,
    heat_rgba,
    inferno,
    resample,
)
from core.errors import ScanLensError
from core.evaluation.results.evaluation import Evaluation
from core.evaluation.runs.from_card import model_hash
from core.evaluation.store.datasets import Remembered
from core.explain import EXPLAINERS
from core.explain.explanation import Explanation
from core.explain.request import Ask
from core.figures.comparing.numbers import number_text
from core.formatting import probability_text
from core.inference.predict import Prediction, predict
from core.inference.study import Study
from core.scan import Scan, answered_frame, display_frame
from ui.background import Progress, Stopper, computed
from ui.cache import cached_bundle, cached_cards, cached_keras
from ui.comparing.members import Member, View
from ui.datasets.adding import opened
from ui.datasets.records import records
from ui.datasets.shelf import place_key, shelf
from ui.foreign_text import plain
from ui.packing import encode_image, fit_within
from ui.show import errors_shown

SHIPPED = (
    "These results came with the product, and their images are not here: add the dataset on the page "
    "Datasets and run the models on it to see them."
)
NOT_ADDED = "Its dataset is not among those that were added here: add it on the page Datasets to see its images."

METHOD = "grad-cam"
#: Longer side of an image in pixels, models beside each other, opacity of the heat.
SIDE, MOST, OPACITY = 460, 4, 0.55
#: Least width of an image on the page.
ACROSS = 210


@dataclass(frozen=True, eq=False)
class Seen:
    """What one model sees in a case.

    Attributes:
        title: Of the model.
        answer: In words, with its probability.
        found: The evidence for that answer; None where there is no map.
        trouble: Why not.
    """

    title: str
    answer: str = ""
    found: Explanation | None = None
    trouble: str = ""


def show_images(view: View, case: str) -> None:
    """The image of a case and where each model sees evidence, or one sentence why they cannot be shown."""
    evaluations = [member.evaluation for member in view.members]
    stored = records()
    match = next(((one, kept) for one in evaluations for kept in stored.datasets if is_of(one, kept)), None)
    if match is None:
        st.caption(SHIPPED if view.found.are_shared(evaluations) else stored.fault or NOT_ADDED)
        return
    with errors_shown():
        dataset = _opened(match[1])
        if dataset is not None:
            _show(view, variant_of(dataset, match[0].dataset), match[0], case)


def is_of(evaluation: Evaluation, kept: Remembered) -> bool:
    """Whether an evaluation scored an added dataset, or a stressed copy of it."""
    variant = evaluation.dataset.partition("~")[2]
    return bool(kept.digest) and digest_of_variant(kept.digest, variant) == evaluation.dataset_digest


def variant_of(dataset: Dataset, name: str) -> Dataset:
    """The stressed copy that a name such as `set~blur-3` means, else the dataset itself."""
    stress, _, strength = name.partition("~")[2].rpartition("-")
    return stressed(dataset, stress, int(strength)) if stress else dataset


def _opened(kept: Remembered) -> Dataset | None:
    """The dataset where it is open already; else it is opened in the background, and this is None.

    Raises:
        ScanLensError: It is gone, or not what was scored.
    """
    state, key = shelf(), place_key(kept.location, kept.options)

    def work(progress: Progress, cancelled: Stopper) -> Dataset:
        dataset, changed = opened(kept.location, kept.options, kept, progress, cancelled)
        if changed:
            raise UnusableDataset(f"Files of {kept.title} have changed since it was scored", "run the models anew")
        return dataset

    return computed("case", key, state.opened, f"Opening {kept.title}", work, again="Open the dataset", patience=1.0)


def _show(view: View, dataset: Dataset, evaluation: Evaluation, case: str) -> None:
    found = next((one for one in dataset.cases if one.name == case), None)
    if found is None:
        raise UnusableDataset(f"{dataset.title} no longer has this case", "add it again")
    with st.spinner("Reading the image …"):
        scan = dataset.read(found)
        seen = _seen(view.members[:MOST], scan, (evaluation.dataset_digest, case))
    frame = answered_frame(scan)
    size = fit_within((round(scan.rows * scan.pixel_aspect), scan.columns), SIDE)
    image = resample(display_frame(scan, frame), size)
    scale = max((one.found.scale for one in seen if one.found is not None), default=0.0)
    with st.grid("auto", min_column_width=ACROSS, gap="small"):
        with st.container():
            st.image(encode_image(image), width="stretch", alt=f"The image of {case}")
            st.caption(plain(f"Labelled {', '.join(found.labels) or 'nothing'}"))
        for one in seen:
            with st.container():
                _show_seen(one, image, size, scale, case)
    if scale > 0:
        _show_scale(scale)
    if len(view.members) > MOST:
        st.caption(f"The first {MOST} models are shown.")


def _seen(members: Sequence[Member], scan: Scan, key: tuple[str, str]) -> list[Seen]:
    """Each model's answer and evidence, remembered for this session."""
    kept = shelf().images
    return [kept.get(("seen", *key, member.key), partial(_look, member, scan)) for member in members]


def _look(member: Member, scan: Scan) -> Seen:
    evaluation, title = member.evaluation, member.line.title
    card = cached_cards()[0].get(evaluation.model)
    if card is None or model_hash(card) != evaluation.model_sha256:
        return Seen(title, trouble="The model that gave this score is not installed here.")
    if len(card.inputs) > 1:
        return Seen(title, trouble="This model takes more than the image that is shown: see its heatmaps on Explain.")
    try:
        bundle = cached_bundle(card.slug)
        prediction = predict(bundle, Study.of(card, scan), [answered_frame(scan)], expect=Prediction)
        decision = prediction.decision(0)
        told = f"{card.labels[decision.about]}: {probability_text(float(prediction.probabilities[0][decision.about]))}"
        ask = Ask(target=decision.about, output=prediction.output, keras=cached_keras())
        return Seen(title, told, EXPLAINERS[METHOD].function(bundle, prediction.prepared, ask))
    except ScanLensError as problem:
        return Seen(title, trouble=str(problem))


def _show_seen(one: Seen, image: np.ndarray, size: tuple[int, int], scale: float, case: str) -> None:
    if one.found is None:
        st.caption(f"**{plain(one.title)}** {plain(one.trouble)}")
        return
    heat = heat_rgba(one.found.heatmap(0, size), scale)
    alt = f"Where {one.title} sees evidence for {one.found.label} in {case}"
    st.image(encode_image(blend(image, heat, OPACITY)), width="stretch", alt=alt)
    empty = f" Nothing here speaks for {one.found.label}." if one.found.is_empty else ""
    st.caption(f"**{plain(one.title)}** {plain(one.answer + '.' + empty)}")


def _show_scale(scale: float) -> None:
    """One scale for all maps."""
    bar = np.tile(np.linspace(0.0, 1.0, 240, dtype=np.float32), (10, 1))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("0", width="content")
        st.image(encode_image(inferno(bar)), width=240, alt="Colours of the heatmaps, from dark to bright")
        words = f"{number_text(scale)} logit units, for all maps; Grad-CAM of the answer that is named"
        st.caption(words, width="content")
