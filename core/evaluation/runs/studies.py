"""What a model is given of one case of a dataset, and what is true of it where masks say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from core.datasets.dataset import Case, Dataset
from core.datasets.tables.inputs import MASK, MASK_OF, columns_in, parse_fact, values_in
from core.errors import IncompatibleInput, ScanLensError
from core.evaluation.metrics.mask_cases import measure_masks
from core.inference.masks import Segmentation
from core.inference.study import Study, check_fact, main_scan
from core.models.card import ModelCard
from core.readers.mask import Reference, read_reference
from core.scan import Scan, answered_frame


def study_of(dataset: Dataset, case: Case, card: ModelCard, mapping: Mapping[str, str]) -> Study:
    """Scans and facts of one case.

    Args:
        dataset: The dataset that the case belongs to.
        case: Which.
        card: Of the model.
        mapping: What the dataset's words mean for the model.

    Raises:
        ScanLensError: A scan cannot be read, or a fact is not one.
    """
    columns, table = columns_in(mapping), dataset.table
    images = [spec for spec in card.inputs if spec.is_image]
    scans: dict[str, Scan] = {}
    for spec in images:
        if spec.name in columns:
            if table is not None and table.has(case, columns[spec.name]):
                scans[spec.name] = table.read_column(case, columns[spec.name])
        elif len(images) == 1 and dataset.has_images:
            scans[spec.name] = dataset.read(case)
    facts: dict[str, float | None] = {}
    for feature in (feature for spec in card.inputs for feature in spec.features):
        if feature.name in columns and table is not None:
            value = parse_fact(feature, table.cell(case, columns[feature.name]))
            facts[feature.name] = None if value is None else check_fact(feature, value)
    return Study(scans, facts)


def frames_of(card: ModelCard, study: Study) -> list[int] | None:
    """The frames that stand for a case: the one that a stack is answered by; all of them where masks are asked for."""
    if card.task == "segmentation":
        return None
    images = [study.scans[spec.name] for spec in card.inputs if spec.kind == "image" and spec.name in study.scans]
    return [answered_frame(images[0])] if images else None


def true_masks(
    dataset: Dataset, case: Case, card: ModelCard, mapping: Mapping[str, str], scan: Scan
) -> dict[str, NDArray[np.bool_]]:
    """Label to (frames, rows, columns) bool, for the labels that the case has a mask of.

    Raises:
        IncompatibleInput: A mask does not lie on the scan, or nobody has said what a value of it means.
    """
    columns, table = columns_in(mapping), dataset.table
    found: dict[str, NDArray[np.bool_]] = {}
    if table is None:
        return {}
    for target, column in columns.items():
        if (target != MASK and not target.startswith(MASK_OF)) or not table.has(case, column):
            continue
        for source in table.sources(case, column):
            reference = read_reference(source, scan, answered_frame(scan), may_be_empty=True)
            if len(reference.frames) < scan.frames:
                raise IncompatibleInput(f"The mask has a single frame, the scan {scan.frames}", "mark the whole stack")
            if target == MASK:
                found |= _by_label(reference, card, values_in(mapping))
            else:
                found[target.removeprefix(MASK_OF)] = reference.of()
    return found


def _by_label(reference: Reference, card: ModelCard, meant: Mapping[int, str]) -> dict[str, NDArray[np.bool_]]:
    """The masks of all labels from one file, whose values mean what is said, else labels in the card's order."""
    labels = card.labels[1:]
    empty = np.zeros_like(reference.of())
    values = [value for value, mask in reference.masks.items() if mask.any()]
    unsaid = unsaid_values(values, card, meant)
    if unsaid:
        raise IncompatibleInput(
            f"Nobody has said what the value {unsaid[0]} of the mask means",
            f"say which of {', '.join(labels)} it is, as in --mask {unsaid[0]}={labels[0]}, or nothing to leave it out",
        )  # fmt: skip
    found = dict.fromkeys(labels, empty)
    for value in values:
        label = meant[value] if value in meant else labels[0] if len(labels) == 1 else labels[value - 1]
        if label:
            found[label] = found[label] | reference.of(value)
    return found


def unsaid_values(values: list[int], card: ModelCard, meant: Mapping[int, str]) -> list[int]:
    """Values of a mask that nobody has said the meaning of, and that do not tell it.

    One value can only be the one label of a model with one. Several mean the labels of the card in their order where
    none is more than there are labels.
    """
    labels, rest = len(card.labels) - 1, [value for value in values if value not in meant]
    if meant:
        return rest
    if labels == 1:
        return rest if len(rest) > 1 else []
    return rest if any(value > labels for value in rest) else []


def measures_of(found: Segmentation, scan: Scan, truth: Mapping[str, NDArray[np.bool_]]) -> NDArray[np.float64]:
    """(labels × measures,) of one case, as `core.evaluation.results.case_scores.CaseScores.logits` holds them.

    A label without a mask of its own is nowhere.

    Args:
        found: What the model segments in all frames.
        scan: Read by it.
        truth: As `true_masks` gives it.
    """
    volume = scan.frames > 1
    plane, in_mm = scan.spacing_mm or (scan.pixel_aspect, 1.0), scan.spacing_mm is not None
    steps: tuple[float, ...] = plane
    if volume:  # distances in space need all three; a film has none
        in_mm = in_mm and scan.axis == "slice" and scan.slice_spacing_mm is not None
        steps = (scan.slice_spacing_mm or 0.0, *plane) if in_mm else ()
    origins = scan.slice_origins_mm if volume and in_mm else None
    rows = []
    for place, label in enumerate(found.labels):
        probability = np.stack([found.probability(k, place) for k in range(len(found.frames))])
        mask = found.volume(place)
        true = truth.get(label, np.zeros(mask.shape, bool))
        if not volume:
            true, mask, probability = true[0], mask[0], probability[0]
        rows.append(measure_masks(true, mask, probability, steps, in_mm, origins))
    return np.concatenate(rows)


def sample_values(
    dataset: Dataset, card: ModelCard, mapping: Mapping[str, str], cases: Sequence[Case], most: int = 6
) -> tuple[int, ...]:
    """Values above 0 that occur in the masks of some cases, spread over all; what cannot be read is passed over."""
    column = columns_in(mapping).get(MASK, "")
    if not column or dataset.table is None or not cases:
        return ()
    found: set[int] = set()
    for place in np.unique(np.linspace(0, len(cases) - 1, most).astype(int)):
        try:
            scan = main_scan(card, study_of(dataset, cases[place], card, mapping))
            for source in dataset.table.sources(cases[place], column):
                masks = read_reference(source, scan, answered_frame(scan), may_be_empty=True).masks
                found |= {value for value, mask in masks.items() if mask.any()}
        except ScanLensError:
            continue
    return tuple(sorted(found))
