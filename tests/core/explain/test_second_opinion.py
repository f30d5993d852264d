"""What an implementation that is not ours says of a map: the same, another, or one sentence why it cannot be asked."""

import dataclasses

import numpy as np
import pytest

from core.errors import Cancelled, UnsupportedModel
from core.explain import EXPLAINERS
from core.explain.explanation import Explanation
from core.explain.request import Ask
from core.explain.trust.second_opinion import METHODS, compare
from core.explain.trust.second_opinion import second_opinion as asked
from core.inference.prepare import Geometry, Prepared
from core.inference.randomised import randomised_bundle

SIZE = 24
WHOLE = Geometry((SIZE, SIZE), (SIZE, SIZE), (1.0, 1.0), (0.0, 0.0), (0, 0, SIZE, SIZE))
#: tf-keras-vis enlarges the masks of Score-CAM from corner to corner, which is not where the cells are.
FOLLOWS = sorted(METHODS - {"score-cam", "score-cam-all"})

#: What is inside another layer, shared, or no map, to a word of the sentence.
REFUSED = {
    "nested backbone": "inside another",
    "sequential around backbone": "inside another",
    "head in nested model": "inside another",
    "transformer": "has no map",
    "transformer with a class token": "has no map",
}
#: More than one image with one answer.
BEYOND = {
    "time distributed and LSTM", "time distributed and GRU", "convolutional LSTM", "last state of a convolutional LSTM",
    "volume", "image and table", "several images", "images fused early", "shared backbone", "U-Net",
}  # fmt: skip


def one_image(bundle):
    """A red and a duller green square on dark, for every input that takes images."""
    image = np.full((SIZE, SIZE, 3), 0.02, np.float32)
    image[2:10, 13:21, 0], image[15:22, 9:16, 1] = 1.0, 0.95
    batch, frames = {}, 1
    for name, shape in bundle.input_shapes.items():
        batch[name] = np.full((1, *shape), 0.1, np.float32) if len(shape) == 1 else image[None]
        if len(shape) == 4:
            batch[name], frames = np.repeat(image[None, None], shape[0], axis=1), shape[0]
    return Prepared(batch, WHOLE, tuple(range(frames)), ())


@pytest.fixture(scope="module")
def opinion(taught, keras_process):
    """Of one method on one kind of network, and the map it was asked about."""

    def of(name, method, change=None, **ask):
        bundle = taught(name)
        prepared, asking = one_image(bundle), Ask(1 if bundle.units == 1 else 0, keras=keras_process, **ask)
        region = np.ones((SIZE, SIZE), np.float32) if bundle.card.task == "segmentation" else None
        asking = dataclasses.replace(asking, region=region)
        found = EXPLAINERS[method].function(bundle, prepared, asking)
        return asked(bundle, prepared, found if change is None else change(found), asking)

    return of


@pytest.mark.keras
@pytest.mark.parametrize("method", ["grad-cam", "score-cam"])
def test_every_kind_of_network_gets_the_same_map_or_one_sentence(opinion, any_architecture, method):
    if any_architecture == "shared backbone":
        pytest.skip("it has no map of ours either")
    if any_architecture in BEYOND:
        with pytest.raises(UnsupportedModel, match="several inputs, frames or places"):
            opinion(any_architecture, method)
    elif any_architecture in REFUSED:
        with pytest.raises(UnsupportedModel, match=REFUSED[any_architecture]) as refused:
            opinion(any_architecture, method)
        assert str(refused.value).count(". ") == 0
    elif (any_architecture, method) == ("film of one frame", "score-cam"):
        with pytest.raises(UnsupportedModel, match="the axes of the image"):
            opinion(any_architecture, method)
    else:
        found = opinion(any_architecture, method)
        assert found.correlation > (0.9 if method == "score-cam" else 0.9999), found.sentence
        if method != "score-cam":
            assert found.agrees, found.sentence
            assert found.sentence == "An independent implementation draws the same map: correlation 1.00"


@pytest.mark.keras
@pytest.mark.parametrize("name", [*REFUSED, "film of one frame"])
def test_gradients_of_pixels_are_compared_whatever_the_network_is_made_of(opinion, name):
    assert opinion(name, "saliency").sentence.endswith("draws the same map: correlation 1.00")


@pytest.mark.keras
@pytest.mark.parametrize("against", [None, 1])
@pytest.mark.parametrize("method", FOLLOWS)
def test_method_agrees_with_the_independent_one(opinion, method, against):
    found = opinion("hidden dense layer", method, against=against)
    assert found.agrees, found.sentence
    assert found.ratio == pytest.approx(1.0, abs=0.2 if method == "smooth-grad" else 0.01)


@pytest.mark.keras
@pytest.mark.parametrize("method", ["grad-cam", "layer-cam", "smooth-grad"])
def test_planted_disagreement_is_reported_as_one(opinion, method):
    def turned(found):
        return dataclasses.replace(found, grids=np.ascontiguousarray(found.grids[:, ::-1, ::-1]))

    found = opinion("flat functional", method, turned)
    assert not found.agrees
    assert found.sentence.startswith("An independent implementation differs: correlation ")
    assert found.correlation < 0.8


