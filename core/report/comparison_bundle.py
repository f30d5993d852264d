"""A zip that reproduces a comparison: scores, facts, tables, the report, and the script that computes it again."""

from __future__ import annotations

import io
import json
import zipfile

from core.evaluation.store.exchange import export_bytes
from core.report.comparison import Comparison, csv_text, latex_table, matrix_rows
from core.report.comparison_facts import facts

_READ_ME = """# {title}

Made by ScanLens {version}. For research and teaching only, never for diagnosis.

| file | what |
|---|---|
| `report.html` | the report; opens in any browser, without a network |
| `matrix.csv`, `matrix.tex` | the numbers as a table; the LaTeX needs the package booktabs |
| `facts.json` | hashes of models and datasets, versions, splits, seeds, thresholds and where they came from, methods |
| `scores/` | truth and score of every case as Parquet, one file for each model and dataset |
| `reproduce.py` | computes the matrix again from the scores and compares it with `matrix.csv` |

Run `python reproduce.py` in this folder, with ScanLens' own folder on the path:
`PYTHONPATH=/path/to/scanlens python reproduce.py`.

The scores hold names of cases and keys of patients as the datasets have them: look through them before you send this
on.
"""

_REPRODUCE = '''"""Compute the matrix of this folder again from its scores and compare it with matrix.csv."""

import csv
import json
import math
import sys
from pathlib import Path

from core.evaluation.store.exchange import import_file
from core.evaluation.comparison.matrix import matrix

HERE = Path(__file__).resolve().parent

facts = json.loads((HERE / "facts.json").read_text())
evaluations = [import_file(HERE / name) for name in facts["files"]]
table = matrix(evaluations, facts["question"], facts["metric"], facts["resamples"])
titles = {heading.key: heading.title for heading in (*table.models, *table.datasets)}
with (HERE / "matrix.csv").open(newline="") as file:
    rows = list(csv.DictReader(file))
worst = 0.0
for cell, row in zip(table.cells.values(), rows, strict=True):
    estimate = cell.estimate
    for name, value in (("value", estimate.value), ("low", estimate.low), ("high", estimate.high)):
        written = float(row[name])
        if not (math.isnan(value) and math.isnan(written)):
            worst = max(worst, abs(value - written))
    numbers = f"{estimate.value:.4f} ({estimate.low:.4f} to {estimate.high:.4f})"
    print(f"{titles[cell.model]} on {titles[cell.dataset]}: {numbers}")
print(f"Largest difference from matrix.csv: {worst:.2g}")
sys.exit(0 if worst < 1e-9 else 1)
'''


def bundle_zip(comparison: Comparison, report: str) -> bytes:
    """Everything in one zip.

    Args:
        comparison: What is taken home.
        report: The HTML report.
    """
    told = facts(comparison)
    files = {
        f"scores/{place:02}-{_plain(one.model)}--{_plain(one.dataset)}--{one.split or 'all'}.parquet": one
        for place, one in enumerate(comparison.used, 1)
    }
    read_me = _READ_ME.format(title=comparison.title, version=told["versions"]["scanlens"])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.md", read_me)
        archive.writestr("facts.json", json.dumps(told | {"files": list(files)}, indent=2, ensure_ascii=False))
        archive.writestr("matrix.csv", csv_text(matrix_rows(comparison.table)))
        archive.writestr("matrix.tex", latex_table(comparison.table))
        archive.writestr("report.html", report)
        archive.writestr("reproduce.py", _REPRODUCE)
        for name, evaluation in files.items():
            archive.writestr(name, export_bytes(evaluation))
    return packed.getvalue()


def _plain(name: str) -> str:
    """Letters, digits and a few signs, as names of files are the same on every system."""
    return "".join(sign if sign.isalnum() or sign in "-_.~" else "-" for sign in name).strip(".")[:60] or "-"
