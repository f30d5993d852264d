"""The cases of a run, scored by Dask workers on other machines or in processes beside this one.

Dask hands chunks of cases to workers, moves them when a worker dies, and says what it knows of its workers; scores,
their order in the database and what a killed run goes on from are those of a run in this process. A worker opens the
dataset where the address says it lies, which a shared folder makes true for all, and checks that it holds what was
hashed here; the model comes from here and is checked by its hash as everywhere else. Numbers are the same to the last
bit where workers have the same versions, which is asked before anything runs.

Dask is an extra (`requirements-cluster.lock`): its messages are pickles, so a scheduler is reached by those who may run
code on its workers, and by nobody else. Its own TLS settings hold.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.datasets.dataset import Dataset
from core.errors import ScanLensError
from core.evaluation.runs.answers import Answer
from core.evaluation.runs.cluster_worker import ChunkOf, DatasetAt, check_worker, score_chunk
from core.evaluation.runs.plan import versions
from core.inference.bundle import verified_bytes
from core.models.card import ModelCard

if TYPE_CHECKING:
    from distributed import Client, Future

#: Where a scheduler is, for the app and for shells that are not told otherwise.
SCHEDULER_VARIABLE = "SCANLENS_SCHEDULER"
#: Workers score with the compiled model and need no other.
KERAS_FILE = "model.keras"
#: Chunks that wait for each thread of the cluster, so that none is idle and few are done in vain when somebody stops.
AHEAD = 3
#: Seconds until a scheduler, or its first worker, must have answered.
PATIENCE = 20.0
#: Seconds without any answer after which somebody is asked whether to stop, and the run gives a sign of life.
LOOK = 0.5
#: How often a chunk whose worker died is tried again, before its cases are tried one by one.
LIVES = 2


class ClusterFault(ScanLensError):
    """The cluster cannot be reached or cannot do this."""


class Cluster:
    """A scheduler and its workers.

    Args:
        client: Dask's client.
        address: For people.
    """

    def __init__(self, client: Client, address: str) -> None:
        self._client, self.address = client, address

    def workers(self) -> int:
        """How many there are now."""
        return len(self._client.scheduler_info(n_workers=-1)["workers"])

    def threads(self) -> int:
        """How many cases are scored at once."""
        return sum(int(worker["nthreads"]) for worker in self._client.scheduler_info(n_workers=-1)["workers"].values())

    def answers(
        self,
        card: ModelCard,
        dataset: Dataset,
        split: str,
        places: Sequence[int],
        mapping: Mapping[str, str],
        chunk: int,
    ) -> Iterator[Answer | None]:
        """The answers as they come, in any order of the chunks; None where nothing came for a while.

        Args:
            card: The model's.
            dataset: With its digest.
            split: The split that `places` count in.
            places: Of the cases to score.
            mapping: What the dataset's words, columns among them, mean for the model.
            chunk: Cases of one task.

        Raises:
            ClusterFault: No worker is there, one has another version or cannot read the dataset, or the scheduler went
                away and did not come back.
        """
        files = {name: verified_bytes(card, name) for name in card.sha256 if name != KERAS_FILE}
        of = ChunkOf(card, files, DatasetAt.of(dataset), split, dict(mapping), versions())
        self._check(of)
        waiting = deque(tuple(places[start : start + chunk]) for start in range(0, len(places), chunk))
        yield from _Rounds(self._client, of, waiting, self.threads).go()

    def _check(self, of: ChunkOf) -> None:
        """Ask each worker that is there whether it can do this."""
        try:
            self._client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as error:
            raise ClusterFault(f"The scheduler {self.address} has no worker", "start some and try again") from error
        found = self._client.run(check_worker, of.dataset, of.versions)
        for worker, fault in found.items():
            if fault:
                raise ClusterFault(f"The worker {worker} cannot do this: {fault}", "mend it, or take it out")

    def close(self) -> None:
        """Leave; what is still under way is dropped."""
        self._client.close()


@dataclass(eq=False)
class _Rounds:
    """Chunks on their way out and back."""

    client: Client
    of: ChunkOf
    waiting: deque[tuple[int, ...]]
    threads: Any

    def go(self) -> Iterator[Answer | None]:
        out: dict[Future[Any], tuple[int, ...]] = {}
        deaths: dict[tuple[int, ...], int] = {}
        sent = self._send()
        try:
            while self.waiting or out:
                while self.waiting and len(out) < AHEAD * max(1, self.threads()):
                    places = self.waiting.popleft()
                    task = self.client.submit(score_chunk, sent, places, pure=False, retries=0)
                    out[task] = places
                done = self._done(out)
                if not done:
                    yield None
                for task in done:
                    places = out.pop(task)
                    if task.status == "finished":
                        yield from task.result()
                    elif task.status in ("cancelled", "lost"):  # the scheduler was restarted
                        self.waiting.appendleft(places)
                        sent = self._send_again()
                    else:
                        yield from self._failed(task, places, deaths)
        finally:
            with suppress(Exception):  # the scheduler may be gone
                self.client.cancel(list(out))

    def _send(self) -> Future[Any]:
        return self.client.scatter(self.of, hash=False, broadcast=False)

    def _send_again(self) -> Future[Any]:
        try:
            self.client.wait_for_workers(1, timeout=PATIENCE)
            return self._send()
        except Exception as error:
            raise _gone() from error

    def _done(self, out: Mapping[Future[Any], object]) -> list[Future[Any]]:
        from distributed import wait
        from distributed.client import CancelledError

        if self.client.status not in ("running", "connecting"):
            raise _gone()
        try:
            wait(list(out), timeout=LOOK, return_when="FIRST_COMPLETED")
        except TimeoutError:
            return []
        except CancelledError:  # the scheduler was restarted, and these tell so by their status
            pass
        except Exception as error:
            raise _gone() from error
        return [task for task in out if task.status != "pending"]

    def _failed(
        self, task: Future[Any], places: tuple[int, ...], deaths: dict[tuple[int, ...], int]
    ) -> Iterator[Answer]:
        from distributed import KilledWorker

        error = task.exception()
        if not isinstance(error, KilledWorker):
            if isinstance(error, ScanLensError):
                raise error
            raise ClusterFault(f"A worker failed with {type(error).__name__}", "look at its log") from error
        deaths[places] = deaths.get(places, 0) + 1
        if deaths[places] < LIVES:
            self.waiting.append(places)
        elif len(places) > 1:  # one of them may be what kills
            self.waiting.extend((place,) for place in places)
        else:
            yield Answer(places[0], None, "Several workers ended while they scored this case: look at this file.")


def _gone() -> ClusterFault:
    return ClusterFault("The scheduler went away", "start it and give the same command again; what was scored is kept")


@contextmanager
def cluster_at(address: str) -> Iterator[Cluster]:
    """A cluster to evaluate on.

    Args:
        address: `tcp://host:8786`, or `local[4]` for four workers beside this process.

    Raises:
        ClusterFault: Dask is not installed, the address is none, or nobody answers there.

    Example:
        >>> with cluster_at("local[2]") as cluster:  # doctest: +SKIP
        ...     evaluate(card, None, dataset, "test", mapping, store, cluster=cluster)
    """
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise ClusterFault(
            "A cluster needs Dask, which is not installed", "install it by pip install -r requirements-cluster.lock"
        ) from error
    own = None
    # A worker that dies of a case shall not take two others with it before anybody asks.
    dask.config.set({"distributed.scheduler.allowed-failures": 0})
    try:
        if address.startswith("local["):
            count = address.removeprefix("local[").removesuffix("]")
            if not count.isdecimal() or not 1 <= int(count) <= 4 * (os.cpu_count() or 1):
                raise ClusterFault(f"{address} is no number of workers", "write local[2] for two workers")
            own = LocalCluster(
                n_workers=int(count),
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",
                silence_logs=50,
            )
            client = Client(own, timeout=PATIENCE)
        else:
            client = Client(address, timeout=PATIENCE)
    except ClusterFault:
        raise
    except (OSError, ValueError, TimeoutError) as error:
        raise ClusterFault(
            f"No scheduler answers at {address}", "check the address, or start one by dask scheduler"
        ) from error
    try:
        yield Cluster(client, address)
    finally:
        with suppress(Exception):
            client.close()
        if own is not None:
            with suppress(Exception):
                own.close()


@contextmanager
def cluster_asked(address: str = "") -> Iterator[Cluster | None]:
    """The cluster at an address, else the one that `SCANLENS_SCHEDULER` names, else None: this process.

    Raises:
        ClusterFault: As `cluster_at`.
    """
    named = address or os.environ.get(SCHEDULER_VARIABLE, "").strip()
    if not named:
        yield None
        return
    with cluster_at(named) as cluster:
        yield cluster


class Throughput:
    """Cases a second and the time left, for people.

    Args:
        total: Cases to score.
    """

    def __init__(self, total: int) -> None:
        self._total, self._begin, self._told, self._words = total, time.monotonic(), float("-inf"), ""

    def words(self, done: int, workers: Callable[[], int]) -> str:
        """E.g. `"4 workers, 35 cases a second, 3 min left"`; worked out once a second."""
        now = time.monotonic()
        if done < self._total and now - self._told < 1.0:
            return self._words
        self._told, count, seconds = now, workers(), now - self._begin
        self._words = f"{count} worker{'s' if count != 1 else ''}"
        if seconds < 1.0 and done < self._total:  # too early to tell
            return self._words
        rate = done / max(1e-3, seconds)
        left = (self._total - done) / rate if rate else float("inf")
        told = "" if left == float("inf") else f", {left / 60:.0f} min left" if left >= 90 else f", {left:.0f} s left"
        self._words += f", {rate:,.0f} cases a second{told}"
        return self._words
