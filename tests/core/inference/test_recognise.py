"""What an image is: kinds that are known, and none of these."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from core.inference.kinds import KINDS, is_kind
from core.inference.recognise import FOLDER, LEARNT, is_of_kind, known_words, knows, look, read_learnt, recognise
from core.models.card import load_card, load_cards
from core.readers import Source, open_sources
from core.samples import open_sample
from core.scan import Scan, display_frame
from core.training.recipe.reading import load_recipes
from core.training.recogniser.negatives import drawn_images, photographs, sample_files

MODELS = FOLDER.parents[2] / "models"


@pytest.fixture(scope="module")
def cards():
    found, faults = load_cards(MODELS)
    assert not faults
    return found


@pytest.fixture(scope="module")
def chest():
    return open_sample("chest")


def opened(name, content):
    (scan,) = open_sources([Source(name, content)]).scans
    return scan


def png(image):
    held = io.BytesIO()
    Image.fromarray(image).save(held, "PNG")
    return opened("x.png", held.getvalue())


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_kind_has_words_a_limit_and_a_model_or_a_reason(kind, cards):
    learnt = read_learnt((FOLDER / LEARNT).read_bytes())
    place = learnt.kinds.index(kind.slug)
    assert learnt.limits[place] > 0
    assert kind.noun.startswith(("a ", "an "))
    assert kind.modality
    assert kind.body_part
    assert kind.body_part == tuple(word.lower() for word in kind.body_part)
    assert is_kind(kind.slug)
    assert not is_kind(f"{kind.slug}/nothing")
    if kind.variants:
        assert set(learnt.variants[kind.slug][0]) == set(kind.variant_words)
    assert kind.slug == "nodule-cut-out" or kind.noun in known_words(cards)
    assert f"| {kind.noun} |" in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_every_model_with_images_says_which_kinds_it_knows(cards):
    for slug, recipe in load_recipes().items():
        assert cards[slug].kinds == recipe.kinds
        assert all(is_kind(entry) for entry in recipe.kinds)
        assert bool(recipe.kinds) == any(spec.is_image for spec in recipe.inputs)


def test_chest_radiograph_is_recognised_and_agrees_with_its_file(chest):
    found = recognise(chest)
    assert (found.slug, found.variant, found.agrees, found.disagreement) == ("chest-radiograph", "adult", True, "")
    assert found.words == "a chest radiograph of an adult"
    assert list(found.distances.values()) == sorted(found.distances.values())


def test_same_image_is_of_the_same_kind_as_png_of_any_colour_and_stack(chest):
    shown = display_frame(chest, 0)[::2, ::2]
    stack = np.stack([np.zeros_like(shown), shown, np.zeros_like(shown)])
    others = [
        png(shown),
        png(np.dstack([shown] * 3)),
        png((shown * 0.6 + 30).astype(np.uint8)),
        Scan(stack, "slice", "", "NIfTI", ""),
        replace(chest, pixels=chest.pixels.astype(np.float32) * 3 - 7, windows=(), modality=""),
    ]
    assert [recognise(scan).slug for scan in others] == ["chest-radiograph"] * len(others)
    assert recognise(others[3], 0).kind is None


def test_negative_of_a_chest_radiograph_is_not_one(chest):
    assert recognise(png(255 - display_frame(chest, 0)[::2, ::2])).kind is None


def test_ct_looks_the_same_whatever_window_its_file_asks_for():
    header = dcmread(next(path for path in sample_files() if path.name == "CT_small.dcm"))
    looks = []
    for center, width in ((40, 400), (-600, 1500)):
        header.WindowCenter, header.WindowWidth = center, width
        held = io.BytesIO()
        header.save_as(held)
        looks.append(look(opened("ct.dcm", held.getvalue()), 0))
    np.testing.assert_array_equal(*looks)


def test_file_that_says_otherwise_is_contradicted_in_a_sentence(chest, cards):
    found = recognise(replace(chest, body_part="hand"))
    assert found.agrees is False
    assert found.disagreement == "The file says a radiograph of the hand; the image looks like a chest radiograph."
    assert not any(knows(card, found) for card in cards.values())
    assert recognise(replace(chest, modality="CT")).agrees is False
    assert recognise(replace(chest, modality="")).agrees is None


def test_model_of_one_variant_knows_no_other_but_one_that_cannot_be_told(chest):
    card, found = load_card(MODELS / "pneumonia-chest-xray"), recognise(chest)
    assert card.kinds == ("chest-radiograph/child",)
    assert is_of_kind(card, found)
    assert not knows(card, found)
    assert knows(card, replace(found, variant="child"))
    assert knows(card, replace(found, variant=""))
    assert knows(replace(card, kinds=("chest-radiograph",)), found)


@pytest.mark.parametrize("name", drawn_images(count=1))
def test_drawn_image_is_of_no_kind(name):
    images = drawn_images(seed=5, count=3)[name]
    assert [recognise(Scan(image[None], "single", "", "PNG", "")).slug for image in images] == [""] * len(images)


def test_photographs_are_of_no_kind():
    assert {recognise(png(image)).slug for image in photographs()[::3]} == {""}


@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (900, 20), (16, 16)])
def test_strips_and_tiny_images_are_of_no_kind(shape):
    pixels = np.random.default_rng(0).integers(0, 255, (1, *shape), np.uint8)
    assert recognise(Scan(pixels, "single", "", "PNG", "")).kind is None


def test_values_that_are_no_numbers_are_of_no_kind():
    pixels = np.full((1, 64, 64), np.nan, np.float32)
    assert recognise(Scan(pixels, "single", "", "NIfTI", "")).kind is None


def test_no_sample_of_a_kind_that_no_model_knows_is_known(cards):
    strange, looked_at = [], 0
    for path in sample_files():
        if path.stat().st_size > 1_500_000 or path.name.startswith(("RG", "MR_small_", "emri_small_", "SC_rgb_")):
            continue
        for scan in open_sources([Source(path.name, path.read_bytes())]).scans[:1]:
            found, looked_at = recognise(scan), looked_at + 1
            strange += [path.name for card in cards.values() if knows(card, found)]
    assert looked_at > 30
    assert not strange
