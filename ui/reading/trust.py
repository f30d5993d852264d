"""How far the explanation on the page can be trusted, measured on this very scan while the user looks at it."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.explain.explanation import Explanation
from core.explain.request import Ask
from core.explain.trust.checking import check_explanation, single_map
from core.explain.trust.verdict import Trust, judge
from core.inference.bundle import Bundle
from core.inference.predict import Prediction
from core.scan import Scan
from ui.background import Progress, Stopper, Work, computed
from ui.cache import cached_keras
from ui.foreign_text import plain
from ui.session import Reading

#: Shape as well as word, for those who cannot tell colours.
SIGNS = {"follows the model": "●", "undecided": "◐", "does not follow": "○", "no evidence": "○"}


def show_verdict(
    state: Reading, scan: Scan, bundle: Bundle, prediction: Prediction, position: int, explanation: Explanation
) -> Trust | None:
    """The verdict on the frame that is shown, or that it is being measured; a map without heat has none."""
    frame = prediction.frames[position]
    row = explanation.frames.index(frame)
    if single_map(explanation, row).is_empty:
        return judge(single_map(explanation, row))  # the page says so where it speaks of the heat
    if len(prediction.frames) < scan.frames:
        return None  # the frames are still being read
    key = (scan.digest, bundle.card.slug, explanation.method, explanation.label, frame)
    trust = measured(state, key, partial(checked, bundle, prediction, explanation, row))
    if trust is not None:
        show_trust(trust)
    return trust


def show_trust(trust: Trust) -> None:
    """The verdict in words and shape, its reasons behind it."""
    if trust.verdict == "no evidence":
        st.markdown(f"{SIGNS[trust.verdict]} {plain(trust.sentence)}.")
        return
    reasons = "\n".join(f"- {check.name}, {check.outcome}: {plain(check.sentence)}." for check in trust.checks)
    st.markdown(
        f"{SIGNS[trust.verdict]} {plain(trust.sentence)}",
        help=f"Measured on this scan:\n\n{reasons}\n\nIt says whether the heat follows what the model uses, "
        "not whether the model uses the right thing.",
    )


def measured(state: Reading, key: tuple[object, ...], work: Work[Trust], slot: str = "check") -> Trust | None:
    """The check that is kept under a key; None while it runs in the background, the page runs again when it is done."""
    return computed(
        slot,
        key,
        state.checks,
        "Checking this explanation",
        work,
        again="Check the explanation",
        patience=0.05,
        quiet=True,
        failed="The explanation could not be checked.",
    )


def checked(
    bundle: Bundle,
    prediction: Prediction,
    explanation: Explanation,
    row: int,
    progress: Progress,
    cancelled: Stopper,
    name: str = "",
) -> Trust:
    """Check the map at `row` of an explanation; `name` is the input it belongs to where there are several."""
    labels = bundle.card.labels
    against = labels.index(explanation.rather_than) if explanation.rather_than else None
    # An image among several may have been explained at another layer than the card's; copies must be as well.
    layer = explanation.layer if name and explanation.layer != bundle.explain_layer else ""
    ask = Ask(labels.index(explanation.label), against, layer, name, keras=cached_keras())
    return check_explanation(
        bundle,
        prediction.prepared,
        explanation,
        ask,
        row,
        progress=progress,
        cancelled=cancelled,
    )
