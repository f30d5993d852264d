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
        hint: For the teacher: what to start with, what to ask, what goes wrong; a line each.
        links: Addresses with a state that is ready for class: what they show, and what stands behind the `?`.
    """

    slug: str
    title: str
    icon: str
    goal: str
    minutes: int
    hint: str
    links: tuple[tuple[str, str], ...] = ()

    @property
    def page(self) -> Path:
        """The script of the lesson's page."""
        return PAGES / f"{self.slug}.py"


LESSONS: tuple[Lesson, ...] = (
    Lesson(
        "convolution",
        "Convolution",
        ":material/grid_on:",
        "See how a small window of weights turns a scan into a map of edges, blur or texture, number by number.",
        20,
        "Start with Sobel x on the chest and move the window over the border of the heart: the sign of the sum turns. "
        "Then set the size to 32.\n"
        "Ask before the formula is read: how large is the map of a 3 × 3 kernel on 32 × 32, and what would make it "
        "28 × 28? The chapter gives 28 and 30 for the same example.\n"
        "Often misunderstood: that somebody designs the kernels of a network. Show one learned by a model, and "
        "that what is called convolution does not turn the kernel round.",
        (
            ("The border of the heart under Sobel x", "scan=chest&row=70&column=83"),
            ("The chapter's example: 3 × 3 on 32 × 32", "scan=chest&edge=32"),
            ("The same with a pixel of padding", "scan=chest&edge=32&padding=same&row=0&column=9"),
            ("Stripes of one direction: Gabor on a CT", "scan=head&kernel=Gabor&angle=45"),
            (
                "A filter that a model learned",
                "scan=chest&kernel=Learned+by+a+model&filters=Pneumonia%2C+chest+X-ray%2C+small+network&filter=4",
            ),
        ),
    ),
    Lesson(
        "pooling",
        "Activation and pooling",
        ":material/compress:",
        "See what bending and shrinking do to a map, where gradients die, and what a shift by one pixel changes.",
        15,
        "Start with sigmoid and raise the weights: the histogram runs into the grey zones, and the map turns to black "
        "and white.\n"
        "Ask what ReLU loses and what it keeps, and which pixel of a pooling window learns. Then shift the scan by one "
        "pixel, and by two.\n"
        "Often misunderstood: that a large output means a large gradient, and that maximum pooling does not mind "
        "a shift. The right curve of the part Shift shows what is left over.",
        (
            ("Sigmoid units in saturation", "function=sigmoid&gain=40&scan=chest&row=70&column=83"),
            ("What is left of a map by ReLU", "function=ReLU&scan=head"),
            ("Maximum pooling, window by window", "topic=Pooling&scan=chest&row=70&column=83"),
            ("A shift by one pixel", "topic=Shift&scan=head"),
            ("The same with a blur before pixels are skipped", "topic=Shift&scan=head&pooling=maximum%2C+then+blur"),
        ),
    ),
    Lesson(
        "inside",
        "Inside a network",
        ":material/account_tree:",
        "Walk through a trained model layer by layer on a real scan, up to how its channels add up to the answer.",
        30,
        "Start at the first layer and go three boxes deeper: the maps get smaller, and harder to put a name to.\n"
        "Ask how large a part of the scan one cell of the last layer sees, and which channels carry the answer.\n"
        "Often misunderstood: that each channel stands for one finding a person could name, and that near points in "
        "the map of cases are alike in every respect.",
    ),
    Lesson(
        "sequences",
        "Sequences",
        ":material/motion_play:",
        "Follow a recurrent network through a beating heart, and see what it forgets.",
        25,
        "Start with the heart beating normally, and stop it at one frame.\n"
        "Ask what the answer should do when frames are shuffled, before somebody tries.\n"
        "Often misunderstood: that a recurrent network looks back at earlier frames. It has only what its state kept "
        "of them; follow the gates.",
    ),
    Lesson(
        "training",
        "From data to diagnosis",
        ":material/model_training:",
        "Train a small network live, from data to a judged model, and see how it can fool you.",
        45,
        "Start with the digits, which train in under a minute, and let the curves run before explaining them.\n"
        "Ask from which epoch on training longer does harm, then switch on a leak between splits and ask what looks "
        "wrong about the better curve.\n"
        "Often misunderstood: that accuracy on the training images says anything, and that a good test result is "
        "worth something when patients are in both splits. Plan for a class that trains at the same time: one Keras "
        "process serves them in turn.",
    ),
    Lesson(
        "fusion",
        "Fusion",
        ":material/join_inner:",
        "Put several scales, images and facts together, and see what each part contributes.",
        20,
        "Start with all parts switched on and note the probability; then switch one part off at a time.\n"
        "Ask which part the model could best do without, and whether that holds for the next case too.\n"
        "Often misunderstood: that an attention map is an explanation. It says what was weighed, and not whether it "
        "spoke for or against.",
    ),
    Lesson(
        "versus",
        "You against the model",
        ":material/groups:",
        "Read cases without and with a model, and find out whether it made you better.",
        30,
        "Start alone with a few cases so that you know the screens; then open a room and put its code on the wall.\n"
        "Ask for a show of hands before the result: did the model make you better? Then look at the changes of mind, "
        "for better and for worse.\n"
        "Often misunderstood: that a point under the curve proves the model superior. A few cases give wide "
        "intervals, and reading a small image is not reading at a workstation.",
    ),
)


#: Where a lesson has two columns in a container with the key `lesson`, they stand below each other on narrow screens.
STYLE = """
@media (max-width: 1100px) {
  .st-key-lesson > .stHorizontalBlock:has(> .stColumn),
  .st-key-lesson > div > .stHorizontalBlock:has(> .stColumn) { flex-direction: column; }
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
