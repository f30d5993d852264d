"""The steps before a training: the data, what is done to them, and the listing."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.lessons.training.settings import LiveSettings
from core.lessons.training.text import (
    PRINTED,
    WHY_LOSS,
    WHY_SHAPE,
    script,
    sizes_formula,
    standard_formula,
)
from ui.lessons.question import show_question
from ui.lessons.training.data import FAULTS, Material
from ui.lessons.training.images import show_strip
from ui.show import forget_beyond


def show_data(material: Material) -> None:
    """What the images are, how many of each class lie where, and a few of them."""
    found, division = material.lesson_set, material.division
    st.markdown(found.about)
    each = max(1, 8 // len(found.names))
    shown = np.concatenate([np.flatnonzero(found.labels == index)[:each] for index in range(len(found.names))])[:8]
    show_strip(
        list(found.resized(material.size, shown)), [found.names[found.labels[index]] for index in shown], 76
    )  # fmt: skip
    counts = {
        part: np.bincount(found.labels[getattr(division, part)], minlength=len(found.names))
        for part in ("train", "val", "test")
    }
    words = {"train": "Training", "val": "Validation", "test": "Test"}
    rows = [
        {"Part": words[part], "Images": int(count.sum())}
        | {name: int(count[index]) for index, name in enumerate(found.names)}
        for part, count in counts.items()
    ]
    st.table(rows, hide_index=True)
    st.caption(" ".join(division.words))
    for key in material.faults:
        st.markdown(f":yellow[:material/warning:] **{FAULTS[key][0]}.** {FAULTS[key][1]}")
    show_question(
        "train-question-rare",
        "Of 100 people 90 are healthy. A model calls everybody healthy. What are its accuracy and its sensitivity?",
        ("0.90 and 0.00", "0.50 and 0.50", "0.90 and 0.90"),
        0,
        "It is right 90 times of 100 and finds none of the 10 who are ill. Switch on “One class rare”, train, and look "
        "at the rare row of the confusion matrix rather than at the accuracy.",
    )


def show_preprocessing(material: Material, settings: LiveSettings) -> None:
    """One image's way into the network, its variations, and the sizes on the way."""
    found, train = material.lesson_set, material.division.train
    forget_beyond("train-picture", min(len(train), 200))
    number = st.slider("Training image", 1, min(len(train), 200), 1, key="train-picture", bind="query-params") - 1
    index = int(train[min(number, len(train) - 1)])
    raw, image = found.images[index], found.resized(material.size, np.array([index]))[0]
    pixels = found.resized(material.size, train).astype(np.float32) / 255
    middle = int(image[material.size // 2, material.size // 2])
    left, right = st.columns([2, 3], gap="medium")
    with left:
        show_strip([raw, image], [f"{len(raw)} × {len(raw)}", f"{len(image)} × {len(image)}"], 132)
    with right:
        st.markdown("The pixel in the middle, as a fraction of white, then without the mean and in deviations:")
        st.latex(standard_formula(middle, float(pixels.mean()), max(float(pixels.std()), 1e-3)))
        st.caption("Mean and deviation are of all training pixels; the network holds them, so they travel with it.")
    st.markdown(
        "**Its variations**, drawn anew in every epoch" if settings.variations else "**No variation** is chosen."
    )
    if settings.variations:
        _show_variations(image, settings)
    st.markdown("**Sizes**, with the values put in")
    for line in sizes_formula(settings, material.size, len(found.names)):
        st.latex(line)
    show_question(
        "train-question-mirror",
        "Which of these variations would do harm with handwritten digits?",
        ("Shift by two pixels", "Mirror left and right", "A little noise"),
        1,
        "A mirrored 2 is no digit at all, and nobody will ever show one: the network spends weights on images that "
        "do not exist. In a chest radiograph mirroring moves the heart to the other side. A variation is right "
        "where the label stays true.",
    )


def _show_variations(image: np.ndarray, settings: LiveSettings) -> None:
    from core.lessons.training.variations import varied

    drawn = [varied(image, settings, seed) for seed in range(7)]
    show_strip(drawn, [f"draw {number + 1}" for number in range(len(drawn))], 84)


def show_listing(material: Material, settings: LiveSettings) -> None:
    """The chapter's faults, the mended lines and why, and the whole run as a script."""
    st.markdown("The chapter's first listing does not run as printed. These are the lines that stop it:")
    st.code(PRINTED, language="python")
    left, right = st.columns(2, gap="medium")
    left.markdown(f"**The shape.** {WHY_SHAPE}")
    right.markdown(f"**The loss.** {WHY_LOSS}")
    show_question(
        "train-question-loss",
        "An image shows a 3, and its label is the integer 3. Which loss takes it as it is?",
        ("categorical_crossentropy", "sparse_categorical_crossentropy", "binary_crossentropy"),
        1,
        "The sparse one looks up the probability of class 3 and takes −ln of it. The categorical one would need "
        "0 0 0 1 0 0 0 0 0 0, the binary one a yes or no.",
    )
    st.markdown("**What is chosen, as a script that runs**")
    st.code(script(settings, material.lesson_set, material.size), language="python")
