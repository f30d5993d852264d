"""The answer for a whole series whose slices or frames were each answered by themselves.

No model here was trained to answer for a series, so nothing is pooled that would look like it: the largest probability
counts where there is a threshold, the mean where there is none, and the words say which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.formatting import in_sentence, joined, probability_text
from core.inference.decision import decide

if TYPE_CHECKING:
    from core.inference.class_scores import Prediction

#: Runs of slices that are named one by one; what is beyond is counted.
MOST_RUNS = 4


@dataclass(frozen=True)
class SeriesAnswer:
    """What the frames of a series come to.

    Attributes:
        headline: In words, e.g. `"Cancer: above the alarm threshold on 12 of 40 slices"`.
        which: Which these are, or how the classes are spread, e.g. `"Slices 14 to 25"`.
        pooled: How the headline was come by.
    """

    headline: str
    which: str
    pooled: str


def runs(numbers: Sequence[int]) -> str:
    """Numbers from 1 in words: `"3, 7 to 9 and 12"`.

    Example:
        >>> runs([3, 7, 8, 9, 12]), runs([1, 3, 5, 7, 9, 11])
        ('3, 7 to 9 and 12', '1, 3, 5, 7 and 2 more')
    """
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][-1] + 1:
            found[-1].append(number)
        else:
            found.append([number])
    words = [f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in found]
    rest = sum(len(run) for run in found[MOST_RUNS:])
    return joined([*words[:MOST_RUNS], f"{rest} more"] if rest else words)


def series_answer(prediction: Prediction, word: str) -> SeriesAnswer:
    """All frames of a prediction together.

    Args:
        prediction: Of every frame.
        word: What a frame is called, `"slice"` or `"frame"`.
    """
    card, count = prediction.card, len(prediction.frames)
    words = f"{word}s"
    decisions = [prediction.decision(position) for position in range(count)]
    if card.task == "multilabel":
        found = [index for index in range(len(card.labels)) if any(index in each.predicted for each in decisions)]
        named = [
            f"{card.labels[index]} on {sum(index in each.predicted for each in decisions)} of {count} {words}"
            for index in found
        ]
        headline = f"Found: {joined(named)}" if found else f"None of the {len(card.labels)} findings on any {word}"
        return SeriesAnswer(headline, "", f"Each {word} is answered by itself; a finding counts where any has it")
    if card.task == "binary":
        return _binary(prediction, word, [each.class_index == 1 for each in decisions])
    mean = prediction.probabilities.mean(axis=0)
    decided = decide(card, mean, prediction.calibrated.mean(axis=0))
    tally = [sum(each.class_index == index for each in decisions) for index in range(len(card.labels))]
    spread = [
        f"{in_sentence(card.labels[index])} on {tally[index]}" for index in np.argsort(tally)[::-1] if tally[index]
    ]
    return SeriesAnswer(
        f"{decided.sentence} over the series",
        f"Most likely by {word}: {joined(spread)} of {count}",
        f"The mean of all {words}, which were answered each by itself",
    )


def _binary(prediction: Prediction, word: str, above: Sequence[bool]) -> SeriesAnswer:
    name, values = prediction.card.labels[1], prediction.calibrated[:, 1]
    numbers = [frame + 1 for frame, positive in zip(prediction.frames, above, strict=True) if positive]
    best = int(np.argmax(values))
    most = f"highest on {word} {prediction.frames[best] + 1} ({probability_text(float(values[best]))})"
    pooled = f"Each {word} is answered by itself; the series counts as positive where any {word} is"
    if not numbers:
        return SeriesAnswer(
            f"{name}: below the alarm threshold on all {len(values)} {word}s", most.capitalize(), pooled
        )
    where = f"{word if len(numbers) == 1 else word + 's'} {runs(numbers)}"
    return SeriesAnswer(
        f"{name}: above the alarm threshold on {len(numbers)} of {len(values)} {word}s",
        f"{where.capitalize()}; {most}",
        pooled,
    )
