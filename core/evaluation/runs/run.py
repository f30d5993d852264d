"""Run a model over a dataset: decoding overlaps inference, scores are stored by chunk, a killed run goes on.

Cases are scored in a few threads, from reading to the answer; a bounded number of them is under way, so that memory
does not grow with the dataset.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.datasets.dataset import Dataset, UnusableDataset
from core.errors import Cancelled
from core.evaluation.results.evaluation import Evaluation, Kind
from core.evaluation.runs.answers import Answer, answers
from core.evaluation.runs.cluster import Cluster, ClusterFault, Throughput
from core.evaluation.runs.plan import (
    Plan,
    Progress,
    Stopper,
    check_model,
    check_unchanged,
    make_plan,
    usable_cases,
)
from core.evaluation.store.evaluations import Store
from core.evaluation.store.unfinished_run import OpenRun
from core.inference.bundle import Bundle, open_bundle
from core.models.card import ModelCard

#: Cases that are stored together; a killed run loses no more.
CHUNK_CASES = 64

#: Fraction of the progress that the dataset's hash gets.
HASHING = 0.05

#: Cases that are scored at the same time.
THREADS = min(16, os.cpu_count() or 2)


def evaluate(
    card: ModelCard,
    bundle: Bundle | None,
    dataset: Dataset,
    split: str,
    mapping: Mapping[str, str],
    store: Store,
    progress: Progress | None = None,
    cancelled: Stopper | None = None,
    *,
    kind: Kind = "unknown",
    retry_failed: bool = False,
    chunk: int = CHUNK_CASES,
    threads: int = THREADS,
    cluster: Cluster | None = None,
) -> Evaluation:
    """Scores of one split, from the store as far as they are there.

    A case that cannot be read, does not fit the model or gets no finite answer is set aside with its sentence. A model
    of single images scores the middle frame of a stack, which is the one that the app opens; one that segments all of
    them; a sequence or a volume is one case of a model that takes one.

    Args:
        card: The model's.
        bundle: The opened model, or None. It is opened again with one thread an operation unless it has that, because
            many images at once go faster so; a card that differs from the bundle's is the one that counts.
        dataset: Without open questions. Its hash is taken where it has none.
        split: train, val or test; `""` for all cases.
        mapping: What the dataset's words mean for the model: label to label, `""` for left out, and columns and values
            of masks as `core.datasets.tables.inputs.input_map` gives them.
        store: Where scores go, chunk by chunk.
        progress: Called with a fraction from 0 to 1 and a few words.
        cancelled: Asked after each case; what was scored until then is stored.
        kind: Where the images come from as the model sees it; a stressed dataset is of kind `stress`.
        retry_failed: Try again what failed before.
        chunk: Cases that are stored together.
        threads: Cases that are scored at the same time.
        cluster: Where cases are scored; in threads of this process without it.

    Raises:
        UnsupportedModel: The model segments whole volumes, or its card has no hash.
        ClusterFault: The cluster cannot be reached or cannot do this.
        UnusableDataset: Questions are open, no case counts, or it changed since its hash was taken.
        UnknownLabel: The label map does not fit the model.
        InvalidCard: The model cannot be opened.
        StoreFault: The database does not work; what was stored stays.
        Cancelled: `cancelled` said so.
    """
    check_model(card)
    hashing, scoring = _parts(progress, HASHING if not dataset.digest else 0.0)
    plan = make_plan(card, dataset, split, mapping, kind, store.known(dataset), hashing, cancelled)
    number = store.current(plan.facts, plan.cases)
    if number is not None and not retry_failed:
        _tell(progress, 1.0, "Already computed")
        return store.load(number)
    with store.begin(plan.facts, plan.cases, retry_failed) as run:
        source = _Threads(_for_many(card, bundle), threads) if cluster is None else _Workers(card, cluster, chunk)
        work = _Work(source, plan, run, chunk, scoring, cancelled)
        work.go()
        if not run.has_scores():
            store.delete(run.id)
            raise UnusableDataset(
                f"{card.title} can read no image of {dataset.title} ({work.first_fault.rstrip('.')})", "choose another"
            )
        check_unchanged(plan.dataset)
        run.finish()
    return store.load(run.id)


def estimate_seconds(
    card: ModelCard,
    bundle: Bundle | None,
    dataset: Dataset,
    split: str,
    mapping: Mapping[str, str],
    sample: int = 16,
    threads: int = THREADS,
) -> float:
    """How long `evaluate` would take from the beginning, by timing some cases spread over the split.

    Args:
        card: The model's.
        bundle: The opened model, or None.
        dataset: Without open questions; its hash is not needed.
        split: train, val or test; `""` for all cases.
        mapping: Dataset label to model label, `""` for left out.
        sample: Cases to time, after a first one a thread that warms up.
        threads: Cases that are scored at the same time.

    Raises:
        UnsupportedModel: The model segments whole volumes, or its card has no hash.
        UnknownLabel: The label map does not fit the model.
    """
    check_model(card)
    cases = dataset.split(split)
    usable, _ = usable_cases(dataset, mapping, card, cases)
    if not len(usable):
        return 0.0
    spread = usable[np.linspace(0, len(usable) - 1, min(sample, len(usable))).astype(int)]
    opened, seconds = _for_many(card, bundle), 0.0
    with ThreadPoolExecutor(threads) as pool:
        for places in (spread[:threads], spread):
            begin = time.perf_counter()
            for _ in answers(pool, opened, dataset, cases, places.tolist(), mapping):
                pass
            seconds = time.perf_counter() - begin
    return seconds * len(usable) / len(spread)


def _for_many(card: ModelCard, bundle: Bundle | None) -> Bundle:
    """A bundle whose operations do not wait for each other's threads."""
    return bundle if bundle is not None and bundle.threads == 1 else open_bundle(card, threads=1)


