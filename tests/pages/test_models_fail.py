"""A broken model or a broken Keras process costs its part of the page and nothing else."""

import os
import re
import shutil
from pathlib import Path

import pytest

import ui.cache
import ui.reading.panels.classification
from core.errors import KerasProcessFailed
from ui.cache import cached_bundle, cached_cards

ROOT = Path(__file__).resolve().parents[2]
MODEL = "pneumonia-chest-xray"


CRASH = KerasProcessFailed("Keras to answer", "a crash", "try again, a new one starts by itself")


class DyingKeras:
    pid = 4711

    def call(self, *_):
        raise CRASH


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A folder of models of the test's own; caches are empty before and after."""
    monkeypatch.setattr(ui.cache, "MODELS", tmp_path)
    for cache in (cached_cards, cached_bundle):
        cache.clear()
    yield tmp_path
    for cache in (cached_cards, cached_bundle):
        cache.clear()


@pytest.fixture
def shipped(models):
    shutil.copytree(ROOT / "models" / MODEL, models / MODEL)
    return models / MODEL


def test_a_failing_keras_process_costs_the_heatmap_and_not_the_answer(look_at, monkeypatch, saves):
    monkeypatch.setattr(cached_bundle(MODEL), "cam_weights", None)
    monkeypatch.setattr(ui.reading.panels.classification, "cached_keras", DyingKeras)
    app = look_at("chest")
    assert not app.exception
    assert [error.value for error in app.error] == [str(CRASH)]
    assert app.subheader
    assert app.get("plotly_chart")
    assert len(saves(app)) == 4


def test_without_models_a_scan_can_still_be_seen(models, look_at, state):
    app = look_at("chest")
    assert not app.exception
    assert not app.error
    assert "No model here" in app.info[0].value
    assert state(app).images


def test_without_models_the_models_page_says_what_to_do(models, start):
    app = start()
    app.switch_page("pages/evidence/models.py").run()
    assert not app.exception
    assert "below models" in app.info[0].value


def test_a_broken_card_is_one_sentence_and_hides_no_good_model(shipped, models, look_at):
    (models / "broken").mkdir()
    (models / "broken" / "README.md").write_text("---\nscanlens: {}\n---\n", encoding="utf-8")
    app = look_at("chest")
    assert not app.exception
    assert len(app.error) == 1
    assert "broken/README.md" in app.error[0].value
    assert app.subheader, "the good model answers"


def test_a_model_file_that_was_changed_is_refused(shipped, look_at, state):
    with open(shipped / "model.onnx", "ab") as file:
        file.write(b"one byte more")
    app = look_at("chest")
    assert not app.exception
    assert len(app.error) == 1
    assert not app.subheader
    assert state(app).images, "the scan is still shown"


def test_a_missing_model_file_is_one_sentence(shipped, look_at):
    (shipped / "model.onnx").unlink()
    app = look_at("chest")
    assert not app.exception
    assert len(app.error) == 1
    assert str(shipped.parent) not in app.error[0].value


def hostile_cards(folder):
    """Cards that ended or hung the web process, or that claim what no machine has."""
    (folder / "README.md").write_text(f"---\n{'[' * 200_000}\n---\n", encoding="utf-8")
    for name, entry in {
        "laughs": "a: &a [x]\nb: &b [*a, *a]\n",
        "sixty": f"a: 1{':59' * 50_000}\n",
        "text": "no mapping\n",
    }.items():
        place = folder.parent / name
        place.mkdir()
        (place / "README.md").write_text(f"---\n{entry}---\n", encoding="utf-8")
    if hasattr(os, "mkfifo"):
        (folder.parent / "fifo").mkdir()
        os.mkfifo(folder.parent / "fifo" / "README.md")


def test_hostile_cards_are_one_sentence_each_and_hide_no_good_model(shipped, models, look_at):
    (models / "deep").mkdir()
    hostile_cards(models / "deep")
    app = look_at("chest")
    assert not app.exception
    folders = [path.name for path in models.iterdir() if path != shipped]
    assert len(folders) >= 4
    assert sorted(error.value.split("/README.md")[0].split()[-1] for error in app.error) == sorted(folders)
    assert app.subheader, "the good model answers"


def test_a_card_that_declares_a_giant_input_is_one_sentence(shipped, look_at):
    card = (shipped / "README.md").read_text(encoding="utf-8")
    giant = re.sub(r"(?m)^(\s+)size:.*\n(?:\1- .*\n)*", r"\1size: [2000000, 2000000]\n", card, count=1)
    assert giant != card
    (shipped / "README.md").write_text(giant, encoding="utf-8")
    app = look_at("chest")
    assert not app.exception
    (error,) = app.error
    assert "more than" in error.value


def test_a_broken_bundle_beside_a_good_one_costs_only_itself(shipped, models, look_at, state):
    shutil.copytree(shipped, models / "a-broken-one")
    for name in ("model.onnx", "similarity.npz"):
        (models / "a-broken-one" / name).write_bytes(b"broken")
    app = look_at("chest")
    assert not app.exception
    titles = [box for box in app.selectbox if box.label == "Model"]
    assert titles
    assert state(app).images, "the scan is shown"
    titles[0].select(MODEL).run()
    assert not app.exception
    assert not app.error
    assert app.subheader, "the good model answers"
