"""Answers that know nothing do well only where the images give the class away."""

import cv2
import numpy as np
import pytest

from core.evaluation.metrics.registry import roc_auc
from core.training.card.shortcuts import NUMBERS, by_most_alike, by_numbers, image_numbers, linear_logits
from core.training.data.images import LabelledCase


def image(rng, brightness):
    return np.clip(rng.normal(brightness, 20, (48, 40)), 0, 255).astype(np.uint8)


@pytest.fixture
def cases(tmp_path):
    """(training, test) of a set whose second class comes from a brighter source, with nothing else to tell."""
    rng = np.random.default_rng(5)
    found = []
    for k in range(80):
        path = tmp_path / f"{k}.png"
        cv2.imwrite(str(path), image(rng, 90 + 40 * (k % 2)))
        found.append(LabelledCase(path.name, path, path.name, k % 2, "train" if k < 40 else "test"))
    return found[:40], found[40:]


def test_numbers_tell_sources_apart(cases):
    training, test = cases
    logits = by_numbers(training, test, classes=2)
    assert roc_auc([case.target for case in test], logits[:, 1] - logits[:, 0]) > 0.98


def test_most_alike_image_tells_nothing_where_only_brightness_differs(cases):
    training, test = cases
    logits = by_most_alike(training, test, classes=2)
    assert 0.3 < roc_auc([case.target for case in test], logits[:, 1] - logits[:, 0]) < 0.7


def test_copy_has_the_class_of_its_original(cases):
    training, _ = cases
    assert (by_most_alike(training, training, 2).argmax(axis=1) == [case.target for case in training]).all()


def test_numbers_do_not_depend_on_where_something_lies(tmp_path):
    for name, left in (("a.png", 20), ("b.png", 50)):
        levels = np.zeros((100, 100), np.uint8)
        levels[20:80, left : left + 30] = 200
        cv2.imwrite(str(tmp_path / name), levels)
    one, other = (image_numbers(tmp_path / name) for name in ("a.png", "b.png"))
    assert len(one) == len(NUMBERS)
    assert one == pytest.approx(other)


def test_black_image_has_numbers_without_nan(tmp_path):
    cv2.imwrite(str(tmp_path / "black.png"), np.zeros((30, 30), np.uint8))
    assert np.isfinite(image_numbers(tmp_path / "black.png")).all()


def test_linear_logits_agree_with_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    targets = rng.integers(0, 3, 300)
    x = rng.normal(size=(300, 4)) + targets[:, None] * [1.0, -0.5, 0.0, 0.3]
    found = linear_logits(x, targets, x, classes=3).argmax(axis=1)
    reference = LogisticRegression(class_weight="balanced").fit(x, targets).predict(x)
    assert (found == reference).mean() > 0.97
