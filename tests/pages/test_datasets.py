"""The page of datasets: adding, understanding, inspecting, running and what goes wrong with each."""

import time

import cv2
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import ui.datasets.runs

PAGE = "pages/evidence/datasets.py"


def image(seed: int) -> bytes:
    noise = np.random.default_rng(seed).random((8, 8)).astype(np.float32)
    return cv2.imencode(".png", (cv2.resize(noise, (64, 64)) * 255).clip(0, 255).astype(np.uint8))[1].tobytes()


@pytest.fixture(autouse=True)
def not_looked_at(monkeypatch):
    """The images here are noise; what they are of is not asked, but in the test of that."""
    monkeypatch.setattr("ui.datasets.planning.recognise_dataset", lambda _: [])


@pytest.fixture
def chest(tmp_path):
    """A folder of two classes that the pneumonia models answer, in two splits."""
    for number in range(16):
        split, label = "test" if number < 12 else "train", "NORMAL" if number % 2 else "PNEUMONIA"
        path = tmp_path / "chest" / split / label / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image(number))
    return tmp_path / "chest"


def settled(app: AppTest) -> AppTest:
    """Run until nothing is under way; the browser does the same by itself."""
    until = time.monotonic() + 120
    while jobs := [job for name, job in app.session_state["jobs"].slots.items() if name != "timing"]:
        for job in jobs:
            assert job.wait(max(0.0, until - time.monotonic())), f"{job.title} took more than two minutes"
        app.run()
    return app


@pytest.fixture
def page(start):
    """The page, with a dataset added if one is given."""

    def opened(path=None) -> AppTest:
        app = start()
        app.switch_page(PAGE).run()
        return app if path is None else add(app, path)

    return opened


def add(app: AppTest, path) -> AppTest:
    app.text_input(key="add-path").set_value(str(path))
    next(button for button in app.button if button.label == "Add").click()
    return settled(app.run())


def choose(app: AppTest, view: str) -> AppTest:
    group(app, "view").set_value(view)
    return app.run()


def group(app: AppTest, start: str):
    return next(one for one in app.button_group if str(one.key).startswith(start))


def test_an_empty_page_says_what_can_be_added(page, words, own_home):
    app = page()
    assert app.text_input(key="add-path").label == "Folder or file on this computer"
    assert "never copied" in words(app)
    assert not own_home.exists(), "looking makes no database"


def test_a_folder_is_added_understood_and_counted(page, words, chest):
    app = page(chest)
    assert not app.exception
    assert not app.error
    assert "2 classes" in words(app) or "NORMAL" in words(app)
    table = app.dataframe[0].value
    assert table.set_index("Label").loc["all cases", "Test"] == 12
    assert app.session_state["shelf"].dataset.title in app.selectbox(key="dataset").options


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "No path was typed"),
        ("chest", "whole path"),
        ("/no/such/place", "/no/such/place does not exist: check the path."),
    ],
)
def test_a_bad_path_is_one_sentence(page, typed, sentence):
    app = add(page(), typed)
    assert len(app.error) == 1
    assert sentence in app.error[0].value


def test_an_empty_folder_is_one_sentence(page, tmp_path):
    (tmp_path / "empty").mkdir()
    app = add(page(), tmp_path / "empty")
    assert [str(error.value).startswith("The folder is empty") for error in app.error] == [True]


def test_what_cannot_be_known_is_asked_with_the_guess_chosen(page, tmp_path, words):
    folder = tmp_path / "asked"
    folder.mkdir()
    rows = ["file,label,patient,patient_id"]
    for number in range(8):
        (folder / f"{number}.png").write_bytes(image(number))
        rows.append(f"{number}.png,{'sick' if number % 2 else 'healthy'},p{number // 2},s{number // 3}")
    (folder / "cases.csv").write_text("\n".join(rows))
    app = page(folder)
    questions = app.session_state["shelf"].dataset.questions
    assert questions, "two columns look like the patient"
    assert "before models can run" in words(app)
    boxes = {box.label: box.value for box in app.selectbox}
    assert all(boxes[question.sentence] == question.guess for question in questions)
    next(button for button in app.button if button.label == "Use these answers").click()
    settled(app.run())
    assert not app.session_state["shelf"].dataset.questions
    assert not app.error


