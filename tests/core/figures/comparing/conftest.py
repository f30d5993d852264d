"""Answers of made-up models, and what figures are made of them."""

import numpy as np
import pytest

from core.evaluation.results.evaluation import Finding
from core.figures.comparing.canvas import Scene
from core.figures.comparing.lines import line_of


def finding_of(truth, score, threshold=0.5):
    truth, score = np.asarray(truth, bool), np.asarray(score, float)
    names = np.array([f"case {number}" for number in range(len(truth))], object)
    return Finding("Pneumonia", truth, score, score, threshold, names, names)


def random_finding(seed=0, n=120, gain=2.0, threshold=0.5):
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.4
    return finding_of(truth, 1 / (1 + np.exp(-(rng.normal(size=n) + gain * (truth - 0.5)))), threshold)


@pytest.fixture
def finding():
    """Answers from plain arrays: `finding(truth, score, threshold=0.5)`."""
    return finding_of


@pytest.fixture
def scene():
    return Scene("Pneumonia", "Clinic A", "test")


@pytest.fixture
def members():
    """Look and answers of as many models as wanted."""

    def made(count=2, **facts):
        return [(line_of(f"Model {k}", k), random_finding(k, **facts)) for k in range(count)]

    return made


@pytest.fixture
def texts():
    """Every word that a figure draws."""

    def found(figure):
        title = figure.layout.title
        words = [str(title.text), str(title.subtitle.text), *(str(note.text) for note in figure.layout.annotations)]
        axes = [axis for name in figure.layout if name[1:5] == "axis" for axis in [figure.layout[name]]]
        return " ".join([*words, *(str(axis.title.text) for axis in axes), *(str(axis.ticktext) for axis in axes)])

    return found
