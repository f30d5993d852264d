"""What holds for all figures of a comparison, with good data and with the worst."""

import json
import math

import numpy as np
import pytest

from core.evaluation.results.calibration_curve import calibration_curve
from core.evaluation.results.curves import precision_recall_curve, roc_curve, score_distribution
from core.evaluation.results.decision_curve import net_benefit
from core.evaluation.results.operating_point import confusion_of, threshold_sweep
from core.evaluation.results.prevalence import ppv_npv_at
from core.figures.comparing.calibration import calibration_figure, calibration_rows, describe_calibration
from core.figures.comparing.class_confusion import (
    class_confusion_figure,
    class_confusion_rows,
    describe_class_confusion,
)
from core.figures.comparing.class_roc import class_roc_figure, class_roc_rows, describe_class_roc
from core.figures.comparing.confusion import confusion_figure, confusion_rows, describe_confusion
from core.figures.comparing.lines import line_of
from core.figures.comparing.net_benefit import describe_net_benefit, net_benefit_figure, net_benefit_rows
from core.figures.comparing.precision_recall import (
    describe_precision_recall,
    precision_recall_figure,
    precision_recall_rows,
)
from core.figures.comparing.predictive_values import (
    describe_predictive_values,
    predictive_values_figure,
    predictive_values_rows,
)
from core.figures.comparing.roc import describe_roc, roc_figure, roc_rows
from core.figures.comparing.scores import describe_scores, scores_figure, scores_rows

RESAMPLES = 100


def each(compute):
    return lambda members: [(line, compute(finding)) for line, finding in members]


def of_classes(members):
    return [
        (label, [(line, roc_curve(found, RESAMPLES)) for line, found in members]) for label in ("Viral", "Bacterial")
    ]


def decisions(members):
    return [(line, confusion_of(found), threshold_sweep(found, 21)) for line, found in members]


def counts(members):
    return [(line, np.array([[5, 1], [0, 0]])) for line, _ in members]


#: Name: what is computed, figure, words, rows.
FIGURES = {
    "roc": (each(lambda one: roc_curve(one, RESAMPLES)), roc_figure, describe_roc, roc_rows),
    "precision-recall": (
        each(lambda one: precision_recall_curve(one, RESAMPLES)),
        precision_recall_figure,
        describe_precision_recall,
        precision_recall_rows,
    ),
    "calibration": (each(calibration_curve), calibration_figure, describe_calibration, calibration_rows),
    "confusion": (decisions, confusion_figure, describe_confusion, confusion_rows),
    "scores": (each(score_distribution), scores_figure, describe_scores, scores_rows),
    "net benefit": (
        each(lambda one: net_benefit(one, resamples=RESAMPLES)),
        net_benefit_figure,
        describe_net_benefit,
        net_benefit_rows,
    ),
    "predictive values": (
        each(lambda one: ppv_npv_at(one, [0.1], resamples=RESAMPLES)),
        lambda scene, found: predictive_values_figure(scene, found, found),
        describe_predictive_values,
        predictive_values_rows,
    ),
    "class roc": (of_classes, class_roc_figure, describe_class_roc, class_roc_rows),
    "class confusion": (
        counts,
        lambda scene, found: class_confusion_figure(scene, ("Viral", "Bacterial"), found),
        lambda scene, found: describe_class_confusion(scene, ("Viral", "Bacterial"), found),
        lambda found: class_confusion_rows(("Viral", "Bacterial"), found),
    ),
}

every_figure = pytest.mark.parametrize("name", FIGURES)


@every_figure
@pytest.mark.parametrize("count", [1, 2, 6])
def test_a_figure_is_drawn_for_one_model_and_for_many(name, count, scene, members):
    compute, draw, describe, _ = FIGURES[name]
    found = compute(members(count))
    figure = draw(scene, found)
    assert figure.data
    assert figure.layout.title.text.startswith("<b>")
    for k in range(count):
        assert f"Model {k}" in describe(scene, found)


@every_figure
def test_the_theme_shows_through(name, scene, members):
    compute, draw, _, _ = FIGURES[name]
    layout = draw(scene, compute(members())).layout
    assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0, 0, 0, 0)"
    assert layout.font.color is None
    assert all(note.font.color is None for note in layout.annotations)


@every_figure
def test_the_title_names_the_dataset(name, scene, members):
    compute, draw, _, _ = FIGURES[name]
    assert "Clinic A" in draw(scene, compute(members())).layout.title.subtitle.text


@every_figure
def test_rows_have_the_same_columns_and_name_the_model(name, members):
    compute, _, _, rows = FIGURES[name]
    found = rows(compute(members()))
    assert len({tuple(row) for row in found}) == 1
    assert {row["model"] for row in found} == {"Model 0", "Model 1"}


@every_figure
def test_names_of_strangers_cannot_carry_markup(name, scene, members):
    compute, draw, _, _ = FIGURES[name]
    evil = "<a href='https://example.org'>x</a>"
    named = [(line_of(evil, k), found) for k, (_, found) in enumerate(members())]
    strange = type(scene)(evil, evil, "test")
    assert "<a href" not in json.dumps(draw(strange, compute(named)).to_plotly_json(), default=str)


WORST = {
    "one class only": ([1, 1, 1], [0.2, 0.5, 0.9]),
    "the other class only": ([0, 0, 0], [0.2, 0.5, 0.9]),
    "all scores equal": ([0, 1, 0, 1], [0.5, 0.5, 0.5, 0.5]),
    "two cases": ([0, 1], [0.1, 0.9]),
    "a case without a score": ([0, 1, 1], [0.1, float("nan"), 0.9]),
    "no score at all": ([0, 1], [float("nan"), float("nan")]),
}


@every_figure
@pytest.mark.parametrize("worst", WORST)
def test_the_worst_data_are_drawn_and_described(name, worst, scene, finding):
    compute, draw, describe, rows = FIGURES[name]
    found = compute([(line_of("A", 0), finding(*WORST[worst]))])
    drawn = draw(scene, found).to_json()
    assert "Infinity" not in drawn
    words = describe(scene, found)
    assert "nan" not in words.replace("finance", "").lower().split()
    rows(found)


def test_what_is_not_defined_is_said_and_never_0(scene, finding):
    found = FIGURES["roc"][0]([(line_of("A", 0), finding(*WORST["one class only"]))])
    assert math.isnan(found[0][1].auc.value)
    assert "AUC not defined" in describe_roc(scene, found)
    assert "AUC not defined" in roc_figure(scene, found).layout.annotations[0].text