def test_a_dataset_is_remembered_and_can_be_forgotten(page, chest):
    page(chest)
    again = settled(page())
    assert again.session_state["shelf"].dataset.location == chest
    again.button(key="forget-dataset").click().run()
    assert [box.label for box in again.text_input] == ["Folder or file on this computer"]
    assert chest.exists(), "its files stay"
    assert page().text_input(key="add-path")


def test_a_remembered_folder_that_is_gone_is_one_sentence(page, chest):
    page(chest)
    chest.rename(chest.with_name("elsewhere"))
    app = settled(page())
    assert "chest does not exist" in app.error[0].value
    assert app.button(key="forget-dataset")


def test_an_inspection_says_first_what_flatters(page, chest, words):
    copied = chest / "train" / "NORMAL" / "copy.png"
    copied.write_bytes((chest / "test" / "NORMAL" / "01.png").read_bytes())
    (chest / "test" / "NORMAL" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    app = choose(page(chest), "quality")
    settled(app.button(key="inspect").click().run())
    assert not app.exception
    findings = next(text.value for text in app.markdown if text.value.startswith("- "))
    assert "more than one split" in findings.splitlines()[0]
    assert "Pixel for pixel the same" in words(app)
    assert any("broken.png" in frame.value.to_string() for frame in app.dataframe)
    assert len(app.get("image")) >= 3, "a pair and the contact sheet"


def run_models(app: AppTest) -> AppTest:
    choose(app, "run")
    group(app, "run-models").set_value(["pneumonia-small-cnn"])
    app.run()
    app.button(key="run").click()
    return settled(app.run())


def test_a_run_is_stored_and_leads_to_the_comparison(page, chest, words):
    app = run_models(page(chest))
    assert not app.exception
    assert not app.error
    assert "1 result stored" in words(app)
    runs = app.dataframe[-1].value
    assert runs.iloc[0][["State", "Cases"]].tolist() == ["● done", 12]
    app.button(key="compare-them").click().run()
    assert app.title[0].value == "Compare models"
    assert "models" in app.query_params


def test_a_stressed_copy_is_run_beside_the_original(page, chest):
    app = choose(page(chest), "run")
    group(app, "run-models").set_value(["pneumonia-small-cnn"])
    group(app, "run-stress").set_value(["blur"])
    app.run()
    app.button(key="run").click()
    settled(app.run())
    kinds = app.dataframe[-1].value["Images from"].tolist()
    assert sorted(kinds) == ["not known", "stressed copy"]


def test_labels_that_no_model_knows_are_said_and_not_run(page, tmp_path, words):
    for number in range(6):
        path = tmp_path / "trees" / ("oak" if number % 2 else "elm") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image(number))
    app = choose(page(tmp_path / "trees"), "run")
    assert "No model here clearly answers these labels" in words(app)
    assert app.button(key="run").disabled


def test_a_label_whose_meaning_is_open_is_asked_before_a_run(page, chest, words):
    for label in ("PNEUMONIA_neg", "r_o PNEUMONIA?"):
        (chest / "test" / label).mkdir()
        (chest / "test" / label / "x.png").write_bytes(image(len(label)))
    app = choose(page(chest), "run")
    group(app, "run-models").set_value(["pneumonia-small-cnn"])
    app.run()
    assert app.button(key="run").disabled
    assert "say above what 'r\\_o PNEUMONIA?' means" in app.info[0].value
    boxes = {box.label.partition(" (")[0]: box for box in app.selectbox if str(box.key).startswith("map-")}
    assert {label: box.value for label, box in boxes.items()} == {
        "NORMAL": "Normal", "PNEUMONIA": "Pneumonia", "PNEUMONIA\\_neg": "Normal", "r\\_o PNEUMONIA?": None,
    }  # fmt: skip
    boxes["r\\_o PNEUMONIA?"].set_value("Normal")
    app.run()
    assert not app.info
    assert not app.button(key="run").disabled
    boxes["r\\_o PNEUMONIA?"].set_value(None)
    next(box for box in app.checkbox if str(box.key).startswith("run-rest")).check()
    app.run()
    assert not app.button(key="run").disabled
    assert "1 of 14 cases are left out" in words(app)


