"""The cases behind the numbers: where two models disagree, and the mistakes that a model is surest of."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import streamlit as st

from core.evaluation.comparison.disagreement import Disagreements, disagreement_by, disagreements
from core.evaluation.results.errors import Mistake, mistakes
from core.evaluation.results.questions import ClassAnswers, MaskAnswers
from core.evaluation.results.subgroups import attributes
from core.figures.comparing.numbers import count_text, estimate_text, number_text, percent_text
from core.formatting import probability_text
from ui.comparing.mask_figures import show_worst
from ui.comparing.members import Member, View
from ui.comparing.memory import remembered
from ui.comparing.words import plain

#: Cases in a table.
MOST = 50

_COLUMNS = {
    "Case": st.column_config.TextColumn(width=210),
    "Truth": st.column_config.TextColumn(width=70),
    "Probability": st.column_config.TextColumn(help="Calibrated probability that the model gives its own answer"),
    "Logits off": st.column_config.TextColumn(help="How far the score is on the wrong side, in logit units"),
}


def show_cases(view: View) -> None:
    """Disagreements of two of the chosen models, then the most confident errors of one."""
    st.subheader("Cases", anchor=False)
    first = view.members[0].answered
    if isinstance(first, MaskAnswers):
        show_worst(view)
        return
    if isinstance(first, ClassAnswers) and first.answers == "multilabel":
        st.info("Cases are right or wrong for one finding at a time: choose one as the question.")
        return
    with st.container(key="cases"):
        differing, wrong = st.columns(2, gap="large")
    with differing:
        _show_disagreements(view)
    with wrong:
        _show_mistakes(view)


def _show_disagreements(view: View) -> None:
    st.markdown("**Where two models disagree**")
    if len(view.members) < 2:
        st.caption("With a second model on this dataset, the cases on which the two differ stand here.")
        return
    pairs = list(combinations(view.members, 2))
    one, two = pairs[0]
    if len(pairs) > 1:
        names = [f"{a.line.title} and {b.line.title}" for a, b in pairs]
        one, two = pairs[names.index(st.selectbox("Models", names, key="compare-pair", label_visibility="collapsed"))]
    evaluations = [one.evaluation, two.evaluation]
    found = remembered(
        ("disagreements", view.question),
        evaluations,
        lambda: disagreements(one.answered, two.answered),
        view.found.are_shared(evaluations),
    )
    st.markdown(plain(disagreement_words(found, one, two)))
    rows = disagreement_rows(found, one, two)
    if rows:
        case = _table(rows, "compare-disagreement", f"Cases on which {one.line.title} and {two.line.title} differ")
        _show_groups(found, one, two)
        if case:
            show_case(view, case)


def disagreement_words(found: Disagreements, one: Member, two: Member) -> str:
    """How often, and who is right then."""
    cases = len(found.cases)
    differ = found.only_first + found.only_second
    other = len(found.order) - differ
    text = (
        f"They decide differently on {count_text(len(found.order), 'case')} of {cases:,} "
        f"({percent_text(len(found.order) / cases) if cases else 'none'}). {one.line.title} alone is right on "
        f"{found.only_first:,}, {two.line.title} alone on {found.only_second:,}; both are wrong on {found.both_wrong:,}"
    )
    return f"{text}, of which {other:,} in different ways." if other else f"{text}."


def disagreement_rows(found: Disagreements, one: Member, two: Member) -> list[dict[str, Any]]:
    """The cases with different decisions, widest gap first."""
    labels = one.answered.labels if isinstance(one.answered, ClassAnswers) else ("no", "yes")
    names = _column_names(one, two)
    return [
        {
            "Case": str(found.cases[place]),
            "Truth": labels[int(found.truth[place])],
            names[0]: f"{labels[int(found.first_answer[place])]}, {probability_text(float(found.first[place]))}",
            names[1]: f"{labels[int(found.second_answer[place])]}, {probability_text(float(found.second[place]))}",
        }
        for place in found.order[:MOST]
    ]


def _column_names(one: Member, two: Member) -> tuple[str, str]:
    first, second = one.line.title, two.line.title
    return (first, second) if first != second else (f"{first} 1", f"{second} 2")


def _show_groups(found: Disagreements, one: Member, two: Member) -> None:
    """In which groups of the cases they differ most."""
    offered = attributes(one.evaluation)
    if not offered:
        return
    with st.expander("In which groups they disagree"):
        name = st.selectbox("By", offered, key="compare-disagreement-by", width=220)
        rows = disagreement_by(found, name, one.evaluation.cases, np.asarray(one.evaluation.attributes[name]))
        names = _column_names(one, two)
        st.dataframe(
            [
                {
                    name: row.name,
                    "Decide differently": estimate_text(row.differ),
                    f"Only {names[0]} right": row.only_first,
                    f"Only {names[1]} right": row.only_second,
                }
                for row in rows
            ],
            hide_index=True,
        )


def _show_mistakes(view: View) -> None:
    st.markdown("**Most confident errors**")
    member = view.members[0]
    if len(view.members) > 1:
        titles = [one.line.title for one in view.members]
        title = st.selectbox("Model", titles, key="compare-mistakes-of", label_visibility="collapsed")
        member = view.members[titles.index(title)]
    found = view.number("mistakes", member, lambda one: mistakes(one.answered, MOST))
    if not found:
        st.caption("It makes none here at its threshold.")
        return
    st.markdown(plain(mistake_words(found)))
    case = _table(mistake_rows(found), "compare-mistake", f"Most confident errors of {member.line.title}")
    if case:
        show_case(view, case)


def mistake_words(found: Sequence[Mistake]) -> str:
    """How many of which kind."""
    kinds = dict.fromkeys(mistake.kind for mistake in found)
    counts = [(sum(mistake.kind == kind for mistake in found), kind) for kind in kinds]
    words = {"missed": ("missed", "missed"), "false alarm": ("false alarm", "false alarms")}
    parts = [f"{count} {words.get(kind, (kind, kind))[count != 1]}" for count, kind in counts]
    return f"{'The ' + str(MOST) + ' surest: ' if len(found) == MOST else ''}{', '.join(parts)}, the surest first."


def mistake_rows(found: Sequence[Mistake]) -> list[dict[str, Any]]:
    """A row a mistake."""
    return [
        {
            "Case": mistake.case,
            "What went wrong": mistake.kind
            if mistake.kind != "wrong class"
            else f"{mistake.truth} taken for {mistake.answer}",
            "Probability": probability_text(mistake.probability),
            "Logits off": number_text(mistake.certainty),
        }
        for mistake in found
    ]


def _table(rows: list[dict[str, Any]], key: str, label: str) -> str:
    """A table whose rows can be chosen; the name of the chosen case, or `""`."""
    event = st.dataframe(
        rows, hide_index=True, height=min(38 + 35 * len(rows), 320), key=key, on_select="rerun",
        selection_mode="single-row", alt=label, column_config=_COLUMNS,
    )  # fmt: skip
    chosen = event["selection"]["rows"]
    return str(rows[chosen[0]]["Case"]) if chosen and chosen[0] < len(rows) else ""


def show_case(view: View, case: str) -> None:
    """What is known of one case, with its image and the models' heatmaps where its dataset is at hand.

    Args:
        view: The chosen models; each has the case under this name in `evaluation.cases`, unless it could not score it.
        case: Its name, as in the dataset.
    """
    with st.container(border=True):
        st.markdown(f"**{_code(case)}**")
        facts: dict[str, str] = {}
        for member in view.members:
            place = np.flatnonzero(np.asarray(member.evaluation.cases).astype(str) == case)
            if len(place):
                for name, values in member.evaluation.attributes.items():
                    facts.setdefault(name, str(values[place[0]]))
        known = [f"{name}: {value}" for name, value in facts.items() if value]
        st.caption(_code(", ".join(known)) if known else "No facts are known of this case.")
        from ui.comparing.case_images import show_images  # what explains is loaded when a case is chosen

        show_images(view, case)


def _code(text: str) -> str:
    """Names are shown as they are, whatever signs they hold."""
    return "`" + text.replace("`", "'") + "`"
