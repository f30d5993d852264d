"""The recurrent layer of a trained heart model, frame by frame, on the scan that is open or on the sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.inference.bundle import Bundle
from core.inference.predict import Prediction, predict
from core.inference.study import Study
from core.lessons.sequences.figure import describe_trace, trace_figure
from core.lessons.sequences.recurrent import Cell, Trace, run_cell
from core.lessons.sequences.sequence_reader import SPOILT, frame_order
from core.lessons.sequences.text import cell_formulas
from core.models.card import ModelCard
from core.processes.wire import Arrays
from core.scan import Scan
from ui.background import Progress, Stopper, computed
from ui.cache import cached_bundle, cached_keras
from ui.charts import show_chart
from ui.foreign_text import plain
from ui.lessons.sequences.source import Sequence
from ui.session import reading
from ui.show import forget_beyond
from ui.visible import visible_cards


@dataclass(frozen=True, eq=False)
class States:
    """What one recurrent layer was given, and its cell.

    Attributes:
        kind: Of the cell.
        name: Of the layer.
        cell: With the model's weights.
        inputs: (1, T, D).
    """

    kind: str
    name: str
    cell: Cell
    inputs: NDArray[np.float64]


def sequence_cards() -> dict[str, ModelCard]:
    """The models that read a sequence, by title."""
    cards, _ = visible_cards()
    return {card.title: card for card in cards.values() if any(spec.kind == "sequence" for spec in card.inputs)}


def show_model(sequence: Sequence, frame: int) -> None:
    """Show a model's answer, what spoiling the sequence does to it, and its states."""
    cards = sequence_cards()
    if not cards:
        st.info("No model here reads a sequence yet; the cells of the other parts do the same on a smaller scale.")
        return
    if sequence.label is not None:
        st.info("A trained model wants a scan: choose the beating heart or an open sequence above.")
        return
    card = cards[st.selectbox("Model", list(cards), key="seq-model", bind="query-params", width=420)]
    spec = next(spec for spec in card.inputs if spec.kind == "sequence")
    bundle, state, scan = cached_bundle(card.slug), reading(), sequence.scan
    key = ("heart", scan.digest, card.slug)
    with st.spinner("Reading the sequence …"):
        prediction = state.answers.get(key, lambda: _read(bundle, spec.name, scan))
    _show_doubt(prediction)
    st.table([_by_way(card, prediction, spec.name, spec.frames, sequence)], hide_index=True)
    order = frame_order(sequence.way, spec.frames, min(sequence.frozen_from, spec.frames - 1))
    batch = spoilt(prediction.prepared.batch, spec.name, order)
    found = _states(card, batch, ("recurrent states", scan.digest, card.slug, tuple(order)))
    if found is not None:
        _show_states(found, min(frame, spec.frames - 1))


def _read(bundle: Bundle, name: str, scan: Scan) -> Prediction:
    return predict(bundle, Study({name: scan}), expect=Prediction)


def spoilt(
    batch: Mapping[str, NDArray[np.float32]], name: str, order: NDArray[np.int64]
) -> dict[str, NDArray[np.float32]]:
    """The inputs with the frames of one, (1, T, …), in another (T,) order."""
    return {**batch, name: np.ascontiguousarray(batch[name][:, order])}


def _show_doubt(prediction: Prediction) -> None:
    if prediction.warning:
        words = f"This model {prediction.warning}. Its states are worth watching, its answer means nothing."
        st.warning(words, icon=":material/warning:")
    elif prediction.similarity and not prediction.similarity[0].is_similar:
        st.warning("This scan is unlike the model's training: its states are worth watching, its answer means nothing.")


def _by_way(card: ModelCard, prediction: Prediction, name: str, frames: int, sequence: Sequence) -> dict[str, str]:
    """The class it calls, and its probability, for each way to spoil the sequence."""
    bundle, batch = cached_bundle(card.slug), prediction.prepared.batch
    row = {}
    for way, words in SPOILT.items():
        order = frame_order(way, frames, min(sequence.frozen_from, frames - 1))
        output = bundle.run(spoilt(batch, name, order), outputs=("logits",))
        fractions = bundle.probabilities(output.logits)[0]
        row[words] = f"{card.labels[int(fractions.argmax())]} {fractions.max():.2f}"
    return row


def _states(card: ModelCard, batch: Mapping[str, NDArray[np.float32]], key: tuple[object, ...]) -> States | None:
    """Asked of the Keras process in the background; None while it works or where it refused."""
    asked = {"model": str(card.folder / "model.keras"), "sha256": card.sha256.get("model.keras", "")}
    keras = cached_keras()

    def look(_progress: Progress, cancelled: Stopper) -> States:
        return _first(*keras.call("recurrent_states", asked, {**batch}, cancelled=cancelled))

    title, kept = "Looking into the model", reading().maps
    return computed("recurrent-states", key, kept, title, look, again="Look into the model", patience=0.5)


def _first(told: dict[str, Any], arrays: Arrays) -> States:
    layer = told["layers"][0]
    weights = [np.asarray(arrays[f"0_{name}"], np.float64) for name in ("kernel", "recurrent", "bias")]
    cell = Cell(layer["kind"], weights[0], weights[1], weights[2])
    return States(layer["kind"], layer["name"], cell, np.asarray(arrays["0_inputs"], np.float64))


def _show_states(found: States, frame: int) -> None:
    trace: Trace = run_cell(found.cell, found.inputs)
    with st.container(key="reading"):  # where there is no room, the formulas go under the figure
        left, right = st.columns([5, 3], gap="medium")
    with left:
        show_chart(
            lambda: trace_figure(found.kind, trace, None, None, frame),
            f"seq-heart-{found.kind}",
            describe_trace(found.kind, trace, None),
        )
    with right:
        forget_beyond("seq-heart-unit", found.cell.units)
        unit = st.slider("Unit", 1, found.cell.units, 1, key="seq-heart-unit", bind="query-params") - 1
        st.markdown(f"**Layer {plain(found.name)}, unit {unit + 1}, frame {frame + 1} of {found.inputs.shape[1]}**")
        for line in cell_formulas(found.cell, trace, unit, frame):
            st.latex(line)
        st.caption(f"{found.inputs.shape[2]} features of each frame go in, in the order in which the frames are shown.")
