"""The same of SQLite and of a PostgreSQL server."""

import dataclasses
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from core.evaluation.store import owner as run_owner
from core.evaluation.store.cases import pack
from core.evaluation.store.evaluations import Store
from core.evaluation.store.exchange import same
from core.evaluation.store.faults import RunTaken, StoreFault
from core.evaluation.store.schema import FACTS, RUNS

ROOT = Path(__file__).resolve().parents[4]


def whole(store, facts, cases, logits=None):
    """A finished run of all cases; its id."""
    values = np.linspace(-2, 2, len(cases.usable))[:, None] if logits is None else logits
    with store.begin(facts, cases) as run:
        run.append(cases.usable, values, {})
        run.finish()
    return run.id


def test_a_run_stored_in_chunks_comes_back_as_one_evaluation(store, facts, cases):
    with store.begin(facts(), cases(10)) as run:
        run.append([0, 1, 2, 3], np.array([[0.1], [1.0], [2.0], [3.0]]), {})
        run.append([5, 4], np.array([[5.0], [4.0]]), {6: "It is broken."})
        run.append([7, 8, 9], np.array([[7.0], [8.0], [9.0]]), {})
        run.finish()
    found = store.find("a" * 64, "d" * 64, "test")
    assert list(found.cases) == [f"case-{k}" for k in (0, 1, 2, 3, 4, 5, 7, 8, 9)]
    assert list(found.scores.logits) == [0.1, 1, 2, 3, 4, 5, 7, 8, 9]
    assert list(found.scores.y_true) == [0, 1, 0, 1, 0, 1, 1, 0, 1]
    assert list(found.scores.patients) == ["p0", "p0", "p1", "p1", "p2", "p2", "p3", "p4", "p4"]
    assert list(found.attributes["sex"]) == ["F", "M", "F", "M", "F", "M", "M", "F", "M"]
    assert (found.failed, found.threshold, found.temperature) == ({"case-6": "It is broken."}, 0.5, 1.5)


def test_several_labels_and_a_derived_question_come_back(store, facts, cases):
    labels, derived = ["Normal", "Bacterial", "Viral"], {"Pneumonia": ["Bacterial", "Viral"]}
    settings = facts(task="multiclass", labels=labels, derived=derived, threshold=None, thresholds={"Pneumonia": 0.4})
    logits = np.arange(30.0).reshape(10, 3)
    found = store.load(whole(store, settings, cases(10), logits))
    assert found.findings == ("Pneumonia", *labels)
    assert found.finding("Pneumonia").threshold == 0.4
    np.testing.assert_array_equal(found.scores.logits, logits)


def test_a_case_without_patient_stands_for_itself(store, facts, cases):
    made = cases(4)
    nobody = type(made)(made.names, [""] * 4, made.usable, made.y_true)
    assert list(store.load(whole(store, facts(), nobody)).scores.patients) == made.names


def test_an_unfinished_run_is_listed_and_not_loaded(store, facts, cases):
    with store.begin(facts(), cases(10)) as run:
        run.append([0, 1], np.zeros((2, 1)), {2: "Broken."})
        (running,) = store.evaluations()
    (stopped,) = store.evaluations()
    assert (running.state, stopped.state, stopped.scored, stopped.failed, stopped.fraction) == (
        "running", "stopped", 2, 1, pytest.approx(0.3),
    )  # fmt: skip
    assert store.find("a" * 64, "d" * 64, "test") is None
    with pytest.raises(StoreFault, match="has not come to its end"):
        store.load(run.id)


def test_a_run_goes_on_where_it_was(store, facts, cases):
    with store.begin(facts(), cases(10)) as run:
        run.append([0, 1], np.zeros((2, 1)), {2: "Broken."})
    with store.begin(facts(), cases(10)) as again:
        assert (again.id, again.settled()) == (run.id, {0, 1, 2})


def test_only_one_computes_a_run_at_a_time(store, facts, cases):
    with store.begin(facts(), cases(10)), pytest.raises(RunTaken, match="in another window or process"):
        store.begin(facts(), cases(10))
    store.begin(facts(), cases(10)).__exit__()


