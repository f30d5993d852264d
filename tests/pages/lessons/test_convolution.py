"""The lesson on convolution: its numbers, its question and its address."""

import re

import pytest

PAGE = "pages/learn/convolution.py"


@pytest.fixture
def lesson(start):
    """The lesson on the head, with more in the address if wanted."""

    def opened(**address):
        app = start()
        app.query_params.update({"scan": "head", **address})
        return app.switch_page(PAGE).run()

    return opened


def result(app) -> str:
    """The number that the formula of this pixel comes to."""
    return re.findall(r"\\mathbf{([^}]*)}", app.latex[-1].value)[-1]


def test_moving_the_window_changes_the_sum(lesson):
    app = lesson()
    sums = {result(app.slider(key="row").set_value(row).run()) for row in (40, 60, 80)}
    assert not app.exception
    assert len(sums) == 3


def test_a_frame_that_the_next_scan_does_not_have_is_forgotten(lesson):
    app = lesson(scan="echo")
    app.slider(key="frame").set_value(120).run()
    app.selectbox(key="scan-scan").select("perfusion").run()
    assert not app.exception
    assert not app.error
    assert (app.slider(key="frame").value, app.slider(key="frame").max) == (2, 2)


def test_a_filter_that_the_next_model_does_not_have_is_forgotten(lesson):
    app = lesson(kernel="Learned by a model")
    models = app.selectbox(key="filters")
    counts = {}
    for title in models.options:
        app.selectbox(key="filters").select(title).run()
        counts[title] = app.slider(key="filter").max
    many, few = max(counts, key=counts.get), min(counts, key=counts.get)
    app.selectbox(key="filters").select(many).run()
    app.slider(key="filter").set_value(counts[many]).run()
    app.selectbox(key="filters").select(few).run()
    assert not app.exception
    assert not app.error
    assert app.slider(key="filter").value <= counts[few] < counts[many]


def test_without_padding_32_becomes_30_and_with_it_stays(lesson):
    app = lesson()
    app.selectbox(key="edge").select(32).run()
    assert r"\frac{32 + 0 - 3}{1}" in app.latex[0].value
    assert r"\mathbf{30}" in app.latex[0].value
    app.segmented_control(key="padding").set_value("same").run()
    assert r"\mathbf{32}" in app.latex[0].value


def test_the_questions_answer_at_once_and_a_wrong_one_leaves_the_right_one_to_be_found(lesson, words):
    app = lesson()
    app.radio(key="convolution-size").set_value("28 × 28").run()
    assert "Not quite" in words(app)
    assert "32 − 3 + 1" not in words(app)
    app.radio(key="convolution-size").set_value("30 × 30").run()
    assert "**Right.** The window can stand in 32 − 3 + 1 = 30 places" in words(app)
    app.radio(key="convolution-pooled").set_value("15 × 15").run()
    assert "(30 − 2) / 2 + 1 = 15" in words(app)


@pytest.mark.parametrize("kernel", ["Laplacian", "Box blur", "Gaussian blur", "Sharpen", "Gabor", "Learned by a model"])
def test_each_kind_of_kernel_shows_a_map(lesson, kernel):
    app = lesson()
    app.selectbox(key="kernel").select(kernel).run()
    assert not app.exception
    assert not app.error
    assert len(app.latex) == 2


def test_a_typed_kernel_is_used_and_a_broken_one_refused_beside_it(lesson, words):
    app = lesson()
    app.selectbox(key="kernel").select("Your own").run()
    app.text_area(key="own").set_value("0 0 0\n0 1 0\n0 0 0").run()
    assert not app.error
    app.text_area(key="own").set_value("1 2\n3 4").run()
    assert "Expected 3, 5 or 7 lines" in app.error[0].value
    assert app.text_area(key="own").value == "1 2\n3 4"


def test_the_window_stays_on_its_place_when_the_image_gets_smaller(lesson):
    app = lesson()
    app.slider(key="row").set_value(96).run()
    app.selectbox(key="edge").select(64).run()
    assert app.slider(key="row").value == 48
    assert app.query_params["row"] == "48"


@pytest.mark.parametrize("asked", ["-3", "9999", "1e2", "x", "", "99999999999999999999"])
def test_a_place_in_the_address_that_does_not_exist_gives_one_that_does(lesson, asked):
    app = lesson(row=asked)
    assert not app.exception
    assert 0 <= app.slider(key="row").value <= 127


@pytest.mark.parametrize("sample", ["brain", "doppler", "bones"])
def test_stacks_colour_and_long_images_work(lesson, sample):
    app = lesson(scan=sample)
    assert not app.exception
    assert not app.error
    assert app.selectbox(key="scan-scan").value == sample
    assert bool([slider for slider in app.slider if slider.key == "frame"]) == (sample == "brain")


def test_a_scan_that_was_opened_is_the_first_choice_and_never_in_the_address(upload, png, words):
    app = upload(("mueller.png", png))
    app.switch_page(PAGE).run()
    assert not app.exception
    assert app.selectbox(key="scan-scan").value == "the open scan"
    assert "the middle square of the scan's 80 × 96 pixels, brought to 80 × 80" in words(app)
    assert not {"scan", "sample"} & set(app.query_params)
