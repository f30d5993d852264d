"""What a click on a cell or a dataset chooses."""

import pytest

from core.evaluation.comparison.matrix import matrix, model_key
from ui.comparing.selection import MOST, Selection, chosen, first_selection, fitting, models_on, whole


@pytest.fixture
def table(several):
    return matrix(several, "Pneumonia", resamples=50)


@pytest.fixture
def key(several):
    return {evaluation.model: model_key(evaluation) for evaluation in several}


def test_at_first_it_is_the_dataset_that_most_models_were_measured_on(table, key):
    assert first_selection(table) == Selection("x--test", (key["a"], key["b"], key["c"]))


def test_a_cell_of_another_dataset_stands_alone(table, key):
    assert chosen(table, first_selection(table), "y--test", key["b"]) == Selection("y--test", (key["b"],))


def test_a_second_cell_of_the_dataset_makes_a_pair_in_the_order_of_the_rows(table, key):
    one = Selection("y--test", (key["c"],))
    assert chosen(table, one, "y--test", key["a"]).models == (key["a"], key["c"])


def test_a_chosen_cell_is_taken_out_and_the_last_one_stays(table, key):
    pair = Selection("y--test", (key["a"], key["c"]))
    alone = chosen(table, pair, "y--test", key["a"])
    assert alone.models == (key["c"],)
    assert chosen(table, alone, "y--test", key["c"]) == alone


def test_a_datasets_name_chooses_all_its_models(table, key):
    assert chosen(table, first_selection(table), "z--test", None) == Selection("z--test", (key["a"], key["b"]))


@pytest.mark.parametrize("models", [(), ("nobody",)])
def test_models_that_were_not_measured_there_are_forgotten(table, models):
    assert fitting(table, "z--test", models) == whole(table, "z--test")


def test_an_unknown_dataset_gives_the_first_selection(table, key):
    assert fitting(table, "gone--test", (key["a"],)) == first_selection(table)


def test_no_more_curves_than_can_be_told_apart(evaluation):
    many = matrix([evaluation(f"m{k}", "x", n=30) for k in range(9)], "Pneumonia", resamples=20)
    assert len(first_selection(many).models) == MOST
    other = next(key for key in models_on(many, "x--test") if key not in first_selection(many).models)
    more = chosen(many, first_selection(many), "x--test", other)
    assert len(more.models) == MOST
    assert other in more.models


def test_of_many_models_the_best_are_shown_in_the_order_of_the_rows(evaluation):
    gains = {"a": 0.2, "b": 3.0, "c": 2.8, "d": 2.6, "e": 2.4, "f": 2.2, "g": 2.0, "h": 0.1}
    many = matrix([evaluation(name, n=150, gain=gain) for name, gain in gains.items()], "Pneumonia", resamples=20)
    assert [key[0] for key in whole(many, "x--test").models] == list("bcdefg")
