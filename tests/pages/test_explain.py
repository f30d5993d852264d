"""The page that explains: several methods on one scan, as they get ready."""

import time

import pytest

from core.errors import Cancelled, UnsupportedModel
from core.explain.trust.verdict import Check, Trust


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """The checks are tested in core; here one sentence stands for them."""
    trust = Trust("undecided", (Check("Follows the model", "open", "Not measured in this test"),))
    monkeypatch.setattr("ui.explaining.work.check_explanation", lambda *_, **__: trust)


def finished(app, state):
    """Run until every map and check is there."""
    until = time.monotonic() + 120
    while (job := app.session_state["jobs"].find("map")) is not None:
        assert job.wait(until - time.monotonic()), "a map took two minutes"
        app.run()
    return app


@pytest.fixture
def explain(look_at, state):
    """Open a sample and turn to the page, with methods in the address."""

    def opened(sample, methods):
        app = look_at(sample)
        app.query_params["methods"] = methods
        app.switch_page("pages/scan/explain.py")
        return finished(app.run(), state)

    return opened


def test_without_a_scan_the_page_says_where_to_open_one(start, words):
    app = start()
    app.switch_page("pages/scan/explain.py").run()
    assert not app.exception
    assert "Open a scan or a sample" in words(app)


def test_maps_and_verdicts_appear_for_the_methods_in_the_address(explain, state):
    app = explain("chest", "grad-cam,layer-cam")
    assert not app.exception
    kinds = [key[0] for key in state(app).maps._kept]
    assert sorted(kinds) == ["map", "map", "trust", "trust"]
    (table, agreement) = app.dataframe[0].value, app.dataframe[1].value
    assert list(table["Verdict"]) == ["undecided", "undecided"]
    assert agreement.shape[0] == 2


def test_a_method_that_refuses_says_why_and_the_others_stay(explain, state):
    app = explain("chest", "grad-cam,counterfactual")
    app.selectbox[1].select("Normal").run()
    finished(app, state)
    made = [value for key, value in state(app).maps._kept.items() if key[0] == "map" and key[2].label == "Normal"]
    assert len(made) == 2
    assert [bool(found.explanation) for found in made] == [True, False]
    assert made[1].trouble.startswith("The model does not call Normal")


def test_models_stand_side_by_side(explain, state):
    app = explain("chest", "grad-cam")
    app.session_state["explain-compared"] = "Models"
    finished(app.run(), state)
    assert not app.exception
    assert len({key[2].slug for key in state(app).maps._kept}) > 1


def test_an_untrained_copy_gets_no_verdict(explain, state):
    app = explain("chest", "grad-cam")
    app.toggle(key="explain-untrained").set_value(True)
    finished(app.run(), state)
    asked = [(key[0], key[2].untrained) for key in state(app).maps._kept]
    assert ("map", True) in asked
    assert ("trust", True) not in asked


def test_stopping_keeps_what_is_done_and_going_on_finishes(look_at, state, slots, monkeypatch):
    app = look_at("chest")
    app.query_params["methods"] = "grad-cam,occlusion"
    app.session_state["explain-paused"] = True
    app.switch_page("pages/scan/explain.py").run()
    assert slots(app).get("map") is None
    assert len(state(app).maps) == 0
    app.button(key="go-on-maps").click().run()
    finished(app, state)
    assert len(state(app).maps) == 4


def test_another_scan_forgets_the_maps(explain, state):
    app = explain("chest", "grad-cam")
    assert len(state(app).maps) == 2
    state(app).close()
    assert len(state(app).maps) == 0


def test_a_layer_is_chosen_from_an_image_of_the_model(explain, state):
    app = explain("chest", "grad-cam")
    next(toggle for toggle in app.toggle if toggle.label == "Show the model and choose").set_value(True).run()
    assert not app.exception
    layers = next(box for box in app.selectbox if box.label == "Layer")
    assert {"stem", "block3_expand", "neck_conv"} <= set(layers.options)
    layers.select("block3_expand").run()
    finished(app, state)
    made = {key[2].layer: value for key, value in state(app).maps._kept.items() if key[0] == "map"}
    assert made["block3_expand"].explanation.layer == "block3_expand"
    assert made["block3_expand"].explanation.grids.shape[1] > made[""].explanation.grids.shape[1]


def asking(app):
    return next(toggle for toggle in app.toggle if toggle.label == "Second opinion")


def compared(app):
    return app.dataframe[0].value[["Correlation with tf-keras-vis", "Second opinion"]]


@pytest.mark.keras
def test_an_independent_implementation_is_asked_on_request(explain, state):
    app = explain("chest", "grad-cam,eigen-cam")
    assert list(compared(app)["Second opinion"]) == ["", ""]
    asking(app).set_value(True).run()
    finished(app, state)
    assert not app.exception
    table = compared(app)
    assert list(table["Second opinion"]) == ["An independent implementation draws the same map: correlation 1.00", ""]
    assert table["Correlation with tf-keras-vis"][0] == pytest.approx(1.0, abs=1e-3)
    assert app.query_params["second"] in ("1", ["1"])
    asking(app).set_value(False).run()
    assert "second" not in app.query_params


def test_why_it_cannot_be_asked_stands_beside_the_map(explain, state, monkeypatch):
    def refuse(*_, **__):
        raise UnsupportedModel("a layer of the model itself", "one inside another", "judge the map by its checks")

    monkeypatch.setattr("ui.explaining.work.second_opinion", refuse)
    app = explain("chest", "grad-cam")
    asking(app).set_value(True).run()
    finished(app, state)
    assert compared(app)["Second opinion"][0].startswith("Expected a layer of the model itself")
    assert not app.exception


def test_nobody_is_asked_where_there_is_no_such_method(explain):
    app = explain("chest", "eigen-cam,occlusion")
    assert "Second opinion" not in [toggle.label for toggle in app.toggle]


@pytest.mark.keras
def test_a_prototype_is_made_on_request_and_compared_with_grey(explain, words, monkeypatch):
    monkeypatch.setattr("ui.explaining.prototype.STEPS", 4)
    app = explain("chest", "grad-cam")
    app.button(key="make-prototype").click().run()
    job = app.session_state["jobs"].find("prototype")
    assert job.wait(90)
    app.run()
    assert not app.exception
    assert "a plain grey image has" in words(app)


def test_what_is_under_way_on_the_other_page_gives_way(look_at, state, slots):
    def endless(progress, cancelled):
        while not cancelled():
            time.sleep(0.005)
        raise Cancelled("the work")

    app = look_at("chest")
    check = app.session_state["jobs"].start("check", "held", "Checking", endless)
    app.query_params["methods"] = "grad-cam"
    app.switch_page("pages/scan/explain.py").run()
    assert check.wait(10), "a map does not wait for a check that nobody looks at"
    finished(app, state)
    making = app.session_state["jobs"].start("map", "held", "Making", endless)
    app.switch_page("pages/scan/read.py").run()
    assert making.wait(10)
    assert "map" not in slots(app)
    assert not app.exception
