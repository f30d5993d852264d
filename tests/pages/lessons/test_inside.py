"""The lesson on networks: a box, a place and a class lead to their numbers."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[3]
PAGE = str(ROOT / "pages" / "learn" / "inside.py")


def text(app):
    kinds = (app.markdown, app.caption, app.error, app.info, app.latex)
    return "\n".join(element.value for kind in kinds for element in kind)


def opened(**address):
    app = AppTest.from_file(PAGE, default_timeout=120)
    app.query_params.update({"model": "pneumonia-small-cnn", **address})
    app.run()
    while (job := app.session_state["jobs"].find("inside-cases")) is not None:
        assert job.wait(60)
        app.run()
    return app


@pytest.fixture(scope="module")
def app():
    return opened()


def test_the_lesson_shows_a_box_with_the_sum_behind_one_cell(app):
    assert not app.exception
    assert not app.error
    assert app.session_state["layer"] == "1 conv"
    assert "320 trained numbers" in text(app)
    assert r"\sum_{3 \cdot 3 \cdot 1}" in text(app)
    assert r"r = 1 + (3 - 1) \cdot 1 = 3" in text(app)


def test_the_sum_is_the_value_of_the_map(app):
    """The number in the formula, with its ReLU, is the one that the model computes."""
    from core.lessons.sequences.cell_sum import cell_sum
    from ui.lessons.inside.work import maps_of

    work = next(value for key, value in app.session_state["inside-memory"].kept._kept.items() if key[0] == "work")
    import streamlit as st

    st.session_state["inside-memory"] = app.session_state["inside-memory"]
    maps, before = maps_of(work, 1), maps_of(work, 0)
    for channel, cell in ((3, (20, 31)), (17, (0, 0)), (8, (63, 10))):
        found = cell_sum(work.network.boxes[1], before, channel, cell)
        assert max(found.total, 0) == pytest.approx(float(maps[channel][cell]), abs=1e-4)


def test_the_address_restores_box_place_and_class():
    app = opened(layer="2 pool", down="10", across="90", **{"class": "Normal"})
    assert not app.exception
    assert app.session_state["layer"] == "2 pool"
    assert (app.session_state["down"], app.session_state["across"]) == (10, 90)
    assert app.selectbox(key="class").value == "Normal"
    assert "at row 1, column 14" in text(app)


def test_an_address_that_makes_no_sense_falls_back():
    app = opened(layer="77 nothing", down="-4", across="x", **{"class": "Elephant"})
    assert not app.exception
    assert not app.error
    assert app.session_state["layer"] == "1 conv"
    assert app.session_state["down"] == 50


def test_another_box_by_keyboard_leads_to_its_words(app):
    app.selectbox(key="layer").select("4 hidden").run()
    assert not app.exception
    assert "Each output reads every number before" in text(app)
    assert "524,352 trained numbers" in text(app)


def test_a_head_that_is_no_plain_sum_is_said_to_be_none(app):
    assert "no plain sum leads to the score" in text(app)


def test_a_pooled_head_adds_up():
    app = opened(model="pneumonia-chest-xray")
    score = next(v for k, v in app.session_state["inside-memory"].kept._kept.items() if k[0] == "score")
    assert score.exact
    assert score.bias + score.fractions.sum() == pytest.approx(score.logit)
    assert r"\bar A_c" in text(app)


def test_the_nearest_samples_are_listed_with_this_scan_among_them(app):
    table = app.dataframe[0].value
    assert len(table) == 5
    assert (np.diff(table["Distance"]) >= 0).all()
    assert table["Case"].iloc[0].startswith("Chest from the front")
    assert table["Distance"].iloc[0] == 0


def test_questions_answer_at_once(app):
    app.radio(key="inside-field").set_value("5").run()
    assert "Right." in text(app)
    app.radio(key="inside-average").set_value("It doubles").run()
    assert "Not quite." in text(app)


def test_an_added_data_set_shows_labels_and_errors_and_its_neighbours(tmp_path):
    import cv2

    from ui.datasets.shelf import Shelf, place_key

    rng = np.random.default_rng(0)
    for label in ("Normal", "Pneumonia"):
        (tmp_path / "set" / label).mkdir(parents=True)
        for number in range(6):
            image = rng.integers(0, 255, (64, 64), dtype=np.uint8)
            cv2.imwrite(str(tmp_path / "set" / label / f"{number}.png"), image)
    app = AppTest.from_file(PAGE, default_timeout=120)
    app.query_params["model"] = "pneumonia-small-cnn"
    app.session_state["shelf"] = Shelf(added={place_key(tmp_path / "set", {}): "Noise"})
    app.session_state["inside-cases"] = "Noise"
    app.session_state["inside-plane"] = "Neighbours (t-SNE)"
    app.run()
    kept = app.session_state["inside-memory"]
    while jobs := app.session_state["jobs"].slots:
        assert next(iter(jobs.values())).wait(60)
        app.run()
    assert not app.exception
    assert not app.error
    points = kept.gathered.get(("Noise", "pneumonia-small-cnn"), lambda: None).points
    assert sorted({point.truth for point in points}) == ["Normal", "Pneumonia"]
    assert sum(point.is_wrong for point in points) == sum(p.predicted != p.truth for p in points) > 0
    assert set(app.dataframe[0].value["Is"]) <= {"Normal", "Pneumonia"}
    assert "means nothing" in text(app)


def test_a_model_that_outlines_says_why_its_cases_have_no_place():
    app = AppTest.from_file(PAGE, default_timeout=120)
    app.query_params.update({"sample": "brain", "model": "glioma-outline"})
    app.run()
    assert not app.exception
    assert not app.error
    assert "This model outlines: it calls no case" in text(app)


def test_a_score_that_is_no_sum_of_maps_is_said_without_alarm():
    app = AppTest.from_file(PAGE, default_timeout=120)
    app.query_params.update({"sample": "shoulder", "model": "heart-single-frame"})
    app.run()
    assert not app.exception
    assert not app.error
    assert "No one layer of maps stands behind the score" in text(app)
