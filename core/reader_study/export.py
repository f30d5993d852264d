"""Answers and results to export, without names.

Readers are numbered by the random seeds of their orders, so that neither nicknames nor the order of their coming can
be told. Cases are numbered as in the plan and carry a short hash of their name: who has the images can find them.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from core.csv_cells import as_cell
from core.reader_study.class_results import ClassResult, class_result
from core.reader_study.design import Plan, reading_order
from core.reader_study.store import Reader
from core.version import VERSION

_READINGS = (("without", False), ("with", True))


def numbered(readers: Sequence[Reader]) -> list[tuple[int, Reader]]:
    """Readers with the numbers that stand for them, from 1."""
    return list(enumerate(sorted(readers, key=lambda reader: (reader.seed, reader.id)), start=1))


def answer_rows(plan: Plan, readers: Sequence[Reader]) -> list[dict[str, Any]]:
    """One row a reader and case with any answer; what was not answered is None."""
    rows = []
    for number, reader in numbered(readers):
        said = {(answer.place, answer.aided): answer for answer in reader.answers}
        for turn, place in enumerate(reading_order(len(plan.cases), reader.seed).tolist(), start=1):
            if (place, False) not in said:
                continue
            row: dict[str, Any] = {"reader": f"reader {number}", "read_as": turn, **_case(plan, place)}
            for name, aided in _READINGS:
                answer = said.get((place, aided))
                row[f"{name}_says"] = None if answer is None else int(answer.predicted)
                row[f"{name}_sureness"] = None if answer is None else answer.sureness
                row[f"{name}_seconds"] = None if answer is None else round(answer.seconds, 2)
            rows.append(row)
    return rows


def _case(plan: Plan, place: int) -> dict[str, Any]:
    case = plan.cases[place]
    return {
        "case": place + 1,
        "case_hash": hashlib.sha256(case.name.encode("utf-8", "surrogatepass")).hexdigest()[:12],
        "truth": int(case.truth),
        "model_probability": case.score,
        "model_says": int(plan.predicted[place]),
    }


def as_csv(plan: Plan, readers: Sequence[Reader]) -> str:
    """The rows as a table."""
    written = io.StringIO()
    rows = answer_rows(plan, readers)
    columns = list(rows[0]) if rows else ["reader", "read_as", *_case(plan, 0)]
    writer = csv.DictWriter(written, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: as_cell(value) for name, value in row.items()} for row in rows)
    return written.getvalue()


def as_json(plan: Plan, readers: Sequence[Reader]) -> str:
    """What was asked, the class against the model with intervals, and the rows; not defined is null."""
    told = {
        "made_by": f"ScanLens {VERSION}",
        "cases_from": plan.title,
        "finding": plan.finding,
        "model": plan.model,
        "model_sha256": plan.model_sha256,
        "threshold": plan.threshold,
        "seed": plan.seed,
        "balanced": plan.balanced,
        "cases": len(plan.cases),
        "design": "each case without, then with the model's answer; order random for each reader",
        "sureness": "1 a guess, 5 certain",
        "results": _summary(class_result(plan, readers)),
        "answers": answer_rows(plan, readers),
    }
    return json.dumps(_without_nan(told), indent=1)


def _summary(found: ClassResult) -> dict[str, Any]:
    names = ("without", "aided", "model", "gain", "lead")
    measures = {
        name: {part: asdict(getattr(spread, part)) for part in names} for name, spread in found.measures.items()
    }
    return {
        "readers": found.readers, **measures, "misled": asdict(found.misled), "put_right": asdict(found.put_right),
        "by_case": [asdict(case) for case in found.cases],
    }  # fmt: skip


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nan(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_without_nan(entry) for entry in value]
    return None if isinstance(value, float) and math.isnan(value) else value
