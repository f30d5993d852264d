"""What an inspection found, in plain sentences: what it is, and what it does to a metric."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from core.datasets.dataset import Dataset
from core.datasets.quality.duplicates import Alike
from core.datasets.quality.outliers import Odd, Shortcut
from core.datasets.reading import some

#: Fraction of one class from which on accuracy says little.
_LOPSIDED = 0.75
_FEW = 10


def findings(
    dataset: Dataset,
    labels: Mapping[str, Mapping[str, int]],
    copies: Sequence[Alike],
    near_duplicates: Sequence[Alike],
    patients_in_splits: Mapping[str, Sequence[str]],
    unreadable: Mapping[str, str],
    odd: Sequence[Odd],
    shortcuts: Sequence[Shortcut],
) -> tuple[str, ...]:
    """Sentences, the gravest first."""
    return (
        *_across_splits(copies, near_duplicates, patients_in_splits),
        *_across_labels(copies, near_duplicates),
        *(shortcut.sentence for shortcut in shortcuts),
        *_within(copies, near_duplicates),
        *_about_labels(dataset, labels),
        *_about_patients(dataset),
        *_about_files(dataset, unreadable, odd),
    )


def _count(number: int, one: str, many: str) -> str:
    return f"1 {one}" if number == 1 else f"{number:,} {many}"


def _first(found: Sequence[Alike]) -> str:
    return " = ".join(found[0].names[:2])


def _verb(found: Sequence[Alike], plural: str) -> str:
    return plural if len(found) > 1 else {"have": "has", "lie": "lies", "show": "shows"}[plural]


def _across_splits(
    copies: Sequence[Alike], near_duplicates: Sequence[Alike], patients: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    torn = [group for group in copies if group.across_splits]
    if torn:
        yield (
            f"{_count(len(torn), 'image is', 'images are')} in more than one split, pixel for pixel "
            f"({_first(torn)}): a model that has seen them in training is flattered."
        )
    near = [pair for pair in near_duplicates if pair.across_splits]
    if near:
        yield (
            f"{_count(len(near), 'pair', 'pairs')} of nearly the same image {_verb(near, 'lie')} in two splits "
            f"({_first(near)}): they may be of one patient, and flatter a model that was trained on one of them."
        )
    if patients:
        # Patients are counted and never named here: sentences are shown, saved and sent on.
        yield (
            f"{_count(len(patients), 'patient is', 'patients are')} in more than one split: a model may recognise the "
            "patient and not the disease, which flatters every metric."
        )


def _across_labels(copies: Sequence[Alike], near_duplicates: Sequence[Alike]) -> Iterator[str]:
    exact = [group for group in copies if group.across_labels]
    if exact:
        yield (
            f"{_count(len(exact), 'image has', 'images have')} two different labels ({_first(exact)}): at least "
            "one is wrong, and no model can be right on both."
        )
    near = [pair for pair in near_duplicates if pair.across_labels]
    if near:
        yield (
            f"{_count(len(near), 'pair', 'pairs')} of nearly the same image {_verb(near, 'have')} different labels "
            f"({_first(near)})."
        )


def _within(copies: Sequence[Alike], near_duplicates: Sequence[Alike]) -> Iterator[str]:
    extra = sum(len(group.names) - 1 for group in copies)
    if extra:
        yield (
            f"{_count(extra, 'case is a copy', 'cases are copies')} of another, pixel for pixel: they count more than "
            "once, and intervals come out too narrow."
        )
    inside = [pair for pair in near_duplicates if not pair.across_splits]
    if inside:
        yield (
            f"{_count(len(inside), 'pair', 'pairs')} of cases {_verb(inside, 'show')} nearly the same image "
            f"({_first(inside)}): they are not independent, and intervals come out too narrow."
        )


def _about_labels(dataset: Dataset, labels: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    totals = {label: sum(splits.values()) for label, splits in labels.items() if label}
    whole = sum(totals.values())
    if totals and not dataset.multilabel and len(totals) > 1:
        label, most = max(totals.items(), key=lambda item: item[1])
        if most >= _LOPSIDED * whole:
            yield (
                f"{most / whole:.0%} of the cases are {label}: who always says so has an accuracy of "
                f"{most / whole:.2f}, so accuracy flatters; look at sensitivity and specificity."
            )
    splits = sorted({case.split for case in dataset.cases})
    for split in splits:
        where = f" in {split}" if split else ""
        missing = [label for label in totals if not labels[label].get(split)]
        few = [label for label in totals if 0 < labels[label].get(split, 0) < _FEW]
        if missing and len(totals) > 1:
            yield f"There is no case of {some(missing)}{where}: nothing can be said about it there."
        if few:
            yield f"There are fewer than {_FEW} cases of {some(few)}{where}: intervals are wide."


def _about_patients(dataset: Dataset) -> Iterator[str]:
    named = [case.patient for case in dataset.cases if case.patient]
    if not named:
        yield "Patients are not named, so nobody can tell whether one is in two splits; intervals may be too narrow."
        return
    if len(named) < len(dataset.cases):
        yield f"{len(dataset.cases) - len(named):,} cases do not name their patient and count as one each."
    most = max(Counter(named).values())
    if most > max(20, 0.05 * len(dataset.cases)):
        yield f"One patient gives {most:,} of {len(dataset.cases):,} cases and weighs that much."


def _about_files(dataset: Dataset, unreadable: Mapping[str, str], odd: Sequence[Odd]) -> Iterator[str]:
    if unreadable:
        yield (
            f"{_count(len(unreadable), 'file', 'files')} of {len(dataset.cases):,} cannot be read and are left out: "
            f"{some(sorted(unreadable))}."
        )
    by_kind = Counter(entry.what for entry in odd)
    labels = {case.name: ", ".join(case.labels) for case in dataset.cases}
    for what, count in by_kind.most_common():
        members = [entry.name for entry in odd if entry.what == what]
        names = some(members)
        if what == "blank":
            yield f"{_count(count, 'image is', 'images are')} blank: {names}."
        else:
            telling = _of_one_label([labels[name] for name in members], list(labels.values()))
            yield f"{_count(count, 'image differs', 'images differ')} from the others in {what}: {names}.{telling}"


def _of_one_label(found: Sequence[str], everything: Sequence[str]) -> str:
    """What to add where nearly all odd images are of one class, which most others are not."""
    label, count = Counter(found).most_common(1)[0]
    if len(found) < _FEW or count < 0.9 * len(found) or everything.count(label) > 0.75 * len(everything):
        return ""
    return f" {count:,} of them are {label}: a model may tell it by that alone."
