"""One run in a list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from core.bounded import parse_json


def record_of(text: object) -> dict[str, Any] | None:
    """A stored mapping, or None where the row is damaged: one such row must not hide the others."""
    try:
        found = parse_json(text) if isinstance(text, str | bytes) else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


@dataclass(frozen=True)
class RunSummary:
    """A run without its scores.

    Attributes:
        id: For `Store.load` and `Store.delete`.
        model: Slug of the model.
        model_title: For people.
        model_sha256: Of its weights.
        dataset: Short name of the dataset.
        dataset_title: For people.
        dataset_digest: sha256 of the dataset.
        split: `""` where the dataset has none.
        kind: Where the images come from as the model sees it.
        state: `done`, `running` where a process is at it, or `stopped` where it waits to go on.
        cases: How many cases count.
        scored: How many were scored so far.
        failed: How many could not be.
        created: Seconds since 1970.
        finished: Seconds since 1970, None where it is not.
    """

    id: int
    model: str
    model_title: str
    model_sha256: str
    dataset: str
    dataset_title: str
    dataset_digest: str
    split: str
    kind: str
    state: Literal["done", "running", "stopped"]
    cases: int
    scored: int
    failed: int
    created: float
    finished: float | None

    @property
    def fraction(self) -> float:
        """How much of it is done, 0 to 1."""
        return min(1.0, (self.scored + self.failed) / self.cases) if self.cases else 1.0

    @classmethod
    def of_row(cls, row: Mapping[Any, Any], alive: bool) -> RunSummary:
        """From a row of the table of runs with the sums over its chunks.

        Args:
            row: Column to value.
            alive: Whether a process is computing it.
        """
        facts = record_of(row["facts"])
        intact = facts is not None
        facts = facts or {"model_title": "A damaged record", "dataset_title": "not readable"}
        return cls(
            id=row["id"],
            model=str(facts.get("model", "")),
            model_title=str(facts.get("model_title", "")),
            model_sha256=row["model_sha256"],
            dataset=str(facts.get("dataset", "")),
            dataset_title=str(facts.get("dataset_title", "")),
            dataset_digest=row["dataset_digest"],
            split=row["split"],
            kind=row["kind"],
            state="done" if row["state"] == "done" and intact else "running" if alive else "stopped",
            cases=row["usable"],
            scored=int(row["scored"] or 0),
            failed=int(row["failures"] or 0),
            created=row["created"],
            finished=row["finished"],
        )
