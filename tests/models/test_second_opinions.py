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
from core.training.recipe.reading import load_recipe, recipe_files

pytestmark = pytest.mark.keras
CARDS = load_cards(Path(__file__).parents[2] / "models")[0]


def design(slug):
    """What decides how Keras goes through a model: its network, its ending and the kinds of its inputs."""
    card, recipe = CARDS[slug], load_recipe(recipe_files()[slug])
    return recipe.architecture.name, card.task, tuple(spec.kind for spec in card.inputs)


#: One model of each design: that the weights of every model are those of its file is tested in `test_bundles.py`.
CLASSIFIERS = sorted(
    {design(slug): slug for slug, card in sorted(CARDS.items()) if card.task != "segmentation"}.values()
)
#: Those whose only input is one image.
OF_ONE_IMAGE = [slug for slug in CLASSIFIERS if [spec.kind for spec in CARDS[slug].inputs] == ["image"]]
#: What is asked of whom: the map of either label of each, and the slow slopes of the pixels once a network.
ASKED = [
    *((slug, "grad-cam", target) for slug in OF_ONE_IMAGE for target in (0, 1)),
    *((slug, "saliency", 1) for slug in {design(slug)[0]: slug for slug in OF_ONE_IMAGE}.values()),
]


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


@pytest.mark.parametrize(("slug", "method", "target"), sorted(ASKED))
def test_an_independent_implementation_draws_the_map_of_a_shipped_classifier(keras_process, slug, method, target):
    bundle = open_bundle(CARDS[slug])
    ((name, shape),) = bundle.input_shapes.items()
    size, (low, high) = shape[:2], CARDS[slug].inputs[0].value_range
    ramp = np.linspace(low, high, size[0] * size[1], dtype=np.float32).reshape(1, *size, 1)
    whole = Geometry(size, size, (1.0, 1.0), (0.0, 0.0), (0, 0, *size))
    prepared = Prepared({name: np.repeat(ramp, shape[2], axis=3)}, whole, (0,), ())
    ask = Ask(target, keras=keras_process)
    opinion = second_opinion(bundle, prepared, EXPLAINERS[method].function(bundle, prepared, ask), ask)
    assert opinion.agrees, opinion.sentence
