"""Who is shown by which case, and what of two lists of cases is the same."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: What stands for a patient who is not known.
UNKNOWN = ("", "nan", "None")


def patient_indices(patients: NDArray[Any]) -> NDArray[np.intp]:
    """(cases,) a number from 0 for each patient, in the order of their sorted names.

    A case whose patient is not known is taken for a patient of its own: to take all of them for one would leave nothing
    to draw from.
    """
    if patients.dtype.kind in "iub":
        return np.asarray(np.unique(patients, return_inverse=True)[1], np.intp)
    names = [name if type(name) is str else str(name) for name in patients.tolist()]
    # In the order of the cases the names are mostly sorted already, which a set would undo.
    place = {name: number for number, name in enumerate(sorted(dict.fromkeys(names)))}
    found = np.fromiter(map(place.__getitem__, names), np.intp, len(names))
    unknown = np.isin(found, [place[word] for word in UNKNOWN if word in place])
    if not unknown.any():
        return found
    found[unknown] = len(place) + np.arange(unknown.sum())
    return np.asarray(np.unique(found, return_inverse=True)[1], np.intp)


def count(patient_index: NDArray[np.intp]) -> int:
    """How many patients there are; `patient_index` is (cases,) as `patient_indices` gives it, or a part of it."""
    return int(np.count_nonzero(np.bincount(patient_index)))


def clustered(patient_index: NDArray[np.intp]) -> bool:
    """Whether some patient has more than one case; `patient_index` is (cases,) as `patient_indices` gives it."""
    return bool(len(patient_index)) and count(patient_index) < len(patient_index)


def same_cases(a: NDArray[Any], b: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of the cases that two (n,) and (m,) lists of names have in common, in each, in the order of the first.

    A name that a list has twice counts where it stands first.
    """
    if len(a) == len(b) and np.array_equal(a, b):
        every = np.arange(len(a))
        return every, every
    place: dict[Any, int] = {}
    for index, name in enumerate(b.tolist()):
        place.setdefault(name, index)
    pairs: dict[int, int] = {}
    for index, name in enumerate(a.tolist()):
        if name in place:
            pairs.setdefault(place.pop(name), index)
    there, here = np.fromiter(pairs, np.intp, len(pairs)), np.fromiter(pairs.values(), np.intp, len(pairs))
    return here, there
