"""What a visitor sees who does not sit at the computer that runs ScanLens: in class, or behind a proxy."""

import os
import shutil
import socket

import cv2
import numpy as np
import pytest
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest

from core.datasets.readers import open_dataset
from core.models.card import load_card
from ui.cache import MODELS, cached_cards, cached_shipped
from ui.datasets.records import working_store
from ui.serving.folders import named_folders
from ui.serving.guard import ELSEWHERE, HERE, VISITOR

MODELS_PAGE = "pages/evidence/models.py"
DATASETS, COMPARE, READ = "pages/evidence/datasets.py", "pages/evidence/compare.py", "pages/scan/read.py"


def settled(app: AppTest) -> AppTest:
    """Run until no dataset is being opened."""
    while opening := app.session_state["shelf"].opening:
        assert opening.job.wait(60)
        app.run()
    return app


@pytest.fixture
def visit(start, monkeypatch):
    """Open a page as a visitor: `visit(page, here=False)`."""

    def visited(page: str, here: bool = False, **address: str) -> AppTest:
        place = HERE if here else ELSEWHERE
        monkeypatch.setattr(ContextProxy, "headers", property(lambda _: {VISITOR.title(): place}))
        app = start(**address)
        return app.switch_page(page).run() if page != READ else app

    return visited


@pytest.fixture
def chest(tmp_path):
    for number in range(8):
        path = tmp_path / "chest" / "test" / ("NORMAL" if number % 2 else "PNEUMONIA") / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 255, (32, 32), np.uint8)
        path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    return tmp_path / "chest"


@pytest.fixture
def remembered(chest):
    """A dataset that somebody at the computer has added."""
    dataset = open_dataset(chest, {})
    working_store().remember(dataset, {})
    return dataset


def test_nobody_elsewhere_types_a_path(visit, words):
    assert visit(DATASETS, here=True).text_input(key="add-path").label == "Folder or file on this computer"
    app = visit(DATASETS)
    assert not app.text_input
    assert not app.exception
    assert "SCANLENS_FOLDERS" in app.info[0].value
    assert f"the computer {socket.gethostname()}" in app.info[0].value
    assert "MedMNIST" not in words(app), "the server is not made to download for strangers"


def test_a_folder_that_the_operator_named_is_chosen_by_its_name(visit, chest, monkeypatch):
    monkeypatch.setenv("SCANLENS_FOLDERS", str(chest))
    app = visit(DATASETS)
    assert app.selectbox(key="add-name").options == ["chest"]
    next(button for button in app.button if button.label == "Add").click()
    app = settled(app.run())
    assert not app.error
    assert app.session_state["shelf"].dataset.location == chest


@pytest.mark.parametrize(
    "way", ["{chest}/..", "{chest}/../secret", "/etc", "//server/share", "\\\\server\\share", "{link}"]
)
def test_no_other_place_can_be_opened_from_elsewhere(visit, chest, monkeypatch, tmp_path, way):
    """Not even by who calls what the page calls: it is refused where places are opened."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    monkeypatch.setenv("SCANLENS_FOLDERS", str(chest))
    monkeypatch.setenv("ASKED", way.format(chest=chest, link=tmp_path / "link"))
    visit(DATASETS)
    app = AppTest.from_function(open_place, default_timeout=60).run()
    assert [text.value for text in app.markdown] == ["refused"]


def open_place() -> None:
    import os
    from pathlib import Path

    import streamlit as st

    from ui.datasets.adding import NOT_NAMED, open_in_background
    from ui.datasets.shelf import shelf

    state = shelf()
    open_in_background(state, Path(os.environ["ASKED"]), {})
    st.markdown("refused" if state.trouble == NOT_NAMED and state.opening is None else "opened")


def test_a_dataset_of_somebody_else_is_in_no_list(visit, remembered, words):
    assert remembered.title in visit(DATASETS, here=True).selectbox(key="dataset").options
    app = visit(DATASETS, dataset=remembered.name)
    assert not [box for box in app.selectbox if box.key == "dataset"]
    assert remembered.title not in words(app)
    lesson = visit("pages/learn/training.py")
    assert remembered.title not in lesson.selectbox(key="train-set").options


def test_a_dataset_in_a_named_folder_is_everybodys_and_nobody_elsewhere_forgets_it(visit, remembered, monkeypatch):
    monkeypatch.setenv("SCANLENS_FOLDERS", f"{remembered.location}{os.sep}")
    app = settled(visit(DATASETS))
    assert remembered.title in app.selectbox(key="dataset").options
    assert "forget-dataset" not in [button.key for button in app.button]
    assert "forget-dataset" in [button.key for button in settled(visit(DATASETS, here=True)).button]


@pytest.fixture
def own_model(own_home):
    """A model that somebody at the computer has trained in class."""
    shutil.copytree(MODELS / "pneumonia-small-cnn", own_home / "models" / "trained-in-class-1234abcd")
    for cache in (cached_cards, cached_shipped):
        cache.clear()
    yield load_card(own_home / "models" / "trained-in-class-1234abcd")
    for cache in (cached_cards, cached_shipped):
        cache.clear()


def test_a_model_of_somebody_else_is_in_no_list(visit, own_model, listed):
    assert own_model.slug not in listed(visit(MODELS_PAGE))
    assert own_model.slug in listed(visit(MODELS_PAGE, here=True))
    assert not visit(MODELS_PAGE, model=own_model.slug).subheader, "nor is its card shown to who knows its name"


def test_a_model_of_the_session_itself_is(visit, own_model, listed):
    app = visit(MODELS_PAGE)
    assert own_model.slug not in listed(app)
    app.session_state["own models"] = {own_model.slug}
    assert own_model.slug in listed(app.run())


def test_results_of_somebody_elses_model_are_not_compared(visit, own_model):
    app = AppTest.from_function(count_own_results, default_timeout=60)
    visit(READ, here=True)
    assert int(app.run().markdown[0].value) > 0
    visit(READ)
    assert int(app.run().markdown[0].value) == 0


def count_own_results() -> None:
    import streamlit as st

    from ui.comparing.results import results

    st.markdown(str(sum(entry.model.startswith("trained-in-class") for entry in results().evaluations)))


def test_pages_say_to_which_computer_a_scan_goes(visit, words):
    here = words(visit(READ, here=True))
    assert "Nothing leaves this computer" in here
    assert "memory of this computer" in here
    elsewhere = words(visit(READ))
    name = f"the computer {socket.gethostname()}"
    assert f"Your scan goes to {name}, which runs ScanLens, and no further" in elsewhere
    assert f"memory of {name}" in elsewhere
    assert "this computer" not in elsewhere


def test_names_of_folders_are_whole_paths_told_apart(monkeypatch):
    listed = ["/data/a/chest", "relative", "", " /data/b/chest ", "/data/c/../mr", "~/mr", "/data/a/chest"]
    monkeypatch.setenv("SCANLENS_FOLDERS", os.pathsep.join(listed))
    found = {name: str(path) for name, path in named_folders().items()}
    assert found == {"chest in a": "/data/a/chest", "chest in b": "/data/b/chest", "mr": "/data/mr"}
    monkeypatch.delenv("SCANLENS_FOLDERS")
    assert named_folders() == {}
