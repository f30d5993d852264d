"""Whatever is dropped on the page: a scan or one sentence, and the page goes on."""

import io
import zipfile

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from core.inference.kinds import KINDS
from core.inference.recognise import Recognition

CT = "CT_small.dcm"


def bytes_of(name: str) -> bytes:
    with open(get_testdata_file(name), "rb") as file:
        return file.read()


def zipped(**members: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return held.getvalue()


REFUSED = {
    "empty file": ("empty.dcm", b""),
    "text renamed": ("notes.dcm", b"Dear colleague,\nthank you for the referral.\n" * 40),
    "treatment plan": ("rtplan.dcm", bytes_of("rtplan.dcm")),
    "cut short": ("short.dcm", bytes_of(CT)[:20_000]),
    "broken PNG": ("broken.png", b"\x89PNG\r\n\x1a\n" + b"\x00" * 200),
    "zip in a zip": ("outer.zip", zipped(inner=zipped(a=b"b"))),
    "empty zip": ("empty.zip", zipped()),
    "a program": ("scan.exe", b"MZ" + bytes(500)),
}


@pytest.mark.parametrize("file", REFUSED.values(), ids=REFUSED)
def test_a_file_without_a_scan_gets_one_sentence_and_the_page_goes_on(file, upload, state, png):
    app = upload(file)
    assert not app.exception
    assert len(app.error) == 1
    assert app.error[0].value.count("\n") == 0
    assert app.error[0].value.endswith(".")
    assert "/" not in app.error[0].value.replace("DICOM/", ""), "no path of the machine"
    upload(("next.png", png), app=app)
    assert state(app).scan is not None
    assert not app.error


def test_a_broken_file_among_good_ones_stops_none(upload, state, png):
    app = upload(("a", bytes_of(CT)), ("b.dcm", b""), ("c.png", png), ("d.txt", b"hello"))
    assert not app.exception
    assert not app.error
    assert len(state(app).opened.scans) == 2
    assert "2 files skipped" in app.markdown[0].value
    why = next(frame for frame in app.dataframe if "Why" in frame.value)
    assert sorted(why.value["File"]) == ["b.dcm", "d.txt"]


def test_several_broken_files_are_counted_and_each_explained(upload):
    app = upload(("a.dcm", b""), ("b.txt", b"hello"))
    assert [error.value for error in app.error] == ["None of the 2 files holds a scan."]
    assert len(app.dataframe[0].value) == 2


def test_a_refused_upload_leaves_the_open_scan_where_it_is(upload, state, png):
    app = upload(("c.png", png))
    first = state(app).scan
    app.button(key="open").click().run()
    upload(("empty.dcm", b""), app=app)
    assert len(app.error) == 1
    app.button(key="back").click().run()
    assert not app.error
    assert state(app).scan is first


def test_one_of_several_scans_can_be_chosen(upload, state, png):
    app = upload(("a", bytes_of(CT)), ("c.png", png))
    first = state(app).scan
    next(box for box in app.selectbox if box.label == "Scan").set_value(1).run()
    assert not app.exception
    assert state(app).scan is not first


def test_the_uploader_keeps_no_second_copy(upload, png):
    app = upload(("c.png", png))
    kept = [app.session_state[key] for key in app.session_state if str(key).startswith("upload-")]
    assert not any(kept)


def test_a_fault_of_ours_is_one_sentence_without_its_message(upload, monkeypatch, caplog, png):
    def broken(*_):
        raise RuntimeError("MUELLER^HANS")

    monkeypatch.setattr("ui.reading.open_scan.open_sources", broken)
    app = upload(("c.png", png))
    assert not app.exception
    assert "that is our fault" in app.error[0].value
    assert "MUELLER" not in app.error[0].value + caplog.text


def looks_like(monkeypatch, slug):
    kind = KINDS.get(slug)
    monkeypatch.setattr("ui.reading.choose_model.recognise", lambda _: Recognition(kind, "", 1.0, {slug: 0.4}))


def test_an_image_of_unnamed_kind_begins_with_the_model_that_knows_its_like(upload, png, monkeypatch):
    looks_like(monkeypatch, "fundus")
    app = upload(("eye.png", png))
    assert "retinopathy" in "".join(app.query_params["model"])


def test_where_no_model_knows_its_like_none_is_chosen_but_one_can_be(upload, png, monkeypatch, words, settled):
    looks_like(monkeypatch, "")
    app = upload(("thing.png", png))
    assert "model" not in app.query_params
    assert app.info[0].value.startswith("No model is chosen: this looks like none")
    assert "They know a chest radiograph, " in words(app)
    assert not app.subheader
    next(box for box in app.selectbox if box.label == "Model").set_value("lung-cancer-ct")
    settled(app.run())
    assert not app.exception
    assert "".join(app.query_params["model"]) == "lung-cancer-ct"
    assert app.subheader


def test_model_that_was_chosen_does_not_stay_for_a_scan_that_it_does_not_know(upload, png, monkeypatch, settled):
    looks_like(monkeypatch, "fundus")
    app = upload(("eye.png", png))
    app.button(key="open").click().run()
    looks_like(monkeypatch, "breast-ultrasound")
    app = upload(("breast.png", png + b"more"), app=app)
    assert "".join(app.query_params["model"]) == "breast-ultrasound"


def test_windows_of_slices_are_moved_together(upload):
    files = []
    for number, center in enumerate((40, 300)):
        header = dcmread(get_testdata_file(CT))
        header.SOPInstanceUID, header.ImagePositionPatient = f"1.2.3.{number}", [0, 0, 5.0 * number]
        header.WindowCenter, header.WindowWidth = center, 400
        held = io.BytesIO()
        header.save_as(held)
        files.append((f"{number}.dcm", held.getvalue()))
    app = upload(*files)
    assert not app.exception
    assert any("each frame's own, centre 40 to 300, width 400" in caption.value for caption in app.caption)
    next(slider for slider in app.slider if slider.label.startswith("Centre, moved by")).set_value(100.0).run()
    assert not app.exception