def test_findings_that_nobody_knows_are_counted_apart(page, tmp_path):
    rows = ["file,edema,mass", "0.png,1,0", "1.png,0,0", "2.png,,0", "3.png,1,-1", "4.png,0,1", "5.png,-1,0"]
    (tmp_path / "set").mkdir()
    for number in range(6):
        (tmp_path / "set" / f"{number}.png").write_bytes(image(number))
    (tmp_path / "set" / "cases.csv").write_text("\n".join(rows))
    table = page(tmp_path / "set").dataframe[0].value
    assert table.to_numpy().tolist() == [
        ["edema", 2],
        ["mass", 1],
        ["no finding", 1],
        ["not known", 2],
        ["all cases", 6],
    ]


def test_a_broken_database_leaves_the_rest_of_the_page(page, chest, own_home, words):
    own_home.mkdir(parents=True)
    (own_home / "results.sqlite").write_bytes(b"this is no database, and never was" * 40)
    app = page(chest)
    assert not app.exception
    assert len(app.warning) == 1
    assert "damaged" in app.warning[0].value
    assert app.dataframe[0].value.shape[0] == 3, "the counts are there"
    app = run_models(app)
    assert [error.value for error in app.error if "damaged" in error.value], "a run says why it cannot be stored"


def test_a_run_can_be_stopped_and_goes_on_where_it_was(page, chest, monkeypatch, words):
    import core.evaluation.runs.run as running

    monkeypatch.setattr("ui.datasets.running.estimate_seconds", lambda *_: 1.0)
    real, turns = running.answers, []

    def slow(*arguments):
        for found in real(*arguments):
            turns.append(found)
            yield found
            until = time.monotonic() + 20
            while len(turns) == 3 and not app.session_state["jobs"].find("run").is_stopping:
                assert time.monotonic() < until
                time.sleep(0.01)

    app = choose(page(chest), "run")
    group(app, "run-models").set_value(["pneumonia-small-cnn"])
    app.run()
    monkeypatch.setattr(running, "answers", slow)
    app.button(key="run").click().run()
    assert app.get("progress")
    app.button(key="cancel-run").click().run()
    settled(app.run())
    assert "what was scored is kept" in words(app)
    assert [state.partition(" at ")[0] for state in app.dataframe[-1].value["State"]] == ["○ stopped"]
    monkeypatch.undo()
    monkeypatch.setenv("SCANLENS_HOME", str(chest.parent / "home"))
    app.button(key="run").click()
    settled(app.run())
    assert app.dataframe[-1].value["State"].tolist() == ["● done"]


def test_a_changed_folder_is_said(page, chest, words):
    app = run_models(page(chest))
    (chest / "test" / "NORMAL" / "01.png").write_bytes(image(99))
    again = settled(page())
    assert "changed since its hash was taken" in words(again)
    assert not app.error


def test_chosen_runs_are_offered_as_files(page, chest, monkeypatch, saves):
    app = run_models(page(chest))
    real = ui.datasets.runs.st.dataframe

    def first_row_chosen(*arguments, **options):
        event = real(*arguments, **options)
        return {"selection": {"rows": [0]}} if options.get("key") == "runs" else event

    monkeypatch.setattr(ui.datasets.runs.st, "dataframe", first_row_chosen)
    app.run()
    assert not app.error
    assert saves(app)[-2:] == ["Parquet", "CSV"]


def test_results_are_exported_and_imported_elsewhere(page, chest, tmp_path, monkeypatch, words):
    from ui.datasets.records import working_store
    from ui.datasets.runs import exported

    run_models(page(chest))
    store = working_store()
    data = exported(store, [store.evaluations()[0].id], "parquet")
    monkeypatch.setenv("SCANLENS_HOME", str(tmp_path / "elsewhere"))
    app = page(chest)
    app.file_uploader(key="import-runs").set_value([("run.parquet", data, "application/octet-stream")]).run()
    assert "1 imported" in "".join(done.value for done in app.success)
    assert app.dataframe[-1].value["State"].tolist() == ["● done"]
    app.file_uploader(key="import-runs").set_value([("notes.csv", b"a,b", "text/csv")]).run()
    assert "notes.csv: The file is no whole evaluation" in app.error[0].value


