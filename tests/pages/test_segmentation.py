"""A model that outlines on the reading page: sizes, nothing found, a whole volume, a reference, files to export."""

import cv2
import nibabel as nib
import numpy as np
import pytest

import ui.cache


@pytest.fixture(autouse=True)
def only_outliners(tmp_path, monkeypatch, write_segmenter):
    """One model that outlines bright squares, and one of two labels."""
    folder = tmp_path / "models"
    write_segmenter(folder, slope=8.0)
    write_segmenter(folder, "two-outlines", labels=("Background", "Haemorrhages", "Hard exudates"), modality="OP")
    monkeypatch.setattr(ui.cache, "MODELS", folder)
    caches = (ui.cache.cached_cards, ui.cache.cached_bundle)
    for cache in caches:
        cache.clear()
    yield
    for cache in caches:
        cache.clear()


def png(*boxes, size=(80, 120)):
    image = np.zeros(size, np.uint8)
    for top, left, bottom, right, level in boxes:
        image[top:bottom, left:right] = level
    return cv2.imencode(".png", image)[1].tobytes()


def nifti(*boxes, affine=(-2.0, 2.0, 5.0)):
    """A volume of three slices; boxes are in (x, y) of each slice, one list a slice."""
    volume = np.zeros((60, 80, len(boxes)), np.uint8)
    for number, box in enumerate(boxes):
        if box:
            left, top, right, bottom = box
            volume[left:right, top:bottom, number] = 250
    return nib.Nifti1Image(volume, np.diag([*affine, 1.0])).to_bytes()


def turn_to(app, state, frame):
    app.session_state[f"viewer-{state(app).scan.digest[:16]}"] = {"frame": frame}
    return app.run()


SQUARE = (20, 30, 50, 70, 255)


def test_an_image_gets_an_outline_with_its_size_and_what_the_card_measured(upload, words, saves):
    app = upload(("a.png", png(SQUARE)))
    assert not app.exception
    assert not app.error
    assert app.subheader[0].value.startswith("Disc outlined: 1,1")
    text = words(app)
    assert "does not say how large a pixel is" in text
    assert "■ 1 piece; threshold 0.50" in text
    assert "overlapped the expert's by 0.81" in text
    assert saves(app) == ["PNG", "NIfTI", "JSON", "CSV"]
    assert not app.get("plotly_chart"), "one image has no areas by slice"


def test_nothing_found_is_said_and_nothing_is_drawn(upload, state):
    app = upload(("v.nii", nifti(None, (10, 20, 30, 60), None)))
    assert app.subheader[0].value == "No disc outlined on this slice"
    lines = [value for key, value in state(app).images._kept.items() if key[0] == "lines"]
    assert lines
    assert set(lines) == {b"[]"}


def test_a_volume_is_read_whole_and_measured_in_millilitres(upload, state, words, saves):
    app = upload(("v.nii", nifti(None, (10, 20, 30, 60), (10, 20, 20, 60))))
    assert not app.exception
    assert app.subheader[0].value == "No disc outlined on this slice"
    text = words(app)
    assert "on 2 of 3 slices, largest on slice 2" in text
    assert "**" not in "".join(element.proto.body for element in app.get("html")), "HTML knows no such emphasis"
    found = state(app).answers.get(("outline", state(app).scan.digest, "disc-outline"), lambda: None)
    assert f"{found.pixels.sum() * 2 * 2 * 5 / 1000:.3g} ml" in text
    assert found.pixels[1, 0] == pytest.approx(20 * 40, rel=0.06)
    assert len(app.get("plotly_chart")) == 1, "areas by slice"
    assert "NIfTI" in saves(app)


def test_doubt_is_shown_when_it_is_asked_for(upload, settled, words, state):
    app = upload(("v.nii", nifti(None, (10, 20, 30, 60), (10, 20, 20, 60))))
    toggle = next(toggle for toggle in app.toggle if "unsure" in toggle.label)
    app = settled(toggle.set_value(True).run())
    assert not app.exception
    assert "Mirrored, the same image gets no outline either" in words(app)
    assert ("mirrored", state(app).scan.digest, "disc-outline") in state(app).answers


