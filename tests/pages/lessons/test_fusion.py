"""The lesson on fusion: every part can be switched off, and the prediction moves."""

import importlib.util
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[3]
PAGE = str(ROOT / "pages" / "learn" / "fusion.py")


def text(app):
    kinds = (app.markdown, app.caption, app.error, app.info, app.latex, app.subheader)
    return "\n".join(element.value for kind in kinds for element in kind)


def opened(**address):
    app = AppTest.from_file(PAGE, default_timeout=120)
    app.query_params.update(address)
    app.run()
    assert not app.exception
    assert not app.error
    return app


def probability(app):
    return float(next(metric for metric in app.metric if metric.label.startswith("Probability")).value)


def test_scales_can_be_switched_off_and_the_prediction_moves():
    app = opened()
    whole = probability(app)
    assert "3 × 3, every 4th" in {option for group in app.get("button_group") for option in group.options}
    app.button(key="scales-narrow").click().run()
    assert not app.exception
    moved = probability(app)
    assert moved != whole
    assert f"With everything on {whole:.2f}" in text(app)
    app.button(key="scales-all").click().run()
    assert probability(app) == whole


def test_a_model_with_one_path_says_so():
    app = opened(model="pneumonia-chest-xray")
    assert "has one path" in text(app)


def test_a_model_that_outlines_says_that_it_has_no_one_answer_to_take_apart():
    app = opened(sample="brain", model="glioma-outline")
    assert "answers for each pixel" in text(app)


def test_attention_can_be_levelled_and_shows_its_numbers():
    app = opened(part="Attention")
    whole = probability(app)
    app.toggle(key="attends-places").set_value(False).run()
    app.toggle(key="attends-channels").set_value(False).run()
    assert not app.exception
    assert probability(app) != whole
    assert r"x \cdot p" in text(app)


def test_the_search_lays_the_drawn_head_back(monkeypatch):
    app = opened(part="Two images")

    def off_by():
        return float(next(m for m in app.metric if m.label == "Still off by").value.split()[0])

    assert off_by() > 5
    next(button for button in app.button if button.label == "Find it").click().run()
    assert not app.exception
    assert off_by() < 1.5
    overlap = next(metric for metric in app.metric if metric.label.startswith("Overlap"))
    assert float(overlap.value) > 0.8


def test_fewer_contrasts_find_less_of_the_lesion():
    app = opened(part="Two images")
    next(button for button in app.button if button.label == "Find it").click().run()

    def overlap():
        return float(next(metric for metric in app.metric if metric.label.startswith("Overlap")).value)

    both = overlap()
    app.session_state["pixel-contrasts"] = ["FLAIR"]
    app.run()
    assert overlap() < both - 0.1
    app.session_state["pixel-contrasts"] = []
    app.run()
    assert "one contrast at least" in text(app)


def test_a_prior_moves_the_answer_by_the_formula():
    app = opened(part="Image and facts", model="pneumonia-chest-xray")
    low = probability(app)
    app.slider(key="prior").set_value(90).run()
    assert probability(app) > low
    app.toggle(key="knows-picture").set_value(False).run()
    assert probability(app) == 0.9


@pytest.fixture
def with_tiny_model(tmp_path, monkeypatch):
    """The shipped models and a tiny one of two images and a table."""
    place = ROOT / "tests" / "core" / "lessons" / "fusion" / "conftest.py"
    spec = importlib.util.spec_from_file_location("tiny_fusion", place)
    tiny = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tiny)
    from core.inference.bundle import open_bundle
    from core.models.card import load_card
    from ui import cache

    card = load_card(tiny.write_bundle(tmp_path / "tiny"))
    shipped = cache.cached_cards()[0]
    cards = {"pneumonia-multiscale": shipped["pneumonia-multiscale"], "tiny": card}
    monkeypatch.setattr("ui.cache.cached_cards", lambda: (cards, []))
    bundle = open_bundle(card)
    bundles = {slug: bundle if slug == "tiny" else cache.cached_bundle(slug) for slug in cards}
    for module in ("ui.lessons.fusion.study", "ui.lessons.inside.work", "ui.lessons.fusion.work"):
        monkeypatch.setattr(f"{module}.cached_bundle", lambda slug: bundles[slug])
    return card


def test_image_and_table_of_a_model_are_switched_by_themselves(with_tiny_model):
    app = opened(part="Image and facts")
    shown = [m for m in app.metric if m.label == "Probability of Ill"]
    assert "Image and facts in one network" in text(app)
    whole = float(shown[0].value)
    assert "means nothing medical" in text(app)
    assert r"f = \sum_m a_m f_m" in text(app)
    app.slider(key="facts-tiny-age").set_value(100.0).run()
    older = float(next(m for m in app.metric if m.label == "Probability of Ill").value)
    assert older > whole
    app.toggle(key="facts-tiny-patient").set_value(False).run()
    assert not app.exception
    assert float(next(m for m in app.metric if m.label == "Probability of Ill").value) == pytest.approx(whole, abs=0.02)


def test_questions_answer_at_once():
    app = opened(part="Two images")
    app.radio(key="fusion-registration").set_value("It would take too long").run()
    assert "Not quite." in text(app)


def test_two_open_scans_are_laid_on_each_other_and_one_is_refused():
    from core.lessons.phantom import phantom, phantom_scan
    from core.readers import Opened
    from ui.session import Reading

    head = phantom(7, 96)
    app = AppTest.from_file(PAGE, default_timeout=120)
    app.query_params["part"] = "Two images"
    scans = [phantom_scan(head, name) for name in ("pre", "flair")]
    app.session_state["reading"] = Reading(opened=Opened(scans=scans, skipped=[]))
    app.session_state["fit-source"] = "Two of the open scans"
    app.run()
    assert not app.exception
    assert not [metric for metric in app.metric if metric.label == "Still off by"]
    next(button for button in app.button if button.label == "Find it").click().run()
    assert not app.exception
    assert max(abs(app.session_state[key]) for key in ("fit-down", "fit-across", "fit-turn")) < 1
    app.selectbox(key="fit-scan-1").select_index(0).run()
    assert "Choose two different scans" in text(app)


def test_a_model_of_several_images_is_not_walked_and_says_where_it_is_taken_apart():
    app = opened(sample="shoulder", model="glioma-early-fusion")
    assert "takes more than one image" in text(app)
