import dataclasses

import pytest

from core.errors import UnsupportedModel
from core.explain.target import score_weights
from core.models.card import ModelCard


@pytest.fixture
def card(tmp_path):
    return ModelCard(
        "test", tmp_path, "", "", "multiclass", ("a", "b", "c"), (), None, "", 1.0, "", {}, "", False, ""
    )  # fmt: skip


def test_a_class_is_its_logit(card):
    assert score_weights(card, 3, 1).tolist() == [0, 1, 0]


def test_one_class_rather_than_another_is_the_difference(card):
    assert score_weights(card, 3, 2, against=0).tolist() == [-1, 0, 1]


def test_one_unit_speaks_for_two_labels(card):
    binary = dataclasses.replace(card, task="binary", labels=("no", "yes"))
    assert score_weights(binary, 1, 1).tolist() == [1]
    assert score_weights(binary, 1, 0).tolist() == [-1]
    assert score_weights(binary, 1, 1, against=0).tolist() == [1]


@pytest.mark.parametrize(("target", "against"), [(3, None), (-1, None), (0, 3), (1, 1)])
def test_what_is_no_question_is_refused(card, target, against):
    with pytest.raises(UnsupportedModel):
        score_weights(card, 3, target, against)
