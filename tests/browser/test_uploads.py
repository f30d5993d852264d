"""Real bytes through the uploader: a scan or exactly one sentence, and the page stays usable."""

import gzip
import io
import zipfile
from importlib.resources import files

import cv2
import numpy as np
import pytest
from playwright.sync_api import expect
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid


def dicom(name: str) -> bytes:
    with open(get_testdata_file(name), "rb") as file:
        return file.read()


def zipped(members: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return held.getvalue()


def series(slices: int) -> bytes:
    """A zip of a made-up CT, its slices in no order."""
    plan = dcmread(get_testdata_file("CT_small.dcm"))
    plan.SeriesInstanceUID, members = generate_uid(), {}
    for number in np.random.default_rng(5).permutation(slices):
        plan.SOPInstanceUID = plan.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        plan.InstanceNumber = int(number) + 1
        plan.ImagePositionPatient = [0.0, 0.0, 2.5 * float(number)]
        plan.PixelData = np.full((plan.Rows, plan.Columns), 20 * number, np.int16).tobytes()
        held = io.BytesIO()
        plan.save_as(held)
        members[f"series/{len(members):03}"] = held.getvalue()
    return zipped(members)


def png() -> bytes:
    ramp = np.tile(np.arange(0, 65536, 512, dtype=np.uint16), (96, 1))
    return cv2.imencode(".png", ramp)[1].tobytes()


def volume() -> bytes:
    return files("nibabel").joinpath("tests/data/example4d.nii.gz").read_bytes()


OPENED = {
    "DICOM without extension": ({"IM000001": dicom("CT_small.dcm")}, "CT image, 128 × 128"),
    "16-bit PNG": ({"ramp.png": png()}, "96 × 128"),
    "NIfTI": ({"brain.nii.gz": volume()}, "24 slices"),
    "NIfTI unpacked": ({"brain.nii": gzip.decompress(volume())}, "24 slices"),
    "zip of a CT series": ({"study.zip": series(20)}, "CT series, 20 slices, 2.5 mm"),
    "several files, one broken": (
        {"a": dicom("CT_small.dcm"), "b.dcm": dicom("MR_small.dcm")[:3000], "c.png": png()},
        "1 file skipped",
    ),
}

REFUSED = {
    "nothing in the file": {"empty.dcm": b""},
    "text renamed": {"notes.dcm": b"Dear colleague, thank you for the referral.\n" * 30},
    "zip in a zip": {"outer.zip": zipped({"inner.zip": zipped({"a.dcm": dicom("CT_small.dcm")})})},
    "treatment plan": {"plan.dcm": dicom("rtplan.dcm")},
    "two files without a scan": {"a.dcm": b"", "b.dcm": dicom("rtplan.dcm")},
}


def drop(page, held: dict[str, bytes]):
    uploads = [{"name": name, "mimeType": "application/octet-stream", "buffer": data} for name, data in held.items()]
    # The uploader that held the last files goes when the page has run; until then there are two.
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    expect(page.get_by_test_id("stFileUploaderFile")).to_have_count(0, timeout=45_000)
    page.locator("input[type=file]").set_input_files(uploads)


@pytest.mark.parametrize("case", OPENED)
def test_an_upload_is_opened_and_named(case, page, until_drawn, pixels):
    held, words = OPENED[case]
    drop(page, held)
    until_drawn(page)
    page.get_by_text(words).first.wait_for()
    assert pixels(page, 0).lit > 0.01 or case == "zip of a CT series"
    assert "?" not in page.url or "sample" not in page.url


def test_slices_of_a_zip_lie_in_their_true_order(page, until_drawn, pixels):
    drop(page, {"study.zip": series(20)})
    until_drawn(page)
    page.get_by_text("CT series, 20 slices").first.wait_for()
    dark = pixels(page, 0).lit
    slider = page.locator(".viewer [data-name=slice]")
    assert slider.get_attribute("max") == "19"
    slider.fill("19")
    until_drawn(page, 19)
    page.get_by_text("Slice 20 of 20").wait_for()
    assert pixels(page, 0).lit > dark + 0.3, "the slices were made brighter from the first to the last"


def test_each_refusal_is_one_sentence_and_the_page_stays_usable(page, until_drawn):
    for case, held in REFUSED.items():
        drop(page, held)
        alert = page.get_by_role("alert").filter(has_text=SENTENCE[case])
        alert.wait_for()
        expect(page.get_by_role("alert"), case).to_have_count(1)
        assert alert.locator("p").count() == 1, case
    drop(page, {"ramp.png": png()})
    until_drawn(page)
    expect(page.get_by_role("alert")).to_have_count(0)


#: A few words by which each sentence is known, so that the one before it is not taken for it.
SENTENCE = {
    "nothing in the file": "an empty file",
    "text renamed": "text",
    "zip in a zip": "holds another archive",
    "treatment plan": "plan",
    "two files without a scan": "None of the 2 files",
}


def test_a_file_dropped_on_the_zone_opens(page, until_drawn):
    """As a user does it: by a drop event, not by the hidden input."""
    held = page.evaluate_handle(
        """async bytes => {
          const data = new DataTransfer()
          data.items.add(new File([new Uint8Array(bytes)], "ramp.png"))
          return data
        }""",
        list(png()),
    )
    zone = page.get_by_test_id("stFileUploaderDropzone")
    for event in ("dragenter", "dragover", "drop"):
        zone.dispatch_event(event, {"dataTransfer": held})
    assert until_drawn(page).get_attribute("data-ready").endswith(":true")
    assert page.get_by_text("96 × 128").first.is_visible()


def test_another_upload_replaces_the_scan(page, until_drawn):
    drop(page, {"ramp.png": png()})
    until_drawn(page)
    page.get_by_role("button", name="Open another scan").click()
    page.get_by_role("button", name="Back to the open scan").wait_for()
    drop(page, {"IM000001": dicom("CT_small.dcm")})
    page.get_by_text("CT image, 128 × 128").first.wait_for()
    until_drawn(page)
    assert page.get_by_text("96 × 128").count() == 0, "nothing is left of the scan before"
