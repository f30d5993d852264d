"""The page of datasets in a browser: add a folder, inspect it, run a model over it, see its cases with heatmaps."""

import re

import cv2
import numpy as np
import pytest


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of made-up images, one image twice."""
    root = tmp_path_factory.mktemp("lungs") / "made-up lungs"
    for number in range(20):
        noise = np.random.default_rng(number % 19).random((8, 8)).astype(np.float32)
        path = root / ("PNEUMONIA" if number % 2 else "NORMAL") / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), (cv2.resize(noise, (96, 96)) * 255).clip(0, 255).astype(np.uint8))
    return root


def turn_to(page, view: str) -> None:
    page.get_by_role("radio", name=view).or_(page.get_by_role("button", name=view)).first.click()


def test_from_a_folder_to_the_images_of_its_mistakes(open_page, folder):
    page = open_page("datasets")
    page.get_by_label("Folder or file on this computer").fill("/no/such/folder")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_text("/no/such/folder does not exist").wait_for()
    page.get_by_label("Folder or file on this computer").fill(str(folder))
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("button", name="Forget").wait_for()

    turn_to(page, "Data quality")
    page.get_by_role("button", name="Inspect").click()
    page.get_by_text("Pixel for pixel the same").wait_for()
    page.get_by_role("img", name=re.compile("images of made-up lungs labelled")).first.wait_for()

    turn_to(page, "Run models")
    page.get_by_text("No model here clearly answers").wait_for()  # by their words they would, but the images are noise
    page.get_by_role("button", name="Pneumonia, chest X-ray, small network", exact=True).click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text(re.compile(r"\d results? stored")).wait_for()
    page.get_by_role("button", name="Compare them").click()
    page.get_by_role("heading", name="Compare models").wait_for()
    assert "dataset=" in page.url
