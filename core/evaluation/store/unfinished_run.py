"""A run that this process computes: what is open, chunks to append, and signs of life."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from core.evaluation.store.cases import pack_indices, pack_logits, unpack_indices
from core.evaluation.store.faults import RunTaken, StoreFault
from core.evaluation.store.owner import BEAT, let_go
from core.evaluation.store.schema import CHUNKS, RUNS

if TYPE_CHECKING:
    from core.evaluation.store.evaluations import Store


class OpenRun:
    """A claimed run. Leave it by `with`, which lets others go on with it.

    Args:
        store: Where it is.
        run: Its id.
        owner: The claim.

    Attributes:
        id: Of the run.
    """

    def __init__(self, store: Store, run: int, owner: str) -> None:
        self.id = run
        self._store, self._owner = store, owner
        self._beat = time.monotonic()

    def __enter__(self) -> OpenRun:
        return self

    def __exit__(self, *_: object) -> None:
        let_go(self._owner)
        # Where the database is gone as well, the next one finds no living owner.
        with contextlib.suppress(StoreFault), self._store.writing() as connection:
            connection.execute(RUNS.update().where(*self._mine()).values(owner=""))

    def settled(self) -> set[int]:
        """Indices of the cases that are scored or failed."""
        query = sa.select(CHUNKS.c.indices, CHUNKS.c.failed).where(CHUNKS.c.run_id == self.id)
        with self._store.reading() as connection:
            rows = connection.execute(query).all()
        scored = {int(k) for row in rows for k in unpack_indices(row.indices)}
        return scored | {int(k) for row in rows for k in json.loads(row.failed)}

    def has_scores(self) -> bool:
        """Whether any case was scored."""
        query = sa.select(sa.func.sum(CHUNKS.c.scored)).where(CHUNKS.c.run_id == self.id)
        with self._store.reading() as connection:
            return bool(connection.scalar(query))

    def append(self, indices: Sequence[int], logits: NDArray[np.floating], failed: Mapping[int, str]) -> None:
        """Store some more cases, all or none of them.

        Args:
            indices: (N,) places of the scored cases in the run's cases.
            logits: (N, units) of them.
            failed: Place to the sentence that says why there is no score.

        Raises:
            RunTaken: The run was deleted, or another process went on with it.
            StoreFault: The database does not work; what was stored before stays.
        """
        with self._store.writing() as connection:
            self._claim_again(connection)
            self._insert(connection, indices, logits, failed)

    def replace(self, indices: Sequence[int], logits: NDArray[np.floating], failed: Mapping[int, str]) -> None:
        """Store the answers to some cases in place of all that was stored before.

        Args:
            indices: (N,) places of the scored cases in the run's cases.
            logits: (N, units) of them.
            failed: Place to the sentence that says why there is no score.

        Raises:
            RunTaken: The run was deleted, or another process went on with it.
            StoreFault: The database does not work; what was stored before stays.
        """
        with self._store.writing() as connection:
            self._claim_again(connection)
            connection.execute(CHUNKS.delete().where(CHUNKS.c.run_id == self.id))
            self._insert(connection, indices, logits, failed)

    def beat(self) -> None:
        """Tell others now and then that this run is being computed."""
        if time.monotonic() - self._beat > BEAT:
            with self._store.writing() as connection:
                self._claim_again(connection)

    def finish(self) -> None:
        """All is stored.

        Raises:
            RunTaken: The run was deleted, or another process went on with it.
            StoreFault: The database does not work; what was stored before stays.
        """
        with self._store.writing() as connection:
            self._claim_again(connection)
            done = {"state": "done", "finished": time.time(), "owner": ""}
            connection.execute(RUNS.update().where(RUNS.c.id == self.id).values(done))

    def _mine(self) -> tuple[sa.ColumnElement[bool], ...]:
        return RUNS.c.id == self.id, RUNS.c.owner == self._owner

    def _claim_again(self, connection: Connection) -> None:
        self._beat = time.monotonic()
        if connection.execute(RUNS.update().where(*self._mine()).values(beat=time.time())).rowcount != 1:
            raise RunTaken("This run was deleted, or another process took it over", "start it again")

    def _insert(
        self, connection: Connection, indices: Sequence[int], logits: NDArray[np.floating], failed: Mapping[int, str]
    ) -> None:
        last = connection.scalar(sa.select(sa.func.max(CHUNKS.c.number)).where(CHUNKS.c.run_id == self.id))
        number = 0 if last is None else last + 1
        values = chunk_values(indices, logits, failed)
        connection.execute(CHUNKS.insert().values(run_id=self.id, number=number, **values))


def chunk_values(
    indices: Sequence[int], logits: NDArray[np.floating], failed: Mapping[int, str]
) -> dict[str, int | str | bytes]:
    """Columns of one chunk of (N,) cases with (N, units) logits, as `OpenRun.append` takes it."""
    return {
        "scored": len(indices),
        "indices": pack_indices(indices),
        "logits": pack_logits(logits),
        "failures": len(failed),
        "failed": json.dumps({str(k): text for k, text in failed.items()}),
    }
