"""Evaluations as files that other programs read, and back.

Both forms have the columns that `case_scores` describes: case, patient, split, y_true, y_score, logit, `attr_…`. What
the columns do not say (model, hashes, thresholds, failed cases) is JSON: in Parquet under the key `scanlens` of the
file's metadata, in CSV on a first line that begins with `# scanlens `, so that the table is one file which
`pandas.read_csv(path, skiprows=1)` and every spreadsheet opens. A sha256 over facts and columns tells a changed file.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import ScanLensError
from core.evaluation.evaluation import Evaluation
from core.evaluation.record import evaluation_from, facts_of

Form = Literal["parquet", "csv"]

#: Larger files are refused: a million cases of ten labels come to half of it.
MOST_BYTES = 1 << 30

_KEY = "scanlens"
_HEAD = b"# scanlens "
_ATTRIBUTE = "attr_"
_VERSION = 1


class InvalidExchange(ScanLensError):
    """A file that is no exported evaluation, or was changed since."""


def export(evaluations: Iterable[Evaluation], folder: Path, form: Form = "parquet") -> list[Path]:
    """Write `<model>--<dataset>--<split>.<form>` for each evaluation, and return the paths.

    Two of the same name get the beginning of their hashes as well.

    Raises:
        InvalidExchange: The folder cannot be written.
    """
    paths: list[Path] = []
    for evaluation in evaluations:
        path = folder / f"{_stem(evaluation)}.{form}"
        if path in paths:
            path = folder / f"{_stem(evaluation)}--{evaluation.model_sha256[:8]}-{evaluation.dataset_digest[:8]}.{form}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(export_bytes(evaluation, form))
        except OSError as error:
            raise InvalidExchange(
                "a folder that can be written", f"{folder.name}, which cannot", "choose another"
            ) from error
        paths.append(path)
    return paths


def export_bytes(evaluation: Evaluation, form: Form = "parquet") -> bytes:
    """One evaluation as the content of a file."""
    columns = _columns(evaluation)
    facts = {**facts_of(evaluation), "failed": dict(evaluation.failed), "version": _VERSION}
    facts["digest"] = _digest(facts, columns)
    return _to_csv(facts, columns) if form == "csv" else _to_parquet(facts, columns)


def import_file(source: Path | bytes) -> Evaluation:
    """An exported evaluation, equal to the one that was exported.

    Args:
        source: A file or its content, of either form.

    Raises:
        InvalidExchange: It is none, is not complete, or was changed.
    """
    content = _content(source)
    try:
        facts, columns = _from_csv(content) if content.startswith(_HEAD) else _from_parquet(content)
        if int(facts["version"]) > _VERSION:
            raise InvalidExchange("an evaluation of this version", "one of a newer ScanLens", "export it there again")
        stated = facts.pop("digest")
        if stated != _digest(facts, columns):
            raise InvalidExchange("an evaluation as it was exported", "one that was changed since", "export it again")
        return _evaluation(facts, columns)
    # pyarrow's errors are ValueError, KeyError or OSError, and those of broken text and JSON are ValueError.
    except (LookupError, TypeError, ValueError, OSError, AttributeError, csv.Error) as error:
        raise InvalidExchange(
            "an evaluation that ScanLens exported as Parquet or CSV",
            "a file that is none or not whole",
            "export it again",
        ) from error


def same(a: Evaluation, b: Evaluation) -> bool:
    """Whether two evaluations say the same in every part."""
    return (
        facts_of(a) == facts_of(b)
        and dict(a.failed) == dict(b.failed)
        and _columns(a).keys() == _columns(b).keys()
        and all(np.array_equal(column, _columns(b)[name]) for name, column in _columns(a).items())
    )


def _stem(evaluation: Evaluation) -> str:
    parts = (evaluation.model, evaluation.dataset, evaluation.split or "all")
    return "--".join(re.sub(r"[^\w~.-]+", "_", part).strip(".") or "_" for part in parts)


def _columns(evaluation: Evaluation) -> dict[str, NDArray[Any]]:
    scores, count = evaluation.scores, len(evaluation.cases)
    values = {"y_true": scores.y_true, "y_score": scores.y_score(), "logit": scores.logits}
    found: dict[str, NDArray[Any]] = {
        "case": evaluation.cases,
        "patient": scores.patients,
        "split": np.full(count, evaluation.split, object),
    }
    for name, value in values.items():
        numbered = {f"{name}_{k}": column for k, column in enumerate(value.T)} if value.ndim == 2 else {name: value}
        found |= numbered
    return found | {_ATTRIBUTE + name: column for name, column in sorted(evaluation.attributes.items())}


def _digest(facts: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> str:
    """Over everything but the derived `y_score`, in a form that does not depend on the file's."""
    running = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name, column in columns.items():
        if not name.startswith("y_score"):
            texts = [repr(float(value)) if name.startswith("logit") else str(value) for value in column]
            running.update(json.dumps([name, texts]).encode())
    return running.hexdigest()


def _evaluation(facts: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> Evaluation:
    def matrix(name: str) -> NDArray[Any]:
        if name in columns:
            return columns[name]
        numbered = [columns[f"{name}_{k}"] for k in range(len(facts["labels"]))]
        return np.stack(numbered, axis=1)

    return evaluation_from(
        facts,
        list(columns["case"]),
        list(columns["patient"]),
        matrix("y_true"),
        matrix("logit"),
        {
            name.removeprefix(_ATTRIBUTE): list(column)
            for name, column in columns.items()
            if name.startswith(_ATTRIBUTE)
        },
        facts["failed"],
    )


def _to_parquet(facts: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> bytes:
    import pyarrow  # type: ignore[import-untyped]
    import pyarrow.parquet  # type: ignore[import-untyped]

    texts = {
        name: pyarrow.array([str(value) for value in column]) for name, column in columns.items() if _is_text(name)
    }
    table = pyarrow.table({name: texts.get(name, column) for name, column in columns.items()})
    table = table.replace_schema_metadata({_KEY: json.dumps(facts)})
    stream = io.BytesIO()
    pyarrow.parquet.write_table(table, stream, compression="zstd")
    return stream.getvalue()


def _from_parquet(content: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(io.BytesIO(content))
    facts = json.loads((table.schema.metadata or {})[_KEY.encode()])
    return facts, {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}


def _to_csv(facts: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    # A float's own text reads back as the same float.
    writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))
    return _HEAD + json.dumps(facts).encode("ascii") + b"\n" + stream.getvalue().encode()


def _from_csv(content: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    head, _, body = content.partition(b"\n")
    facts = json.loads(head[len(_HEAD) :])
    rows = list(csv.reader(io.StringIO(body.decode(), newline="")))
    names, rows = rows[0], rows[1:]
    if any(len(row) != len(names) for row in rows):
        raise ValueError("a row of another length")
    return facts, {name: _column(name, [row[k] for row in rows]) for k, name in enumerate(names)}


def _column(name: str, texts: list[str]) -> NDArray[Any]:
    if _is_text(name):
        column = np.empty(len(texts), object)
        column[:] = texts
        return column
    return np.array(texts, np.int64 if name.startswith("y_true") else np.float64)


def _is_text(name: str) -> bool:
    return name in {"case", "patient", "split"} or name.startswith(_ATTRIBUTE)


def _content(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source
    try:
        if source.stat().st_size > MOST_BYTES:
            raise InvalidExchange("a file of at most 1 GB", f"{source.name}, which is larger", "choose another file")
        return source.read_bytes()
    except OSError as error:
        raise InvalidExchange(
            "a file that can be read", f"{source.name}, which cannot", "choose another file"
        ) from error
