"""What is taken home from a comparison: tables, a report that stands alone, and a bundle that reproduces it."""

import csv
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from core.errors import Cancelled
from core.evaluation.comparison.matrix import matrix, model_key
from core.evaluation.results.case_scores import CaseScores
from core.evaluation.results.evaluation import Evaluation
from core.figures.comparing.lines import line_of
from core.report.comparison import Comparison, csv_text, latex_table, matrix_rows, pair_sentences
from core.report.comparison_bundle import bundle_zip
from core.report.comparison_facts import facts, methods
from core.report.comparison_figures import panels
from core.report.comparison_html import report_html

ROOT = Path(__file__).resolve().parents[3]
STRANGE = "Clinic_B & </script><b>100 %"


def evaluation(model: str, dataset: str, title: str, seed: int, gain: float, labels=("Normal", "Pneumonia")):
    rng = np.random.default_rng(100 + seed)
    number, task = 60, "binary" if len(labels) == 2 else "multiclass"
    truth = np.random.default_rng(len(dataset)).integers(0, len(labels), number)
    if task == "binary":
        logits = rng.normal(size=number) + gain * (truth - 0.5)
    else:
        logits = rng.normal(size=(number, len(labels))) + gain * np.eye(len(labels))[truth]
    names = np.array([f"case {place:02}" for place in range(number)], object)
    return Evaluation(
        model=model, model_title=f"Model {model}", model_sha256=(model * 64)[:64], dataset=dataset, dataset_title=title,
        dataset_digest=(dataset[-1] * 64)[:64], split="test", kind="internal" if dataset == "a" else "external",
        scores=CaseScores(task, tuple(labels), truth, logits, names), cases=names,
        attributes={"sex": np.array(["F", "M"] * (number // 2), object)},
        threshold=0.42 if task == "binary" else None,
        threshold_from="sensitivity 0.95 on the validation split",
    )  # fmt: skip


def comparison_of(evaluations, question="Pneumonia", metric="roc_auc"):
    table = matrix(evaluations, question, metric)
    lines = {model_key(one): line_of(one.model_title, place) for place, one in enumerate(evaluations)}
    return Comparison("Is it pneumonia?", table, tuple(evaluations), lines)


@pytest.fixture(scope="module")
def comparison():
    places = (("a", "Clinic A"), ("bb", STRANGE))
    found = [
        evaluation(model, name, title, seed, gain)
        for seed, (model, gain) in enumerate((("x", 2.5), ("y", 0.5)))
        for name, title in places
    ]
    return comparison_of(found)


@pytest.fixture(scope="module")
def drawn(comparison):
    return list(panels(comparison, resamples=50))


@pytest.fixture(scope="module")
def report(comparison, drawn):
    return report_html(comparison, drawn, date(2026, 1, 31))


def test_the_csv_holds_every_cell_with_its_interval(comparison):
    rows = list(csv.DictReader(io.StringIO(csv_text(matrix_rows(comparison.table)))))
    assert len(rows) == 4
    assert all(float(row["low"]) <= float(row["value"]) <= float(row["high"]) for row in rows)


def test_a_name_that_a_spreadsheet_would_run_is_text():
    assert csv_text([{"dataset": "=1+1", "value": -0.5}]).splitlines()[1] == "'=1+1,-0.5"


def test_the_latex_table_marks_the_best_and_escapes_names(comparison):
    table = latex_table(comparison.table)
    assert r"\toprule" in table
    assert table.count(r"\textbf{") == 2
    assert r"Clinic\_B \& \textless{}/script\textgreater{}\textless{}b\textgreater{}100 \%" in table
    rows = [line for line in table.splitlines() if line.strip().startswith("Model ") and line.endswith(r"\\")]
    assert {line.count(" & ") for line in rows} == {2}


def test_every_dataset_has_every_figure(comparison, drawn):
    kinds = {"roc", "precision-recall", "calibration", "confusion", "scores", "net-benefit", "predictive-values"}
    for heading in comparison.table.datasets:
        names = {panel.name.partition("--")[0] for panel in drawn if panel.dataset == heading.key}
        assert names == kinds | {"subgroups-1"}
    assert all(panel.alt for panel in drawn)


def test_questions_about_classes_have_their_own_figures():
    labels = ("glioma", "meningioma", "none")
    found = [evaluation(model, "a", "Clinic A", seed, 2.0, labels) for seed, model in enumerate("xy")]
    names = [
        panel.name for panel in panels(comparison_of(found, "classes:" + " | ".join(labels), "kappa"), resamples=20)
    ]
    assert [name.partition("--")[0] for name in names] == ["class-roc", "class-confusion", "subgroups-1"]


def test_making_figures_can_be_stopped(comparison):
    def stop(fraction, words):
        raise Cancelled("the report")

    with pytest.raises(Cancelled):
        next(panels(comparison, stop))


def test_the_report_stands_alone(report, drawn):
    assert report.count("Plotly.newPlot(") == 1
    assert "default-src 'none'" in report
    assert not re.findall(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=", report.partition("<script>")[0])
    assert report.count('data-take="svg"') == report.count('data-take="png"') == len(drawn)


def test_names_cannot_break_out_of_the_report(report):
    assert "<b>100" not in report
    assert "&lt;/script&gt;&lt;b&gt;100 %" in report


def test_the_report_says_numbers_findings_and_methods(comparison, report):
    assert "Model x is better than Model y" in report
    assert "Holm" in report
    assert "DeLong" in report
    assert "0.42" in report
    assert "sensitivity 0.95 on the validation split" in report
    assert pair_sentences(comparison, "a--test")


def test_a_convention_is_named_where_programs_differ(comparison):
    words = " ".join(methods(comparison_of(comparison.evaluations, metric="average_precision")))
    assert "without interpolation" in words


def test_the_facts_say_where_everything_came_from(comparison):
    told = facts(comparison)
    first = told["evaluations"][0]
    assert first["model_sha256"] == "x" * 64
    assert first["split"] == "test"
    assert first["threshold"] == 0.42
    assert told["seeds"] == {"a--test": 0, "bb--test": 1}
    assert json.dumps(told)


def reproduced(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "reproduce.py"]
    return subprocess.run(
        command, check=False, cwd=folder, env=environment, capture_output=True, text=True, timeout=180
    )


def test_the_bundle_reproduces_the_matrix(comparison, tmp_path):
    brier = comparison_of(comparison.evaluations, metric="brier")  # its intervals are resampled
    zipfile.ZipFile(io.BytesIO(bundle_zip(brier, "<!doctype html>"))).extractall(tmp_path)
    done = reproduced(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Largest difference from matrix.csv: 0" in done.stdout


def test_a_changed_number_is_told_when_reproducing(comparison, tmp_path):
    zipfile.ZipFile(io.BytesIO(bundle_zip(comparison, ""))).extractall(tmp_path)
    table = tmp_path / "matrix.csv"
    table.write_text(table.read_text().replace("internal,roc_auc,0.", "internal,roc_auc,0.1"))
    assert reproduced(tmp_path).returncode == 1
