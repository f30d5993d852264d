"""Images unlike the others of their set, and simple facts that give the label away."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.datasets.dataset import Case
from core.datasets.quality.fingerprint import Look

#: Robust standard deviations from the median beyond which an image is odd (Iglewicz and Hoaglin 1993 use 3.5 for
#: normal data; images have heavier tails).
_FAR = 6.0
#: A kind is odd when at most this fraction has it and at least that share another.
_FEW, _MOST = 0.05, 0.90
#: What more than this fraction of the images has is no oddity.
_ALL_TOO_MANY = 0.10
#: Area under the curve of a plain fact beyond which it gives a label away.
_TELLING = 0.80
_LEAST_CASES = 10
#: Cramér's V beyond which an attribute and the label go together.
_BOUND = 0.50


@dataclass(frozen=True)
class Odd:
    """An image unlike the others.

    Attributes:
        name: Of the case.
        what: `"blank"`, `"size"`, `"shape"`, `"brightness"`, `"contrast"`, `"modality"`, `"colour"` or `"frames"`.
        sentence: How it differs.
    """

    name: str
    what: str
    sentence: str


@dataclass(frozen=True)
class Shortcut:
    """A fact that has nothing to do with disease and yet tells a label.

    Attributes:
        what: `"brightness"`, `"contrast"`, `"size"`, `"shape"` or the name of an attribute.
        label: The label it tells from the others, `""` where it goes with all labels.
        strength: Area under the ROC curve, 0.5 to 1, or Cramér's V for an attribute.
        sentence: In words.
    """

    what: str
    label: str
    strength: float
    sentence: str


def _facts(looks: Sequence[Look]) -> dict[str, NDArray[np.float64]]:
    return {
        "size": np.log([look.rows * look.columns for look in looks]),
        "shape": np.log([look.columns / look.rows for look in looks]),
        "brightness": np.array([look.mean for look in looks]),
        "contrast": np.array([look.contrast for look in looks]),
    }


def find_odd(looks: Mapping[str, Look]) -> tuple[Odd, ...]:
    """Blank images, rare kinds, and values far from the median on a robust scale.

    Args:
        looks: Name of a case to its look.
    """
    names, values = list(looks), list(looks.values())
    found = [
        Odd(name, "blank", "It is blank: all pixels have nearly the same value.")
        for name, look in looks.items()
        if look.is_blank
    ]
    kinds = {
        "modality": [look.modality or "unknown modality" for look in values],
        "colour": ["colour" if look.is_color else "grey" for look in values],
        "frames": [f"{look.frames} frames" if look.frames > 1 else "one image" for look in values],
        "size": [f"{look.rows} × {look.columns} pixels" for look in values],
    }
    for what, texts in kinds.items():
        found += [Odd(names[place], what, sentence) for place, sentence in _rare(texts)]
    for what, numbers in _facts(values).items():
        floor = {"size": 0.2, "shape": 0.05}.get(what, 4.0)
        far = np.flatnonzero(_distance(numbers, floor) > _FAR)
        found += [Odd(names[place], what, f"Its {what} is far from that of the others.") for place in far]
    # An image that is odd by its size in pixels need not be named again for the logarithm of it.
    once = tuple({(odd.name, odd.what): odd for odd in found[::-1]}.values())[::-1]
    counts = Counter(odd.what for odd in once)
    return tuple(odd for odd in once if odd.what == "blank" or counts[odd.what] <= _ALL_TOO_MANY * len(looks))


def _rare(texts: Sequence[str]) -> list[tuple[int, str]]:
    counts = Counter(texts)
    usual, most = counts.most_common(1)[0] if counts else ("", 0)
    if len(texts) < _LEAST_CASES or most < _MOST * len(texts):
        return []
    rare = {text for text, count in counts.items() if text != usual and count <= _FEW * len(texts)}
    return [(place, f"It has {text}, the others {usual}.") for place, text in enumerate(texts) if text in rare]


def _distance(values: NDArray[np.float64], floor: float) -> NDArray[np.float64]:
    """Distance from the median in robust standard deviations of at least `floor`, so that equal values are not odd."""
    if len(values) < _LEAST_CASES:
        return np.zeros(len(values))
    centre = np.median(values)
    spread = max(1.4826 * float(np.median(np.abs(values - centre))), floor)
    return np.asarray(np.abs(values - centre) / spread)


def find_shortcuts(cases: Sequence[Case], looks: Mapping[str, Look]) -> tuple[Shortcut, ...]:
    """Plain facts and attributes that tell labels, the strongest first.

    Args:
        cases: Those with a look are used.
        looks: Name of a case to its look.
    """
    seen = [case for case in cases if case.name in looks]
    facts = _facts([looks[case.name] for case in seen]) if seen else {}
    labels = sorted({label for case in seen for label in case.labels})
    found = []
    for label in labels[1:] if len(labels) == 2 else labels:  # of two, the other says the same
        has = np.array([label in case.labels for case in seen])
        if min(has.sum(), (~has).sum()) < _LEAST_CASES:
            continue
        for what, values in facts.items():
            area = _area(values, has)
            if max(area, 1 - area) >= _TELLING:
                found.append(_told_by_fact(what, label, area))
    found += _told_by_attributes(seen)
    return tuple(sorted(found, key=lambda shortcut: -shortcut.strength))


def _told_by_fact(what: str, label: str, area: float) -> Shortcut:
    strength = max(area, 1 - area)
    more = {"size": "larger", "shape": "wider", "brightness": "brighter", "contrast": "richer in contrast"}[what]
    less = {"size": "smaller", "shape": "narrower", "brightness": "darker", "contrast": "poorer in contrast"}[what]
    sentence = (
        f"Images of {label} are {more if area > 0.5 else less} than the others: {what} alone tells them apart with "
        f"an AUC of {strength:.2f}, and a good figure may rest on it."
    )
    return Shortcut(what, label, strength, sentence)


def _area(values: NDArray[np.float64], has: NDArray[np.bool_]) -> float:
    """Area under the ROC curve with ties halved."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[places]
    positives = int(has.sum())
    return float((ranks[has].sum() - positives * (positives + 1) / 2) / (positives * (len(has) - positives)))


