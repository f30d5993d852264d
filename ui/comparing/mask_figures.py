"""Figures and cases of models that segment: how well each image's mask fits, and the images where it fits worst."""

from __future__ import annotations

import streamlit as st

from core.evaluation.metrics.registry import METRICS
from core.evaluation.results.mask_cases import CaseValues, case_values
from core.evaluation.results.questions import MaskAnswers
from core.figures.comparing.mask_cases import describe_mask_cases, mask_cases_figure, mask_cases_rows
from core.figures.comparing.numbers import count_text, number_text
from ui.comparing.chart import Drawn
from ui.comparing.members import Member, View
from ui.comparing.words import plain

#: Images in a table.
MOST = 50


def _values(view: View, member: Member) -> CaseValues:
    assert isinstance(member.answered, MaskAnswers)  # only questions about masks come here
    answered = member.answered
    return view.number(f"mask cases {view.metric}", member, lambda _: case_values(answered, view.metric))


def mask_cases(view: View) -> Drawn:
    """A row of points a model."""
    values = [(member.line, _values(view, member)) for member in view.members]
    left = max(found.undefined for _, found in values)
    note = f"Not defined for {count_text(left, 'other image')}." if left else ""
    return Drawn(
        lambda: mask_cases_figure(view.scene, values),
        describe_mask_cases(view.scene, values),
        lambda: mask_cases_rows(values),
        note,
    )


def show_worst(view: View) -> None:
    """The images where the mask of one model fits worst, beside the other models' values."""
    title = METRICS[view.metric].title.partition(" (")[0]
    member = view.members[0]
    if len(view.members) > 1:
        names = [one.line.title for one in view.members]
        chosen = st.selectbox("Model", names, key="compare-worst")
        member = view.members[names.index(chosen)]
    st.markdown(f"**Where {plain(member.line.title)} fits worst**")
    found = _values(view, member)
    others = {
        one.line.title: dict(zip(values.cases.tolist(), values.values.tolist(), strict=True))
        for one in view.members
        if one is not member
        for values in [_values(view, one)]
    }
    rows = [
        {
            "Image": str(case), title: number_text(float(value)),
            **{name: number_text(known.get(case, float("nan"))) for name, known in others.items()},
        }
        for case, value in zip(found.cases[:MOST].tolist(), found.values[:MOST].tolist(), strict=True)
    ]  # fmt: skip
    if not rows:
        st.caption(f"{title} is not defined for any of these images.")
        return
    st.dataframe(rows, hide_index=True)
