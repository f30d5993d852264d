"""The main path under a tracer: nothing leaves the machine, nothing lies where it should not, and no mark of a patient
is in a file, a log, a page, an address or an export.

The scan is made here; every element that could name somebody holds a mark, and so do its pixels.
"""

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import TimeoutError
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

ROOT = Path(__file__).resolve().parents[2]
UID = "1.2.826.0.1.3680043.8.498.4711000471100047110004711"
MARKS = [
    "Zqfamily", "Zqgiven", "ZQID4711", "19430217", "ZQACC99", "Zqhospital", "Zqward", "Zqdoctor", "Zqoperator",
    "Zqstudy", "Zqseries", "Zqcomment", "Zqstation", "Zqserial", "Zqstreet", "Zqprivate", "Zqdevice", "4711000471100",
    "ZQFILE", "ZQPIXELZ",
]  # fmt: skip
#: In names of files, and in pixels.
FILE, PIXELS = "ZQFILE", b"ZQPIXELZ"
WAIT = 120_000


def marked_radiograph(number: int, side: int) -> Dataset:
    """A made-up chest radiograph whose header names somebody in every way it can, its pixels in every fourth KiB."""
    scan = Dataset()
    scan.file_meta = FileMetaDataset()
    scan.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    scan.SOPClassUID = DigitalXRayImageStorageForPresentation
    scan.SOPInstanceUID, scan.StudyInstanceUID, scan.SeriesInstanceUID = (f"{UID}.{number}.{kind}" for kind in range(3))
    scan.Modality, scan.BodyPartExamined, scan.ViewPosition = "DX", "CHEST", "PA"
    scan.PatientName, scan.PatientID, scan.PatientBirthDate = "Zqfamily^Zqgiven", "ZQID4711", "19430217"
    scan.OtherPatientNames, scan.PatientAddress, scan.PatientMotherBirthName = "Zqfamily", "Zqstreet 1", "Zqfamily"
    scan.AccessionNumber, scan.InstitutionName, scan.InstitutionalDepartmentName = "ZQACC99", "Zqhospital", "Zqward"
    scan.InstitutionAddress, scan.StationName, scan.DeviceSerialNumber = "Zqstreet 2", "Zqstation", "Zqserial"
    scan.ReferringPhysicianName, scan.OperatorsName, scan.PerformingPhysicianName = "Zqdoctor", "Zqoperator", "Zqdoctor"
    scan.StudyDescription, scan.SeriesDescription, scan.ImageComments = "Zqstudy", "Zqseries", "Zqcomment of Zqfamily"
    scan.PatientComments, scan.ProtocolName, scan.RequestedProcedureDescription = "Zqcomment", "Zqstudy", "Zqstudy"
    scan.StudyDate, scan.DeviceDescription, scan.StudyID = "19430217", "Zqdevice", "ZQACC99"
    scan.private_block(0x0011, "Zqprivate", create=True).add_new(0x01, "LO", "Zqprivate Zqfamily")
    scan.PatientAge, scan.PatientSex = "083Y", "F"
    scan.SamplesPerPixel, scan.PhotometricInterpretation, scan.PixelRepresentation = 1, "MONOCHROME2", 0
    scan.BitsAllocated, scan.BitsStored, scan.HighBit = 16, 16, 15
    scan.Rows = scan.Columns = side
    row, column = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    lungs = np.exp(-(((abs(column) - 0.45) / 0.25) ** 2) - (row / 0.6) ** 2)
    pixels = (30_000 - 20_000 * lungs + 500 * np.random.default_rng(number).random((side, side))).astype("<u2")
    mark = np.frombuffer(PIXELS, "<u2")
    flat = pixels.ravel()
    for place in range(0, flat.size - mark.size, 128):
        flat[place : place + mark.size] = mark
    scan.PixelData = pixels.tobytes()
    return scan


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of classes, of marked radiographs."""
    root = tmp_path_factory.mktemp("lungs") / "lungs"
    for number in range(6):
        path = root / "test" / ("PNEUMONIA" if number % 2 else "NORMAL") / f"{FILE}{number}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        marked_radiograph(number, 96).save_as(path, enforce_file_format=True)
    return root


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Folders of the traced programs' own, and nothing else that they may write to."""
    root = tmp_path_factory.mktemp("traced")
    for name in ("user", "temporary", "home", "trace"):
        (root / name).mkdir()
    return root


