"""The list of runs: what is stored, what waits to go on, and how results are handed over."""

from __future__ import annotations

import io
import tempfile
import time
import zipfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import streamlit as st

from core.datasets.dataset import Dataset, UnusableDataset
from core.datasets.digest import digest_of_variant
from core.errors import ScanLensError
from core.evaluation.results.evaluation import Kind
from core.evaluation.runs.cluster import cluster_asked
from core.evaluation.runs.from_card import model_hash
from core.evaluation.runs.run import evaluate
from core.evaluation.store.datasets import Remembered
from core.evaluation.store.evaluations import Store
from core.evaluation.store.exchange import export, import_file
from core.evaluation.store.summary import RunSummary
from core.figures.comparing.numbers import percent_text
from ui.background import Progress, Stopper
from ui.datasets.adding import opened
from ui.datasets.records import Records, attempt, working_store
from ui.datasets.running import card_of
from ui.datasets.shelf import Outcome, Shelf
from ui.downloads import show_download
from ui.show import show_error
from ui.visible import may_delete, own_run

Form = Literal["parquet", "csv"]

_KINDS = {"internal": "where trained", "external": "elsewhere", "stress": "stressed copy", "unknown": "not known"}


def show_runs(state: Shelf, found: Records) -> None:
    """All runs, and what can be done with the chosen ones."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader("Runs", anchor=False, width="content")
        _show_import()
    if trouble := st.session_state.pop("runs-trouble", ""):
        show_error(trouble)
    if told := st.session_state.pop("runs-told", ""):
        st.success(told, icon=":material/check:")
    if not found.runs:
        st.caption("No run yet: choose models above and run them, or import what was exported elsewhere.")
        return
    event = st.dataframe(
        run_rows(found.runs), hide_index=True, height="content" if len(found.runs) < 10 else 380, key="runs",
        on_select="rerun", selection_mode="multi-row", alt="Runs with their state",
        column_config={"Model": st.column_config.TextColumn(width=260)},
    )  # fmt: skip
    chosen = [found.runs[row] for row in event["selection"]["rows"] if row < len(found.runs)]
    _show_actions(state, found, chosen)


def run_rows(runs: Sequence[RunSummary]) -> list[dict[str, str | int]]:
    """A row a run."""
    return [
        {
            "State": state_words(run),
            "Model": run.model_title,
            "Dataset": run.dataset_title,
            "Split": run.split or "all",
            "Cases": run.cases,
            "Failed": run.failed,
            "Images from": _KINDS.get(run.kind, run.kind),
            "When": time.strftime("%Y-%m-%d %H:%M", time.localtime(run.finished or run.created)),
        }
        for run in runs
    ]


def state_words(run: RunSummary) -> str:
    """The state of a run, in shape and words."""
    if run.state == "done":
        return "● done"
    fraction = percent_text(run.fraction)
    return f"◐ running, {fraction}" if run.state == "running" else f"○ stopped at {fraction}"


def _show_actions(state: Shelf, found: Records, chosen: Sequence[RunSummary]) -> None:
    done = [run for run in chosen if run.state == "done"]
    stopped = [run for run in chosen if run.state == "stopped"]
    with st.container(horizontal=True, vertical_alignment="center"):
        if not chosen:
            st.caption("Choose rows to go on, export or delete.", width="content")
            return
        if stopped:
            st.button(
                "Go on", icon=":material/play_arrow:", key="go-on", on_click=_go_on, args=(state, found, stopped[0]),
                disabled=state.jobs.find("run") is not None,
            )  # fmt: skip
        for form, title in (("parquet", "Parquet"), ("csv", "CSV")):
            if done:
                _offer(found.store, done, form, title)
        if may_delete(chosen):
            st.button(
                "Delete", icon=":material/delete:", key="delete-runs", on_click=_delete, args=(found, list(chosen))
            )
    if any(run.state == "running" for run in chosen):
        st.caption("A run that is deleted while it is computed ends there.")


MIMES = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}


def _offer(store: Store | None, runs: Sequence[RunSummary], form: str, title: str) -> None:
    if store is None:
        return
    several = len(runs) > 1
    name = f"scanlens-runs-{form}.zip" if several else f"scanlens-run-{runs[0].id}.{form}"
    make = partial(exported, store, [run.id for run in runs], "csv" if form == "csv" else "parquet")
    show_download(title, make, name, "application/zip" if several else MIMES[form], key=f"export-{form}")


def exported(store: Store, runs: Sequence[int], form: Form) -> bytes:
    """One run as a file, several as a zip of files.

    Raises:
        ScanLensError: The database does not work, or a run is broken.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = export([store.load(run) for run in runs], Path(folder), form)
        if len(paths) == 1:
            return paths[0].read_bytes()
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in paths:
                archive.write(path, path.name)
        return packed.getvalue()


