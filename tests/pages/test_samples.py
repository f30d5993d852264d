"""The gallery of the catalogue on Read: fetching, opening with the right model, truth and mask, removing, visitors."""

import numpy as np
import pytest

from core.samples import catalogue
from core.samples.catalogue import read_catalogue
from tests.sample_host import image_bytes, noise, write_catalogue

LUNGS = image_bytes(noise(64, 64, seed=1))


@pytest.fixture
def rows(host):
    mask = np.zeros((64, 64), np.uint8)
    mask[8:24, 8:24] = 255
    return [
        host.row("chest-child-1", LUNGS, truths="pneumonia-small-cnn: Normal | pneumonia-chest-xray: Normal"),
        host.row("chest-child-2", image_bytes(noise(64, 64)), truths="pneumonia-small-cnn: Pneumonia"),
        host.row(
            "breast-lesion-1", image_bytes(noise(64, 64, seed=2)), mask=image_bytes(mask), use_case="breast",
            truths="breast-lesion-outline: Benign", mask_label="Lesion",
        ),
    ]  # fmt: skip


@pytest.fixture(autouse=True)
def cases(rows, tmp_path, monkeypatch):
    found = read_catalogue(write_catalogue(tmp_path / "own.csv", rows))
    for place in ("core.samples.catalogue", "core.samples", "ui.reading.gallery"):
        monkeypatch.setattr(f"{place}.CASES", found)
    monkeypatch.setattr(catalogue, "_BY_KEY", {case.key: case for case in found})
    return found


@pytest.fixture
def gallery(start):
    def opened(use_case):
        app = start()
        return app.button_group(key="use-case").set_value(use_case).run()

    return opened


def keys(app, beginning):
    return [button.key for button in app.button if (button.key or "").startswith(beginning)]


def test_nothing_is_fetched_before_a_click_and_host_and_size_stand_beside_it(gallery, words, host):
    app = gallery("chest")
    assert not app.exception
    assert keys(app, "fetch-chest") == ["fetch-chest-child-1", "fetch-chest-child-2"]
    assert "a click fetches from 127.0.0.1" in words(app)
    assert app.button(key="fetch-chest-child-1").label.startswith("Fetch, 4.")
    assert app.button(key="fetch-all-pneumonia-small-cnn").label.endswith("2 cases, 8.5 kB")
    assert not host.asked


def test_a_fetched_case_opens_with_a_model_that_was_tested_on_it_and_its_truth_is_told_when_asked(
    gallery, settled, state, words
):
    app = settled(gallery("chest").button(key="fetch-chest-child-1").click().run())
    assert keys(app, "sample-chest") == ["sample-chest-child-1"]
    assert "**Normal**" not in [mark.value for mark in app.markdown]
    app.toggle(key="gallery-truth").set_value(True).run()
    assert "**Normal**" in [mark.value for mark in app.markdown]
    app = settled(app.button(key="sample-chest-child-1").click().run())
    assert not app.exception
    assert state(app).came_from == "chest-child-1"
    assert app.query_params["model"] in ("pneumonia-small-cnn", ["pneumonia-small-cnn"])
    assert "Made for a test. Licence: CC0." in words(app)


def test_all_for_a_model_are_fetched_and_removed_one_by_one_and_all_at_once(gallery, settled, own_home):
    app = settled(gallery("chest").button(key="fetch-all-pneumonia-small-cnn").click().run())
    assert keys(app, "sample-chest") == ["sample-chest-child-1", "sample-chest-child-2"]
    app.button(key="remove-chest-child-1").click().run()
    assert keys(app, "sample-chest") == ["sample-chest-child-2"]
    app.button(key="remove-all").click().run()
    assert list((own_home / "samples").iterdir()) == []
    assert not app.exception


def test_the_gallery_begins_with_what_was_fetched(gallery, settled, start):
    assert start().button_group(key="use-case").value == "packages"
    settled(gallery("breast").button(key="fetch-breast-lesion-1").click().run())
    assert start().button_group(key="use-case").value == "breast"


def test_what_goes_wrong_is_one_sentence_in_the_gallery(gallery, settled, host):
    host.manner["/chest-child-1.png"] = "404"
    app = settled(gallery("chest").button(key="fetch-chest-child-1").click().run())
    assert len(app.error) == 1
    assert "Chest of a child, 1 is no longer at 127.0.0.1" in app.error[0].value
    assert not keys(app, "sample-chest")


def test_a_link_to_a_case_that_is_not_here_fetches_nothing_and_says_so(start, host):
    app = start(sample="chest-child-1")
    assert "has not been fetched to this computer" in app.error[0].value
    assert app.button_group(key="use-case").value == "chest"
    assert not host.asked


def test_a_visitor_opens_what_was_fetched_and_can_neither_fetch_nor_remove(gallery, settled, start, monkeypatch):
    settled(gallery("chest").button(key="fetch-chest-child-1").click().run())
    monkeypatch.setattr("ui.reading.gallery.is_at_hand", lambda: False)
    app = start()
    assert app.button_group(key="use-case").options == ["Chest X-ray", "Other images"]
    assert keys(app, "sample-chest") == ["sample-chest-child-1"]
    assert not keys(app, "fetch-")
    assert not keys(app, "remove-")


def test_the_mask_of_a_sample_is_the_reference_of_its_segmentation(gallery, settled, words):
    app = settled(gallery("breast").button(key="fetch-breast-lesion-1").click().run())
    app = settled(app.button(key="sample-breast-lesion-1").click().run())
    app = settled(app.button(key="sample-mask").click().run())
    assert not app.exception
    assert "breast-lesion-1-mask.png" in words(app)
    assert "Dice" in words(app)
