"""The lesson that trains: its steps, its questions, its faults, and one real training from click to kept model."""

import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.lessons.training.kept_model import kept_models
from ui.cache import cached_cards, cached_keras
from ui.datasets.shelf import Shelf, place_key
from ui.lessons.training.state import CATCHING_UP, Training

PAGE = str(Path(__file__).resolve().parents[3] / "pages" / "learn" / "training.py")
STEPS = ("1 Data", "2 Preprocessing", "3 Training", "4 Evaluation", "5 Application", "The listing")


@pytest.fixture
def lesson(monkeypatch):
    """Open the lesson: `lesson(train_step="1 Data")`."""
    monkeypatch.setattr("ui.lessons.training.state.preload_keras", lambda: None)

    def opened(**address):
        app = AppTest.from_file(PAGE, default_timeout=60)
        app.query_params.update({name.replace("_", "-"): value for name, value in address.items()})
        return app.run()

    return opened


def words(app):
    kinds = (app.markdown, app.caption, app.info, app.success, app.error, app.latex, app.code)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def clean(app):
    assert not app.exception
    assert not app.error
    return app


@pytest.mark.parametrize("step", STEPS)
def test_every_step_opens_before_anything_was_trained(lesson, step):
    app = clean(lesson(**{"train-step": step}))
    assert app.button(key="train-go").label == "Train"


def test_address_restores_choices_and_nonsense_falls_back(lesson):
    app = clean(
        lesson(**{"train-set": "Synthetic lesions", "train-leak": "true", "train-rate": "17", "train-epochs": "x"})
    )
    assert app.selectbox(key="train-set").value == "Synthetic lesions"
    assert "Leak" in words(app)
    assert app.select_slider(key="train-rate").value == "0.001"


def test_sizes_follow_the_chosen_pixels(lesson):
    app = clean(lesson(**{"train-step": "2 Preprocessing", "train-pixels": "32"}))
    assert "32 - 3 + 1 = 30" in words(app)
    assert r"\lfloor 30 / 2 \rfloor = 15" in words(app)


@pytest.mark.parametrize(
    ("step", "key", "right"),
    [
        ("1 Data", "train-question-rare", "0.90 and 0.00"),
        ("2 Preprocessing", "train-question-mirror", "Mirror left and right"),
        ("The listing", "train-question-loss", "sparse_categorical_crossentropy"),
    ],
)
def test_question_is_answered_at_once(lesson, step, key, right):
    app = lesson(**{"train-step": step})
    app.radio(key=key).set_value(right).run()
    assert "Right." in words(clean(app))
    wrong = next(option for option in app.radio(key=key).options if option != right)
    app.radio(key=key).set_value(wrong).run()
    assert "Not quite." in words(clean(app))


def test_added_dataset_can_be_trained_on(lesson, tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    for number in range(60):
        folder = tmp_path / "set" / ("ill" if number % 2 else "well")
        folder.mkdir(parents=True, exist_ok=True)
        image = random.integers(0, 120, (40, 40), dtype=np.uint8) + np.uint8(100 * (number % 2))
        cv2.imwrite(str(folder / f"{number:02d}.png"), image)
    key = place_key(tmp_path / "set", {})
    app = AppTest.from_file(PAGE, default_timeout=60)
    app.session_state["shelf"] = Shelf(added={key: "Our own set"})
    app.query_params["train-set"] = "Our own set"
    monkeypatch.setattr("ui.lessons.training.state.preload_keras", lambda: None)
    app.run()
    finish(app, lambda: app.session_state["jobs"].find("training-set"))
    said = words(clean(app))
    assert "60 of its 60 images" in said
    assert not app.button(key="train-go").disabled


def test_step_that_a_training_left_is_left_for_good():
    state = Training(left="1 Data", started=time.monotonic())
    assert state.is_behind("1 Data", finished=False)
    assert not state.is_behind("4 Evaluation", finished=True)
    state.started -= CATCHING_UP + 1
    assert not state.is_behind("1 Data", finished=False)
    assert state.is_behind("1 Data", finished=True)


@pytest.mark.keras
def test_training_for_real_is_judged_and_kept_as_a_model_that_can_be_chosen(lesson):
    st.cache_resource.clear()
    try:
        app = lesson(**{"train-step": "1 Data", "train-epochs": "2", "train-pixels": "16"})
        app.button(key="train-go").click().run()
        finish(app, lambda: app.session_state["jobs"].find("training"))
        assert "epoch 2 of 2" in words(clean(app))
        app.segmented_control(key="train-step").set_value("4 Evaluation").run()
        assert app.table
        app.segmented_control(key="train-step").set_value("5 Application").run()
        app.button(key=next(b.key for b in app.button if b.label == "Keep as a model")).click().run()
        finish(app, lambda: app.session_state["jobs"].find("keeping"))
        assert "Kept as" in words(clean(app))
        (card,) = kept_models()
        assert card.slug in cached_cards()[0]
    finally:
        cached_keras().close()
        st.cache_resource.clear()


def finish(app, job):
    """Wait for a job and run the page, as the browser does by itself."""
    until = time.monotonic() + 120
    while (under_way := job()) is not None:
        assert under_way.wait(max(0.0, until - time.monotonic())), "it took more than two minutes"
        app.run()
