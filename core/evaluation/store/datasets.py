"""Where the datasets are that a user added, with the answers they were opened with and their label maps by model."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core.bounded import parse_json
from core.datasets.dataset import Dataset
from core.evaluation.store.database import Database, inserted
from core.evaluation.store.schema import DATASETS, LABEL_MAPS
from core.evaluation.store.summary import record_of


@dataclass(frozen=True)
class Remembered:
    """A dataset that was added; it is opened again by `open_dataset(location, options)`.

    Attributes:
        id: For `forget`.
        name: Short name.
        title: For people.
        location: Folder or file.
        layout: Name of the reader.
        options: The answers it was opened with.
        digest: sha256 as it was when it was last remembered, `""` where it was not taken.
        fingerprint: Of sizes and times of its files then; with the digest it is `known` to `with_digest`.
        labels: In the dataset's own words.
        cases: How many there are.
        added: Seconds since 1970.
        maps: Slug of a model to its label map, dataset's label to model's.
    """

    id: int
    name: str
    title: str
    location: Path
    layout: str
    options: Mapping[str, str]
    digest: str
    fingerprint: str
    labels: tuple[str, ...]
    cases: int
    added: float
    maps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class DatasetStore(Database):
    """The part of a store that knows datasets."""

    def remember(self, dataset: Dataset, maps: Mapping[str, Mapping[str, str]] | None = None) -> None:
        """Keep where a dataset is; one with the same place and options is brought up to date.

        Args:
            dataset: As it was opened.
            maps: Slug of a model to its label map; maps of other models stay.

        Raises:
            StoreFault: The database does not work.
        """
        place, values = _place(dataset), _values(dataset)
        with self.writing() as connection:
            found = connection.scalar(sa.select(DATASETS.c.id).where(DATASETS.c.place == place))
            if found is None:
                fresh = {**values, "place": place, "added": time.time()}
                found = inserted(connection, DATASETS, fresh)
            else:
                connection.execute(DATASETS.update().where(DATASETS.c.id == found).values(values))
            for model, mapping in (maps or {}).items():
                here = (LABEL_MAPS.c.dataset_id == found, LABEL_MAPS.c.model == model)
                connection.execute(LABEL_MAPS.delete().where(*here))
                text = json.dumps(dict(mapping))
                connection.execute(LABEL_MAPS.insert().values(dataset_id=found, model=model, mapping=text))

    def datasets(self) -> list[Remembered]:
        """All that were added, the newest first.

        Raises:
            StoreFault: The database does not work.
        """
        with self.reading() as connection:
            query = sa.select(DATASETS).order_by(DATASETS.c.added.desc(), DATASETS.c.id.desc())
            rows = connection.execute(query).mappings().all()
            maps = connection.execute(sa.select(LABEL_MAPS)).mappings().all()
        by_dataset: dict[int, dict[str, dict[str, str]]] = {}
        for row in maps:
            by_dataset.setdefault(row["dataset_id"], {})[row["model"]] = record_of(row["mapping"]) or {}
        # A damaged row is left out: adding the dataset again writes it anew.
        found = (_remembered(row, by_dataset.get(row["id"], {})) for row in rows)
        return [dataset for dataset in found if dataset is not None]

    def known(self, dataset: Dataset) -> tuple[str, str] | None:
        """Digest and fingerprint of a remembered dataset, so that it need not be hashed again; None where unknown.

        Raises:
            StoreFault: The database does not work.
        """
        query = sa.select(DATASETS.c.digest, DATASETS.c.fingerprint).where(DATASETS.c.place == _place(dataset))
        with self.reading() as connection:
            found = connection.execute(query).first()
        return (found.digest, found.fingerprint) if found is not None and found.digest else None

    def forget(self, dataset: int) -> None:
        """Forget where a dataset is; its files and what was computed on it stay.

        Raises:
            StoreFault: The database does not work.
        """
        with self.writing() as connection:
            connection.execute(LABEL_MAPS.delete().where(LABEL_MAPS.c.dataset_id == dataset))
            connection.execute(DATASETS.delete().where(DATASETS.c.id == dataset))


def _place(dataset: Dataset) -> str:
    text = json.dumps([str(dataset.location), sorted(dataset.options.items())])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _values(dataset: Dataset) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "title": dataset.title,
        "location": str(dataset.location),
        "layout": dataset.layout,
        "options": json.dumps(dict(dataset.options)),
        "digest": dataset.digest,
        "fingerprint": dataset.fingerprint,
        "labels": json.dumps(list(dataset.labels)),
        "cases": len(dataset.cases),
    }


def _remembered(row: Mapping[Any, Any], maps: Mapping[str, Mapping[str, str]]) -> Remembered | None:
    options = record_of(row["options"])
    try:
        labels = parse_json(row["labels"])
    except (TypeError, ValueError):
        return None
    if options is None or not isinstance(labels, list) or not row["location"]:
        return None
    plain = {name: row[name] for name in ("id", "name", "title", "layout", "digest", "fingerprint", "cases", "added")}
    return Remembered(
        **plain,
        location=Path(row["location"]),
        options=options,
        labels=tuple(str(label) for label in labels),
        maps=maps,
    )