@pytest.mark.keras
def test_map_twice_as_strong_is_not_the_same_map(opinion):
    found = opinion("flat functional", "grad-cam", lambda one: dataclasses.replace(one, grids=2 * one.grids))
    assert not found.agrees
    assert "0.50 times as strong" in found.sentence


@pytest.mark.keras
def test_other_weights_in_the_compiled_model_are_noticed(taught, keras_process, monkeypatch):
    bundle = taught("flat functional")
    prepared, ask = one_image(bundle), Ask(0, keras=keras_process)
    found, run = EXPLAINERS["grad-cam"].function(bundle, prepared, ask), bundle.run
    monkeypatch.setattr(
        bundle,
        "run",
        lambda *given, **how: dataclasses.replace(run(*given, **how), logits=run(*given, **how).logits + 1),
    )
    assert "gets another score" in asked(bundle, prepared, found, ask).sentence


@pytest.mark.keras
def test_random_copies_and_methods_it_lacks_are_refused(taught, keras_process):
    bundle = taught("flat functional")
    prepared, ask = one_image(bundle), Ask(0, keras=keras_process)
    copy = randomised_bundle(bundle)
    found = EXPLAINERS["grad-cam"].function(copy, prepared, ask)
    with pytest.raises(UnsupportedModel, match="random weights has no second opinion"):
        asked(copy, prepared, found, ask)
    with pytest.raises(UnsupportedModel, match="tf-keras-vis has no"):
        asked(bundle, prepared, dataclasses.replace(found, method="eigen-cam"), ask)


@pytest.mark.keras
def test_masks_that_would_fill_the_memory_are_refused(opinion, taught, keras_process):
    bundle = taught("flat functional")
    arguments = {
        "model": str(bundle.card.folder / "model.keras"), "method": "score-cam", "layer": "last", "weights": [1, 0, 0],
        "target": 0, "against": None, "exclusive": True, "channels": 0, "seed": 0,
    }  # fmt: skip
    with pytest.raises(UnsupportedModel, match="GB"):
        keras_process.call("second_opinion", arguments, {"image": np.zeros((1, 4000, 4000, 3), np.float32)})


@pytest.mark.keras
def test_it_tells_how_far_it_is_and_hears_a_stop(taught, keras_process):
    bundle, fractions = taught("flat functional"), []
    prepared, ask = one_image(bundle), Ask(0, keras=keras_process)
    for method in ("smooth-grad", "score-cam-all"):
        found = EXPLAINERS[method].function(bundle, prepared, ask)
        asked(bundle, prepared, found, ask, progress=fractions.append)
        assert fractions.pop() == pytest.approx(1.0)
        with pytest.raises(Cancelled):
            asked(bundle, prepared, found, ask, cancelled=lambda: True)
    keras_process.call("ping")


def explained(units="logit units", method="grad-cam"):
    return Explanation(np.ones((1, 4, 4), np.float32), (0,), WHOLE, method, "red", "last", units=units)


@pytest.mark.parametrize(
    ("ours", "theirs", "agrees", "words"),
    [
        (np.zeros((4, 4)), np.zeros((4, 4)), True, "finds no evidence either"),
        (np.eye(4), np.zeros((4, 4)), False, "differs: it finds none"),
        (np.zeros((4, 4)), np.eye(4), False, "differs: it finds some, up to 1"),
        (np.eye(4), np.eye(3), False, "draws another grid: 3 × 3 and 4 × 4 cells"),
        (np.eye(4), np.full((4, 4), np.nan), False, "values that are no numbers"),
        (np.eye(4), np.eye(4) + 1e-5, True, "the same map: correlation 1.00"),
        (np.eye(4), np.eye(4)[::-1], False, "differs: correlation -0.33"),
    ],
)
def test_two_maps_in_one_sentence(ours, theirs, agrees, words):
    found = compare(ours, theirs, explained())
    assert found.agrees == agrees
    assert words in found.sentence


def test_reason_is_given_where_it_is_known():
    ours, theirs = np.eye(4), np.eye(4) + 0.3 * np.arange(16).reshape(4, 4) / 16
    words = compare(ours, theirs, explained(method="score-cam"), value_range=(-1.0, 1.0)).sentence
    assert "hides with 0, which is not black" in words
    assert "corner to corner" in compare(ours, theirs, explained(method="score-cam")).sentence


@pytest.mark.parametrize(
    ("own", "agrees", "words"),
    [
        (0.80, True, "the same map within its noise: correlation 0.8"),
        (0.99, False, "differs: correlation 0.8"),
        (0.30, False, "Too noisy to compare: two of our own maps with other noise correlate 0.30"),
    ],
)
def test_maps_that_are_drawn_may_differ_as_much_as_two_of_ours(own, agrees, words):
    rng = np.random.default_rng(0)
    ours = rng.random((40, 40))
    found = compare(ours, ours + 0.6 * rng.random((40, 40)), explained(method="smooth-grad"), lambda: own)
    assert found.agrees == agrees
    assert words in found.sentence
