"""What is asked on the page that explains, and its making in the background.

Maps first, then how far to trust them, then what an independent implementation draws.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.errors import UnsupportedModel
from core.explain import EXPLAINERS
from core.explain.explanation import Explanation
from core.explain.request import Ask
from core.explain.trust.checking import check_explanation
from core.explain.trust.second_opinion import METHODS, SecondOpinion, second_opinion
from core.explain.trust.verdict import Trust
from core.inference.predict import Prediction, predict
from core.inference.randomised import randomised_bundle
from core.inference.study import Study
from core.scan import Scan
from ui.background import Progress, Stopper, Work
from ui.cache import cached_bundle, cached_keras
from ui.session import Reading


@dataclass(frozen=True)
class Wanted:
    """One map that the page asks for.

    Attributes:
        slug: The model.
        method: Name in `EXPLAINERS`.
        label: What the evidence should speak for.
        rather_than: The label to compare with, `""` for none.
        layer: `""` for the card's.
        frame: Of the scan.
        untrained: Whether a copy with random weights is asked instead of the model.
    """

    slug: str
    method: str
    label: str
    rather_than: str
    layer: str
    frame: int
    untrained: bool = False

    @property
    def name(self) -> str:
        """A key for people's eyes and for the browser."""
        return "|".join(map(str, (self.slug, self.method, self.label, self.rather_than, self.layer, self.untrained)))


@dataclass(frozen=True, eq=False)
class Made:
    """What came of it.

    Attributes:
        explanation: None where the method refused.
        seconds: That making it took.
        trouble: Why there is none, in one sentence.
    """

    explanation: Explanation | None
    seconds: float = 0.0
    trouble: str = ""


def predicted(state: Reading, scan: Scan, slug: str, frame: int) -> Prediction:
    """The model's answer for one frame, with what it was given."""
    return state.answers.get((scan.digest, slug, frame), lambda: _predict(slug, scan, frame))


def _predict(slug: str, scan: Scan, frame: int) -> Prediction:
    bundle = cached_bundle(slug)
    return predict(bundle, Study.of(bundle.card, scan), [frame], expect=Prediction)


def made_of(state: Reading, scan: Scan, wanted: Wanted) -> Made | None:
    """The map, or None while there is none."""
    key = ("map", scan.digest, wanted)
    return state.maps.get(key, lambda: Made(None)) if key in state.maps else None


def trust_of(state: Reading, scan: Scan, wanted: Wanted) -> Trust | str | None:
    """The checks' verdict, why there is none, or None while it is not known."""
    key = ("trust", scan.digest, wanted)
    return state.maps.get(key, lambda: "") if key in state.maps else None


def opinion_of(state: Reading, scan: Scan, wanted: Wanted) -> SecondOpinion | str | None:
    """What an independent implementation draws, why it cannot be asked, or None while it was not."""
    key = ("second", scan.digest, wanted)
    return state.maps.get(key, lambda: "") if key in state.maps else None


def carry_on(
    state: Reading, scan: Scan, everything: Sequence[Wanted], paused: bool = False, second: bool = False
) -> str:
    """Take what is done, and unless the user paused start the next thing that is missing.

    Args:
        state: Of the page.
        scan: On the page.
        everything: Maps that are asked for.
        paused: Whether the user stopped the making.
        second: Whether an independent implementation is to be asked too.

    Returns:
        What is being made, for people; `""` when nothing is left to do.
    """
    _take(state)
    todo = _missing(state, scan, everything, second)
    job = state.jobs.find("map")
    if job is not None and (paused or job.key not in todo):
        state.jobs.drop("map")  # nobody asks for it any more
        job = None
    if not todo or paused:
        return ""
    if job is None:
        kind, _, wanted = key = todo[0]
        assert isinstance(wanted, Wanted)
        prediction = predicted(state, scan, wanted.slug, wanted.frame)
        made = None if kind == "map" else made_of(state, scan, wanted)
        state.jobs.drop_running("check")  # of the page Read, where nobody is now; it starts anew there
        job = state.jobs.start("map", key, _title(key), _work(str(kind), prediction, wanted, made))
    return job.title


def _title(key: tuple[object, ...]) -> str:
    kind, _, wanted = key
    assert isinstance(wanted, Wanted)
    title = EXPLAINERS[wanted.method].title
    doing = {"map": "Making", "trust": "Checking", "second": "Asking an independent implementation for"}
    return f"{doing[str(kind)]} {title}"


def _missing(state: Reading, scan: Scan, everything: Sequence[Wanted], second: bool) -> list[tuple[object, ...]]:
    maps: list[tuple[object, ...]] = [("map", scan.digest, wanted) for wanted in everything]
    checks: list[tuple[object, ...]] = []
    opinions: list[tuple[object, ...]] = []
    for wanted in everything:
        made = made_of(state, scan, wanted)
        if made is not None and made.explanation is not None and not wanted.untrained:
            checks.append(("trust", scan.digest, wanted))
            if second and wanted.method in METHODS:
                opinions.append(("second", scan.digest, wanted))
    return [key for key in (*maps, *checks, *opinions) if key not in state.maps]


def _take(state: Reading) -> None:
    job = state.jobs.take("map")
    if job is None:
        return
    if job.error is None:
        state.maps.put(job.key, job.hand_over())
    elif job.trouble:  # said once, and not tried again and again
        is_map = isinstance(job.key, tuple) and job.key[0] == "map"
        state.maps.put(job.key, Made(None, trouble=job.trouble) if is_map else job.trouble)


def _work(kind: str, prediction: Prediction, wanted: Wanted, made: Made | None) -> Work[object]:
    def explain(progress: Progress, cancelled: Stopper) -> Made:
        bundle = cached_bundle(wanted.slug)
        if wanted.untrained:
            bundle = randomised_bundle(bundle)
        started = time.perf_counter()
        ask = _ask(prediction, wanted, progress, cancelled)
        found = EXPLAINERS[wanted.method].function(bundle, prediction.prepared, ask)
        return Made(found, time.perf_counter() - started)

    def of_map(work: Callable[..., object]) -> Work[object]:
        def run(progress: Progress, cancelled: Stopper) -> object:
            if made is None or made.explanation is None:
                raise UnsupportedModel("There is no map yet", "make it first")
            ask, bundle = _ask(prediction, wanted, progress, cancelled), cached_bundle(wanted.slug)
            return work(bundle, prediction.prepared, made.explanation, ask, progress=progress, cancelled=cancelled)

        return run

    return {"map": explain, "trust": of_map(check_explanation), "second": of_map(second_opinion)}[kind]


def _ask(prediction: Prediction, wanted: Wanted, progress: Progress, cancelled: Stopper) -> Ask:
    labels = prediction.card.labels
    return Ask(
        target=labels.index(wanted.label),
        against=labels.index(wanted.rather_than) if wanted.rather_than else None,
        layer=wanted.layer,
        output=None if wanted.untrained else prediction.output,
        keras=cached_keras(),
        progress=progress,
        cancelled=cancelled,
    )