def _told_by_attributes(cases: Sequence[Case]) -> list[Shortcut]:
    names = sorted({name for case in cases for name in case.attributes} - {"age"})
    found = []
    for name in names:
        pairs = [(case.attributes[name], ", ".join(case.labels)) for case in cases if case.attributes.get(name)]
        strength = _cramers_v(pairs)
        # A column that repeats the label is a second label; a site or a device that does so is a trap.
        if strength >= _BOUND and (strength < 0.99 or name in {"site", "device", "sex"}):
            means = (
                f"a model may learn the {name} in place of the finding"
                if name in {"site", "device", "sex"}
                else f"a figure by {name} compares other mixes of cases"
            )
            sentence = f"{name} and label go together (Cramér's V {strength:.2f}): {means}."
            found.append(Shortcut(name, "", strength, sentence))
    return found


def _cramers_v(pairs: Sequence[tuple[str, str]]) -> float:
    """Association of two texts, 0 to 1 (Cramér 1946), over values with 10 cases or more; 0 where there is one only."""
    common: dict[int, set[str]] = defaultdict(set)
    for side in (0, 1):
        common[side] = {v for v, n in Counter(pair[side] for pair in pairs).items() if n >= _LEAST_CASES}
    kept = Counter(pair for pair in pairs if pair[0] in common[0] and pair[1] in common[1])
    rows, columns = sorted({a for a, _ in kept}), sorted({b for _, b in kept})
    if min(len(rows), len(columns)) < 2:
        return 0.0
    table = np.array([[kept[row, column] for column in columns] for row in rows], np.float64)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    chi = float(((table - expected) ** 2 / expected).sum())
    return float(np.sqrt(chi / (table.sum() * (min(table.shape) - 1))))
