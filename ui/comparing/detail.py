"""What is below the matrix: the chosen models on the chosen dataset, their figures, the finding in words, the cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import streamlit as st

from core.evaluation.comparison.matrix import Matrix
from core.figures.comparing.lines import Line
from ui.comparing.address import write_address
from ui.comparing.cases import show_cases
from ui.comparing.choice import Choice
from ui.comparing.figures import choose_figure, show_figure
from ui.comparing.members import View, model_lines, view_of
from ui.comparing.memory import remembered
from ui.comparing.results import Results
from ui.comparing.selection import Selection, chosen, fitting, models_on
from ui.comparing.words import plain, show_words
from ui.show import errors_shown

SELECTION = "compare-selection"

#: Text of figures follows the theme at once, also when that changes under them (what is saved is drawn anew); the words
#: go under the figure where there is no room beside it.
STYLE = """<style>
.st-key-detail .js-plotly-plot :is(.infolayer, .cartesianlayer, .xaxislayer-above, .yaxislayer-above) text {
  fill: currentColor !important;
}
@media (max-width: 1200px) {
  :is(.st-key-detail, .st-key-cases) .stHorizontalBlock:has(> .stColumn) { flex-direction: column; }
  :is(.st-key-detail, .st-key-cases) .stColumn { width: 100%; flex: 1 1 auto; min-width: 100%; }
}
</style>"""


@dataclass(frozen=True, eq=False)
class Detail:
    """What is looked at closely.

    Attributes:
        found: All results.
        choice: What is asked.
        table: The matrix.
        lines: Key of a model to its look.
        selection: The chosen dataset and models.
        on_choice: What a chosen cell or column does.
    """

    found: Results
    choice: Choice
    table: Matrix
    lines: Mapping[str, Line]
    selection: Selection
    on_choice: Callable[[str, str | None], None]


def choose_detail(found: Results, choice: Choice, table: Matrix) -> Detail:
    """The selection that the address or the last click asks for, as far as this matrix has it."""
    before = st.session_state.get(SELECTION) or _from_address(table)
    selection = fitting(table, before.dataset, before.models)
    st.session_state[SELECTION] = selection
    slugs = {model.key: model.name for model in table.models}
    write_address(dataset=selection.dataset, models=",".join(_short(key, slugs) for key in selection.models))

    def on_choice(dataset: str, model: str | None) -> None:
        st.session_state[SELECTION] = chosen(table, selection, dataset, model)

    lines = remembered(
        "lines", found.evaluations, lambda: model_lines(found.evaluations), found.are_shared(found.evaluations)
    )
    return Detail(found, choice, table, lines, selection, on_choice)


def _short(key: str, slugs: Mapping[str, str]) -> str:
    """A model's slug, or its whole key where the slug is used twice."""
    return slugs[key] if list(slugs.values()).count(slugs[key]) == 1 else key


def _from_address(table: Matrix) -> Selection:
    named = st.query_params.get("models", "").split(",")
    keys = tuple(model.key for model in table.models if model.name in named or model.key in named)
    return Selection(st.query_params.get("dataset", ""), keys)


def show_detail(detail: Detail) -> None:
    """Draw everything below the matrix."""
    st.html(STYLE)
    with st.container(key="detail"):
        _choose_models(detail)
        view = view_of(detail.found, detail.choice, detail.table, detail.lines, detail.selection)
        _show_figure_and_words(detail, view)
    _show_cases(view)


def _show_figure_and_words(detail: Detail, view: View) -> None:
    """A fragment: moving a threshold or turning to another figure leaves the rest of the page alone."""

    @st.fragment
    def draw() -> None:
        name = choose_figure(view)
        figure, words = st.columns([7, 4], gap="large")
        with figure, errors_shown():
            show_figure(view, name)
        with words, errors_shown():
            show_words(detail.table, detail.selection, view)

    draw()


def _choose_models(detail: Detail) -> None:
    """Choose two models in words: the choice that clicks in the matrix make."""
    table, selection = detail.table, detail.selection
    titles = {heading.key: heading.title for heading in table.datasets}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.session_state["compare-dataset"] = selection.dataset
        st.selectbox(
            "On",
            list(titles),
            format_func=titles.__getitem__,
            key="compare-dataset",
            width=420,
            on_change=lambda: detail.on_choice(st.session_state["compare-dataset"], None),
        )
        key = f"compare-models-{selection.dataset}"
        st.session_state[key] = list(selection.models)
        st.pills(
            "Models",
            models_on(table, selection.dataset),
            selection_mode="multi",
            wrap=True,
            format_func=lambda name: plain(detail.lines[name].title),
            key=key,
            on_change=_take_pills,
            args=(table, key),
        )


def _take_pills(table: Matrix, key: str) -> None:
    before = st.session_state[SELECTION]
    picked = st.session_state[key] or before.models
    st.session_state[SELECTION] = fitting(table, before.dataset, picked)


def _show_cases(view: View) -> None:
    """A fragment as well: choosing a row draws nothing else anew."""

    @st.fragment
    def draw() -> None:
        with errors_shown():
            show_cases(view)

    draw()
