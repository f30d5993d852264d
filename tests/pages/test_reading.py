"""The states of the reading page: empty, a scan that fits, one that does not, closed."""

import pytest

import ui.reading.answer
from core.inference.decision import calibrated_threshold
from core.samples import SAMPLES
from ui.cache import cached_cards

MODEL = "pneumonia-chest-xray"
FORCE = f"force-{MODEL}"


def test_the_empty_page_offers_the_drop_zone_and_every_sample(start):
    app = start()
    assert [uploader.label for uploader in app.file_uploader] == ["Drop a scan here, or choose its files"]
    assert {f"sample-{sample.key}" for sample in SAMPLES} == {button.key for button in app.button}
    assert [chart.key for chart in app.get("plotly_chart")] == ["warm-chart"], "no answer, only what warms up"


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.key)
def test_every_sample_opens(sample, look_at, state):
    app = look_at(sample.key)
    assert not app.exception
    assert not app.error
    assert state(app).scan.title in app.markdown[0].value


def test_a_scan_that_fits_gets_an_answer_with_its_threshold(look_at, words, saves):
    app = look_at("chest")
    card = cached_cards()[0][MODEL]
    assert app.subheader[0].value.startswith(card.labels[1])
    assert not app.warning
    assert "training scans" in words(app)
    assert f"{calibrated_threshold(card.threshold, card.temperature):.2f}" in app.get("plotly_chart")[0].proto.spec
    assert saves(app) == ["PNG", "PDF", "JSON", "CSV"]


def test_the_evidence_names_its_method_layer_and_strength(look_at, words):
    text = words(look_at("chest"))
    assert ("Grad-CAM at layer" in text and "logit units for" in text) or "No evidence for" in text


def test_a_scan_that_does_not_fit_is_told_why(look_at, words):
    app = look_at("bones")
    assert "expects a chest radiograph, this is a nuclear medicine image" in words(app)
    assert "No model here" in app.info[0].value
    assert not app.get("plotly_chart")


@pytest.mark.withholding
def test_a_wrong_pairing_can_be_forced_and_then_wears_a_warning(look_at, saves):
    app = look_at("head")
    app.button(key=FORCE).click().run()
    assert not app.exception
    assert "this is a CT" in app.warning[0].value
    assert app.subheader[0].value.startswith("Not valid: ")
    assert len(saves(app)) == 4


def test_forcing_holds_for_one_scan_only(look_at, settled, state):
    app = look_at("head")
    app.button(key=FORCE).click().run()
    app.button(key="close").click().run()
    settled(app.button(key="sample-spine").click().run())
    assert state(app).scan.modality == "CT"
    assert not app.subheader
    assert not app.warning


def test_a_stack_gets_a_strip_once_every_frame_was_read(look_at, settled, state):
    app = look_at("echo")
    settled(app.button(key=FORCE).click().run())
    assert not app.exception
    assert not app.error
    assert len(app.get("plotly_chart")) == 2, "the answer and the strip"
    whole = ("whole", state(app).scan.digest, MODEL)
    assert len(state(app).answers.get(whole, list).frames) == 120


def test_a_single_image_gets_no_strip(look_at):
    assert len(look_at("chest").get("plotly_chart")) == 1


def test_another_class_can_be_explained(look_at, words):
    app = look_at("chest")
    labels = cached_cards()[0][MODEL].labels
    assert list(app.segmented_control[0].options) == list(labels)
    app.segmented_control[0].set_value(labels[0]).run()
    assert not app.exception
    assert f"for {labels[0]}" in words(app)


def test_a_window_can_be_chosen(look_at, state):
    app = look_at("head")
    window = next(box for box in app.selectbox if box.label == "Window")
    assert {"Lung", "Bone", "Brain", "Soft tissue"} <= set(window.options)
    window.set_value("Bone").run()
    assert not app.exception
    assert ("full", (state(app).scan.digest, "Bone", False), 0) in state(app).images


def test_centre_and_width_can_be_set(look_at, state):
    app = look_at("head")
    next(slider for slider in app.slider if slider.label == "Width").set_value(400.0).run()
    assert not app.exception
    assert ("full", (state(app).scan.digest, "From the file 40 400", False), 0) in state(app).images


def test_an_image_can_be_inverted(look_at, state):
    app = look_at("doppler")
    next(toggle for toggle in app.toggle if toggle.label == "Invert").set_value(True).run()
    assert not app.exception
    assert ("full", (state(app).scan.digest, "colour", True), 0) in state(app).images


def test_probabilities_are_drawn_anew_for_another_model_and_not_for_another_display(start, monkeypatch):
    drawn = []
    made = ui.reading.answer.probability_figure
    monkeypatch.setattr(
        "ui.reading.answer.probability_figure", lambda card, *scores: drawn.append(card.slug) or made(card, *scores)
    )
    app = start(sample="chest", model="pneumonia-chest-xray")
    next(toggle for toggle in app.toggle if toggle.label == "Invert").set_value(True).run()
    assert drawn == ["pneumonia-chest-xray"]
    next(box for box in app.selectbox if box.label == "Model").set_value("pneumonia-small-cnn").run()
    assert drawn == ["pneumonia-chest-xray", "pneumonia-small-cnn"]


def test_closing_forgets_the_scan_and_what_was_made_of_it(look_at, state):
    app = look_at("chest")
    assert state(app).images
    assert state(app).answers
    app.button(key="close").click().run()
    assert not app.exception
    assert state(app).opened is None
    assert len(state(app).images) == len(state(app).answers) == 0
    assert app.file_uploader


def test_looking_for_another_scan_keeps_the_open_one(look_at, state):
    app = look_at("head")
    app.button(key="open").click().run()
    assert app.file_uploader
    app.button(key="back").click().run()
    assert not app.exception
    assert not app.file_uploader
    assert state(app).scan.modality == "CT"


def test_how_the_image_was_made_is_listed_with_values(look_at, words):
    app = look_at("chest")
    labels = [expander.label for expander in app.expander]
    assert {"How this image was made", "About this scan", "About this model"} <= set(labels)
    assert "32767 minus the value" in words(app), "the inversion of MONOCHROME1"


def test_nothing_on_the_page_names_the_patient(look_at, words):
    from pydicom import dcmread
    from pydicom.data import get_testdata_file

    sample = next(sample for sample in SAMPLES if sample.key == "chest")
    facts = dcmread(get_testdata_file(sample.file), stop_before_pixels=True)
    app = look_at(sample.key)
    shown = words(app) + "".join(str(frame.value.to_dict()) for frame in app.dataframe)
    for word in ("PatientName", "PatientID", "StudyInstanceUID", "SOPInstanceUID"):
        assert not facts.get(word) or str(facts[word].value) not in shown, word
