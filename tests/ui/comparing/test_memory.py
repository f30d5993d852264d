"""What is kept is kept by content; what is a user's own stays in the session."""

import dataclasses

import numpy as np
import pytest

from ui.comparing import memory
from ui.session import Recent


@pytest.fixture
def stores(monkeypatch):
    """The store of all sessions and that of this one."""
    shared, session = Recent(10), {}
    monkeypatch.setattr(memory, "cached_numbers", lambda: shared)
    monkeypatch.setattr(memory.st, "session_state", session)
    return shared, session


def test_a_result_is_computed_once(stores, evaluation):
    made = []
    for _ in range(2):
        memory.remembered("what", [evaluation()], lambda: made.append(1) or "result", True)
    assert len(made) == 1


def test_a_users_own_results_are_not_shared(stores, evaluation):
    shared, session = stores
    memory.remembered("what", [evaluation()], lambda: "mine", False)
    assert len(shared) == 0
    assert memory.recalled("what", [evaluation()], True) is None
    assert memory.recalled("what", [evaluation()], False) == "mine"
    assert len(session["comparing"]) == 1


def test_other_options_are_another_result(stores, evaluation):
    memory.keep(("what", 1), [evaluation()], "one", True)
    assert memory.recalled(("what", 2), [evaluation()], True) is None


def changed(evaluation, **facts):
    return dataclasses.replace(evaluation, **facts)


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": 0.4},
        {"temperature": 2.0},
        {"kind": "external"},
        {"split": "val"},
        {"model_sha256": "0" * 64},
        {"dataset_digest": "other"},
        {"failed": {"x": "unreadable"}},
        {"attributes": {"sex": np.array(["F"] * 80, object)}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_a_result_depends_on_is_in_the_fingerprint(evaluation, change):
    assert memory.fingerprint(evaluation()) != memory.fingerprint(changed(evaluation(), **change))


@pytest.mark.parametrize("column", ["logits", "y_true", "patients"])
def test_one_other_score_truth_or_patient_is_another_fingerprint(evaluation, column):
    one = evaluation()
    values = np.array(getattr(one.scores, column), copy=True)
    values[0] = {"logits": 0.125, "y_true": 1 - int(one.scores.y_true[0]), "patients": "x 001"}[column]
    other = changed(one, scores=dataclasses.replace(one.scores, **{column: values}))
    assert memory.fingerprint(one) != memory.fingerprint(other)


def test_the_same_content_has_the_same_fingerprint(evaluation):
    assert memory.fingerprint(evaluation()) == memory.fingerprint(evaluation())
