"""Evaluations on Dask: real workers beside the test, killed, restarted, and refused."""

import os
import signal

import numpy as np
import pytest

from core.datasets.digest import with_digest
from core.errors import Cancelled
from core.evaluation.runs import cluster as module
from core.evaluation.runs.cluster import SCHEDULER_VARIABLE, ClusterFault, Throughput, cluster_asked, cluster_at
from core.evaluation.runs.cluster_worker import DatasetAt, check_worker, opened_dataset
from core.evaluation.runs.plan import versions
from core.evaluation.runs.run import evaluate
from core.evaluation.store.evaluations import Store

pytest.importorskip("distributed", reason="Dask is an extra")

MAPPING = {"Normal": "Normal", "Ill": "Ill"}


@pytest.fixture(scope="module")
def two_workers():
    with cluster_at("local[2]") as found:
        yield found


@pytest.fixture
def stores(tmp_path):
    """An empty database of its own at each call."""
    made = []

    def make():
        made.append(Store(f"sqlite:///{tmp_path / f'{len(made)}.sqlite'}"))
        return made[-1]

    yield make
    for store in made:
        store.close()


def pids(cluster):
    return cluster._client.run(os.getpid)


def run(card, dataset, store, cluster=None, progress=None, cancelled=None):
    return evaluate(card, None, dataset, "test", MAPPING, store, progress, cancelled, cluster=cluster, chunk=4)


def same(one, other):
    assert list(one.cases) == list(other.cases)
    np.testing.assert_array_equal(one.scores.logits, other.scores.logits)
    assert one.failed == other.failed
    return True


def test_workers_give_the_numbers_of_this_process_to_the_last_bit(two_workers, card, clinic, stores):
    told = []
    found = run(card, clinic, stores(), two_workers, lambda _, words: told.append(words))
    assert same(found, run(card, clinic, stores()))
    assert told[-1].startswith("Scored 40 of 40, 2 workers, ")


def test_a_worker_that_is_killed_and_a_scheduler_that_is_restarted_lose_nothing(two_workers, card, clinic, stores):
    done = []

    def disturb(_, words):
        done.append(words)
        if len(done) == 5:
            os.kill(next(iter(pids(two_workers).values())), signal.SIGKILL)
        if len(done) == 15:
            two_workers._client.restart(wait_for_workers=False)

    found = run(card, clinic, stores(), two_workers, disturb)
    assert same(found, run(card, clinic, stores()))


def test_what_was_scored_before_somebody_stopped_is_kept_and_not_scored_again(two_workers, card, clinic, stores):
    store, told = stores(), []
    with pytest.raises(Cancelled):
        run(card, clinic, store, two_workers, lambda _, words: told.append(words), lambda: len(told) > 12)
    before, later = store.evaluations()[0].scored, []
    assert 0 < before < 40
    found = run(card, clinic, store, None, lambda _, words: later.append(words))
    assert len([words for words in later if words.startswith("Scored")]) == 40 - before
    assert same(found, run(card, clinic, stores()))


def test_a_worker_of_another_version_or_without_the_dataset_says_so_before_anything_runs(clinic, tmp_path):
    at = DatasetAt.of(with_digest(clinic))
    assert check_worker(at, versions()) == ""
    other = versions() | {"onnxruntime": "0.1"}
    assert "0.1 is asked for" in check_worker(at, other)
    away = DatasetAt(str(tmp_path / "nowhere"), (), "", at.digest, at.fingerprint)
    assert "nowhere" in check_worker(away, versions())


def test_a_folder_that_holds_other_files_on_a_worker_is_refused(clinic):
    at = DatasetAt.of(with_digest(clinic))
    assert opened_dataset(DatasetAt(at.location, at.options, "", at.digest, "other times")).digest == at.digest
    assert "other files here" in check_worker(DatasetAt(at.location, at.options, "", "f" * 64, "times"), versions())


def test_a_fault_of_a_worker_ends_the_run_in_one_sentence(two_workers, card, clinic, stores, monkeypatch):
    monkeypatch.setattr(module, "versions", lambda: versions() | {"numpy": "0.0"})
    with pytest.raises(ClusterFault, match=r"cannot do this: it has numpy .* and 0.0 is asked for: mend it"):
        run(card, clinic, stores(), two_workers)


@pytest.mark.parametrize(
    ("address", "said"),
    [("tcp://127.0.0.1:9", "No scheduler answers"), ("local[x]", "no number of workers"), ("local[0]", "no number")],
)
def test_an_address_where_nobody_is_is_said_so(address, said, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 1.0)
    with pytest.raises(ClusterFault, match=said), cluster_at(address):
        pass


def test_without_an_address_everything_runs_here(monkeypatch):
    monkeypatch.delenv(SCHEDULER_VARIABLE, raising=False)
    with cluster_asked() as cluster:
        assert cluster is None
    monkeypatch.setenv(SCHEDULER_VARIABLE, "local[none]")
    with pytest.raises(ClusterFault, match="no number"), cluster_asked():
        pass


def test_the_time_left_follows_from_what_was_done(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    told = Throughput(1000)
    now[0] = 0.5
    assert told.words(100, lambda: 2) == "2 workers", "too early to tell"
    now[0] = 10.0
    assert told.words(100, lambda: 2) == "2 workers, 10 cases a second, 2 min left"
    now[0] = 90.0
    assert told.words(900, lambda: 1) == "1 worker, 10 cases a second, 10 s left"
