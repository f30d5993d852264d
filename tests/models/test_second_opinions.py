"""Every shipped classifier has a prototype, and a second opinion on its heatmaps, or one sentence why not."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import UnsupportedModel
from core.explain import EXPLAINERS
from core.explain.methods.prototypes import class_prototype
from core.explain.request import Ask
from core.explain.trust.second_opinion import second_opinion
from core.inference.bundle import open_bundle
from core.inference.prepare import Geometry, Prepared
from core.keras_process.client import KerasProcess
from core.models.card import load_cards

pytestmark = pytest.mark.keras
CARDS = load_cards(Path(__file__).parents[2] / "models")[0]
CLASSIFIERS = sorted(slug for slug, card in CARDS.items() if card.task != "segmentation")
#: Those whose only input is one image.
OF_ONE_IMAGE = sorted(slug for slug in CLASSIFIERS if [spec.kind for spec in CARDS[slug].inputs] == ["image"])


@pytest.fixture(scope="module")
def keras_process():
    process = KerasProcess()
    yield process
    process.close()


@pytest.mark.parametrize("slug", CLASSIFIERS)
def test_shipped_classifier_has_a_prototype_or_a_reason(keras_process, slug):
    bundle = open_bundle(CARDS[slug])
    if all(spec.kind == "table" for spec in CARDS[slug].inputs):
        with pytest.raises(UnsupportedModel, match="The model takes no image"):
            class_prototype(bundle, 0, keras_process, steps=2)
        return
    found = class_prototype(bundle, len(CARDS[slug].labels) - 1, keras_process, steps=2)
    assert np.isfinite(found.image).all()
    assert found.image.shape == bundle.input_shapes[CARDS[slug].inputs[0].name]
    assert np.isfinite([found.score, found.grey_score]).all()


@pytest.mark.parametrize("slug", OF_ONE_IMAGE)
def test_an_independent_implementation_draws_the_map_of_a_shipped_classifier(keras_process, slug):
    bundle = open_bundle(CARDS[slug])
    ((name, shape),) = bundle.input_shapes.items()
    size, (low, high) = shape[:2], CARDS[slug].inputs[0].value_range
    ramp = np.linspace(low, high, size[0] * size[1], dtype=np.float32).reshape(1, *size, 1)
    whole = Geometry(size, size, (1.0, 1.0), (0.0, 0.0), (0, 0, *size))
    prepared = Prepared({name: np.repeat(ramp, shape[2], axis=3)}, whole, (0,), ())
    for target in range(2):
        ask = Ask(target, keras=keras_process)
        for method in ("grad-cam", "saliency"):
            found = EXPLAINERS[method].function(bundle, prepared, ask)
            opinion = second_opinion(bundle, prepared, found, ask)
            assert opinion.agrees, (method, opinion.sentence)
