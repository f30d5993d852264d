"""The figures for questions about all classes, or all findings, of the models."""

from __future__ import annotations

from functools import partial

import numpy as np

from core.evaluation.metrics.multiclass import confusion_matrix
from core.evaluation.results.curves import RocCurve, roc_curve
from core.evaluation.results.questions import ClassAnswers
from core.figures.comparing.class_confusion import (
    class_confusion_figure,
    class_confusion_rows,
    describe_class_confusion,
)
from core.figures.comparing.class_roc import class_roc_figure, class_roc_rows, describe_class_roc
from ui.comparing.chart import Drawn
from ui.comparing.members import Member, View


def _answers(member: Member) -> ClassAnswers:
    assert isinstance(member.answered, ClassAnswers)  # only questions about classes come here
    return member.answered


def _curve(member: Member, place: int, resamples: int) -> RocCurve:
    """The ROC curve of the class in a column; models may spell its name otherwise."""
    label = _answers(member).labels[place]
    return roc_curve(member.evaluation.finding(label), resamples)


def class_roc(view: View) -> Drawn:
    """Each class against the rest."""
    labels = _answers(view.members[0]).labels
    resamples = max(200, view.resamples // len(labels))
    panels = [
        (label, view.numbers(f"roc of class {place}", partial(_curve, place=place, resamples=resamples)))
        for place, label in enumerate(labels)
    ]
    return Drawn(
        lambda: class_roc_figure(view.scene, panels),
        describe_class_roc(view.scene, panels),
        lambda: class_roc_rows(panels),
    )


def class_confusion(view: View) -> Drawn:
    """Which class is taken for which."""
    labels = _answers(view.members[0]).labels

    def counted(member: Member) -> np.ndarray:
        answers = _answers(member)
        known = ~np.isnan(answers.score).any(axis=1)
        return confusion_matrix(answers.truth[known], answers.score[known])

    counts = view.numbers("class confusion", counted)
    return Drawn(
        lambda: class_confusion_figure(view.scene, labels, counts),
        describe_class_confusion(view.scene, labels, counts),
        lambda: class_confusion_rows(labels, counts),
    )