def test_a_run_whose_owner_was_silent_too_long_is_taken_over_and_the_old_one_stores_no_more(store, facts, cases):
    old = store.begin(facts(), cases(10))
    with store.writing() as connection:
        connection.execute(RUNS.update().values(beat=time.time() - run_owner.LEASE - 1))
    with store.begin(facts(), cases(10)) as run:
        with pytest.raises(RunTaken, match="took it over"):
            old.append([0], np.zeros((1, 1)), {})
        old.__exit__()
        run.append([1], np.zeros((1, 1)), {})


HOLD = """
import json, sys, time
import numpy as np
from core.evaluation.store.evaluations import Store
from core.evaluation.store.cases import unpack
facts, cases = json.loads(sys.argv[2]), unpack(bytes.fromhex(sys.argv[3]))
run = Store(sys.argv[1]).begin(facts, cases)
run.append([0, 1, 2], np.zeros((3, 1)), {})
print("ready", flush=True)
time.sleep(60)
"""


def test_a_killed_process_leaves_a_run_that_goes_on_at_once(database_url, store, facts, cases):
    arguments = [database_url, json.dumps(facts()), pack(cases(10)).hex()]
    process = subprocess.Popen([sys.executable, "-c", HOLD, *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout.readline() == "ready\n"
    with pytest.raises(RunTaken):
        store.begin(facts(), cases(10))
    process.kill()
    process.communicate()
    with store.begin(facts(), cases(10)) as run:
        assert run.settled() == {0, 1, 2}


def test_of_many_that_begin_together_one_wins_and_the_others_hear_so(store, facts, cases):
    gate, outcomes = threading.Barrier(6), []

    def begin():
        gate.wait()
        try:
            outcomes.append(store.begin(facts(), cases(10)))
        except RunTaken as error:
            outcomes.append(error)

    threads = [threading.Thread(target=begin) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(outcome, RunTaken) for outcome in outcomes) == 5
    assert len(store.evaluations()) == 1


def test_the_same_run_is_there_once(store, facts, cases):
    whole(store, facts(), cases(10))
    assert store.current(facts(), cases(10)) is not None
    with store.engine.connect() as connection:
        row = connection.execute(sa.select(RUNS)).mappings().one()
        with pytest.raises(sa.exc.IntegrityError):
            connection.execute(RUNS.insert().values({**row, "id": 77}))


def test_another_label_map_keeps_scores_and_opens_only_new_cases(store, facts, cases):
    run = whole(store, facts(), cases(10, usable=[0, 1, 2, 3]))
    wider = cases(10, usable=[2, 3, 4, 5])
    assert store.current(facts(), wider) is None
    with store.begin(facts(mapping={"sick": "Ill"}), wider) as again:
        assert again.settled() == {0, 1, 2, 3}
        again.append([4, 5], np.array([[4.0], [5.0]]), {})
        again.finish()
    assert again.id == run
    assert list(store.load(run).cases) == ["case-2", "case-3", "case-4", "case-5"]


def test_scores_from_another_input_contract_are_dropped(store, facts, cases):
    whole(store, facts(), cases(10))
    with store.begin(facts(input={"size": [32, 32]}), cases(10)) as run:
        assert run.settled() == set()


def test_failed_cases_are_tried_again_when_asked(store, facts, cases):
    with store.begin(facts(), cases(10)) as run:
        run.append(range(9), np.zeros((9, 1)), {9: "Broken."})
        run.finish()
    with store.begin(facts(), cases(10), retry_failed=True) as run:
        assert 9 not in run.settled()
        run.append([9], np.zeros((1, 1)), {})
        run.finish()
    found = store.load(run.id)
    assert (len(found.cases), found.failed, store.evaluations()[0].scored) == (10, {}, 10)


def test_the_kind_can_be_named_later_and_is_not_forgotten(store, facts, cases):
    run = whole(store, facts(), cases(10))
    assert store.current(facts(kind="external"), cases(10)) == run
    assert store.load(run).kind == "external"
    assert store.current(facts(), cases(10)) == run
    assert store.load(run).kind == "external"


def test_a_deleted_run_is_gone_and_can_be_made_again(store, facts, cases):
    run = whole(store, facts(), cases(10))
    store.delete(run)
    assert store.evaluations() == []
    with pytest.raises(StoreFault, match="There is no such run"):
        store.load(run)
    whole(store, facts(), cases(10))


def test_an_evaluation_from_elsewhere_is_stored_once(store, facts, cases, tmp_path):
    with store.begin(facts(), cases(10)) as run:
        run.append(range(9), np.linspace(-1, 1 / 3, 9)[:, None], {9: "Broken."})
        run.finish()
    made = store.load(run.id)
    other = Store(f"sqlite:///{tmp_path / 'other.sqlite'}")
    number = other.insert(made)
    assert same(other.load(number), made)
    assert other.insert(made) == number
    assert [(row.scored, row.failed, row.cases) for row in other.evaluations()] == [(9, 1, 10)]


def test_a_run_from_elsewhere_is_not_computed_again(store, facts, cases):
    made = cases(10)
    imported = store.load(whole(store, facts(), made))
    store.delete(store.evaluations()[0].id)
    store.insert(imported)
    backwards = type(made)(made.names[::-1], made.patients[::-1], made.usable, 1 - made.y_true)
    with store.begin(facts(), backwards) as run:
        assert run.settled() == set(range(10))
        run.finish()
    assert same(store.load(run.id), dataclasses.replace(imported, attributes={}))


def test_a_newer_database_is_refused_in_one_sentence(store, database_url):
    with store.writing() as connection:
        connection.execute(FACTS.update().values(value="99"))
    with pytest.raises(StoreFault, match="of version 99"):
        Store(database_url)


def test_ten_thousand_cases_come_back_each_with_its_score(store, facts, cases):
    with store.begin(facts(), cases(10_000)) as run:
        for start in range(0, 10_000, 64):
            part = np.arange(start, min(start + 64, 10_000))
            run.append(part, part[:, None] / 1e4, {})
        run.finish()
    found = store.load(run.id)
    numbers = np.array([int(str(name).removeprefix("case-")) for name in found.cases])
    assert sorted(numbers) == list(range(10_000))
    np.testing.assert_allclose(found.scores.logits, numbers / 1e4, atol=1e-6)


def test_broken_records_are_one_sentence(store, facts, cases):
    run = whole(store, facts(), cases(10))
    with store.writing() as connection:
        connection.execute(RUNS.update().values(facts="{}"))
    with pytest.raises(StoreFault, match="Records of this run are damaged"):
        store.load(run)


@pytest.mark.parametrize("facts_of_row", ["", "no json", "[]", "[" * 100_000])
def test_a_damaged_row_hides_no_other_and_can_be_deleted(store, facts, cases, facts_of_row):
    whole(store, facts(), cases(10))
    other = whole(store, facts(split="val"), cases(10))
    with store.writing() as connection:
        connection.execute(RUNS.update().where(RUNS.c.id != other).values(facts=facts_of_row))
    listed = {run.id: run for run in store.evaluations()}
    assert listed[other].state == "done"
    (damaged,) = (run for run in listed.values() if run.id != other)
    assert (damaged.model_title, damaged.state) == ("A damaged record", "stopped")
    with pytest.raises(StoreFault, match="Records of this run are damaged"):
        store.load(damaged.id)
    store.delete(damaged.id)
    assert [run.id for run in store.evaluations()] == [other]


@pytest.mark.parametrize("column", ["cases", "facts"])
def test_damaged_bytes_of_a_run_are_one_sentence(store, facts, cases, column):
    run = whole(store, facts(), cases(10))
    with store.writing() as connection:
        connection.execute(RUNS.update().values({column: b"\x00damaged" if column == "cases" else "\u0001"}))
    with pytest.raises(StoreFault, match="Records of this run are damaged"):
        store.load(run)
