"""What makes probabilities of logits, and which models cannot answer what their card asks."""

import numpy as np
import pytest

from core.models.link import class_probabilities, link_of


@pytest.mark.parametrize(
    ("activation", "task", "units", "labels", "link"),
    [
        ("softmax", "binary", 2, 2, "softmax"),
        ("sigmoid", "binary", 1, 2, "sigmoid"),
        ("sigmoid", "binary", 2, 2, "sigmoid"),
        ("linear", "binary", 2, 2, "softmax"),
        ("linear", "binary", 1, 2, "sigmoid"),
        ("linear", "multilabel", 3, 3, "sigmoid"),
        ("sigmoid", "multilabel", 3, 3, "sigmoid"),
        ("softmax", "ordinal", 5, 5, "softmax"),
        ("sigmoid", "segmentation", 1, 2, "sigmoid"),
        ("sigmoid", "segmentation", 3, 3, "sigmoid"),
        ("softmax", "segmentation", 3, 3, "softmax"),
    ],
)
def test_link_is_what_was_compiled_and_the_cards_word_for_logits_only(activation, task, units, labels, link):
    assert link_of(activation, task, units, labels) == link


@pytest.mark.parametrize(
    ("activation", "task", "units", "labels", "fault"),
    [
        ("softmax", "multilabel", 3, 3, "add up to 1"),
        ("softmax", "binary", 1, 2, "whose only answer is 1"),
        ("sigmoid", "multiclass", 3, 3, "3 sigmoid units"),
        ("sigmoid", "ordinal", 3, 3, "3 sigmoid units"),
        ("softmax", "multiclass", 4, 3, "4 outputs for 3 labels"),
        ("sigmoid", "multilabel", 1, 2, "1 output for 2 labels"),
    ],
)
def test_model_that_cannot_answer_its_card_is_refused(activation, task, units, labels, fault):
    with pytest.raises(ValueError, match=fault):
        link_of(activation, task, units, labels)


def test_two_sigmoid_units_keep_their_own_probabilities():
    logits = np.log(np.array([[0.114, 0.063]]) / (1 - np.array([[0.114, 0.063]])))
    np.testing.assert_allclose(class_probabilities(logits, "binary", link="sigmoid"), [[0.114, 0.063]], atol=1e-6)
