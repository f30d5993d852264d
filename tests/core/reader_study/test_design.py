"""Which cases are drawn, in which order they are read, and what a code and a nickname may be."""

import numpy as np
import pytest

from core.reader_study.design import (
    ALPHABET,
    Answer,
    Plan,
    choose_cases,
    clean_code,
    clean_nickname,
    new_code,
    next_step,
    reading_order,
)
from core.reader_study.faults import RoomFault, UnusableCases


def test_a_balanced_choice_has_as_many_of_both_kinds_and_no_patient_twice():
    truth = np.arange(90) % 3 == 0
    patients = [f"p{k // 3}" for k in range(90)]
    chosen = choose_cases(truth, patients, 20, seed=4)
    assert len(chosen) == 20
    assert truth[chosen].sum() == 10
    free = choose_cases(truth, patients, 30, seed=4, balanced=False)
    assert len({patients[place] for place in free}) == 30


def test_the_seed_decides_the_choice():
    truth, patients = np.arange(60) % 2 == 0, [""] * 60
    first, again, other = (choose_cases(truth, patients, 20, seed).tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize("truth", [[1, 0, 1, 0], [1] * 30])
def test_too_few_cases_or_one_kind_are_refused(truth):
    with pytest.raises(UnusableCases, match="at least 6 cases of both kinds"):
        choose_cases(truth, [""] * len(truth), 20, seed=1)


def test_each_case_is_asked_without_and_then_with_the_model_in_the_readers_order():
    order, said, asked = reading_order(5, seed=9), [], []
    while (step := next_step(order, said)) is not None:
        asked.append((step.place, step.aided))
        said.append(Answer(step.place, step.aided, True, 3, 1.0))
    assert asked == [(place, aided) for place in order.tolist() for aided in (False, True)]
    assert sorted(order.tolist()) == list(range(5))
    assert order.tolist() != reading_order(5, seed=10).tolist()


def test_a_plan_comes_back_from_text(plan):
    assert Plan.from_json(plan.to_json()) == plan
    assert plan.predicted.tolist() == [True, True, False, True, False, True, False, False]


def test_a_code_can_be_typed_with_blanks_and_small_letters():
    code = new_code()
    assert set(code) <= set(ALPHABET)
    assert clean_code(f" {code[:3].lower()}-{code[3:]} ") == code


@pytest.mark.parametrize("name", ["", "   ", "x" * 25, "a\u202eb"])
def test_a_nickname_that_cannot_be_shown_is_refused(name):
    with pytest.raises(RoomFault, match="a nickname of 1 to 24 characters"):
        clean_nickname(name)
