"""What measuring a model comes to, whatever its task: the choices, the results by set, and the rest of the card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from core.evaluation.metrics.registry import METRICS
from core.evaluation.results.case_scores import CaseScores
from core.evaluation.statistics.intervals import Estimate
from core.inference.ood import Reference
from core.training.recipe.sources import MaskedImages, Source

#: Between the name of a metric and the label it is about.
AT = "@"

#: What the names of attributes begin with in a table of scores.
ATTRIBUTE = "attr_"


@dataclass(frozen=True)
class Choices:
    """How scores become decisions and calibrated probabilities.

    Attributes:
        threshold: On the probability of `labels[1]` of a model with one unit, else None.
        thresholds: For each finding of a multilabel model, each of several masks, and for a derived question.
        temperature: Divides the logits.
        source: How and where they were chosen, for people.
    """

    threshold: float | None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    temperature: float = 1.0
    source: str = ""

    def of(self, label: str) -> float:
        """The threshold of one label: its own, or the only one, or one half."""
        return self.thresholds.get(label, 0.5 if self.threshold is None else self.threshold)


@dataclass(frozen=True, eq=False)
class Result:
    """Scores of one split and what they come to.

    Attributes:
        source: Where the cases are from.
        split: val or test, or cross-validation.
        table: One row a case, of masks one a case and label.
        scores: The same as arrays, None for masks.
        estimates: By name of the metric, and `<metric>@<label>` for what is about one label.
    """

    source: Source | MaskedImages
    split: str
    table: pd.DataFrame
    scores: CaseScores | None
    estimates: Mapping[str, Estimate]

    @property
    def file(self) -> str:
        """Path of the scores within the bundle."""
        return f"evaluations/{self.source.name}--{self.split}.parquet"

    @property
    def kind(self) -> str:
        """Where the images were made, see `Source.kind`."""
        return self.source.kind if isinstance(self.source, Source) else "internal"

    @property
    def classes(self) -> CaseScores:
        """The scores of a task that is not of masks."""
        assert self.scores is not None
        return self.scores

    @property
    def headline(self) -> str:
        """The main metric in words, for a log."""
        name, estimate = next(iter(self.estimates.items()))
        title = METRICS[name].title if name in METRICS else name.replace(AT, ", ")
        return f"{title} {estimate.value:.4f} ({estimate.low:.4f} to {estimate.high:.4f})"


@dataclass(frozen=True, eq=False)
class Measured:
    """All that was measured on a compiled model.

    Attributes:
        choices: Thresholds and temperature.
        results: Validation first, then the held-out test split, then other sets.
        counts: (split, label) to (cases, patients) of the recipe's own data; the label `""` for all.
        reference: Of the similarity check, None for a model without features of images.
        ood: The card's `out_of_distribution`.
        split_targets: (cases,) class indices, or (cases, labels) of 0 and 1, of the training split; None for masks.
        tables: Path within the bundle to further scores.
        localised: What the front matter says of heatmaps against marked regions, one entry a set.
        audit: The section on near-duplicates and shortcuts, `""` for none.
        sections: Title to text of further sections, after the subgroups.
        contract: Further keys of the card's contract.
    """

    choices: Choices
    results: tuple[Result, ...]
    counts: Mapping[tuple[str, str], tuple[int, int]]
    reference: Reference | None
    ood: Mapping[str, Any]
    split_targets: Any = None
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    localised: tuple[Mapping[str, Any], ...] = ()
    audit: str = ""
    sections: Mapping[str, str] = field(default_factory=dict)
    contract: Mapping[str, Any] = field(default_factory=dict)