@pytest.fixture(scope="module")
def environment(place):
    user = str(place / "user")
    caches = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), user)
    return {**caches, "TMPDIR": str(place / "temporary"), "PYTHONDONTWRITEBYTECODE": "1", "SCANLENS_DATABASE_URL": ""}


class Walk:
    """A walk through the pages that keeps what it saw and what it took away."""

    def __init__(self, page, url):
        self.page, self.url = page, url
        self.texts, self.exports = [], {}
        page.set_default_timeout(WAIT)
        page.on("websocket", lambda socket: socket.on("framereceived", self._received))

    def _received(self, payload):
        self.texts.append(payload if isinstance(payload, bytes) else payload.encode())

    def look(self):
        self.texts += [self.page.content().encode(), self.page.url.encode(), self.page.title().encode()]

    def take(self, *names):
        for name in names:
            file, data = self._taken(name)
            self.exports[f"{name} {file}"] = data

    def _taken(self, name):
        for _ in range(6):  # a page that runs anew may lose a click, or cut a download off
            self.page.locator("[data-testid=stStatusWidget]").wait_for(state="detached")
            with contextlib.suppress(TimeoutError):
                with self.page.expect_download(timeout=20_000) as waiting:
                    self.page.get_by_role("button", name=name, exact=True).last.click()
                if waiting.value.failure() is None:
                    return waiting.value.suggested_filename, waiting.value.path().read_bytes()
        pytest.fail(f"{name} could not be downloaded")

    def go(self, title):
        self.page.get_by_test_id("stSidebarNav").get_by_role("link", name=title, exact=True).click()
        self.page.locator(".stMainBlockContainer h1").first.wait_for()


def read(walk, until_drawn):
    walk.page.locator("input[type=file]").first.set_input_files(
        {"name": f"{FILE}.dcm", "mimeType": "", "buffer": dicom_bytes(marked_radiograph(99, 1200))}
    )
    until_drawn(walk.page)
    walk.page.get_by_role("heading", level=3).first.wait_for()
    anyway = walk.page.get_by_role("button", name="Show it anyway")
    export = walk.page.get_by_role("button", name="CSV", exact=True)
    anyway.or_(export).first.wait_for()
    if anyway.count():
        anyway.click()
    export.wait_for()
    walk.look()
    walk.take("PNG", "PDF", "JSON", "CSV")


def explain(walk):
    walk.go("Explain")
    walk.page.get_by_role("button", name="All maps and numbers, as a zip").wait_for()
    walk.look()
    walk.take("All maps and numbers, as a zip")


def evaluate(walk, folder):
    walk.go("Datasets")
    walk.page.get_by_label("Folder or file on this computer").fill(str(folder))
    walk.page.get_by_role("button", name="Add", exact=True).click()
    walk.page.get_by_role("button", name="Forget").wait_for()
    view = walk.page.get_by_role("radio", name="Run models").or_(walk.page.get_by_role("button", name="Run models"))
    view.first.click()
    # The images are noise, for which no model is suggested.
    walk.page.get_by_role("button", name="Pneumonia, chest X-ray, small network", exact=True).click()
    walk.page.get_by_role("button", name="Run", exact=True).click()
    walk.page.get_by_text(re.compile(r"\d results? stored")).wait_for()
    walk.look()
    walk.page.get_by_role("button", name="Compare them").click()
    walk.page.get_by_role("heading", name="Compare models").wait_for()
    walk.page.get_by_role("button", name="Export").click()
    walk.take("CSV", "LaTeX")
    walk.page.get_by_role("button", name="Make report and bundle").click()
    walk.page.get_by_role("button", name="Report (HTML)").wait_for()
    walk.take("Report (HTML)", "Bundle (zip)")
    walk.look()


