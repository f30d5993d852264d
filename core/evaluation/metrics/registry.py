"""The registry of metrics, each with what it needs and which way is better.

Undefined is NaN. A contract test runs over `METRICS`. The functions are in `binary`, `multiclass` and `multilabel`;
those of binary answers can be imported from here as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from numpy.typing import ArrayLike

from core.evaluation.metrics import (
    agreement,
    mask_cases,
    multiclass,
    multilabel,
    partial_auc,
    recalibration,
)
from core.evaluation.metrics.binary import (
    accuracy,
    average_precision,
    balanced_accuracy,
    brier_score,
    confusion,
    expected_calibration_error,
    expected_calibration_error_top_label,
    f1_score,
    log_loss,
    midranks,
    npv,
    ppv,
    roc_auc,
    sensitivity,
    specificity,
    usable,
)

__all__ = [
    "METRICS", "Answers", "Metric", "Needs", "accuracy", "average_precision", "balanced_accuracy", "brier_score",
    "confusion", "expected_calibration_error", "f1_score", "log_loss", "midranks", "npv", "ppv", "roc_auc",
    "sensitivity", "specificity", "usable",
]  # fmt: skip

Needs = Literal["score", "decision", "probability", "mask"]
Answers = Literal["binary", "multiclass", "multilabel", "mask"]


@dataclass(frozen=True)
class Metric:
    """One entry of `METRICS`.

    Attributes:
        name: As stored, e.g. `"roc_auc"`.
        title: For people, with the convention where there is more than one.
        function: `(y_true, y_score, threshold) -> float`, NaN where undefined. Shapes follow from `answers`.
        higher_is_better: Which way is better.
        needs: `score` for metrics of the order alone, `decision` for those of the threshold or of the largest
            probability, `probability` for those that take the score at its word, `mask` for those of masks.
        answers: `binary` for y_true (cases,) and y_score (cases,); `multiclass` for y_true (cases,) of class indices
            and y_score (cases, classes), ordinal answers included; `multilabel` for both as (cases, labels); `mask`
            for y_true (cases,) of true pixels and y_score (cases, measures) as `mask_cases.MEASURES`.
        target: The right value of a metric that can be off to either side, where `higher_is_better` says nothing.
    """

    name: str
    title: str
    function: Callable[[ArrayLike, ArrayLike, float], float]
    higher_is_better: bool
    needs: Needs
    answers: Answers = "binary"
    target: float | None = None


#: Every metric by its name, in the order people read them.
METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("roc_auc", "AUC", roc_auc, True, "score"),
        Metric("average_precision", "Average precision (steps)", average_precision, True, "score"),
        Metric("sensitivity", "Sensitivity", sensitivity, True, "decision"),
        Metric("specificity", "Specificity", specificity, True, "decision"),
        Metric("ppv", "Positive predictive value", ppv, True, "decision"),
        Metric("npv", "Negative predictive value", npv, True, "decision"),
        Metric("accuracy", "Accuracy", accuracy, True, "decision"),
        Metric("balanced_accuracy", "Balanced accuracy", balanced_accuracy, True, "decision"),
        Metric("f1", "F1", f1_score, True, "decision"),
        Metric("mcc", "Matthews correlation", agreement.mcc, True, "decision"),
        Metric("kappa_binary", "Cohen's kappa", agreement.kappa, True, "decision"),
        Metric("brier", "Brier score (positive class)", brier_score, False, "probability"),
        Metric("log_loss", "Log loss", log_loss, False, "probability"),
        Metric("ece", "Calibration error (positive class, 10 bins)", expected_calibration_error, False, "probability"),
        Metric(
            "ece_top_label_binary",
            "Calibration error (top label, 10 bins)",
            expected_calibration_error_top_label,
            False,
            "probability",
        ),
        Metric(
            "calibration_slope",
            "Calibration slope (1 is right)",
            recalibration.calibration_slope,
            True,
            "probability",
            target=1.0,
        ),
        Metric(
            "calibration_intercept",
            "Calibration intercept (slope fixed at 1; 0 is right)",
            recalibration.calibration_intercept,
            True,
            "probability",
            target=0.0,
        ),
        Metric(
            "partial_auc",
            "Partial AUC (specificity 0.9 to 1, McClish-standardised: chance is 0.5)",
            partial_auc.partial_auc,
            True,
            "score",
        ),
        Metric(
            "partial_auc_raw",
            "Partial AUC, raw area (specificity 0.9 to 1, at most 0.1)",
            partial_auc.partial_auc_raw,
            True,
            "score",
        ),
        Metric(
            "roc_auc_macro",
            "AUC, mean of each class against the rest",
            multiclass.roc_auc_macro,
            True,
            "score",
            "multiclass",
        ),
        Metric(
            "roc_auc_weighted",
            "AUC, mean of each class against the rest weighted by its cases",
            multiclass.roc_auc_weighted,
            True,
            "score",
            "multiclass",
        ),
        Metric(
            "average_precision_macro",
            "Average precision (steps), mean of each class against the rest",
            multiclass.average_precision_macro,
            True,
            "score",
            "multiclass",
        ),
        Metric(
            "average_precision_weighted",
            "Average precision (steps), mean of each class against the rest weighted by its cases",
            multiclass.average_precision_weighted,
            True,
            "score",
            "multiclass",
        ),
        Metric("accuracy_multiclass", "Accuracy", multiclass.accuracy, True, "decision", "multiclass"),
        Metric(
            "balanced_accuracy_multiclass",
            "Balanced accuracy (mean sensitivity of the classes)",
            multiclass.balanced_accuracy,
            True,
            "decision",
            "multiclass",
        ),
        Metric("kappa", "Cohen's kappa", multiclass.kappa, True, "decision", "multiclass"),
        Metric(
            "kappa_quadratic",
            "Cohen's kappa, quadratic weights",
            multiclass.kappa_quadratic,
            True,
            "decision",
            "multiclass",
        ),
        Metric("mcc_multiclass", "Matthews correlation", multiclass.mcc, True, "decision", "multiclass"),
        Metric("f1_macro", "F1, mean of the classes", multiclass.f1_macro, True, "decision", "multiclass"),
        Metric(
            "f1_weighted",
            "F1, mean of the classes weighted by their cases",
            multiclass.f1_weighted,
            True,
            "decision",
            "multiclass",
        ),
        Metric(
            "brier_multiclass",
            "Brier score (sum over the classes, 0 to 2)",
            multiclass.brier_score,
            False,
            "probability",
            "multiclass",
        ),
        Metric(
            "log_loss_multiclass", "Log loss (all classes)", multiclass.log_loss, False, "probability", "multiclass"
        ),
        Metric(
            "ece_top_label",
            "Calibration error (top label, 10 bins)",
            multiclass.expected_calibration_error,
            False,
            "probability",
            "multiclass",
        ),
        Metric(
            "roc_auc_labels",
            "AUC, mean of the findings where it is defined",
            multilabel.roc_auc,
            True,
            "score",
            "multilabel",
        ),
        Metric(
            "average_precision_labels",
            "Average precision (steps), mean of the findings where it is defined",
            multilabel.average_precision,
            True,
            "score",
            "multilabel",
        ),
        Metric(
            "roc_auc_labels_weighted",
            "AUC, mean of the findings weighted by their cases",
            multilabel.roc_auc_weighted,
            True,
            "score",
            "multilabel",
        ),
        Metric(
            "average_precision_labels_weighted",
            "Average precision (steps), mean of the findings weighted by their cases",
            multilabel.average_precision_weighted,
            True,
            "score",
            "multilabel",
        ),
        Metric(
            "brier_labels",
            "Brier score, mean of the findings",
            multilabel.brier_score,
            False,
            "probability",
            "multilabel",
        ),
        Metric(
            "log_loss_labels", "Log loss, mean of the findings", multilabel.log_loss, False, "probability", "multilabel"
        ),
        Metric(
            "mask_dice",
            "Dice (mean of the images with the label)",
            mask_cases.mean_of("mask_dice"),
            True,
            "mask",
            "mask",
        ),
        Metric(
            "mask_average_precision",
            "Average precision of the pixels (mean of the images with the label)",
            mask_cases.mean_of("mask_average_precision"),
            True,
            "mask",
            "mask",
        ),
        Metric(
            "mask_hausdorff_95_mm",
            "HD95 in mm (mean of the images where both masks are there and the pixel size is known)",
            mask_cases.mean_of("mask_hausdorff_95_mm"),
            False,
            "mask",
            "mask",
        ),
        Metric(
            "mask_hausdorff_95_pixels",
            "HD95 in pixels (mean of the images where both masks are there)",
            mask_cases.mean_of("mask_hausdorff_95_pixels"),
            False,
            "mask",
            "mask",
        ),
        Metric(
            "mask_left_empty",
            "Images without the label where nothing is marked (fraction)",
            mask_cases.mean_of("mask_left_empty"),
            True,
            "mask",
            "mask",
        ),
    )
}
