"""The lesson on recurrent networks: its parts, its questions, and a trained network of the heart's kind."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

PAGE = str(Path(__file__).resolve().parents[3] / "pages" / "learn" / "sequences.py")
PARTS = ("States and gates", "Spoilt sequences", "Vanishing slopes", "A trained heart model")


def opened(**address):
    app = AppTest.from_file(PAGE, default_timeout=90)
    app.query_params.update({"seq-frames": "12", **{name.replace("_", "-"): value for name, value in address.items()}})
    return app.run()


def words(app):
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error, app.latex)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def clean(app):
    assert not app.exception
    assert not app.error
    return app


@pytest.mark.parametrize("part", PARTS)
def test_every_part_opens_on_a_phantom(part):
    clean(opened(seq_part=part))


@pytest.mark.parametrize(
    ("cell", "formula"), [("Plain RNN", r"\tanh(w\,x_t"), ("LSTM", "f\\,c_{t-1}"), ("GRU", "z\\,h_{t-1}")]
)
def test_formula_is_the_cells_own_with_the_numbers_of_the_frame(cell, formula):
    app = clean(opened(seq_cell=cell, seq_frame="5"))
    before = words(app)
    assert formula in before
    assert "frame 5" in before
    app.slider(key="seq-frame").set_value(6).run()
    assert words(clean(app)) != before


def test_answer_on_a_scan_is_not_passed_off_as_one():
    app = clean(opened(seq_source="Beating heart (ultrasound)"))
    assert "its answer means nothing" in words(app)


def test_chain_formula_follows_the_slider():
    app = clean(opened(seq_part="Vanishing slopes", seq_frame="3"))
    assert "0.90" in words(app)
    app.slider(key="seq-u").set_value(0.5).run()
    assert "0.50" in words(clean(app))


@pytest.mark.parametrize(
    ("part", "key", "right"),
    [("Spoilt sequences", "seq-question-shuffled", 1), ("Vanishing slopes", "seq-question-vanishing", 0)],
)
def test_question_is_answered_at_once(part, key, right):
    app = opened(seq_part=part)
    options = app.radio(key=key).options
    app.radio(key=key).set_value(options[right]).run()
    assert "Right." in words(clean(app))
    app.radio(key=key).set_value(options[-1]).run()
    assert "Not quite." in words(clean(app))
