"""The way in of one's own model: file, report, form, checks; the core is stood in for where it takes long."""

import shutil
import time
from dataclasses import replace

import pytest
from streamlit.runtime.context import ContextProxy

import ui.models.adding.bring
import ui.models.adding.making
from core.errors import Cancelled, UnsupportedModel
from core.incoming.report import Report, Tensor
from ui.cache import MODELS, cached_bundle, cached_cards, cached_shipped
from ui.serving.guard import ELSEWHERE, VISITOR

LOOK = Report(
    "chest net.keras", 30_000, "ab" * 32, "keras", "Keras 3.15", {"Conv2D": 2, "Dense": 1},
    (("last", "Conv2D"), ("out", "Dense")), 969, 3_876, (Tensor("image", (64, 64, 1)),), (Tensor("out", (1,)),),
    "sigmoid", preprocessing=("It divides by 255 itself.",), suspicious=("It holds a layer that is rarely used.",),
)  # fmt: skip


@pytest.fixture
def brought(models_page, settled, monkeypatch, tmp_path):
    """Open the page and bring a file in which a report is found: `brought(report)`."""

    def opened(report=LOOK, **address):
        monkeypatch.setattr(ui.models.adding.bring, "inspect", lambda path, *_: replace(report, name=path.name))
        file = tmp_path / report.name
        file.write_bytes(b"a model")
        app = models_page(**({"add": "new"} | address))
        app.text_input(key="model-path-text").set_value(str(file))
        return settled(next(button for button in app.button if button.label == "Look into it").click().run())

    return opened


@pytest.fixture
def added(monkeypatch, own_home):
    """Stands in for the checks: keeps what they are asked for, and puts a small model into the user's folder."""
    asked, caches = [], (cached_cards, cached_bundle, cached_shipped)

    def add(path, contract, progress, cancelled, *, report, replacing):
        asked.append((path.name, contract, replacing))
        folder = own_home / "models" / ("mine" if replacing is None else replacing.slug)
        shutil.copytree(MODELS / "pneumonia-small-cnn", folder, dirs_exist_ok=True)
        return folder

    monkeypatch.setattr(ui.models.adding.making, "add", add)
    for cache in caches:
        cache.clear()
    yield asked
    for cache in caches:
        cache.clear()


def field(app, kind, label):
    """The widget whose label ends so, with or without the mark of what is open."""
    return next(one for one in getattr(app, kind) if one.label.removesuffix(" \\*").endswith(label))


def test_the_button_leads_to_the_drop_zone_and_back(models_page):
    app = models_page()
    app = app.button(key="add-model").click().run()
    assert app.file_uploader[0].label.startswith("Drop a model")
    assert app.query_params["add"] == "new"
    app = app.button(key="add-back").click().run()
    assert "add" not in app.query_params
    assert not app.file_uploader


def test_a_dropped_file_is_looked_into_under_its_own_name_and_kept_nowhere_else(
    models_page, settled, monkeypatch, own_home
):
    seen = []

    def inspect(path, *_):
        seen.append((path.name, path.read_bytes(), path.is_relative_to(own_home)))
        return LOOK

    monkeypatch.setattr(ui.models.adding.bring, "inspect", inspect)
    app = models_page(add="new")
    app.file_uploader[0].set_value([("../chest net.keras", b"content", "application/octet-stream")])
    app = settled(app.run())
    assert not app.exception
    assert seen == [("chest net.keras", b"content", True)]
    app.button(key="add-other").click().run()
    assert not list(own_home.glob("brought-*/*")), "a copy that nobody needs is deleted"


def test_the_report_and_a_prefilled_form_stand_side_by_side(brought, words):
    app = brought()
    assert not app.exception
    told = words(app)
    for text in ("image, 64 × 64 × 1", "Keras 3 (.keras), Keras 3.15", "3 layers: 2 Conv2D, 1 Dense", "divides by 255"):
        assert text in told
    assert "rarely used" in told
    assert field(app, "text_input", "Name").value == "Chest net"
    assert field(app, "selectbox", "Answer").value == "binary"
    assert len(field(app, "text_area", "order of the outputs").value.split()) == 2


