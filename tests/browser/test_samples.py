"""A sample is fetched from a host of our own, opened by a click on its image, and removed."""

import re

import pytest

from tests.sample_host import image_bytes, noise, serving, write_catalogue


@pytest.fixture
def url(serve, tmp_path):
    with serving() as host:
        row = host.row("chest-child-1", image_bytes(noise(96, 96)), truths="pneumonia-small-cnn: Normal")
        chosen = str(write_catalogue(tmp_path / "own.csv", [row]))
        with serve(tmp_path / "log.txt", environment={"SCANLENS_SAMPLES": chosen}) as found:
            yield found


def test_a_sample_is_fetched_opened_by_its_image_and_removed(browser, url, tmp_path):
    page = browser.new_page()
    page.goto(url)
    page.get_by_text("Chest X-ray", exact=True).click()
    page.get_by_role("button", name="Fetch, ").click()
    image = page.get_by_alt_text("Chest of a child, 1")
    image.wait_for()
    assert (tmp_path / "home" / "samples" / "chest-child-1" / "LICENCE.txt").is_file()
    image.scroll_into_view_if_needed()
    box = image.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.get_by_role("button", name="What is true").wait_for()
    assert re.search("sample=chest-child-1", page.url)
    page.get_by_role("button", name="Open another scan").click()
    page.get_by_test_id("stMain").get_by_role("button", name="Remove", exact=True).last.click()
    page.get_by_role("button", name="Fetch, ").wait_for()
    assert not (tmp_path / "home" / "samples" / "chest-child-1").exists()
    page.close()
