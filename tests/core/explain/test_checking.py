import numpy as np
import pytest

from core.errors import Cancelled
from core.explain import EXPLAINERS
from core.explain.request import Ask
from core.explain.trust.checking import QUICK, check_explanation
from core.inference.prepare import prepare
from core.scan import Scan, Window


@pytest.fixture
def bundle(open_model, brightness_model):
    return open_model(brightness_model, "cells")


@pytest.fixture
def prepared(bundle):
    pixels = np.full((2, 64, 64), 20, np.uint8)
    pixels[0, 6:20, 30:44], pixels[1, 40:54, 8:22], pixels[1, 10:16, 50:60] = 240, 240, 150
    scan = Scan(pixels, "slice", "", "test", "test", windows=(Window(127.5, 255.0, "LINEAR_EXACT"),))
    return prepare(scan, bundle.card.inputs[0])


def test_quick_methods_are_methods():
    assert set(EXPLAINERS) > QUICK


@pytest.mark.keras
def test_a_true_map_passes_what_can_be_passed(bundle, prepared):
    heat = EXPLAINERS["grad-cam"].function(bundle, prepared, Ask(1))
    fractions = []
    trust = check_explanation(bundle, prepared, heat, Ask(1), position=1, progress=fractions.append)
    outcomes = {check.name: check.outcome for check in trust.checks}
    assert outcomes["Follows the model"] == "passed"
    assert outcomes["Steady"] == "passed"
    assert trust.sanity is not None
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)


@pytest.mark.keras
def test_slow_methods_are_checked_once_unless_asked(bundle, prepared):
    heat = EXPLAINERS["occlusion"].function(bundle, prepared, Ask(1))
    assert check_explanation(bundle, prepared, heat, Ask(1)).stability is None
    assert check_explanation(bundle, prepared, heat, Ask(1), thorough=True).stability is not None


@pytest.mark.keras
def test_checking_can_be_stopped(bundle, prepared):
    heat = EXPLAINERS["grad-cam"].function(bundle, prepared, Ask(1))
    with pytest.raises(Cancelled):
        check_explanation(bundle, prepared, heat, Ask(1), cancelled=lambda: True)
