"""Where cases come from: made-up lesions with a model that errs, and datasets with a shipped one."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from core.datasets.readers import open_dataset
from core.errors import Cancelled
from core.evaluation.metrics.binary import roc_auc
from core.inference.bundle import open_bundle
from core.models.card import load_card
from core.reader_study.faults import UnusableCases
from core.reader_study.lesion_model import (
    fit_lesion_model,
    fit_logistic,
    lesion_model,
    responses,
)
from core.reader_study.sources import (
    DatasetCases,
    LesionCases,
    look_again,
    make_plan,
)

ROOT = Path(__file__).resolve().parents[3]


def quiet(*_):
    return False


@pytest.fixture(scope="module")
def session():
    return make_plan(LesionCases(60, 3), 16, 3, True, quiet, quiet)


def test_what_the_pixels_add_comes_to_the_models_answer():
    model, image = lesion_model(), LesionCases(1, 9)._made.images[0]
    logit = float(model.contributions(image).sum() + model.bias)
    assert 1 / (1 + np.exp(-logit)) == pytest.approx(model.probability(image), abs=1e-5)
    assert responses(image).shape == (64, 64, 5)


def test_the_stored_model_is_what_fitting_gives():
    stored, fitted = lesion_model(), fit_lesion_model()
    assert stored.weights == pytest.approx(fitted.weights, rel=1e-3)
    expected = (fitted.bias, fitted.threshold, fitted.scale)
    assert (stored.bias, stored.threshold, stored.scale) == pytest.approx(expected, rel=1e-3)


def test_the_model_of_lesions_is_better_than_chance_on_unseen_images_and_makes_mistakes():
    made, model = LesionCases(200, 42)._made, lesion_model()
    score = np.array([model.probability(image) for image in made.images])
    assert roc_auc(made.labels, score) > 0.8
    wrong = (score >= model.threshold) != made.labels
    assert 0.03 < wrong.mean() < 0.35


def test_its_heat_lies_on_the_lesions_that_it_calls(session):
    plan, seen = session
    fractions = []
    for case, one in zip(plan.cases, seen, strict=True):
        if case.truth and case.score >= plan.threshold:
            hot = one.heat >= np.percentile(one.heat, 97)
            fractions.append(one.mask[hot].mean())
    assert np.mean(fractions) > 5 * np.mean([one.mask.mean() for one in seen])


def test_logistic_regression_is_that_of_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(0)
    features = random.standard_normal((120, 4))
    truth = features @ [1.0, -2.0, 0.5, 0.0] + random.standard_normal(120) > 0.3
    theirs = LogisticRegression(C=1 / (0.01 * 120), tol=1e-10, max_iter=1000).fit(features, truth)
    expected = [*theirs.intercept_, *theirs.coef_[0]]
    assert fit_logistic(features, truth, 0.01) == pytest.approx(expected, abs=1e-5)


def test_the_same_seed_gives_every_reader_the_same_cases(session):
    plan, seen = session
    source = plan.source
    again = look_again(plan, LesionCases(source["count"], source["seed"]), quiet, quiet)
    assert all(np.array_equal(a.image, b.image) for a, b in zip(seen, again, strict=True))
    assert int(plan.truth.sum()) == 8


def test_other_images_than_those_of_the_plan_are_refused(session):
    plan, _ = session
    other = LesionCases(60, 4)
    renamed = type("Renamed", (), {"see": lambda _, name: other.see(name.replace("-3-", "-4-"))})()
    with pytest.raises(UnusableCases, match="The images or the model of this room have changed"):
        look_again(plan, renamed, quiet, quiet)


def test_a_stop_ends_the_preparation():
    with pytest.raises(Cancelled):
        make_plan(LesionCases(60, 3), 16, 3, True, quiet, lambda: True)


def test_a_dataset_is_read_where_it_lies_with_the_heatmap_of_a_shipped_model(tmp_path):
    for number in range(12):
        noise = np.random.default_rng(number).random((8, 8)).astype(np.float32)
        path = tmp_path / "chest" / ("PNEUMONIA" if number % 2 else "NORMAL") / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), (cv2.resize(noise, (80, 64)) * 255).clip(0, 255).astype(np.uint8))
    card = load_card(ROOT / "models" / "pneumonia-chest-xray")
    mapping = {"NORMAL": card.labels[0], "PNEUMONIA": card.labels[1]}
    source = DatasetCases(open_dataset(tmp_path / "chest"), open_bundle(card), mapping, "")
    plan, seen = make_plan(source, 8, 1, True, quiet, quiet)
    assert plan.finding == card.labels[1]
    assert plan.threshold == card.threshold
    assert [case.truth for case in plan.cases] == ["PNEUMONIA" in case.name for case in plan.cases]
    assert seen[0].image.shape == (64, 80)
    assert seen[0].heat.shape == (64, 80)
    (tmp_path / "chest" / plan.cases[0].name).unlink()
    broken = DatasetCases(open_dataset(tmp_path / "chest"), open_bundle(card), mapping, "")
    with pytest.raises(UnusableCases, match="lacks some of the cases"):
        look_again(plan, broken, quiet, quiet)