def _delete(found: Records, runs: Sequence[RunSummary]) -> None:
    store = found.store
    if store is not None and may_delete(runs):
        st.session_state["runs-trouble"] = attempt(lambda: _delete_all(store, runs))
    st.session_state.pop("runs", None)


def _delete_all(store: Store, runs: Sequence[RunSummary]) -> None:
    for run in runs:
        store.delete(run.id)


def _show_import() -> None:
    with st.popover("Import", icon=":material/upload:"):
        st.file_uploader(
            "Results that ScanLens exported, as Parquet or CSV", accept_multiple_files=True, key="import-runs",
            on_change=_import,
        )  # fmt: skip


def _import() -> None:
    taken, troubles = 0, []
    for file in st.session_state.get("import-runs") or []:
        try:
            own_run(working_store().insert(import_file(file.getvalue())))
            taken += 1
        except ScanLensError as problem:
            troubles.append(f"{file.name}: {problem}")
    st.session_state["runs-trouble"] = "  \n".join(troubles)
    st.session_state["runs-told"] = f"{taken} imported." if taken else ""


def _go_on(state: Shelf, found: Records, run: RunSummary) -> None:
    """Take up a stopped run: open its dataset again and score what is missing."""

    def work(progress: Progress, cancelled: Stopper) -> Outcome:
        store = working_store()
        card, remembered = card_of(run.model), dataset_of(run, found.datasets)
        if card is None or model_hash(card) != run.model_sha256:
            raise UnusableDataset(f"The model {run.model_title} is not installed", "install it again")
        if remembered is None:
            raise UnusableDataset(f"The dataset {run.dataset_title} is not among those that were added", "add it again")
        dataset, changed = opened(remembered.location, remembered.options, remembered, progress, cancelled)
        if changed:
            raise UnusableDataset(f"Files of {dataset.title} have changed since it was scored", "run the models anew")
        scored = variant_of(dataset, run)
        mapping = remembered.maps.get(run.model, {})
        kind: Kind = run.kind if run.kind in ("internal", "external") else "unknown"  # type: ignore[assignment]
        with cluster_asked() as cluster:
            evaluate(card, None, scored, run.split, mapping, store, progress, cancelled, kind=kind, cluster=cluster)
        return Outcome(dataset.name, run.split, ((run.model, scored.title),))

    state.outcome = None
    title = f"Going on with {run.model_title} on {run.dataset_title}"
    state.jobs.start("run", run.id, title, work, patience=0.3, is_long=True)


def dataset_of(run: RunSummary, datasets: Sequence[Remembered]) -> Remembered | None:
    """The added dataset that a run is about, by its hash."""
    variant = run.dataset.partition("~")[2]
    for remembered in datasets:
        if remembered.digest and digest_of_variant(remembered.digest, variant) == run.dataset_digest:
            return remembered
    return None


def variant_of(dataset: Dataset, run: RunSummary) -> Dataset:
    """The dataset, or the stressed copy of it that a run is about."""
    from core.datasets.stress.levels import stressed

    name, _, strength = run.dataset.partition("~")[2].rpartition("-")
    return stressed(dataset, name, int(strength)) if name else dataset
