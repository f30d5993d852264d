"""One's own model in a browser, from the dropped file to its heatmap and to a comparison with a shipped one."""

import re
import zipfile

import cv2
import numpy as np
import pytest

from ui.cache import MODELS

NAME = "Brought along"


@pytest.fixture
def dropped(tmp_path):
    """A model file that is none of those which ship: one of theirs, packed anew."""
    path = tmp_path / "some net.keras"
    shipped = MODELS / "pneumonia-small-cnn" / "model.keras"
    with zipfile.ZipFile(shipped) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
    return path


@pytest.fixture
def scans(tmp_path):
    """Two classes of made-up images."""
    root = tmp_path / "made-up chests"
    for number in range(12):
        noise = np.random.default_rng(number).random((8, 8)).astype(np.float32)
        path = root / ("PNEUMONIA" if number % 2 else "NORMAL") / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), (cv2.resize(noise, (96, 96)) * 255).clip(0, 255).astype(np.uint8))
    return root


def test_from_a_dropped_file_to_its_heatmap_and_a_comparison(fresh_server, browser, dropped, scans):
    page = browser.new_page()
    page.set_default_timeout(45_000)
    page.goto(f"{fresh_server}/models")
    page.get_by_role("button", name="Add a model").click()
    page.get_by_text("Drop a model here").wait_for()
    page.locator("input[type=file]").first.set_input_files(str(dropped))
    page.get_by_text("What is in the file").wait_for()
    page.get_by_label("Name", exact=True).fill(NAME)
    page.get_by_role("textbox", name=re.compile("in the order of the outputs")).fill("Normal\nPneumonia")
    page.get_by_label("Body part").fill("chest")
    page.get_by_role("button", name="Check and add").click()
    page.get_by_text(f"{NAME} is here").wait_for()
    assert "model=" in page.url

    page.get_by_role("button", name="Read a scan with it").click()
    page.get_by_text("Or look at a sample").wait_for()
    page.locator("input[type=file]").first.set_input_files(str(scans / "PNEUMONIA" / "01.png"))
    page.locator(".viewer[data-ready]").wait_for()
    assert "model=brought-along" in page.url
    page.get_by_text("Probability of Pneumonia").first.wait_for()
    page.get_by_text(re.compile("evidence", re.IGNORECASE)).first.wait_for()

    page.goto(f"{fresh_server}/datasets")
    page.get_by_label("Folder or file on this computer").fill(str(scans))
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("radio", name="Run models").or_(page.get_by_role("button", name="Run models")).first.click()
    for title in (NAME, "Pneumonia, chest X-ray, small network"):
        chosen = page.get_by_role("button", name=title, exact=True)
        chosen.wait_for()
        if chosen.get_attribute("aria-pressed") != "true":
            chosen.click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text(re.compile(r"\d results? stored")).wait_for()
    page.get_by_role("button", name="Compare them").click()
    page.get_by_role("rowheader", name=NAME).wait_for()
    page.get_by_role("rowheader", name="Pneumonia, chest X-ray, small network").wait_for()
    page.close()
