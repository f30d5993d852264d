"""Below the comparison: whether the models' heatmaps find what experts marked."""

from __future__ import annotations

import streamlit as st

from core.explain.trust.localisation import MEASURES
from core.explain.trust.localised_models import localised_models
from core.figures.comparing.localisation import describe_localisation, localisation_figure, localisation_rows
from ui.comparing.chart import Drawn, show_drawn
from ui.show import errors_shown
from ui.visible import visible_cards


def show_heatmaps() -> None:
    """A fragment: choosing another measure leaves the comparison alone."""

    @st.fragment
    def draw() -> None:
        with st.expander("Heatmaps against marked regions"), errors_shown():
            found = localised_models(visible_cards()[0].values())
            if not found:
                st.caption("No model's heatmaps were measured against marked regions.")
                return
            measure = st.segmented_control(
                "Measure", list(MEASURES), format_func=MEASURES.__getitem__, default="hit", required=True,
                key="compare-heatmaps",
            ) or "hit"  # fmt: skip
            shown = [one for one in found if one.measure == measure]
            drawn = Drawn(
                lambda: localisation_figure(shown),
                describe_localisation(shown),
                lambda: localisation_rows(shown),
                describe_localisation(shown),
            )
            show_drawn(drawn, f"heatmaps-{measure}", f"scanlens-heatmaps-{measure}")

    draw()