def test_several_labels_are_listed_with_pieces(upload, start, words):
    image = png((10, 10, 30, 40, 128), (50, 60, 60, 70, 255), (50, 90, 60, 100, 255))
    app = upload(("a.png", image), app=start(model="two-outlines"))
    assert not app.exception
    assert app.subheader[0].value == "Outlined: haemorrhages and hard exudates"
    assert "in 2 pieces" in words(app)


def masked(app, name, data):
    uploader = next(entry for entry in app.file_uploader if "mask of this scan" in entry.label)
    return uploader.set_value([(name, data, "image/png")]).run()


def test_a_reference_mask_gives_dice_and_can_be_removed(upload, words, state):
    app = upload(("a.png", png(SQUARE)))
    app = masked(app, "mask.png", png(SQUARE))
    assert not app.exception
    assert "Dice 0.9" in words(app) or "Dice 1.0" in words(app)
    assert "pixels apart" in words(app)
    lines = [value for key, value in state(app).images._kept.items() if key[0] == "lines"]
    assert b'"reference": true' in lines[-1]
    app.button(key="remove-mask").click().run()
    assert "Dice 0.9" not in words(app)


def test_a_mask_of_another_size_is_refused_in_one_sentence_and_the_rest_goes_on(upload):
    app = masked(upload(("a.png", png(SQUARE))), "mask.png", png(SQUARE, size=(81, 120)))
    assert [error.value for error in app.error] == [
        "Expected a mask of the scan's own size, 80 × 120 pixels, received one of 81 × 120 pixels: "
        "export it on this scan."
    ]
    assert app.subheader[0].value.startswith("Disc outlined")


def test_a_volume_is_compared_with_its_reference_slice_by_slice_and_whole(upload, words, settled):
    boxes = None, (10, 20, 30, 60), (10, 20, 20, 60)
    app = upload(("v.nii", nifti(*boxes)))
    app = settled(masked(app, "mask.nii", nifti(*boxes)))
    app.run()
    assert not app.exception
    assert "neither outlines anything, so Dice is not defined" in words(app), "the first slice"
    assert "Disc on all 3 slices: **Dice 1.00**" in words(app), "these edges fall on the model's grid"


def test_the_original_file_gives_the_mask_its_place(upload, words):
    data = nifti(None, (10, 20, 30, 60), None)
    app = upload(("v.nii", data))
    assert "its origin is not kept" in words(app)
    uploader = next(entry for entry in app.file_uploader if "opened from" in entry.label)
    app = uploader.set_value([("v.nii", data, "")]).run()
    assert not app.exception
    assert "lies voxel on voxel on the original" in words(app)


def test_a_stack_that_is_being_read_can_be_cancelled(start, monkeypatch, slots):
    import time

    from core.errors import Cancelled
    from ui.reading.segmentation import read as reading

    whole = reading.predict

    def slow(bundle, study, frames=None, progress=None, cancelled=None, *, expect=None):
        if frames is not None:
            return whole(bundle, study, frames, expect=expect)
        progress(0.25)
        while not cancelled():
            time.sleep(0.01)
        raise Cancelled("the outline")

    monkeypatch.setattr(reading, "predict", slow)
    app = start()
    app.file_uploader[0].set_value([("v.nii", nifti(None, (10, 20, 30, 60), None), "")]).run()
    while not app.subheader or not app.get("progress"):
        app.run()
    assert app.get("progress")[0].proto.value == 25
    job = slots(app)["sweep"]
    app.button(key="cancel-sweep").click().run()
    assert job.wait(10)
    app.run()
    assert not app.error
    assert "Outline all slices" in [button.label for button in app.button]
    assert "can be made once all slices are read" in "".join(caption.value for caption in app.caption)