def test_a_case_of_an_added_dataset_shows_its_image_with_heatmaps(page, chest):
    run_models(page(chest))
    app = AppTest.from_function(look_at_first_case, default_timeout=60).run()
    assert not app.exception
    assert not app.error
    assert len(app.get("image")) >= 2, "the image and the model's map"
    assert any("Labelled" in caption.value for caption in app.caption)


def test_a_case_whose_file_is_gone_is_one_sentence(page, chest):
    run_models(page(chest))
    chest.rename(chest.with_name("elsewhere"))
    app = AppTest.from_function(look_at_first_case, default_timeout=60).run()
    assert not app.exception
    assert len(app.error) == 1
    assert "chest does not exist" in app.error[0].value


def look_at_first_case() -> None:
    """A script of its own: the images of the first case of the newest run."""
    from types import SimpleNamespace

    from core.figures.comparing.lines import line_of
    from ui.comparing.case_images import show_images
    from ui.datasets.records import records

    found = records()
    evaluation = found.store.load(found.runs[0].id)
    member = SimpleNamespace(evaluation=evaluation, line=line_of("Small", 0), key="small")
    view = SimpleNamespace(members=(member,), found=SimpleNamespace(are_shared=lambda _: False))
    show_images(view, str(evaluation.cases[0]))


@pytest.fixture
def slices(tmp_path):
    """A table with an image of three kinds in each row, a mask, a label and a patient."""
    folder, lines = tmp_path / "slices", ["patient,label,pre,flair,contrast,mask"]
    for number in range(8):
        cells = [f"p{number // 2}", "tumour" if number % 2 else "no tumour"]
        for kind in ("pre", "flair", "contrast"):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            (folder / kind / f"{number}.png").write_bytes(image(number))
            cells.append(f"{kind}/{number}.png")
        (folder / "mask").mkdir(exist_ok=True)
        mask = np.zeros((64, 64), np.uint8)
        mask[10:30, 10 : 20 + number] = 255 if number % 2 else 0
        cv2.imwrite(str(folder / "mask" / f"{number}.png"), mask)
        lines.append(",".join([*cells, f"mask/{number}.png"]))
    (folder / "labels.csv").write_text("\n".join(lines))
    return folder


def understood(app: AppTest) -> AppTest:
    """Take every guess of what is asked."""
    ask = [button for button in app.button if button.label == "Use these answers"]
    if ask:
        ask[0].click()
        settled(app.run())
    return app


def test_models_with_several_inputs_and_of_masks_run_over_a_table(page, slices, words):
    app = choose(understood(page(slices)), "run")
    assert not app.exception
    group(app, "run-models").set_value(["glioma-early-fusion", "glioma-outline"])
    app.run()
    assert "say above which column is" not in words(app)
    titles = [expander.label for expander in app.expander]
    assert any("FLAIR from 'flair'" in title and "early fusion" in title for title in titles)
    app.button(key="run").click()
    settled(app.run())
    assert "2 results stored" in words(app)
    assert app.dataframe[-1].value["Cases"].tolist() == [8, 8]


def test_a_column_that_nothing_names_is_asked_before_a_run(page, slices, words):
    text = (slices / "labels.csv").read_text()
    (slices / "labels.csv").write_text(text.replace("pre,flair,contrast,mask", "a,b,c,mask"))
    app = choose(understood(page(slices)), "run")
    group(app, "run-models").set_value(["dementia-picture"])
    app.run()
    assert app.button(key="run").disabled
    assert any("say above which column is" in info.value for info in app.info)
    boxes = [box for box in app.selectbox if str(box.key).startswith("column-")]
    for box, column in zip(boxes, "abc", strict=True):
        box.set_value(column)
    app.run()
    assert not any("which column" in info.value for info in app.info)
