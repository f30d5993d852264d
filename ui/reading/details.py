"""What stands behind an image and an answer, folded away until asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.models.card import ModelCard
from core.report.facts import scan_facts
from core.scan import Scan, Step
from ui.foreign_text import plain
from ui.tables import markdown_table


def show_details(scan: Scan, card: ModelCard | None, provenance: Sequence[Step] = ()) -> None:
    """How the image was made and then prepared for a model, facts about the scan, the model's card."""
    with st.expander("How this image was made"):
        steps = [*scan.provenance, *provenance]
        for number, step in enumerate(steps, start=1):
            st.markdown(f"{number}. **{plain(step.name)}**: {plain(step.detail)}")
        if not steps:
            st.caption("The pixels are shown as they are in the file.")
    with st.expander("About this scan"):
        st.markdown(markdown_table([{"Fact": key, "Value": value} for key, value in scan_facts(scan).items()]))
        st.caption(
            f"Fingerprint of the file (sha256): {scan.digest}. Names, dates and numbers of the patient are not kept."
        )
    if card:
        with st.expander("About this model"):
            show_card(card)


MODELS_PAGE = "pages/evidence/models.py"

#: Metrics shown side by side for each test set; the card's text has all of them.
MAIN_METRICS = {
    "roc_auc": "ROC AUC",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "accuracy": "Accuracy",
    "kappa_quadratic": "Quadratic kappa",
    "roc_auc_macro": "ROC AUC, mean of classes",
    "accuracy_multiclass": "Accuracy",
    "kappa": "Kappa",
    "roc_auc_labels": "ROC AUC, mean of findings",
    "average_precision_labels": "Average precision, mean of findings",
    "dice_patient": "Dice by patient",
    "dice": "Dice by image",
    "empty_called_empty": "Rightly left empty",
}


def show_card(card: ModelCard) -> None:
    """The short of a model's card, and the way to the whole of it."""
    st.markdown(plain(card.summary))
    licence = card.license + (", not for commercial use" if card.non_commercial else "")
    thresholds = {"": card.threshold} if card.threshold is not None else card.thresholds
    told_thresholds = "".join(f"{f'Threshold {label}'.strip()} {value:.2f}, " for label, value in thresholds.items())
    told = f"Licence of the weights: {licence}. {told_thresholds}temperature {card.temperature:.2f}. "
    told += f"{card.threshold_from}."
    st.caption(plain(told))
    rows = measured_rows(card)
    if rows:
        st.markdown(markdown_table(rows))
        at_threshold = card.task in {"binary", "multilabel", "segmentation"}
        rule = "at the threshold above" if at_threshold else "by the largest probability"
        st.caption(f"Decisions {rule}. In brackets 95 % intervals.")
    st.page_link(
        MODELS_PAGE, label="The whole card", icon=":material/deployed_code:", query_params={"model": card.slug}
    )


def measured_rows(card: ModelCard) -> list[dict[str, str]]:
    """The main metrics of a card, a row for each split of a dataset."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for metric in card.metrics:
        kind, about = str(metric.get("type")), metric.get("label")
        title = MAIN_METRICS.get(kind, "")
        if kind == "label_roc_auc" and card.derived and about == card.derived["name"]:
            title = f"ROC AUC, {about}"
        if title and card.task == "segmentation" and len(card.labels) > 2 and about:
            title = f"{title}, {about}"
        if title:
            row = rows.setdefault((metric["dataset"], metric["split"]), {})
            row["Measured on"] = f"{metric['dataset']}, {metric['split']}"
            if card.task != "segmentation":  # its numbers are of images and of patients, which differ
                row["Cases"] = str(metric.get("n", ""))
            row[title] = _with_interval(metric)
    return list(rows.values())


def _with_interval(metric: dict[str, Any]) -> str:
    if not _finite(metric.get("value")):
        return "not defined"
    if not (_finite(metric.get("low")) and _finite(metric.get("high"))):
        return f"{metric['value']:.3f}"
    return f"{metric['value']:.3f} ({metric['low']:.3f} to {metric['high']:.3f})"


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