@dataclass(eq=False)
class _Threads:
    """Scores in threads of this process, in order."""

    bundle: Bundle
    threads: int

    def answers(self, plan: Plan, places: Sequence[int]) -> Generator[Answer | None]:
        cases = plan.dataset.split(plan.split)
        with ThreadPoolExecutor(self.threads, thread_name_prefix="score") as pool:
            try:
                yield from answers(pool, self.bundle, plan.dataset, cases, places, plan.mapping)
            finally:
                pool.shutdown(cancel_futures=True)

    def words(self, done: int, total: int) -> str:  # noqa: ARG002
        return ""


@dataclass(eq=False)
class _Workers:
    """Scores on a cluster, as they come."""

    card: ModelCard
    cluster: Cluster
    chunk: int
    _told: Throughput | None = None

    def answers(self, plan: Plan, places: Sequence[int]) -> Generator[Answer | None]:
        yield from self.cluster.answers(self.card, plan.dataset, plan.split, places, plan.mapping, self.chunk)

    def words(self, done: int, total: int) -> str:
        self._told = self._told or Throughput(total)
        return f", {self._told.words(done, self.cluster.workers)}"


@dataclass(eq=False)
class _Work:
    """The open cases of a run, from the first image to the last stored chunk."""

    source: _Threads | _Workers
    plan: Plan
    run: OpenRun
    chunk: int
    progress: Progress | None
    cancelled: Stopper | None
    first_fault: str = ""
    _places: list[int] = field(default_factory=list)
    _logits: list[NDArray[np.float64]] = field(default_factory=list)
    _failed: dict[int, str] = field(default_factory=dict)

    def go(self) -> None:
        settled, usable = self.run.settled(), self.plan.cases.usable.tolist()
        places = [place for place in usable if place not in settled]
        done = len(usable) - len(places)
        with closing(self.source.answers(self.plan, places)) as found:
            try:
                for each in found:
                    if each is None:
                        self.run.beat()
                    else:
                        done += 1
                        self._take(each)
                    words = self.source.words(done - len(usable) + len(places), len(places))
                    _tell(self.progress, done / len(usable), f"Scored {done:,} of {len(usable):,}{words}")
                    if done < len(usable) and self.cancelled is not None and self.cancelled():
                        raise Cancelled("the evaluation")
            except (Cancelled, ClusterFault, UnusableDataset, KeyboardInterrupt):
                self._store()
                raise
        self._store()

    def _take(self, found: Answer) -> None:
        if found.logits is None:
            self._failed[found.place] = found.fault
            self.first_fault = self.first_fault or found.fault
        else:
            self._places.append(found.place)
            self._logits.append(found.logits)
        if len(self._places) + len(self._failed) >= self.chunk:
            self._store()
        else:
            self.run.beat()

    def _store(self) -> None:
        if not self._places and not self._failed:
            return
        logits = np.stack(self._logits) if self._logits else np.empty((0, 1))
        self.run.append(self._places, logits, self._failed)
        self._places, self._logits, self._failed = [], [], {}


def _parts(progress: Progress | None, first: float) -> tuple[Progress | None, Progress | None]:
    """One progress for what comes first and one for the rest."""
    if progress is None:
        return None, None
    return (
        lambda fraction, words: progress(first * fraction, words),
        lambda fraction, words: progress(first + (1 - first) * fraction, words),
    )


def _tell(progress: Progress | None, fraction: float, words: str) -> None:
    if progress is not None:
        progress(fraction, words)
