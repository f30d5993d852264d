"""Evaluations as files that other programs read, and back.

Both forms have the columns that `case_scores` describes: case, patient, split, y_true, y_score, logit, `attr_…`; of a
model that segments the measures of each label but the background (`pixels_0`, `true_pixels_0` …) in place of scores.
What the columns do not say (model, hashes, thresholds, failed cases) is JSON: in Parquet under the key `scanlens` of
the file's metadata, in CSV on a first line that begins with `# scanlens `, so that the table is one file which
`pandas.read_csv(path, skiprows=1)` and every spreadsheet opens. A sha256 over facts and columns tells a changed file.
"""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.bounded import parse_json
from core.csv_cells import from_cell, reversible_cell
from core.errors import ScanLensError
from core.evaluation.metrics.mask_cases import MEASURES
from core.evaluation.results.evaluation import Evaluation
from core.evaluation.results.record import evaluation_from, facts_of
from core.evaluation.store.parquet_pages import unpacked_size

Form = Literal["parquet", "csv"]

#: Larger files are refused: a million cases of ten labels come to half of it.
MOST_BYTES = 1 << 30
#: Bytes that the columns of a file may come to: runs of one value shrink without bound in Parquet, 3.6 GB to 0.9 MB.
MOST_UNPACKED = 768 << 20
#: Columns of one file, and characters of one text in it.
MOST_COLUMNS, MOST_CHARACTERS = 4_096, 10_000

_KEY = "scanlens"
_HEAD = b"# scanlens "
_ATTRIBUTE = "attr_"
#: 2: in CSV, an apostrophe stands before text that a spreadsheet would run as a formula.
_VERSION = 2
#: Cases that are converted at once.
_BLOCK = 65_536


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
            raise InvalidExchange(f"The folder {folder.name} cannot be written", "choose another") from error
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
            raise InvalidExchange("The evaluation was exported by a newer ScanLens", "export it with this version")
        stated = facts.pop("digest")
        if stated != _digest(facts, columns):
            raise InvalidExchange("The evaluation was changed since it was exported", "export it again")
        return _evaluation(facts, columns)
    # pyarrow's errors are ValueError, KeyError or OSError, and those of broken text and JSON are ValueError.
    except (LookupError, TypeError, ValueError, OSError, AttributeError, csv.Error) as error:
        raise InvalidExchange(
            "The file is no whole evaluation that ScanLens exported",
            "export it again as Parquet or CSV",
        ) from error


def same(a: Evaluation, b: Evaluation) -> bool:
    """Whether two evaluations say the same in every part."""
    return (
        facts_of(a) == facts_of(b)
        and dict(a.failed) == dict(b.failed)
        and _columns(a).keys() == _columns(b).keys()
        and all(_equal(column, _columns(b)[name]) for name, column in _columns(a).items())
    )


