"""The main path as a user walks it: sample, model, answer, heatmap, report."""

import csv
import io
import json

import cv2
import numpy as np
import pytest
from pypdf import PdfReader

MODEL = "pneumonia-chest-xray"


@pytest.fixture(scope="module")
def answered(guarded_pages, until_drawn):
    """The chest sample with an answer that was asked for all the same, and heat that can be seen."""
    with guarded_pages() as open_page:
        page = open_page(f"?sample=chest&model={MODEL}")
        until_drawn(page)
        page.get_by_text("No answer: ").wait_for()  # an adult, whom the model does not know
        assert page.get_by_role("button", name="PDF", exact=True).count() == 0
        page.get_by_role("button", name="Show it anyway").click()
        page.get_by_text("means nothing medical").wait_for()
        if page.get_by_text("no heat is drawn").count():
            page.get_by_test_id("stButtonGroup").get_by_role("radio").first.click()
        page.get_by_text("brightest cell").wait_for()
        page.locator(".viewer [data-name=heat]:not([hidden])").wait_for()
        yield page


def download(page, kind):
    with page.expect_download() as waiting:
        page.get_by_role("button", name=kind, exact=True).click()
    return waiting.value.path().read_bytes()


def decision(page):
    return page.get_by_role("heading", level=3).first.inner_text()


def test_a_sample_gets_a_decision_a_heatmap_and_a_report(answered, pixels):
    assert decision(answered).startswith("Not valid: ")
    assert pixels(answered, 0).lit > 0.3, "the radiograph is drawn"
    assert pixels(answered, 0).coloured == 0, "the original stays as it is"
    assert pixels(answered, 1).coloured > 0.005, "the heat is drawn over it"
    report = PdfReader(io.BytesIO(download(answered, "PDF")))
    assert len(report.pages) == 1
    assert decision(answered) in report.pages[0].extract_text().replace("\n", " ")


def test_the_address_shows_the_same_again(answered, open_page, until_drawn):
    address = answered.url.rsplit("/", 1)[1]
    again = open_page(address)
    until_drawn(again)
    again.get_by_text("No answer: ").wait_for()
    assert again.url == answered.url, "what was asked for anyway is not in the address"


def test_the_overlay_goes_home_at_full_resolution(answered):
    image = cv2.imdecode(np.frombuffer(download(answered, "PNG"), np.uint8), cv2.IMREAD_COLOR)
    assert image.shape[0] >= 1955
    assert np.ptp(image.astype(int), axis=2).max() > 40, "in colour"


def test_the_numbers_go_home_and_agree(answered):
    as_json = json.loads(download(answered, "JSON"))
    rows = list(csv.reader(io.StringIO(download(answered, "CSV").decode("utf-8-sig"))))
    assert MODEL in json.dumps(as_json)
    assert len(rows) >= 2


def test_opacity_fades_the_heat_and_leaves_the_original(answered, pixels):
    strong = pixels(answered, 1).coloured
    slider = answered.locator(".viewer [data-name=opacity]")
    slider.fill("0")
    assert pixels(answered, 1).coloured == 0 < strong
    assert pixels(answered, 1).lit == pytest.approx(pixels(answered, 0).lit, abs=0.01)
    slider.fill("65")
    assert pixels(answered, 1).coloured == strong


def test_one_pane_can_have_all_the_room(answered):
    panes = answered.locator(".viewer canvas")
    answered.locator(".viewer [data-name=layout]").select_option("overlay")
    assert not panes.nth(0).is_visible()
    answered.locator(".viewer [data-name=layout]").select_option("original")
    assert panes.nth(0).is_visible()
    assert not panes.nth(1).is_visible()
    answered.locator(".viewer [data-name=layout]").select_option("both")


def test_a_model_that_does_not_fit_can_be_forced_and_warns(page, until_drawn, force):
    page.get_by_role("button", name="Whole body", exact=True).click()
    until_drawn(page)
    page.get_by_text("No model here was trained on scans like this one").wait_for()
    force(page)
    page.get_by_text("means nothing medical").wait_for()
    assert decision(page).startswith("Not valid: ")


def test_closing_leads_back_to_the_samples(answered):  # the last one: it closes the page that the others share
    answered.get_by_role("button", name="Close", exact=True).click()
    answered.get_by_text("Or look at a sample").wait_for()
    assert answered.locator(".viewer").count() == 0
    assert "sample=" not in answered.url
