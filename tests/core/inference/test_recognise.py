"""An image of unnamed kind goes to the model that has seen its like."""

import numpy as np
import pytest

from core.errors import IncompatibleInput
from core.inference.ood import Similarity
from core.inference.recognise import alikeness
from core.scan import Scan


class Stub:
    """What is needed of an opened model: images of a mean grey near its own are near to it."""

    def __init__(self, slug, grey, spec, refuses=False):
        from types import SimpleNamespace

        self.card = SimpleNamespace(slug=slug, inputs=(spec,))
        self.reference = SimpleNamespace(limit=0.099)
        self.grey, self.refuses = grey, refuses

    def run(self, batch, outputs):
        from types import SimpleNamespace

        if self.refuses:
            raise IncompatibleInput("another scan", "this one", "choose another model")
        return SimpleNamespace(features=batch["image"].mean(axis=(1, 2)))

    def similarity(self, features):
        distance = float(abs(features[0, 0] - self.grey))
        return (Similarity(distance, 0.0, True),)


@pytest.fixture
def spec():
    from core.models.card import InputSpec

    return InputSpec("image", "image", (16, 16), 1, (0.0, 1.0), "display", "stretch", ())


@pytest.fixture
def dark():
    ramp = np.tile(np.arange(32, dtype=np.uint8), (1, 32, 1))
    return Scan(np.dstack([ramp[0]] * 3)[None], "single", "", "test", "test")


def test_the_nearest_comes_first_and_says_how_near(dark, spec):
    found = alikeness([Stub("bright", 0.9, spec), Stub("dark", 0.06, spec)], dark)
    assert list(found) == ["dark", "bright"]
    assert found["dark"] < 1 < found["bright"]


def test_models_that_cannot_take_it_or_cannot_tell_are_left_out(dark, spec):
    blind = Stub("blind", 0.1, spec)
    blind.reference = None
    assert alikeness([Stub("no", 0.1, spec, refuses=True), blind], dark) == {}
