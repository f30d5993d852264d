"""How the states of the reading page look, wide and narrow, light and dark; the images are for people to look at."""

import cv2
import pytest

WIDTHS = (1440, 900)
MODEL = "pneumonia-chest-xray"


def show_anyway(page):
    """The sample is of an adult, which the model does not know: its answer has to be asked for."""
    button = page.get_by_role("button", name="Show it anyway")
    button.or_(page.get_by_role("button", name="CSV", exact=True)).first.wait_for()
    if button.count():
        button.click()


def empty(page, *_):
    page.get_by_text("They name no patient").wait_for()
    page.wait_for_function("() => [...document.images].every(image => image.complete && image.naturalWidth)")


def done(page, until_drawn, *_):
    until_drawn(page)
    show_anyway(page)
    page.get_by_role("button", name="CSV", exact=True).wait_for()


def forced(page, until_drawn, force):
    force(page)
    page.get_by_text("means nothing medical").wait_for()
    done(page, until_drawn)


def stack(page, until_drawn, force):
    force(page)
    page.get_by_test_id("stPlotlyChart").nth(1).wait_for()
    done(page, until_drawn)


def refused(page, *_):
    page.locator("input[type=file]").set_input_files({"name": "a.dcm", "mimeType": "", "buffer": b""})
    page.get_by_role("alert").wait_for()


STATES = {
    "empty": ("", empty),
    "withheld": (f"?sample=chest&model={MODEL}", lambda page, *_: page.get_by_text("No answer: ").wait_for()),
    "done": (f"?sample=chest&model={MODEL}", done),
    "unfit": ("?sample=bones", lambda page, *_: page.get_by_text("No model here was trained").wait_for()),
    "forced": ("?sample=bones", forced),
    "stack": ("?sample=echo", stack),
    "refused": ("", refused),
    "models": ("models", lambda page, *_: page.get_by_role("table").first.wait_for()),
}


@pytest.mark.parametrize("state", STATES)
def test_a_state_fits_wide_and_narrow_in_light_and_dark(state, open_page, until_drawn, image_of, force):
    address, reach = STATES[state]
    page = open_page(address)
    reach(page, until_drawn, force)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width)
        for scheme, least, most in (("light", 0.7, 1.0), ("dark", 0.0, 0.3)):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_function(SETTLED)
            assert least <= brightness(image_of(page, f"{state}-{width}-{scheme}")) <= most


#: True once nothing on the page has moved or changed colour for two frames in a row.
SETTLED = """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() =>
  done(document.getAnimations().every(animation => animation.playState !== 'running')))))"""


def brightness(path) -> float:
    """Mean grey level of a screenshot's sidebar, which holds no scan."""
    return float(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)[:, :60].mean()) / 255
