"""The lesson on activation and pooling: its three parts and their questions."""

import pytest

PAGE = "pages/learn/pooling.py"


@pytest.fixture
def lesson(start):
    """One part of the lesson on the head."""

    def opened(part):
        app = start()
        app.query_params["scan"] = "head"
        app.switch_page(PAGE).run()
        return app.segmented_control(key="topic").set_value(part).run()

    return opened


def test_larger_weights_drive_sigmoid_units_into_saturation(lesson, words):
    app = lesson("Activation")
    app.selectbox(key="function").select("sigmoid").run()

    before = fraction(words(app))
    app.slider(key="gain").set_value(20).run()
    assert fraction(words(app)) > before
    assert "0.25^{10}" in words(app)


def fraction(text: str) -> int:
    return int(text.split("%** of this map's units", maxsplit=1)[0].rsplit("**", 1)[1])


@pytest.mark.parametrize("name", ["tanh", "ReLU", "leaky ReLU", "GELU", "swish"])
def test_each_activation_is_drawn_with_the_numbers_of_this_unit(lesson, name):
    app = lesson("Activation")
    app.selectbox(key="function").select(name).run()
    assert not app.exception
    assert not app.error
    assert r"\mathbf" in app.latex[0].value


def test_pooling_shows_the_numbers_of_its_window(lesson):
    app = lesson("Pooling")
    assert r"\max\{" in app.latex[-1].value
    app.segmented_control(key="pooling").set_value("average").run()
    app.segmented_control(key="pooling-window").set_value(3).run()
    assert r"\tfrac{1}{9}" in app.latex[-1].value


def test_a_shift_by_one_leaves_something_over_and_by_two_nothing(lesson, words):
    app = lesson("Shift")
    assert "moved back by" in words(app)
    assert "**0.00** is left over" not in words(app)
    app.slider(key="shift").set_value(2).run()
    assert "moved back by 1 cell, **0.00** is left over" in words(app)


@pytest.mark.parametrize(
    ("part", "key", "wrong", "right"),
    [
        ("Activation", "pooling-gradient", "A quarter", "Less than a thousandth"),
        ("Pooling", "pooling-gradient-max", "All four alike", "The one with 0.9 only"),
        ("Shift", "pooling-shift", "The same map", "Another map, if less so than without pooling"),
    ],
)
def test_each_part_has_a_question_that_answers_at_once(lesson, words, part, key, wrong, right):
    app = lesson(part)
    app.radio(key=key).set_value(wrong).run()
    assert "Not quite" in words(app)
    app.radio(key=key).set_value(right).run()
    assert "Right." in words(app)


def test_links_of_the_teachers_page_open_a_lesson_without_what_was_set_before(start):
    app = start()
    app.switch_page("pages/learn/convolution.py").run()
    app.selectbox(key="kernel").select("Laplacian").run()
    app.segmented_control(key="stride").set_value(3).run()
    app.switch_page(PAGE).run()
    assert app.selectbox(key="pooling-kernel").value == "Sobel x"
    app.selectbox(key="pooling-kernel").select("Gabor").run()
    app.segmented_control(key="topic").set_value("Pooling").run()
    assert app.segmented_control(key="pooling-stride").value == 2
    app.switch_page("pages/learn/teaching.py").run()
    app.switch_page(PAGE).run()
    assert app.selectbox(key="pooling-kernel").value == "Sobel x"
    assert app.segmented_control(key="topic").value == "Activation"
    app.switch_page("pages/learn/convolution.py").run()
    assert app.selectbox(key="kernel").value == "Sobel x"
