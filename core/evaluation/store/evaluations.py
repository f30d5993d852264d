"""Results of evaluations, and the datasets that were added, in a database.

SQLite in the user data folder by default, any other by `SCANLENS_DATABASE_URL`. Scores are stored chunk by chunk, so
that what was computed stays whatever happens; a (model hash, dataset hash, split) is there once. Names of cases and
keys of patients are stored as the dataset has them and stay in this database; pixels are never stored.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from core.bounded import parse_json
from core.evaluation.results.evaluation import Evaluation
from core.evaluation.results.record import evaluation_from, facts_of
from core.evaluation.store.cases import (
    RunCases,
    pack,
    unpack,
    unpack_indices,
    unpack_logits,
)
from core.evaluation.store.database import inserted
from core.evaluation.store.datasets import DatasetStore
from core.evaluation.store.faults import RunTaken, StoreFault, fault_of
from core.evaluation.store.owner import is_alive, let_go, new_owner
from core.evaluation.store.schema import CHUNKS, RUNS
from core.evaluation.store.summary import RunSummary, record_of
from core.evaluation.store.unfinished_run import OpenRun, chunk_values


class Store(DatasetStore):
    """Datasets and runs; `Store()` opens the default database, `Store(url)` another."""

    def begin(self, facts: Mapping[str, Any], cases: RunCases, retry_failed: bool = False) -> OpenRun:
        """Open the run of `facts`' model on its dataset and split, and claim it for this process.

        A run that is there goes on where it was. Its facts and cases are brought up to date first: with another label
        map, what was scored stays and only cases that did not count before are open. Where the model's input contract
        has changed, the scores were made from other pixels and are dropped.

        Args:
            facts: As `record.facts_of`, with further ones fit for JSON; `input` holds the model's input contract.
            cases: All cases of the split, and the truth of those that count.
            retry_failed: Try again the cases that failed before.

        Raises:
            RunTaken: Another process is computing it.
            StoreFault: The database does not work.
        """
        owner = new_owner()
        try:
            return OpenRun(self, self._claimed(owner, facts, cases, retry_failed), owner)
        except BaseException:
            let_go(owner)
            raise

    def _claimed(self, owner: str, facts: Mapping[str, Any], cases: RunCases, retry_failed: bool) -> int:
        for attempt in (1, 2, 3):
            try:
                with self.writing() as connection:
                    return self._claim(connection, owner, facts, cases, retry_failed)
            except IntegrityError as error:  # another process stored the same run between our look and our insert
                if attempt == 3:
                    raise fault_of(error, self.engine.url) from error
        raise AssertionError("unreachable")

    def current(self, facts: Mapping[str, Any], cases: RunCases) -> int | None:
        """The finished run of these very facts and cases; its kind becomes that of `facts` where that is known.

        Args:
            facts: As `record.facts_of` gives them; versions of software are not compared.
            cases: All cases of the split, and the truth of those that count.
        """
        with self.reading() as connection:
            query = sa.select(RUNS.c.id, RUNS.c.kind, RUNS.c.facts, RUNS.c.cases).where(*_key(facts))
            found = connection.execute(query.where(RUNS.c.state == "done")).mappings().first()
        before = record_of(found["facts"]) if found is not None else None
        if before is None or _compared(before) != _compared(json.loads(json.dumps(dict(facts)))):
            return None
        assert found is not None  # its facts were read
        if found["cases"] != pack(cases):
            return None
        if facts["kind"] not in {"unknown", found["kind"]}:
            with self.writing() as connection:
                connection.execute(RUNS.update().where(RUNS.c.id == found["id"]).values(kind=facts["kind"]))
        return int(found["id"])

    def _claim(
        self, connection: Connection, owner: str, facts: Mapping[str, Any], cases: RunCases, retry_failed: bool
    ) -> int:
        found = connection.execute(sa.select(RUNS).where(*_key(facts)).with_for_update()).mappings().first()
        values = {**_columns(facts, cases), "owner": owner, "beat": time.time()}
        if found is None:
            fresh = {**values, "state": "open", "created": time.time()}
            return inserted(connection, RUNS, fresh)
        if is_alive(found["owner"], found["beat"]):
            raise RunTaken(
                f"{facts['model_title']} is already being run on {facts['dataset_title']} in another window or process",
                "wait for that run, its results will be here as well",
            )
        run = int(found["id"])
        before = (record_of(found["facts"]) or {}).get("input")  # an imported run does not say
        if before and facts.get("input") and before != facts["input"]:
            connection.execute(CHUNKS.delete().where(CHUNKS.c.run_id == run))
        _follow_order(connection, run, unpack(found["cases"]).names, cases.names)
        if retry_failed:
            connection.execute(CHUNKS.update().where(CHUNKS.c.run_id == run).values(failures=0, failed="{}"))
        if facts["kind"] == "unknown":
            values["kind"] = found["kind"]
        connection.execute(RUNS.update().where(RUNS.c.id == run).values({**values, "state": "open"}))
        return run

    def find(self, model_sha256: str, dataset_digest: str, split: str) -> Evaluation | None:
        """The finished run of a key, or None."""
        key = _key({"model_sha256": model_sha256, "dataset_digest": dataset_digest, "split": split})
        with self.reading() as connection:
            run = connection.scalar(sa.select(RUNS.c.id).where(*key, RUNS.c.state == "done"))
        return None if run is None else self.load(run)

    def evaluations(self) -> list[RunSummary]:
        """All runs, the newest first, without their scores."""
        sums = (
            sa.select(
                CHUNKS.c.run_id,
                sa.func.sum(CHUNKS.c.scored).label("scored"),
                sa.func.sum(CHUNKS.c.failures).label("failures"),
            )
            .group_by(CHUNKS.c.run_id)
            .subquery()
        )
        columns = [column for column in RUNS.c if column.name != "cases"]
        query = sa.select(*columns, sums.c.scored, sums.c.failures).outerjoin(sums, sums.c.run_id == RUNS.c.id)
        with self.reading() as connection:
            rows = connection.execute(query.order_by(RUNS.c.created.desc(), RUNS.c.id.desc())).mappings().all()
        return [RunSummary.of_row(row, is_alive(row["owner"], row["beat"])) for row in rows]

    def load(self, run: int) -> Evaluation:
        """A finished run with its scores.

        Raises:
            StoreFault: There is no such run, it is not finished, or what is stored of it is broken.
        """
        with self.reading() as connection:
            found = connection.execute(sa.select(RUNS).where(RUNS.c.id == run)).mappings().first()
            chunks = connection.execute(
                sa.select(CHUNKS).where(CHUNKS.c.run_id == run).order_by(CHUNKS.c.number)
            ).mappings()
            rows = chunks.all()
        if found is None or found["state"] != "done":
            fault = "There is no such run" if found is None else "The run has not come to its end"
            raise StoreFault(fault, "start it again, it goes on where it was")
        try:
            return _evaluation(found, rows)
        except (LookupError, TypeError, ValueError, AttributeError, zlib.error) as error:
            raise StoreFault("Records of this run are damaged", "delete it and run it again") from error

    def insert(self, evaluation: Evaluation) -> int:
        """Store an evaluation that was made elsewhere; returns the run's id.

        A finished run of the same key stays as it is; an unfinished one is replaced.

        Raises:
            RunTaken: It is being computed here.
            StoreFault: The database does not work.
        """
        names = [*evaluation.cases, *evaluation.failed]
        rest, truth = [""] * len(evaluation.failed), evaluation.scores.y_true
        cases = RunCases(
            names,
            [*evaluation.scores.patients, *rest],
            np.arange(len(names)),
            np.concatenate([truth, np.zeros((len(rest), *truth.shape[1:]), truth.dtype)]),
            {name: [*column, *rest] for name, column in evaluation.attributes.items()},
        )
        facts = {**facts_of(evaluation), "imported": True}
        with self.reading() as connection:
            stored = connection.execute(sa.select(RUNS.c.id, RUNS.c.state).where(*_key(facts))).first()
        if stored is not None and stored.state == "done":
            return int(stored.id)
        with self.begin(facts, cases) as run:
            failed = {len(evaluation.cases) + k: text for k, text in enumerate(evaluation.failed.values())}
            run.replace(range(len(evaluation.cases)), evaluation.scores.logits, failed)
            run.finish()
        return run.id

    def delete(self, run: int) -> None:
        """Forget a run and its scores; nothing happens where there is none."""
        with self.writing() as connection:
            connection.execute(CHUNKS.delete().where(CHUNKS.c.run_id == run))
            connection.execute(RUNS.delete().where(RUNS.c.id == run))


def _key(facts: Mapping[str, Any]) -> tuple[sa.ColumnElement[bool], ...]:
    names = ("model_sha256", "dataset_digest", "split")
    return tuple(RUNS.c[name] == facts[name] for name in names)


def _follow_order(connection: Connection, run: int, before: Sequence[str], now: Sequence[str]) -> None:
    """Point the chunks of a run at the places that its cases have now; an imported run has another order."""
    if list(before) == list(now):
        return
    place = {name: index for index, name in enumerate(now)}
    there = [place.get(name, -1) for name in before]
    for chunk in connection.execute(sa.select(CHUNKS).where(CHUNKS.c.run_id == run)).mappings().all():
        indices = np.array([there[k] for k in unpack_indices(chunk["indices"])], int)
        failed = {there[int(k)]: text for k, text in parse_json(chunk["failed"]).items() if there[int(k)] >= 0}
        logits = unpack_logits(chunk["logits"], chunk["scored"])[indices >= 0]
        values = chunk_values(indices[indices >= 0].tolist(), logits, failed)
        mine = (CHUNKS.c.run_id == run, CHUNKS.c.number == chunk["number"])
        connection.execute(CHUNKS.update().where(*mine).values(values))


def _compared(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name not in {"kind", "versions"}}


def _columns(facts: Mapping[str, Any], cases: RunCases) -> dict[str, Any]:
    return {
        **{name: facts[name] for name in ("model_sha256", "dataset_digest", "split", "kind")},
        "usable": len(cases.usable),
        "facts": json.dumps(dict(facts), sort_keys=True),
        "cases": pack(cases),
    }


def _evaluation(found: Mapping[Any, Any], chunks: Sequence[Mapping[Any, Any]]) -> Evaluation:
    """Scores of the cases that count now, in the order of the dataset; later chunks win over earlier ones."""
    cases = unpack(found["cases"])
    indices = [unpack_indices(chunk["indices"]) for chunk in chunks if chunk["scored"]]
    logits = [unpack_logits(chunk["logits"], chunk["scored"]) for chunk in chunks if chunk["scored"]]
    units = logits[0].shape[1] if logits else 1
    values = np.full((len(cases.names), units), np.nan)
    if logits:
        values[np.concatenate(indices)] = np.concatenate(logits)
    known = np.isfinite(values[cases.usable])
    # A mask always has areas, though no distance where it is empty.
    scored = known.any(axis=1) if parse_json(found["facts"])["task"] == "segmentation" else known.all(axis=1)
    kept = cases.usable[scored]
    without = set(cases.usable[~scored].tolist())
    told = {int(k): text for chunk in chunks for k, text in parse_json(chunk["failed"]).items()}
    failed = {cases.names[k]: text for k, text in told.items() if k in without}
    return evaluation_from(
        {**parse_json(found["facts"]), "kind": found["kind"]},
        _picked(cases.names, kept),
        _picked(cases.patients, kept),
        cases.y_true[scored],
        values[kept],
        {name: _picked(column, kept) for name, column in cases.attributes.items()},
        failed,
    )


def _picked(column: Sequence[str], places: NDArray[np.intp]) -> list[str]:
    return [column[place] for place in places]
