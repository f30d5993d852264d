"""The lessons: one entry each, for the navigation, the page's head and the teacher's list."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from ui.show import show_title

PAGES = Path(__file__).resolve().parents[2] / "pages" / "learn"


@dataclass(frozen=True)
class Lesson:
    """One lesson.

    Attributes:
        slug: Name of its file in `pages/learn/` and its address.
        title: Short name.
        icon: Material icon.
        goal: What one can do afterwards, in one sentence.
        minutes: Time it takes in class.
        hint: For the teacher: what to start with, what to ask, what goes wrong.
    """

    slug: str
    title: str
    icon: str
    goal: str
    minutes: int
    hint: str

    @property
    def page(self) -> Path:
        """Its script."""
        return PAGES / f"{self.slug}.py"


LESSONS: tuple[Lesson, ...] = (
    Lesson(
        "convolution",
        "Convolution",
        ":material/grid_on:",
        "See how a small window of weights turns a scan into a map of edges, blur or texture, number by number.",
        20,
        "",
    ),
    Lesson(
        "pooling",
        "Activation and pooling",
        ":material/compress:",
        "See what bending and shrinking do to a map, where gradients die, and what a shift by one pixel changes.",
        15,
        "",
    ),
    Lesson(
        "inside",
        "Inside a network",
        ":material/account_tree:",
        "Walk through a trained model layer by layer on a real scan, up to how its channels add up to the answer.",
        30,
        "",
    ),
    Lesson(
        "sequences",
        "Sequences",
        ":material/motion_play:",
        "Follow a recurrent network through a beating heart, and see what it forgets.",
        25,
        "",
    ),
    Lesson(
        "training",
        "From data to diagnosis",
        ":material/model_training:",
        "Train a small network live, from data to a judged model, and see how it can fool you.",
        45,
        "",
    ),
    Lesson(
        "fusion",
        "Fusion",
        ":material/join_inner:",
        "Put several scales, pictures and facts together, and see what each part contributes.",
        20,
        "",
    ),
    Lesson(
        "versus",
        "You against the model",
        ":material/groups:",
        "Read cases without and with a model, and find out whether it made you better.",
        30,
        "",
    ),
)


#: Where a lesson has two columns in a container with the key `lesson`, they stand below each other on narrow screens.
STYLE = """
@media (max-width: 1100px) {
  .st-key-lesson > .stHorizontalBlock, .st-key-lesson > div > .stHorizontalBlock { flex-direction: column; }
  .st-key-lesson .stColumn { width: 100%; flex: 1 1 auto; min-width: 100%; }
}
"""


def lesson(slug: str) -> Lesson:
    """The lesson of one page."""
    return next(entry for entry in LESSONS if entry.slug == slug)


def show_lesson(slug: str) -> Lesson:
    """The head of a lesson's page: its name and its goal."""
    entry = lesson(slug)
    st.html(f"<style>{STYLE}</style>")
    show_title(entry.title)
    st.markdown(entry.goal)
    return entry