def train(walk):
    walk.page.goto(f"{walk.url}/training?train-epochs=2&train-pixels=16")
    walk.page.get_by_role("button", name="Train", exact=True).click()
    walk.page.get_by_text("Run 1: epoch 2 of 2").wait_for()
    walk.look()


def dicom_bytes(scan) -> bytes:
    held = io.BytesIO()
    scan.save_as(held, enforce_file_format=True)
    return held.getvalue()


@pytest.fixture(scope="module")
def walked(browser, serve, tracing, place, environment, folder, until_drawn):
    """The walk, once its server has ended."""
    log = place / "home" / "log.txt"
    with serve(log, environment=environment, under=tracing.strace(place / "trace" / "server")) as url:
        walk = Walk(browser.new_page(), url)
        walk.page.goto(f"{url}/?model=pneumonia-chest-xray")  # named, as nothing recognises what is drawn here
        read(walk, until_drawn)
        explain(walk)
        evaluate(walk, folder)
        train(walk)
        walk.page.close()
    return walk


def held_against(tracing, place, trace):
    return tracing.judge(trace, [place / "home", place / "temporary"], MARKS)


def test_the_app_reaches_for_nothing_but_this_computer(walked, tracing, place):
    seen = held_against(tracing, place, place / "trace" / "server")
    assert seen.calls > 1000, "the trace saw the server and its children"
    assert seen.network == ()


def test_the_app_writes_to_its_own_folders_only_and_no_mark_at_all(walked, tracing, place):
    seen = held_against(tracing, place, place / "trace" / "server")
    assert seen.files == ()
    assert seen.marked == ()


def test_nothing_of_a_patient_is_in_a_file_or_in_the_log(walked, tracing, place):
    left = [path for path in place.rglob("*") if path.is_file() and "trace" not in path.parts[len(place.parts)]]
    assert any(path.suffix in {".sqlite", ".db", ".sqlite3"} for path in left), left
    assert {str(path): tracing.marks_in(path.read_bytes(), MARKS) for path in left if marked(tracing, path)} == {}


def marked(tracing, path):
    return tracing.marks_in(path.read_bytes(), MARKS)


def test_nothing_of_a_patient_is_on_a_page_or_in_an_address(walked, tracing):
    shown = [mark for mark in MARKS if mark != FILE]  # the name of a file is shown to who chose it
    assert len(walked.texts) > 20
    assert [tracing.marks_in(text, shown) for text in walked.texts if tracing.marks_in(text, shown)] == []


def test_nothing_of_a_patient_is_in_an_export(walked, tracing):
    assert len(walked.exports) == 9
    found = {name: tracing.marks_in(data, MARKS) for name, data in walked.exports.items()}
    # The bundle says that it holds names of cases: whoever makes it has the dataset. It holds nothing else.
    assert {
        name: marks for name, marks in found.items() if marks - ({FILE} if name.startswith("Bundle") else set())
    } == {}


def test_the_shell_leaks_nothing_either(tracing, place, environment, folder):
    trace = place / "trace" / "shell"
    command = ["-m", "core.evaluation", "run", "--model", "pneumonia-small-cnn", "--dataset", str(folder)]
    done = subprocess.run(
        [*tracing.strace(trace), sys.executable, *command], cwd=ROOT, capture_output=True, check=False,
        env={**os.environ, **environment, "SCANLENS_HOME": str(place / "home" / "shell")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen = held_against(tracing, place, trace)
    assert (seen.network, seen.files, seen.marked) == ((), (), ())
    assert tracing.marks_in(done.stdout + done.stderr, MARKS) == set()
