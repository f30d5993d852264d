"""Outside its contract a model's answer is withheld on every page, until somebody asks to see it anyway."""

import pytest

pytestmark = pytest.mark.withholding

#: A scan that the file's own words let through, and whose looks no model for it knows.
UNKNOWN = [("chest", "pneumonia-chest-xray"), ("doppler", "breast-lesion-outline")]


@pytest.mark.parametrize(("sample", "model"), UNKNOWN)
def test_the_refusal_is_the_headline_and_nothing_of_the_answer_is_there(start, words, saves, sample, model):
    app = start(sample=sample, model=model)
    assert not app.exception
    assert app.subheader[0].value.startswith("No answer: ")
    assert "The model expects " in app.subheader[0].value
    assert not saves(app)
    assert "probability of" not in words(app)
    assert not app.warning


@pytest.mark.parametrize(("sample", "model"), UNKNOWN)
def test_shown_anyway_it_keeps_the_warning_and_can_be_withheld_again(start, settled, saves, sample, model):
    app = start(sample=sample, model=model)
    app = settled(app.button(key="show-anyway").click().run())
    assert not app.exception
    assert app.subheader[0].value.startswith("Not valid: ")
    assert app.warning[0].value == app.subheader[0].value, "on the image as well"
    assert len(app.subheader) == 2, "the answer follows"
    assert saves(app)
    app = settled(app.button(key="withhold").click().run())
    assert app.subheader[0].value.startswith("No answer: ")
    assert not saves(app)


def test_explain_withholds_as_read_does(start, settled):
    app = start(sample="chest", model="pneumonia-chest-xray")
    app = settled(app.switch_page("pages/scan/explain.py").run())
    assert not app.exception
    assert app.subheader[0].value.startswith("No answer: ")
    assert [button.key for button in app.button if button.key == "show-anyway"]
