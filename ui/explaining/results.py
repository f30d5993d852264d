"""What the page shows of what was made: the board, where maps agree, the checks in numbers, and what to export."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.explain import EXPLAINERS
from core.explain.explanation import Explanation
from core.explain.trust.second_opinion import SecondOpinion
from core.explain.trust.similarity_of_maps import at_common_size, overlap_of_hottest, rank_correlation
from core.explain.trust.verdict import Trust
from core.inference.prepare import Geometry
from core.models.card import ModelCard
from core.scan import Scan, display_frame
from ui.components.grid import Cell, board_message, show_board
from ui.downloads import show_download
from ui.explaining.work import Made, Wanted, at_frame, made_of, opinion_of, trust_of
from ui.reading.display_settings import Look
from ui.reading.trust import SIGNS
from ui.session import Reading

OVERLAP = "Where they agree"


def title_of(wanted: Wanted, cards: dict[str, ModelCard], by_model: bool) -> str:
    """What stands above a cell."""
    title = cards[wanted.slug].title if by_model else EXPLAINERS[wanted.method].title
    return f"{title}, untrained copy" if wanted.untrained else title


def cells_of(
    state: Reading, scan: Scan, frame: int, everything: Sequence[Wanted], cards: dict[str, ModelCard], by_model: bool
) -> list[Cell]:
    """One cell a map that is asked for, and one for where they agree."""
    cells = [_cell(state, scan, frame, wanted, title_of(wanted, cards, by_model)) for wanted in everything]
    ready = [made_of(state, scan, wanted) for wanted in everything if not wanted.untrained]
    maps = [
        at_frame(made.explanation, scan.frames, frame)
        for made in ready
        if made is not None and made.explanation is not None
    ]
    maps = [found for found in maps if found.method != "counterfactual" and not found.is_empty]
    if len(maps) > 1:
        cells.append(_overlap(maps))
    return cells


def _cell(state: Reading, scan: Scan, frame: int, wanted: Wanted, title: str) -> Cell:
    made = made_of(state, scan, wanted)
    if made is None:
        return Cell(wanted.name, title, waiting="…")
    found = made.explanation
    if found is None:
        return Cell(wanted.name, title, waiting=made.trouble)
    whole = found.scale if len(found.frames) > 1 else None  # all frames of a sequence share a scale
    found = at_frame(found, scan.frames, frame)
    took = f"{made.seconds:.1f} s" if made.seconds >= 0.1 else f"{1000 * made.seconds:.0f} ms"
    against = 0.0 if found.opposing is None else float(found.opposing.max(initial=0.0))
    if found.is_empty:
        verdict = f"{SIGNS['no evidence']} no evidence for {found.label}"
        opinion = _opinion_in_words(state, scan, wanted)
        if against <= 0:
            waiting = f"No evidence for {found.label}."
            return Cell(wanted.name, title, waiting=waiting, note=took, opinion=opinion)
        note = f"most {against:.2g} against it ({found.units}), {took}"
        return Cell(wanted.name, title, found, verdict=verdict, note=note, opinion=opinion)
    most = f"{found.scale:.2g} for and {against:.2g} against" if against > 0 else f"{found.scale:.2g}"
    note = f"most {most} ({found.units}), {took}" if against > 0 else f"most {most} {found.units}, {took}"
    if wanted.untrained:
        verdict = "It has learned nothing: this heat means nothing."
        return Cell(wanted.name, title, found, verdict=verdict, note=note, scale=whole)
    known = trust_of(state, scan, wanted)
    verdict = "◌ to be checked" if known is None else "not checked"
    if isinstance(known, Trust):
        verdict = _in_words(known)
    opinion = _opinion_in_words(state, scan, wanted)
    return Cell(wanted.name, title, found, verdict=verdict, note=note, opinion=opinion, scale=whole)


def _opinion_in_words(state: Reading, scan: Scan, wanted: Wanted) -> str:
    known = opinion_of(state, scan, wanted)
    if known is None:
        return ""
    return f"{known.sentence}." if isinstance(known, SecondOpinion) else f"No second opinion. {known}"


def _in_words(trust: Trust) -> str:
    if not trust.checks:
        return ""
    return f"{SIGNS[trust.verdict]} {trust.verdict}"


def _overlap(maps: list[Explanation]) -> Cell:
    """The fraction of the maps in which a place is among the hottest fifth."""
    votes = overlap_of_hottest([_on_scan(found) for found in maps])
    size = maps[0].geometry.scan_size
    whole = Geometry(size, size, (1.0, 1.0), (0.0, 0.0), (0, 0, *size))  # the votes cover the scan, not a model's grid
    found = replace(
        maps[0], grids=votes[None], geometry=whole, opposing=None, units="of the maps", method="overlap", facts={}
    )
    note = f"fraction of {len(maps)} maps in which a place is among the hottest fifth, most {votes.max():.2g}"
    return Cell("overlap", OVERLAP, found, scale=1.0, note=note)


def _on_scan(found: Explanation) -> NDArray[np.float32]:
    """A map on a coarse grid over the scan, so that models with different grids can be compared."""
    return found.geometry.to_scan(found.grids[0], (48, 48))


def show_results(
    state: Reading,
    scan: Scan,
    frame: int,
    look: Look,
    everything: Sequence[Wanted],
    cards: dict[str, ModelCard],
    by_model: bool,
    warning: str = "",
) -> None:
    """The board, and below it the numbers; `warning` says why the answer is withheld that was asked for anyway."""
    cells = cells_of(state, scan, frame, everything, cards, by_model)
    image = display_frame(scan, frame, look.window, look.invert)
    done = sum(cell.explanation is not None for cell in cells)
    checked = sum(cell.verdict.startswith(tuple(SIGNS.values())) for cell in cells)
    compared = sum(bool(cell.opinion) for cell in cells)
    key = f"{scan.digest[:12]}-{frame}-{look.name}-{look.invert}-{done}-{checked}-{compared}"
    show_board(board_message(scan, image, cells, key), scan.digest[:12])
    ready = [
        (wanted, replace(made, explanation=at_frame(made.explanation, scan.frames, frame)))
        for wanted in everything
        if (made := made_of(state, scan, wanted)) is not None and made.explanation is not None
    ]
    if not ready:
        return
    with st.expander("Checks, agreement and references"):
        _show_numbers(state, scan, ready, cards, by_model)
        _show_agreement(ready, cards, by_model)
    _show_export(state, scan, frame, look, ready, cards, by_model, warning)


def rows_of(
    state: Reading, scan: Scan, ready: Sequence[tuple[Wanted, Made]], cards: dict[str, ModelCard], by_model: bool
) -> list[dict[str, object]]:
    """The checks in numbers, one row a map."""
    rows: list[dict[str, object]] = []
    for wanted, made in ready:
        assert made.explanation is not None
        trust = trust_of(state, scan, wanted)
        known = trust if isinstance(trust, Trust) else None
        faithful = known.faithfulness if known else None
        opinion = opinion_of(state, scan, wanted)
        compared = opinion if isinstance(opinion, SecondOpinion) else None
        rows.append(
            {
                "Map": title_of(wanted, cards, by_model),
                "Verdict": known.verdict if known and known.checks else "",
                "Deletion beats, of 100": None if faithful is None else round(faithful.deletion_beats),
                "Insertion beats, of 100": None if faithful is None else round(faithful.insertion_beats),
                "Kept under small changes": None
                if not known or not known.stability
                else round(known.stability.mean, 2),
                "Kept with random weights": None if not known or not known.sanity else round(known.sanity.mean, 2),
                "Correlation with tf-keras-vis": _rounded(compared),
                "Second opinion": compared.sentence if compared else opinion or "",
                "Most": float(f"{made.explanation.scale:.3g}"),
                "Unit": made.explanation.units,
                "Seconds": round(made.seconds, 3),
                "Found out": ", ".join(f"{name} {value:.3g}" for name, value in made.explanation.facts.items()),
                "Reference": EXPLAINERS[wanted.method].reference,
            }
        )
    return rows


def _rounded(opinion: SecondOpinion | None) -> float | None:
    return None if opinion is None or np.isnan(opinion.correlation) else round(opinion.correlation, 4)


def _show_numbers(
    state: Reading, scan: Scan, ready: Sequence[tuple[Wanted, Made]], cards: dict[str, ModelCard], by_model: bool
) -> None:
    st.dataframe(rows_of(state, scan, ready, cards, by_model), hide_index=True)
    st.caption(
        "Deletion and insertion: of 100 random orders of the scan's patches, how many the map's own order beats at "
        "lowering the score when its hottest patches are blurred, and at raising it when they are brought back. Kept: "
        "rank correlation of the map with that of the scan slightly shifted, noisy or recompressed (should be near 1), "
        "and with that of copies with random weights (near 0). Slow methods are checked by the first two only. "
        "Second opinion: the same map of the same logit by tf-keras-vis, compared cell by cell before it is enlarged."
    )


def _show_agreement(ready: Sequence[tuple[Wanted, Made]], cards: dict[str, ModelCard], by_model: bool) -> None:
    maps = {title_of(wanted, cards, by_model): made.explanation for wanted, made in ready}
    grids = {title: at_common_size(_on_scan(found)) for title, found in maps.items() if found is not None}
    if len(grids) < 2:
        return
    st.markdown("**How alike the maps are** (rank correlation of their cells: 1 the same order, 0 none)")
    st.dataframe(
        [
            {"": one, **{other: round(rank_correlation(grids[one], grids[other]), 2) for other in grids}}
            for one in grids
        ],
        hide_index=True,
    )


def _show_export(
    state: Reading,
    scan: Scan,
    frame: int,
    look: Look,
    ready: Sequence[tuple[Wanted, Made]],
    cards: dict[str, ModelCard],
    by_model: bool,
    warning: str,
) -> None:
    st.caption("Export")
    show_download(
        "All maps and numbers, as a zip",
        lambda: _zipped(state, scan, frame, look, ready, cards, by_model, warning),
        f"scanlens-explanations-{scan.digest[:8]}.zip",
        "application/zip",
        key="take-maps",
    )


def _zipped(
    state: Reading,
    scan: Scan,
    frame: int,
    look: Look,
    ready: Sequence[tuple[Wanted, Made]],
    cards: dict[str, ModelCard],
    by_model: bool,
    warning: str,
) -> bytes:
    from core.report.image import overlay_png, remarks_of

    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (wanted, made) in enumerate(ready, start=1):
            assert made.explanation is not None
            shown = replace(made.explanation, frames=(frame,))
            known = trust_of(state, scan, wanted)
            remarks = remarks_of(shown, known if isinstance(known, Trust) and known.checks else None)
            remarks = (warning, *remarks) if warning else remarks
            image = overlay_png(scan, frame, look.window, look.invert, shown, 0.65, remarks=remarks)
            name = f"{wanted.slug}-{wanted.method}{'-untrained' if wanted.untrained else ''}"
            archive.writestr(f"{number:02d}-{name}.png", image)
        rows = rows_of(state, scan, ready, cards, by_model)
        rows = [{**row, "Not valid": warning} for row in rows] if warning else rows
        archive.writestr("checks.json", json.dumps(rows, indent=2, ensure_ascii=False))
    return content.getvalue()
