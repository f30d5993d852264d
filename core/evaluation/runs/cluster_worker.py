"""What runs on a Dask worker: opening the dataset and the model once, and scoring chunks of cases."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from core.datasets.dataset import Dataset
from core.datasets.digest import fingerprint, with_digest
from core.datasets.readers import open_dataset
from core.datasets.stress.levels import stressed
from core.errors import ScanLensError
from core.evaluation.runs.answers import Answer, answer
from core.evaluation.runs.plan import versions
from core.inference.bundle import Bundle, open_bundle
from core.models.card import ModelCard


@dataclass(frozen=True)
class DatasetAt:
    """Where a worker finds a dataset, and how it knows that it is the one.

    Attributes:
        location: Path, the same on all machines.
        options: What it was opened with, as pairs.
        variant: Of a stressed copy, e.g. `"noise-3"`; `""` for the original.
        digest: sha256 of what is scored.
        fingerprint: Of sizes and times of its files when the digest was taken.
    """

    location: str
    options: tuple[tuple[str, str], ...]
    variant: str
    digest: str
    fingerprint: str

    @classmethod
    def of(cls, dataset: Dataset) -> DatasetAt:
        """The address of a dataset that has its digest."""
        return cls(
            str(dataset.location.resolve()), tuple(sorted(dataset.options.items())), dataset.variant, dataset.digest,
            dataset.fingerprint,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class ChunkOf:
    """What all chunks of a run have in common; sent once to each worker.

    Attributes:
        card: The model's.
        files: Name to content of what its bundle is opened from, whose hashes the card has.
        dataset: Where it is.
        split: Name of the split.
        mapping: What the dataset's words mean for the model.
        versions: Of what computes scores, as `core.evaluation.runs.plan.versions` gives them.
    """

    card: ModelCard
    files: dict[str, bytes]
    dataset: DatasetAt
    split: str
    mapping: dict[str, str]
    versions: dict[str, str]


def check_worker(dataset: DatasetAt, wanted: dict[str, str]) -> str:
    """Why this worker cannot take part, `""` where it can.

    Args:
        dataset: That it must be able to read.
        wanted: Versions that it must have.
    """
    own = versions()
    for name, version in wanted.items():
        if own.get(name) != version:
            return f"it has {name} {own.get(name, 'not at all')}, and {version} is asked for"
    try:
        opened_dataset(dataset)
    except ScanLensError as problem:
        return str(problem)
    return ""


def score_chunk(of: ChunkOf, places: Sequence[int]) -> list[Answer]:
    """Score the cases at `places` of the split, one after the other.

    Raises:
        ScanLensError: The dataset or the model cannot be opened here; a fault of a case is in its answer.
    """
    dataset = opened_dataset(of.dataset)
    bundle, cases = _bundle_of(of), dataset.split(of.split)
    return [answer(bundle, dataset, cases[place], place, of.mapping) for place in places]


@lru_cache(maxsize=2)
def opened_dataset(at: DatasetAt) -> Dataset:
    """The dataset at an address, which is the one that was hashed.

    Raises:
        ScanLensError: There is none, or it holds something else.
    """
    opened = open_dataset(Path(at.location), dict(at.options))
    if fingerprint(opened) != at.fingerprint:  # another machine may show other times for the same files
        opened = with_digest(opened)
    found = opened
    if at.variant:
        name, _, strength = at.variant.rpartition("-")
        found = stressed(opened, name, int(strength))
    if opened.digest and found.digest != at.digest:
        raise ScanLensError(f"{at.location} holds other files here than where the run was started", "share one folder")
    return replace(found, digest=at.digest)


#: The bundle that chunks are scored by; another run takes its place.
_BUNDLES: dict[object, Bundle] = {}


def _bundle_of(of: ChunkOf) -> Bundle:
    card = of.card
    key = (card.slug, tuple(sorted(card.sha256.items())), card.threshold, tuple(sorted(card.thresholds.items())))
    if key not in _BUNDLES:
        _BUNDLES.clear()
        with tempfile.TemporaryDirectory(prefix="scanlens-model-") as folder:
            for name, content in of.files.items():
                (Path(folder) / name).write_bytes(content)
            _BUNDLES[key] = open_bundle(replace(card, folder=Path(folder)), threads=1)
    return _BUNDLES[key]
