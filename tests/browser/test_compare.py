"""The compare page in a browser: choosing by pointer and keyboard, taking home, and how its states look."""

import re

import cv2
import numpy as np
import pytest

WIDTHS = (1440, 900)

PAIR = "compare?question=Pneumonia&dataset=kermany-official--test&models=pneumonia-chest-xray,pneumonia-small-cnn"
STATES = {
    "compare-roc": PAIR,
    "compare-precision-recall": f"{PAIR}&figure=precision-recall&metric=average_precision",
    "compare-calibration": f"{PAIR}&figure=calibration&metric=ece",
    "compare-confusion": f"{PAIR}&figure=confusion&metric=sensitivity",
    "compare-scores": f"{PAIR}&figure=scores",
    "compare-net-benefit": f"{PAIR}&figure=net-benefit&split=val",
    "compare-predictive-values": f"{PAIR}&figure=predictive-values&metric=ppv",
    "compare-subgroups": f"{PAIR}&figure=subgroups",
    "compare-one": "compare?question=Fracture&dataset=fracatlas--test&figure=subgroups",
    "compare-classes": "compare?question=classes:Normal | Bacterial pneumonia | Viral pneumonia&figure=class-roc",
}


#: Milliseconds for the first figure of a server, which imports all that statistics need.
FIRST = 120_000


def drawn(page):
    page.locator(".js-plotly-plot .main-svg").first.wait_for(timeout=FIRST)
    page.get_by_role("table").first.wait_for()
    page.get_by_text("Most confident errors").wait_for()
    return page


def cell(page, model: str, dataset: str):
    return page.get_by_role("button", name=re.compile(f"^{re.escape(model)} on {re.escape(dataset)}"))


@pytest.fixture
def compared(open_page):
    return lambda address=PAIR, **options: drawn(open_page(address, **options))


MODEL, SMALL = "Pneumonia, chest X-ray", "Pneumonia, chest X-ray, small network"
OFFICIAL = "Chest X-ray images of Kermany et al., the official test part"


def test_a_click_on_a_cell_opens_it_and_a_second_one_makes_a_pair(compared):
    page = compared("compare?question=Pneumonia&dataset=kermany--test")
    cell(page, MODEL, OFFICIAL).click()
    page.wait_for_url(re.compile("dataset=kermany-official--test.*models=pneumonia-chest-xray(&|$)"))
    cell(page, SMALL, OFFICIAL).click()
    page.wait_for_url(re.compile("models=pneumonia-chest-xray%2Cpneumonia-small-cnn"))
    assert cell(page, MODEL, OFFICIAL).get_attribute("aria-pressed") == "true"
    page.get_by_text("is better than").or_(page.get_by_text("No difference between")).first.wait_for()


def test_the_keyboard_alone_chooses_a_cell(compared):
    page = compared()
    cell(page, MODEL, OFFICIAL).focus()
    page.keyboard.press("ArrowLeft")
    focused = "document.activeElement.shadowRoot?.activeElement ?? document.activeElement"
    assert "our split by patient" in page.evaluate(f"({focused}).getAttribute('aria-label')")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("dataset=kermany--test"))


def test_the_matrix_is_one_stop_of_the_tab_key(compared):
    page = compared()
    stops = (
        page.get_by_role("table")
        .first.locator("button")
        .evaluate_all("all => all.filter(b => b.tabIndex === 0).length")
    )
    assert stops == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_figure_is_taken_home_as_image_and_drawing_in_dark_ink_on_white(compared, scheme, tmp_path):
    page = compared(scheme=scheme)
    for kind in ("SVG", "PNG"):
        with page.expect_download() as saving:
            page.get_by_role("button", name=f"Save the figure as {kind}").click()
        name = saving.value.suggested_filename
        assert name == f"scanlens-roc-kermany-official-pneumonia-chest-xray-pneumonia-small-cnn.{kind.lower()}"
        saving.value.save_as(tmp_path / name)
    drawing = next(tmp_path.glob("*.svg")).read_text()
    assert "How well is Pneumonia told from the rest?" in drawing
    image = cv2.imread(str(next(tmp_path.glob("*.png"))))
    assert min(image.shape[:2]) > 1200
    assert image[5, -5].tolist() == [255, 255, 255]
    # What was printed did not stay on the screen.
    shown = page.locator(".js-plotly-plot .main-svg").first.evaluate("svg => svg.style.background")
    assert "255, 255, 255" not in shown


def test_the_numbers_behind_a_figure_are_taken_home(compared, tmp_path):
    page = compared()
    with page.expect_download() as saving:
        page.locator(".st-key-csv-figure-roc button").click()
    saving.value.save_as(tmp_path / "roc.csv")
    rows = (tmp_path / "roc.csv").read_text().splitlines()
    assert rows[0] == "model,threshold,false_positive_rate,sensitivity"
    assert len(rows) > 100


def test_a_moved_threshold_leaves_the_matrix_alone(compared):
    page = compared(f"{PAIR}&figure=confusion")
    page.get_by_role("group", name=MODEL, exact=True).get_by_role("slider").focus()
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    page.locator(".annotation-text", has_text="here 0.").first.wait_for()
    assert page.get_by_role("table").first.is_visible()


def test_charts_have_words_for_those_who_cannot_see_them(compared):
    page = compared()
    assert page.get_by_label(re.compile("^ROC curves for Pneumonia on Chest X-ray images")).count() >= 1


@pytest.mark.parametrize("state", STATES)
def test_a_state_fits_wide_and_narrow_in_light_and_dark(state, compared, image_of):
    page = compared(STATES[state])
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width)
        for scheme, least, most in (("light", 0.7, 1.0), ("dark", 0.0, 0.3)):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_timeout(600)
            image = cv2.imread(str(image_of(page, f"{state}-{width}-{scheme}")), cv2.IMREAD_GRAYSCALE)
            assert least <= float(image[:, :60].mean()) / 255 <= most


def test_text_of_a_figure_follows_the_theme_at_once(compared):
    page = compared()
    ink = "text => getComputedStyle(text).fill"
    title = page.locator(".js-plotly-plot .gtitle").first
    light = title.evaluate(ink)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "before => getComputedStyle(document.querySelector('.js-plotly-plot .gtitle')).fill !== before", arg=light
    )
    assert grey_of(title.evaluate(ink)) > grey_of(light) + 100, "light ink on the dark page"


def grey_of(color: str) -> float:
    """Mean of red, green and blue of `rgb(…)`."""
    return float(np.mean([float(part) for part in re.findall(r"[\d.]+", color)[:3]]))
