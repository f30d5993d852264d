"""The models page: the table, the card of the chosen model, and the way from it to a sample."""

import shutil

import pytest

from ui.cache import MODELS, cached_bundle, cached_cards, cached_shipped

PAGE = "pages/evidence/models.py"
MODEL = "pneumonia-multiscale"


def folds(app):
    return [fold.label for fold in app.expander]


def test_without_a_chosen_model_there_is_the_table_alone(models_page):
    app = models_page()
    assert not app.exception
    assert not app.subheader
    assert "model" not in app.query_params
    assert app.get("bidi_component")


def test_a_model_that_is_not_here_leaves_the_table(models_page):
    app = models_page(model="no-such-model")
    assert not app.exception
    assert not app.error
    assert not app.subheader


def test_a_card_is_short_and_the_rest_is_folded(models_page, settled, words):
    app = settled(models_page(model=MODEL))
    assert not app.exception
    assert app.subheader[0].value.startswith("Pneumonia")
    assert {"Figures", "Data", "What it is not for"} <= set(folds(app))
    assert "data from elsewhere, 505 cases" in words(app)
    assert not app.get("plotly_chart"), "figures wait until they are asked for"


def test_figures_of_a_card_are_drawn_from_stored_scores(models_page, settled):
    app = settled(models_page(model=MODEL))
    app.session_state[f"card-figures-{MODEL}"] = True
    app = settled(app.run())
    assert not app.exception
    (chart,) = app.get("plotly_chart")
    assert "AUC 0.995" in chart.proto.alt
    app = app.segmented_control(key=f"card-figure-{MODEL}").set_value("calibration").run()
    assert "Calibration" in app.get("plotly_chart")[0].proto.alt


def test_a_segmentation_shows_dice_of_each_label(models_page, settled):
    app = settled(models_page(model="fundus-lesions"))
    app.session_state["card-figures-fundus-lesions"] = True
    app = settled(app.run())
    assert not app.exception
    alt = app.get("plotly_chart")[0].proto.alt
    assert "Micro-aneurysms" in alt
    assert "Optic disc" in alt


def test_a_sample_that_the_model_knows_opens_on_read(start, settled, state):
    app = settled(start(model=MODEL).switch_page(PAGE).run())
    app = settled(app.button(key="card-sample").click().run())
    assert not app.exception
    assert app.title[0].value == "Read a scan"
    assert state(app).came_from == "chest"
    assert app.query_params["model"] == MODEL
    assert next(box for box in app.selectbox if box.label == "Model").value == MODEL


def test_a_model_without_a_sample_offers_a_scan_of_ones_own(start, settled):
    app = settled(start(model="dental-findings").switch_page(PAGE).run())
    assert "card-sample" not in [button.key for button in app.button]
    assert settled(app.button(key="card-read").click().run()).title[0].value == "Read a scan"


def test_closing_the_card_takes_it_out_of_the_address(models_page, settled):
    app = settled(models_page(model=MODEL))
    app = app.button(key="card-close").click().run()
    assert "model" not in app.query_params
    assert not app.subheader


def test_a_search_that_finds_nothing_says_so(models_page):
    app = models_page()
    app = app.text_input(key="models-find").set_value("no such model").run()
    assert "No model matches" in app.info[0].value


@pytest.fixture
def own_model(own_home):
    """A model in the user's folder, with the name of a shipped one."""
    caches = (cached_cards, cached_bundle, cached_shipped)
    shutil.copytree(MODELS / "pneumonia-small-cnn", own_home / "models" / "mine")
    for cache in caches:
        cache.clear()
    yield own_home / "models" / "mine"
    for cache in caches:
        cache.clear()


def test_ones_own_model_is_renamed_without_a_restart(own_model, models_page, settled):
    app = settled(models_page(model="mine"))
    app.text_input(key="own-title-mine").set_value("Thoracic thing")
    app = next(button for button in app.button if button.label == "Rename").click().run()
    assert not app.exception
    assert app.subheader[0].value == "Thoracic thing"


def test_ones_own_model_is_deleted_after_a_second_click(own_model, models_page, settled, listed):
    app = settled(models_page(model="mine"))
    assert "mine" in listed(app)
    app = app.button(key="own-delete-mine").click().run()
    assert not app.exception
    assert not own_model.exists()
    assert "mine" not in listed(app)
    assert "model" not in app.query_params


def test_a_shipped_model_cannot_be_renamed_or_deleted_on_the_page(own_model, models_page, settled):
    app = settled(models_page(model=MODEL))
    assert not [button for button in app.button if button.key and button.key.startswith("own-delete")]


def test_ones_own_model_never_comes_before_a_shipped_one(own_model, look_at):
    app = look_at("chest")
    box = next(box for box in app.selectbox if box.label == "Model")
    assert box.options[-1].endswith("(your own)")
    assert not box.options[0].endswith("(your own)")
    assert box.value != "mine"
