"""What can be taken home from a comparison: CSV, a LaTeX table, a report that stands alone, and what reproduces it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import streamlit as st

from core.evaluation.comparison.matrix import Matrix
from core.figures.comparing.lines import Line
from core.report.comparison import csv_text, matrix_rows
from ui.background import Progress, Stopper, jobs, show_under_way, stopping
from ui.comparing.choice import Choice
from ui.comparing.memory import fingerprint
from ui.comparing.table import concerned_by
from ui.downloads import show_download
from ui.show import show_error


@dataclass(frozen=True)
class Files:
    """A report and its bundle, as bytes."""

    report: bytes
    bundle: bytes


def show_export(choice: Choice, table: Matrix, lines: Mapping[str, Line], complete: bool = True) -> None:
    """A button that opens what there is; what it makes is shown by `show_report`.

    Args:
        choice: What is asked.
        table: The matrix.
        lines: Key of a model to its look.
        complete: Whether the intervals and tests are there already.
    """
    name = _name(choice)
    with st.popover("Export", icon=":material/download:"):
        with st.container(horizontal=True):
            show_download(
                "CSV", lambda: csv_text(matrix_rows(table)), f"{name}.csv", "text/csv", key="take-matrix",
                help="The matrix as a table",
            )  # fmt: skip
            show_download(
                "LaTeX", lambda: _latex(table), f"{name}.tex", "application/x-tex", key="take-latex",
                help="The matrix as a table for booktabs",
            )  # fmt: skip
        st.button(
            "Make report and bundle", icon=":material/description:", key="make-report", disabled=not complete,
            on_click=_start, args=(choice, table, lines),
        )  # fmt: skip
        words = "All figures of all datasets as one HTML file, and a zip with scores and hashes that reproduces them."
        st.caption(words if complete else "Once the intervals are there.")


def _name(choice: Choice) -> str:
    return f"scanlens-{choice.metric.name}-{choice.split}"


def _latex(table: Matrix) -> str:
    from core.report.comparison import latex_table

    return latex_table(table)


def _key(choice: Choice) -> tuple[object, ...]:
    return choice.question.key, choice.metric.name, tuple(map(fingerprint, concerned_by(choice)))


def show_report(choice: Choice) -> None:
    """The report that was asked for: its progress, then the files. Of another question it is forgotten."""
    job = jobs().find("report")
    if job is None or show_under_way("report"):
        return
    if job.key != _key(choice) or job.was_cancelled:
        jobs().drop("report")
    elif job.result is None:
        show_error(job.trouble)
    else:
        _offer(job.result, _name(choice))


def _offer(files: Files, name: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        show_download(
            "Report (HTML)", files.report, f"{name}.html", "text/html", key="take-report",
        )  # fmt: skip
        show_download(
            "Bundle (zip)", files.bundle, f"{name}.zip", "application/zip", key="take-bundle",
        )  # fmt: skip
        st.caption("The bundle holds names of cases and keys of patients as the datasets have them.", width="content")


def _start(choice: Choice, table: Matrix, lines: Mapping[str, Line]) -> None:
    def work(progress: Progress, cancelled: Stopper) -> Files:
        step = stopping(progress, cancelled, "the report")
        return make(choice, table, lines, lambda fraction, words: step(fraction, f"Drawing figures: {words}"))

    jobs().drop("report")
    jobs().start("report", _key(choice), "Making the report", work)


def make(choice: Choice, table: Matrix, lines: Mapping[str, Line], step: Callable[[float, str], None]) -> Files:
    """Report and bundle.

    Args:
        choice: What is asked.
        table: The matrix.
        lines: Key of a model to its look.
        step: Called with a fraction from 0 to 1 and a dataset's title; raises to stop.
    """
    import pandas  # noqa: F401 - whole before plotly looks into it, as in `show_chart`

    from core.report.comparison import Comparison
    from core.report.comparison_bundle import bundle_zip
    from core.report.comparison_figures import panels
    from core.report.comparison_html import report_html

    comparison = Comparison(choice.question.title, table, tuple(concerned_by(choice)), lines)
    report = report_html(comparison, panels(comparison, step), date.today())
    return Files(report.encode(), bundle_zip(comparison, report))