def _equal(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether two columns say the same; what is undefined in both is the same."""
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def _stem(evaluation: Evaluation) -> str:
    parts = (evaluation.model, evaluation.dataset, evaluation.split or "all")
    return "--".join(re.sub(r"[^\w~.-]+", "_", part).strip(".") or "_" for part in parts)


def _columns(evaluation: Evaluation) -> dict[str, NDArray[Any]]:
    scores, count = evaluation.scores, len(evaluation.cases)
    values = (
        {name: scores.logits[:, place :: len(MEASURES)] for place, name in enumerate(MEASURES)}
        if scores.task == "segmentation"
        else {"y_true": scores.y_true, "y_score": scores.y_score(), "logit": scores.logits}
    )
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
            is_text = name.startswith("y_true") or _is_text(name)
            texts = [str(value) if is_text else repr(float(value)) for value in column]
            running.update(json.dumps([name, texts]).encode())
    return running.hexdigest()


def _evaluation(facts: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> Evaluation:
    def matrix(name: str) -> NDArray[Any]:
        if name in columns:
            return columns[name]
        numbered = [columns[f"{name}_{k}"] for k in range(len(facts["labels"]))]
        return np.stack(numbered, axis=1)

    def scores() -> tuple[NDArray[Any], NDArray[Any]]:
        if facts["task"] != "segmentation":
            return matrix("y_true"), matrix("logit")
        labels = range(len(facts["labels"]) - 1)
        rows = np.stack([columns[f"{name}_{k}"] for k in labels for name in MEASURES], axis=1)
        return rows[:, MEASURES.index("true_pixels") :: len(MEASURES)], rows

    return evaluation_from(
        facts,
        list(columns["case"]),
        list(columns["patient"]),
        *scores(),
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

    stored = pyarrow.parquet.ParquetFile(io.BytesIO(content))
    names = list(stored.schema_arrow.names)
    # Looked at before anything is unpacked: what each page says it comes to, which the footer may deny.
    _check_extent(stored.metadata.num_rows, names)
    if unpacked_size(content, stored.metadata) > MOST_UNPACKED:
        raise _too_much()
    facts = parse_json((stored.schema_arrow.metadata or {})[_KEY.encode()])
    # As codes and a list of the texts that occur, a column of texts cannot grow when it is unpacked.
    texts = [name for name in names if _is_text(name)]
    stored = pyarrow.parquet.ParquetFile(io.BytesIO(content), read_dictionary=texts)
    budget = _Budget()
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
    for batch in stored.iter_batches(_BLOCK):
        for name, column in zip(names, batch.columns, strict=True):
            parts[name].append(_unpacked(column, budget) if _is_text(name) else _numbers(name, column, budget))
    empty = {name: np.empty(0, object if _is_text(name) else _number_type(name)) for name in names}
    return facts, {name: np.concatenate(found) if found else empty[name] for name, found in parts.items()}


class _Budget:
    """Counts what has been unpacked, and refuses what passes `MOST_UNPACKED`."""

    def __init__(self) -> None:
        self.left = MOST_UNPACKED

    def claim(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise _too_much()


def _too_much() -> InvalidExchange:
    return InvalidExchange(
        f"The file unpacks to more than {MOST_UNPACKED >> 20:,} MB",
        "export fewer cases at once",
    )


def _check_extent(cases: int, names: list[str]) -> None:
    if len(names) > MOST_COLUMNS:
        raise InvalidExchange(f"at most {MOST_COLUMNS:,} columns", f"{len(names):,}", "export fewer attributes")
    if 8 * cases * len(names) > MOST_UNPACKED:
        raise _too_much()


def _unpacked(column: Any, budget: _Budget) -> NDArray[Any]:
    """(cases,) of str, from codes and the texts that they stand for."""
    if column.null_count:
        raise ValueError("a text that is missing")
    words = column.dictionary.to_pylist()
    if any(not isinstance(word, str) or len(word) > MOST_CHARACTERS for word in words):
        raise ValueError("a column of names that are no texts, or one of more than 10,000 characters")
    codes = column.indices.to_numpy(zero_copy_only=False)
    # Each case's own text: that is what they come to wherever the evaluation is written next.
    budget.claim(int(np.array([60 + len(word) for word in words], np.int64)[codes].sum()))
    table = np.empty(len(words), object)
    table[:] = words
    return np.asarray(table[codes])


def _numbers(name: str, column: Any, budget: _Budget) -> NDArray[Any]:
    budget.claim(8 * len(column))
    if column.type.bit_width > 64 or column.null_count:  # nested columns have no width and raise ValueError
        raise ValueError("a column of numbers that holds something else")
    return np.asarray(column.to_numpy(zero_copy_only=False)).astype(_number_type(name), casting="safe")


def _number_type(name: str) -> type[np.generic]:
    return np.int64 if name.startswith("y_true") else np.float64


def _to_csv(facts: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    # A float's own text reads back as the same float. Numbers are no formula, also where they begin with a minus.
    plain = [
        [reversible_cell(text) for text in column.tolist()] if _is_text(name) else column.tolist()
        for name, column in columns.items()
    ]
    writer.writerows(zip(*plain, strict=True))
    return _HEAD + json.dumps(facts).encode("ascii") + b"\n" + stream.getvalue().encode()


def _from_csv(content: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    head, _, body = content.partition(b"\n")
    facts = parse_json(head[len(_HEAD) :])
    rows = csv.reader(io.TextIOWrapper(io.BytesIO(body), encoding="utf-8", newline=""))
    names = next(rows, [])
    _check_extent(0, names)
    marked, budget = int(facts["version"]) >= 2, _Budget()
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
    while block := list(itertools.islice(rows, _BLOCK)):
        if any(len(row) != len(names) for row in block):
            raise ValueError("a row of another length")
        for k, name in enumerate(names):
            parts[name].append(_column(name, [row[k] for row in block], marked, budget))
    empty = {name: _column(name, [], marked, budget) for name in names}
    return facts, {name: np.concatenate(found) if found else empty[name] for name, found in parts.items()}


def _column(name: str, texts: list[str], marked: bool, budget: _Budget) -> NDArray[Any]:
    if not _is_text(name):
        budget.claim(8 * len(texts))
        return np.array(texts, _number_type(name))
    budget.claim(sum(60 + len(text) for text in texts))
    column = np.empty(len(texts), object)
    column[:] = [from_cell(text) for text in texts] if marked else texts
    return column


def _is_text(name: str) -> bool:
    return name in {"case", "patient", "split"} or name.startswith(_ATTRIBUTE)


def _content(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source
    try:
        if source.stat().st_size > MOST_BYTES:
            raise InvalidExchange(f"{source.name} is larger than 1 GB", "choose another file")
        return source.read_bytes()
    except OSError as error:
        raise InvalidExchange(f"{source.name} cannot be read", "choose another file") from error
