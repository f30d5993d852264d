"""The figures of one model, drawn from its stored scores: those of the compare page with one model in them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.evaluation.results.evaluation import Evaluation
from core.evaluation.results.mask_cases import case_values
from core.evaluation.results.questions import CLASSES, MASK, Answered, MaskAnswers, answer, class_key
from core.figures.comparing.canvas import Scene
from core.figures.comparing.lines import line_of
from core.figures.comparing.mask_cases import describe_mask_cases, mask_cases_figure, mask_cases_rows
from core.models.card import ModelCard
from core.models.overview import measured
from ui.comparing.chart import Drawn, show_drawn
from ui.comparing.figures import figures_for
from ui.comparing.members import Member, View
from ui.comparing.memory import fingerprint
from ui.comparing.results import Results, results
from ui.show import errors_shown

#: Of the figures of the compare page those that say most of one model, in this order.
OFFERED = ("roc", "class-roc", "calibration", "confusion", "class-confusion", "scores")
DICE = "mask_dice"
SPLITS = {"val": "validation", "train": "training", "": ""}


def show_figures(card: ModelCard) -> None:
    """A fold with the figures; scores are read and drawn once it is open."""
    fold = st.expander("Figures", on_change="rerun", key=f"card-figures-{card.slug}")
    if not fold.open:
        return
    with fold, errors_shown():
        found = results()
        own = _in_order(card, [entry for entry in found.evaluations if entry.model == card.slug])
        if not own:
            st.caption("No scores are stored: add a dataset on the page Datasets, and run the model on it.")
            return
        evaluation = own[_choose_dataset(card, own)]
        answered = answer(evaluation, question_of(evaluation))
        if answered is None:
            st.caption("These scores answer no question that a figure is drawn for.")
        elif isinstance(answered, MaskAnswers):
            show_drawn(_masks(evaluation), "card-figure", f"scanlens-dice-{card.slug}")
        else:
            _show_one(card, _view(evaluation, answered, found))


def _in_order(card: ModelCard, own: Sequence[Evaluation]) -> list[Evaluation]:
    """Test sets as the card names them, then others; what was trained or tuned on comes last."""
    named = [result.dataset for result in measured(card)]

    def place(entry: Evaluation) -> tuple[bool, int]:
        known = named.index(entry.dataset_title) if entry.dataset_title in named else len(named)
        return entry.split in {"train", "val"}, known

    return sorted(own, key=place)


def _choose_dataset(card: ModelCard, own: Sequence[Evaluation]) -> int:
    names = [_named(entry) for entry in own]
    key = f"card-dataset-{card.slug}"
    return st.selectbox("Dataset", range(len(own)), format_func=names.__getitem__, key=key)


def _named(evaluation: Evaluation) -> str:
    split = SPLITS.get(evaluation.split, "")
    return f"{evaluation.dataset_title}, {split}" if split else evaluation.dataset_title


def question_of(evaluation: Evaluation) -> str:
    """What a model's figures are about: its finding, all of its classes, or what it marks first."""
    if evaluation.scores.task == "segmentation":
        return f"{MASK}{evaluation.scores.mask_labels[0]}"
    return class_key(evaluation) or evaluation.findings[0]


def _view(evaluation: Evaluation, answered: Answered, found: Results) -> View:
    question = question_of(evaluation)
    scene = Scene(
        "the classes" if question.startswith(CLASSES) else question, evaluation.dataset_title, evaluation.split
    )
    member = Member(fingerprint(evaluation), line_of(evaluation.model_title, 0), evaluation, answered)
    return View(scene, question, "", (member,), {}, found)


def _show_one(card: ModelCard, view: View) -> None:
    kinds = figures_for(view.members[0].answered)
    offered = [name for name in OFFERED if name in kinds]
    name = st.segmented_control(
        "Figure", offered, default=offered[0], required=True, format_func=lambda key: kinds[key].title,
        key=f"card-figure-{card.slug}", label_visibility="collapsed",
    )  # fmt: skip
    name = name or offered[0]
    drawn = kinds[name].draw(view)
    if isinstance(drawn, str):
        st.info(drawn)
    else:
        show_drawn(drawn, f"card-{name}", f"scanlens-{name}-{card.slug}")


def _masks(evaluation: Evaluation) -> Drawn:
    """Dice image by image, a row for each label."""
    values = []
    for number, label in enumerate(evaluation.scores.mask_labels):
        answered = answer(evaluation, f"{MASK}{label}")
        if isinstance(answered, MaskAnswers):
            values.append((line_of(label, number), case_values(answered, DICE)))
    scene = Scene("masks", evaluation.dataset_title, evaluation.split)
    return Drawn(
        lambda: mask_cases_figure(scene, values),
        describe_mask_cases(scene, values),
        lambda: mask_cases_rows(values),
        "A point an image that has the label; the tick is the median.",
    )
