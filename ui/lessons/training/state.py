"""What one session knows of the networks that it trains."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import streamlit as st

from core.lessons.training.data import LessonSet
from core.lessons.training.live_run import LiveRun, train_live
from core.lessons.training.settings import DONOR
from core.models.card import ModelCard
from ui.background import Progress, Stopper, jobs
from ui.cache import cached_cards, cached_keras
from ui.session import Recent

#: Runs that are kept to be compared; the oldest goes first.
MOST_RUNS = 6

#: Seconds in which a slow browser may not have heard yet that the page has turned to the training.
CATCHING_UP = 3.0


@dataclass
class Training:
    """The state of the lesson.

    Attributes:
        runs: The oldest first.
        count: Runs that were started, for their names.
        trouble: Why the last run failed, in one sentence.
        added: Images of added datasets, by key; patients' pixels, so they are nowhere but here.
        kept: Card of the model that was kept last.
        left: The step of the lesson that was on the page when the last training was started.
        started: When that was, by `time.monotonic`.
    """

    runs: list[LiveRun] = field(default_factory=list)
    count: int = 0
    trouble: str = ""
    added: Recent = field(default_factory=lambda: Recent(2))
    kept: ModelCard | None = None
    left: str = ""
    started: float = 0.0

    @property
    def last(self) -> LiveRun | None:
        """The newest run."""
        return self.runs[-1] if self.runs else None

    @property
    def busy(self) -> bool:
        """Whether a network is being trained."""
        return jobs().is_busy("training")

    def start(self, run: LiveRun, left: str) -> None:
        """Train in the background; `left` is the step of the lesson that is on the page."""
        self.left, self.started = left, time.monotonic()
        donor = cached_cards()[0].get(DONOR)
        self.count += 1
        self.runs = [*self.runs, run][-MOST_RUNS:]
        self.trouble = ""
        keras = cached_keras()

        def train(progress: Progress, cancelled: Stopper) -> None:
            train_live(keras, run, donor, progress, cancelled)

        jobs().start("training", run.key, "Training", train, is_long=True)

    def take(self) -> bool:
        """Take what a finished training came to; whether there was one."""
        job = jobs().take("training")
        if job is None:
            return False
        self.trouble = job.trouble or self.trouble
        self.runs = [run for run in self.runs if run.epochs]
        return True

    def is_behind(self, step: str, finished: bool) -> bool:
        """Whether the browser still names the step that the start of a training has left.

        Its fragments may ask for another run before it has heard of the new step.
        """
        return step == self.left and (finished or time.monotonic() - self.started < CATCHING_UP)


def training() -> Training:
    """This session's state."""
    if "training" not in st.session_state:
        st.session_state["training"] = Training()
    return st.session_state["training"]


@st.cache_resource(show_spinner=False)
def cached_lesson_set(key: str) -> LessonSet:
    """One of the sets that ship; no patient is in them, so all sessions may share them."""
    from core.lessons.training.data import digits_set, lesions_set

    return digits_set() if key == "digits" else lesions_set()


@st.cache_resource(show_spinner=False)
def preload_keras() -> None:
    """Start Keras once a server in the background, so that the first training need not wait for it."""
    keras = cached_keras()
    if keras.pid is None:
        keras.warm()
