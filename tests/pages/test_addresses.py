"""A link restores what was seen; a patient is never in one."""

import pytest

from core.errors import UnreadableScan

MODEL = "pneumonia-chest-xray"


def test_a_link_opens_its_sample_with_its_model(start):
    app = start(sample="chest", model=MODEL)
    assert not app.exception
    assert app.subheader[0].value
    assert app.query_params["model"] == MODEL


def test_opening_a_sample_puts_it_into_the_address(look_at):
    assert look_at("chest").query_params["sample"] == "chest"


def test_an_upload_is_never_in_the_address(upload, png):
    assert set(upload(("mueller.png", png)).query_params) <= {"model"}


@pytest.mark.parametrize("address", [{"sample": "../../etc/passwd"}, {"sample": "unknown"}, {"model": "unknown"}])
def test_an_unknown_address_opens_the_empty_page(start, address):
    app = start(**address)
    assert not app.exception
    assert not app.error
    assert app.file_uploader
    assert "sample" not in app.query_params


def test_an_unknown_model_gives_the_first_that_fits(start):
    app = start(sample="chest", model="unknown")
    assert not app.exception
    assert app.query_params["model"] == MODEL


def test_a_scan_from_a_link_can_be_closed(start, state, slots):
    app = start(sample="chest")
    app.button(key="close").click().run()
    assert state(app).scan is None
    assert not slots(app)
    assert app.file_uploader
    assert "sample" not in app.query_params


def test_a_sample_from_a_link_that_fails_is_tried_once(start, upload, monkeypatch, settled):
    def missing(key):
        raise UnreadableScan("the samples' packages", "none", "install the requirements again")

    monkeypatch.setattr("ui.reading.open_scan.open_sample_scans", missing)
    app = start(sample="chest")
    assert "install the requirements" in app.error[0].value
    upload(("empty.dcm", b""), app=app)
    settled(app.run())
    assert len(app.error) == 1
    assert "an empty file" in app.error[0].value


def test_a_link_to_a_model_shows_its_card(start):
    app = start(model=MODEL)
    app.switch_page("pages/evidence/models.py").run()
    assert app.subheader[0].value == "Pneumonia, chest X-ray"
    assert any("Measured on" in text.value for text in app.markdown), "the measured figures"
