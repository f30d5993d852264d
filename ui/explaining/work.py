"""What is asked on the page that explains, and its making in the background.

Maps first, then how far to trust them, then what an independent implementation draws.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from core.errors import UnsupportedModel
from core.explain import EXPLAINERS
from core.explain.every_frame import on_every_frame
from core.explain.explanation import Explanation
from core.explain.request import Ask
from core.explain.trust.checking import check_explanation
from core.explain.trust.second_opinion import METHODS, SecondOpinion, second_opinion
from core.explain.trust.verdict import Trust
from core.inference.bundle import ModelOutput
from core.inference.predict import Prediction, predict
from core.inference.prepare import Prepared
from core.inference.randomised import randomised_bundle
from core.inference.study import Study, prepare_study
from core.models.card import ModelCard
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
        frame: Of the scan; 0 where a whole sequence or volume is one case.
        input: Name of the image that is explained where a model has several, else `""`.
        given: Names what the model is given beside the image, `""` for nothing.
        untrained: Whether a copy with random weights is asked instead of the model.
    """

    slug: str
    method: str
    label: str
    rather_than: str
    layer: str
    frame: int
    untrained: bool = False
    input: str = ""
    given: str = ""

    @property
    def name(self) -> str:
        """A key for people's eyes and for the browser."""
        return "|".join(
            map(str, (self.slug, self.method, self.label, self.rather_than, self.layer, self.untrained, self.input))
        )


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


@dataclass(frozen=True, eq=False)
class Answered:
    """What a model was given and gave, whatever kind of answer that is.

    Attributes:
        card: The model.
        prepared: Its inputs, with the way back of the explained image.
        output: What came out, with the activations of the explained layer.
    """

    card: ModelCard
    prepared: Prepared
    output: ModelOutput


def frames_of(card: ModelCard, study: Study, frame: int) -> list[int] | None:
    """The case that is explained: one frame of images, or all of a sequence or a volume."""
    given = [spec for spec in card.inputs if spec.name in study.scans]
    return [frame] if given and all(spec.kind == "image" for spec in given) else None


def key_of(study: Study) -> str:
    """What tells a study from another one: its scans and facts."""
    scans = sorted((name, scan.digest) for name, scan in study.scans.items())
    return hashlib.sha256(repr((scans, sorted(study.facts.items()))).encode()).hexdigest()[:16]


def predicted(state: Reading, card: ModelCard, study: Study, frame: int) -> Prediction:
    """The answer of a model that classifies for one case, with what it was given."""

    def ask() -> Prediction:
        return predict(cached_bundle(card.slug), study, frames_of(card, study, frame), expect=Prediction)

    return state.answers.get(("explained", card.slug, key_of(study), frame), ask)


def answered(state: Reading, card: ModelCard, study: Study, wanted: Wanted) -> Answered:
    """What a model of any task was given and gave for the case that is explained."""
    if card.task != "segmentation":
        found = predicted(state, card, study, wanted.frame)
        return Answered(card, found.prepared.of_image(wanted.input), found.output)

    def ask() -> Answered:
        bundle = cached_bundle(card.slug)
        prepared = prepare_study(study, card, frames_of(card, study, wanted.frame))
        return Answered(card, prepared, bundle.run(prepared.batch))

    found_masks = state.answers.get(("explained", card.slug, key_of(study), wanted.frame), ask)
    return replace(found_masks, prepared=found_masks.prepared.of_image(wanted.input))


def at_frame(found: Explanation, frames: int, frame: int) -> Explanation:
    """The map of one frame of the scan; of a sequence or a volume that is mixed from those that the model saw."""
    if len(found.frames) < 2:
        return found
    every = on_every_frame(found, frames)
    opposing = None if every.opposing is None else every.opposing[frame : frame + 1]
    return replace(every, grids=every.grids[frame : frame + 1], opposing=opposing, frames=(frame,))


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
    state: Reading,
    scan: Scan,
    everything: Sequence[Wanted],
    studies: Mapping[str, tuple[ModelCard, Study]],
    paused: bool = False,
    second: bool = False,
) -> str:
    """Take what is done, and unless the user paused start the next thing that is missing.

    Args:
        state: Of the page.
        scan: On the page.
        everything: Maps that are asked for.
        studies: Slug of each model to its card and what it is given.
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
        given = answered(state, *studies[wanted.slug], wanted)
        made = None if kind == "map" else made_of(state, scan, wanted)
        state.jobs.drop_running("check")  # of the page Read, where nobody is now; it starts anew there
        job = state.jobs.start("map", key, _title(key), _work(str(kind), given, wanted, made))
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


def _work(kind: str, given: Answered, wanted: Wanted, made: Made | None) -> Work[object]:
    def explain(progress: Progress, cancelled: Stopper) -> Made:
        bundle = cached_bundle(wanted.slug)
        if wanted.untrained:
            bundle = randomised_bundle(bundle)
        started = time.perf_counter()
        ask = _ask(given, wanted, progress, cancelled)
        found = EXPLAINERS[wanted.method].function(bundle, given.prepared, ask)
        return Made(found, time.perf_counter() - started)

    def of_map(work: Callable[..., object]) -> Work[object]:
        def run(progress: Progress, cancelled: Stopper) -> object:
            if made is None or made.explanation is None:
                raise UnsupportedModel("There is no map yet", "make it first")
            ask, bundle = _ask(given, wanted, progress, cancelled), cached_bundle(wanted.slug)
            return work(bundle, given.prepared, made.explanation, ask, progress=progress, cancelled=cancelled)

        return run

    return {"map": explain, "trust": of_map(check_explanation), "second": of_map(second_opinion)}[kind]


def _ask(given: Answered, wanted: Wanted, progress: Progress, cancelled: Stopper) -> Ask:
    labels = given.card.labels
    return Ask(
        target=labels.index(wanted.label),
        against=labels.index(wanted.rather_than) if wanted.rather_than else None,
        layer=wanted.layer,
        input=wanted.input,
        output=None if wanted.untrained else given.output,
        keras=cached_keras(),
        progress=progress,
        cancelled=cancelled,
    )
