"""Every model of the product is explained on one board: images, sequences, several inputs, facts and masks."""

import time
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.explain.explanation import Explanation
from core.explain.trust.verdict import Check, Trust
from core.inference.study import Study
from core.models.card import load_cards
from core.scan import Scan
from ui.explaining.work import at_frame

CARDS, _ = load_cards(Path(__file__).resolve().parents[2] / "models")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """The checks are tested in core; here one sentence stands for them."""
    trust = Trust("undecided", (Check("Follows the model", "open", "Not measured in this test"),))
    monkeypatch.setattr("ui.explaining.work.check_explanation", lambda *_, **__: trust)


def board():
    import streamlit as st

    from ui.explaining.board import show_maps
    from ui.session import reading

    show_maps(reading(), st.session_state["card"], st.session_state["study"])


def study_for(card):
    """Noise in each image of a model, and every fact in the middle of its range."""
    rng, scans = np.random.default_rng(1), {}
    for spec in card.inputs:
        if spec.is_image:
            frames, axis = (1, "single") if spec.kind == "image" else (6, "time")
            pixels = rng.integers(0, 255, (frames, 40, 48, *([3] if spec.channels == 3 else [])), np.uint8)
            scans[spec.name] = Scan(pixels, axis, spec.name, "test", spec.title, modality=(*spec.modality, "OT")[0])
    facts = {feature.name: feature.low for spec in card.inputs for feature in spec.features}
    return Study(scans, facts)


def explained(card, method="eigen-cam", study=None):
    app = AppTest.from_function(board, default_timeout=60)
    app.query_params["methods"] = method
    app.session_state["card"], app.session_state["study"] = card, study or study_for(card)
    return finished(app.run())


def finished(app):
    """Run until every map is there."""
    until = time.monotonic() + 60
    while "jobs" in app.session_state and (job := app.session_state["jobs"].find("map")) is not None:
        assert job.wait(until - time.monotonic()), "a map took a minute"
        app.run()
    return app


def maps_of(app):
    return [found for key, found in app.session_state["reading"].maps._kept.items() if key[0] == "map"]


@pytest.mark.parametrize("slug", list(CARDS))
def test_every_shipped_model_is_explained(slug):
    card = CARDS[slug]
    app = explained(card)
    assert not app.exception
    assert not app.error
    images = [spec for spec in card.inputs if spec.is_image]
    labels = app.selectbox[0].options
    assert list(labels) == list(card.labels if card.task != "segmentation" else card.labels[1:])
    if not images:
        assert any("what each fact adds is below" in caption.value for caption in app.caption)
        return
    (made,) = maps_of(app)
    assert made.explanation is not None or made.trouble.endswith(".")
    if card.task != "segmentation" and len(images) == 1:  # of several a layer may see another image
        assert made.explanation is not None


def test_each_image_of_a_study_is_explained_by_itself():
    card = CARDS["glioma-early-fusion"]
    app = explained(card, "occlusion")
    image = next(group for group in app.button_group if str(group.key).startswith("explain-picture"))
    image.set_value("post")
    finished(app.run())
    first, second = (found.explanation for found in maps_of(app))
    assert not np.allclose(first.grids, second.grids)


def test_other_facts_are_another_question():
    card = CARDS["dementia-picture-table"]
    one = study_for(card)
    app = explained(card, study=one)
    app.session_state["study"] = Study(one.scans, {**one.facts, "age": 90.0})
    app.run()
    keys = [key for key in app.session_state["reading"].answers._kept if key[0] == "explained"]
    assert len({key[2] for key in keys}) == 2


def test_frames_of_a_film_have_their_own_map():
    grids = np.stack([np.full((4, 4), float(k), np.float32) for k in range(3)])
    found = Explanation(grids, (0, 2, 4), None, "grad-cam", "Ill", "")
    assert at_frame(found, 5, 3).grids.shape == (1, 4, 4)
    assert at_frame(found, 5, 3).grids.max() == pytest.approx(1.5)
    assert at_frame(found, 5, 3).frames == (3,)
