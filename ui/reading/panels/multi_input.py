"""The panel of a model with several inputs, a sequence, a volume or facts: images side by side, what each part adds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from core.explain.explanation import Explanation
from core.figures.evidence import describe_evidence, evidence_figure
from core.inference.study import Study
from core.models.card import ModelCard
from core.scan import Scan, Step, answered_frame, default_window, display_frame
from ui.charts import show_chart
from ui.components.grid import Cell, board_message, show_board
from ui.components.viewer import turned_to
from ui.reading.answer import show_probabilities, show_warning_on_image
from ui.reading.display_settings import show_image
from ui.reading.export import File, show_export
from ui.reading.multi_input.answer import (
    StudyAnswer,
    answer_study,
    measure_verdicts,
    scan_on_page,
    show_map_words,
    verdict_of,
)
from ui.reading.multi_input.gather import gather
from ui.reading.multi_input.parts import fractions_of, show_parts
from ui.reading.trust import SIGNS
from ui.session import Reading
from ui.show import errors_shown


def show_multi_input(
    state: Reading, scan: Scan, card: ModelCard, _frame: int, image: DeltaGenerator, panel: DeltaGenerator
) -> Sequence[Step]:
    """The panel; see `ui.reading.panels`. Which slice is shown follows from the inputs, see `_slice_of`."""
    answer: StudyAnswer | None = None
    frame = 0
    with panel, errors_shown():
        study = gather(state, card, scan)
        if study is not None:
            frame = _slice_of(state, scan, card, study)
            answer = answer_study(state, card, study, frame)
            chart = st.container()
            if answer is not None:
                show_map_words(answer)
    with image, errors_shown():
        if answer is not None:
            show_warning_on_image(answer.prediction.withheld())
        if answer is not None and len(answer.maps) > 1:
            _show_side_by_side(state, answer, frame)
        else:
            _show_one(state, scan, answer)
    if answer is None:
        return ()
    with panel, errors_shown():
        show_probabilities(answer.prediction, 0, chart)
        measure_verdicts(state, answer)
        show_parts(state, answer)
        _show_export(state, scan, answer, frame)
    return answer.prediction.prepared.provenance


def _slice_of(state: Reading, scan: Scan, card: ModelCard, study: Study) -> int:
    """Slice of several stacks that go together; of a single image the one that the viewer is turned to.

    The stacks are those that were opened; the page may show one of them in another plane, with more slices.
    """
    images = [spec for spec in card.inputs if spec.is_image]
    if len(images) == 1 or not study.scans:
        return turned_to(scan)
    stack = next(iter(study.scans.values()))
    if stack.frames == 1:
        return 0
    unit = "Slice" if stack.axis == "slice" else "Frame"
    key = f"study-frame-{card.slug}-{state.turn}-{stack.frames}"
    return st.slider(unit, 1, stack.frames, answered_frame(stack) + 1, key=key) - 1


def _show_one(state: Reading, scan: Scan, answer: StudyAnswer | None) -> None:
    name = "" if answer is None else scan_on_page(answer, scan)
    found = None if answer is None or not name else answer.spread_map(name)
    key = "" if answer is None else f"{hash((answer.key, answer.label, name)):x}"
    frame = turned_to(scan)
    show_image(state, scan, lambda look: look.view(scan, frame, found, key))
    if found is not None and scan.frames > 1 and len(found.frames) == scan.frames:
        show_chart(lambda: evidence_figure(found, scan, None, frame), "evidence", describe_evidence(found, scan, frame))


def _show_side_by_side(state: Reading, answer: StudyAnswer, frame: int) -> None:
    specs = {spec.name: spec for spec in answer.prediction.card.inputs}
    first = next(iter(answer.study.scans.values()))
    cells, done = [], 0
    for name, found in answer.maps.items():
        scan, trust = answer.study.scans[name], verdict_of(state, answer, name)
        heat = found if isinstance(found, Explanation) and not found.is_empty else None
        done += trust is not None
        shown = min(frame, scan.frames - 1)
        cells.append(
            Cell(
                name,
                specs[name].title,
                heat,
                verdict=_words(heat, trust),
                note=f"{scan.rows} × {scan.columns} pixels" + (f", most {heat.scale:.2g} {heat.units}" if heat else ""),
                scan=scan,
                image=_frame_of(scan, shown),
            )
        )
    key = f"{abs(hash((answer.key, answer.label)))}-{done}"
    show_board(
        board_message(first, _frame_of(first, min(frame, first.frames - 1)), cells, key),
        f"study-{state.turn}-{answer.prediction.card.slug}",
    )
    st.caption("Each image has a colour scale of its own: compare the numbers below them, not the colours.")


def _frame_of(scan: Scan, frame: int) -> NDArray[np.uint8]:
    return display_frame(scan, frame, None if scan.is_color else default_window(scan))


def _words(heat: Explanation | None, trust: object) -> str:
    from core.explain.trust.verdict import Trust

    if heat is None:
        return "○ no evidence"
    if isinstance(trust, Trust):
        return f"{SIGNS[trust.verdict]} {trust.verdict}"
    return "◌ to be checked"


def _show_export(state: Reading, scan: Scan, answer: StudyAnswer, frame: int) -> None:
    from core.report.image import overlay_png, remarks_of
    from core.report.numbers import as_csv
    from core.report.study_numbers import study_json

    name = scan_on_page(answer, scan) or next(iter(answer.study.scans), "")
    shown = answer.study.scans.get(name, scan)
    found = answer.spread_map(name) if name else None
    at = turned_to(shown) if len(answer.maps) == 1 else min(frame, shown.frames - 1)
    prediction, trust = answer.prediction, verdict_of(state, answer, name)
    remarks = remarks_of(found, trust, prediction.withheld())
    files = {
        "PNG": File("image/png", lambda: overlay_png(shown, at, None, False, found, 0.65, remarks=remarks)),
        "JSON": File(
            "application/json",
            lambda: study_json(answer.study, shown, prediction, found, fractions_of(state, answer), trust),
        ),
        "CSV": File("text/csv", lambda: as_csv(shown, prediction, found, trust)),
    }
    show_export(prediction.card, shown, files)