def test_a_refused_file_is_one_sentence_without_a_form(brought):
    app = brought(replace(LOOK, refused="It holds code: save it without Lambda layers."))
    (error,) = app.error
    assert error.value.startswith("It holds code")
    assert "model-add" not in [button.key for button in app.button]


def test_an_incomplete_contract_is_one_sentence_and_starts_nothing(brought, added):
    app = brought()
    field(app, "text_area", "order of the outputs").set_value("Only one")
    app = app.button(key="model-add").click().run()
    assert len(app.error) == 1
    assert not app.exception
    assert added == []
    assert field(app, "text_area", "order of the outputs").value == "Only one"


def test_what_is_said_in_the_form_is_agreed_on_and_the_model_is_listed_at_once(brought, added, settled, listed):
    app = brought()
    field(app, "text_input", "Name").set_value("My net")
    field(app, "text_area", "order of the outputs").set_value("Normal\n\n Pneumonia ")
    field(app, "number_input", "Threshold of the probability").set_value(0.3)
    field(app, "segmented_control", "black and white").set_value("−1 to 1")
    field(app, "selectbox", "Resize").set_value("letterbox")
    field(app, "multiselect", "Modality").set_value(["DX", "CR"])
    field(app, "text_input", "Body part").set_value("Chest, lung")
    field(app, "text_area", "Population").set_value("Adults")
    app = settled(app.run().button(key="model-add").click().run())
    assert not app.exception
    ((name, contract, replacing),) = added
    (spec,) = contract.inputs
    assert (name, contract.title, replacing) == ("chest net.keras", "My net", None)
    assert (contract.labels, contract.threshold, contract.population) == (("Normal", "Pneumonia"), 0.3, "Adults")
    assert (spec.value_range, spec.resize) == ((-1.0, 1.0), "letterbox")
    assert (spec.modality, spec.body_part) == (("DX", "CR"), ("chest", "lung"))
    assert contract.training_modality == "a radiograph of the chest"
    assert "mine" in listed(app)
    assert app.query_params["model"] == "mine"
    assert "is here" in app.success[0].value


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (UnsupportedModel("The answer is the same whatever the image shows", "choose another range"), "whatever"),
        (Cancelled("adding"), "nothing was added"),
    ],
)
def test_a_check_that_fails_or_is_stopped_says_so_and_keeps_the_form(brought, monkeypatch, settled, fault, said):
    def add(*_, **__):
        time.sleep(0.2)  # the page is drawn without the form meanwhile
        raise fault

    monkeypatch.setattr(ui.models.adding.making, "add", add)
    app = brought()
    field(app, "text_input", "Name").set_value("Long thought of")
    app = settled(app.run().button(key="model-add").click().run())
    assert not app.exception
    (error,) = app.error
    assert said in error.value
    assert field(app, "text_input", "Name").value == "Long thought of"


def test_ones_own_model_is_replaced_under_its_name(brought, added, settled, own_home):
    shutil.copytree(MODELS / "pneumonia-small-cnn", own_home / "models" / "older")
    app = brought(add="older")
    assert app.subheader[0].value.startswith("Replace")
    app = settled(app.button(key="model-add").click().run())
    assert added[0][2].slug == "older"
    assert app.query_params["model"] == "older"


def test_a_shipped_model_is_not_replaced(brought, added, settled):
    app = brought(add="pneumonia-small-cnn")
    assert app.subheader[0].value == "Add a model"
    settled(app.button(key="model-add").click().run())
    assert added[0][2] is None


def test_who_sits_elsewhere_adds_nothing(models_page, monkeypatch, words):
    monkeypatch.setattr(ContextProxy, "headers", property(lambda _: {VISITOR.title(): ELSEWHERE}))
    app = models_page()
    assert "add-model" not in [button.key for button in app.button]
    app = models_page(add="new")
    assert not app.file_uploader
    assert not app.text_input
    assert "who sits at" in words(app)
