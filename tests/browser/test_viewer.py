"""The viewer by keyboard and pointer: slices, zoom, play, and the server's answer to each slice."""

import pytest


@pytest.fixture(scope="module")
def stack(guarded_pages, until_drawn):
    """The brain volume of 24 slices, looked at by all tests of this file."""
    with guarded_pages() as open_page:
        page = open_page("?sample=brain")
        until_drawn(page)
        yield page


@pytest.fixture
def viewer(stack, until_drawn):
    """Its first slice, fitted, with the keyboard on it."""
    stage = stack.locator(".viewer .panes")
    stage.focus()
    stack.keyboard.press("0")
    stack.locator(".viewer [data-name=slice]").fill("0")
    until_drawn(stack, 0)
    stage.focus()
    return stack


def frame(page) -> int:
    return int(page.locator(".viewer").get_attribute("data-ready").split(":")[1])


def test_arrow_keys_turn_slices_and_the_server_follows(viewer, until_drawn):
    for key, expected in [("ArrowRight", 1), ("ArrowUp", 2), ("PageUp", 12), ("ArrowLeft", 11), ("PageDown", 1)]:
        viewer.keyboard.press(key)
        assert frame(viewer) == expected
    until_drawn(viewer, 1)
    viewer.get_by_text("Slice 2 of 24").wait_for()


def test_slices_end_at_both_ends(viewer):
    viewer.keyboard.press("ArrowLeft")
    assert frame(viewer) == 0
    for _ in range(4):
        viewer.keyboard.press("PageUp")
    assert frame(viewer) == 23


def test_plus_zooms_in_and_0_fits_again(viewer, pixels):
    fitted = pixels(viewer, 0).lit
    for _ in range(5):
        viewer.keyboard.press("+")
    assert pixels(viewer, 0).lit > fitted * 1.3
    viewer.keyboard.press("0")
    assert pixels(viewer, 0).lit == pytest.approx(fitted, abs=0.005)


def test_dragging_moves_the_image(viewer, pixels):
    fitted = pixels(viewer, 0).lit
    box = viewer.locator(".viewer .panes").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    viewer.mouse.move(*middle)
    viewer.mouse.down()
    viewer.mouse.move(middle[0] + box["width"], middle[1], steps=3)
    viewer.mouse.up()
    assert pixels(viewer, 0).lit < fitted / 2
    viewer.mouse.dblclick(*middle)
    assert pixels(viewer, 0).lit == pytest.approx(fitted, abs=0.005)


def test_play_moves_the_frames_and_pause_holds_them(viewer, until_drawn):
    viewer.locator(".viewer [data-name=play]").click()
    viewer.wait_for_function("() => " + FRAME + " >= 3")
    assert viewer.locator(".viewer [data-name=play]").inner_text() == "Pause"
    viewer.locator(".viewer [data-name=play]").click()
    held = frame(viewer)
    until_drawn(viewer, held)
    assert frame(viewer) == held


#: The frame in the viewer, looked up through the shadow root that components live in.
FRAME = (
    "Number([...document.querySelectorAll('*')].map(e => e.shadowRoot?.querySelector('.viewer[data-ready]'))"
    ".find(Boolean).dataset.ready.split(':')[1])"
)


def test_every_control_of_the_viewer_can_be_reached_by_keyboard(viewer):
    controls = viewer.locator(".viewer .bar :is(button, select, input):visible")
    assert controls.count() >= 5
    for index in range(controls.count()):
        viewer.keyboard.press("Tab")
        control = controls.nth(index)
        assert control.evaluate("e => e.getRootNode().activeElement === e"), control.get_attribute("data-name")


def test_the_image_has_words_for_those_who_do_not_see_it(viewer):
    label = viewer.locator(".viewer canvas").first.get_attribute("aria-label")
    assert "slice 1 of 24" in label


def test_inversion_turns_the_air_bright(viewer, pixels, until_drawn):
    dark = pixels(viewer, 0).lit
    assert viewer.evaluate(AIR) < 50
    viewer.get_by_text("Invert", exact=True).click()
    viewer.wait_for_function("() => " + AIR + " > 200")
    assert pixels(viewer, 0).lit > dark
    viewer.get_by_text("Invert", exact=True).click()
    viewer.wait_for_function("() => " + AIR + " < 50")


#: Brightness of the middle of the image's left edge, where there is air.
AIR = """(() => {
  const pane = [...document.querySelectorAll('*')].map(e => e.shadowRoot?.querySelector('.viewer canvas')).find(Boolean)
  return pane.getContext('2d').getImageData(8, pane.height / 2, 1, 1).data[0]
})()"""
