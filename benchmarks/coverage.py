"""How often 95 % intervals hold the truth with few patients: simulated studies whose truth is known.

Patients have one or several images that are alike: a fraction of what is noise in the score belongs to the patient. Two
models see the same images, and half of their noise is common. The finding belongs to the patient or to the image; its
prevalence, the AUC, the likeness of a patient's images and their number differ between designs. A row is the mean over
the designs, which must lie between 0.94 and 0.97; the least and the most covered design stand in its name.

Nothing here is a time: the rows do not depend on what else the machine does, and are the same in every run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

PATIENTS, STUDIES, SEED = (10, 15, 20, 40), 400, 20260101

#: What the mean coverage over the designs must lie within.
LEAST, MOST = 0.94, 0.97

#: At this score the specificity is 0.85.
THRESHOLD, SPECIFICITY = 1.0364333894937898, 0.85


@dataclass(frozen=True)
class Design:
    """How a study is made.

    Attributes:
        of_patient: Whether all images of a patient show the finding or none does.
        prevalence: Of the finding.
        auc: Of the better model between images of different patients; the other one's is 0.05 lower.
        icc: Intra-class correlation: which fraction of the noise belongs to the patient.
        images: Fewest and most of a patient.
    """

    of_patient: bool
    prevalence: float
    auc: float
    icc: float
    images: tuple[int, int]


DESIGNS = (
    Design(True, 0.5, 0.85, 0.4, (2, 4)),
    Design(True, 0.4, 0.95, 0.5, (1, 8)),
    Design(False, 0.3, 0.80, 0.4, (2, 4)),
    Design(False, 0.5, 0.90, 0.3, (1, 8)),
    Design(True, 0.5, 0.75, 0.6, (1, 1)),
    Design(False, 0.4, 0.95, 0.6, (2, 4)),
)


@dataclass(frozen=True, eq=False)
class Study:
    """Truth, (2, images) scores and patients of one simulated study, and the right values of the metrics."""

    truth: NDArray[np.bool_]
    scores: NDArray[np.float64]
    patient_index: NDArray[np.intp]
    right: tuple[dict[str, float], dict[str, float]]


def simulate(design: Design, patients: int, rng: np.random.Generator) -> Study:
    """One study."""
    from scipy.stats import norm

    patient_index = np.repeat(np.arange(patients), rng.integers(design.images[0], design.images[1] + 1, patients))
    rate = design.prevalence
    if design.of_patient:
        truth = (rng.random(patients) < rate)[patient_index]
    else:
        truth = rng.random(len(patient_index)) < rng.beta(2 * rate, 2 * (1 - rate), patients)[patient_index]

    def noise() -> NDArray[np.float64]:
        shared = rng.normal(size=patients)[patient_index]
        return np.sqrt(design.icc) * shared + np.sqrt(1 - design.icc) * rng.normal(size=len(patient_index))

    common, scores, right = noise(), [], []
    for auc in (design.auc, design.auc - 0.05):
        apart = float(np.sqrt(2) * norm.ppf(auc))
        scores.append(apart * truth + np.sqrt(0.5) * (common + noise()))
        sensitivity = float(norm.cdf(apart - THRESHOLD))
        accuracy = rate * sensitivity + (1 - rate) * SPECIFICITY
        found = {"roc_auc": auc, "sensitivity": sensitivity, "specificity": SPECIFICITY, "accuracy": accuracy}
        right.append(found)
    return Study(truth, np.array(scores), patient_index, (right[0], right[1]))


def intervals(study: Study) -> Iterator[tuple[str, float, float, float]]:
    """(metric, low, high, truth) as the product has them; an interval that is not defined is left out."""
    from core.evaluation.comparison.ranking import paired
    from core.evaluation.results.estimates import cases_of, estimate

    for name, right in study.right[0].items():
        one, two = (cases_of(name, study.truth, score, study.patient_index, THRESHOLD) for score in study.scores)
        yield name, *(getattr(estimate(one), end) for end in ("low", "high")), right
        if name in {"roc_auc", "accuracy"}:
            difference = paired(one, two)
            yield f"difference of {name}, paired", difference.low, difference.high, right - study.right[1][name]


def coverage(design: Design, patients: int, studies: int = STUDIES) -> dict[str, float]:
    """Fraction of the studies of a design whose interval holds the truth, by metric."""
    rng = np.random.default_rng([SEED, DESIGNS.index(design), patients])
    held: dict[str, list[bool]] = {}
    for _ in range(studies):
        for name, low, high, right in intervals(simulate(design, patients, rng)):
            if not np.isnan(low):
                held.setdefault(name, []).append(bool(low <= right <= high))
    return {name: float(np.mean(found)) for name, found in held.items()}


def run() -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for patients in PATIENTS:
        found = list(map(partial(coverage, patients=patients), DESIGNS))
        for name in found[0]:
            fractions = [design[name] for design in found]
            mean = float(np.mean(fractions))
            spread = f"{min(fractions):.3f} to {max(fractions):.3f}"
            title = f"coverage of 95 % intervals, {name}, {patients} patients ({spread})"
            holds = LEAST <= round(mean, 3) <= MOST
            rows.append({"name": title, "value": round(mean, 4), "limit": MOST, "unit": "", "holds": holds})
    return rows
