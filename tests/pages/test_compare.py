"""The compare page without a browser: every state, and the address that restores it."""

import dataclasses
import threading
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import ui.comparing.results
import ui.comparing.table
import ui.components.matrix
from core.evaluation.comparison.matrix import matrix
from core.evaluation.results.case_scores import CaseScores
from core.evaluation.results.evaluation import Evaluation
from core.evaluation.results.record import evaluation_from
from core.evaluation.store.evaluations import Store
from ui.background import jobs
from ui.cache import cached_numbers
from ui.comparing.detail import SELECTION
from ui.comparing.selection import chosen

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "evidence" / "compare.py")
MODELS = ("pneumonia-chest-xray", "pneumonia-small-cnn")


def made(model="a", dataset="x", kind="internal", split="test", n=60, gain=2.0, **facts):
    rng = np.random.default_rng([*dataset.encode()])
    truth, own = rng.random(n) < 0.4, np.random.default_rng([*model.encode(), *dataset.encode()])
    cases = np.array([f"{dataset} {number:03d}" for number in range(n)], object)
    scores = CaseScores("binary", ("No", "Stone"), truth.astype(int), gain * (truth - 0.5) + own.normal(size=n), cases)
    return Evaluation(
        model, f"Model {model}", model * 8, dataset, f"Data {dataset}", "digest", split, kind, scores, cases,
        threshold=0.5, threshold_from="Chosen on validation", **facts,
    )  # fmt: skip


@pytest.fixture
def sent(monkeypatch):
    """What the matrix last sent to the browser."""
    kept = {}

    def component(key, data, on_chosen_change):
        kept.update(data)

    monkeypatch.setattr(ui.components.matrix, "_COMPONENT", component)
    return kept


@pytest.fixture
def compare(monkeypatch, tmp_path):
    """Open the page: `compare([evaluations], question="Stone")`; the shipped ones for None."""
    monkeypatch.setenv("SCANLENS_HOME", str(tmp_path))

    def opened(evaluations=None, database="", **address):
        monkeypatch.setenv("SCANLENS_DATABASE_URL", database)
        if evaluations is not None:
            monkeypatch.setattr(ui.comparing.results, "cached_shipped", lambda: (evaluations, []))
        app = AppTest.from_file(PAGE, default_timeout=120)
        app.query_params.update(address)
        return app.run()

    return opened


def is_fine(app):
    return not app.exception and not app.error


def sentence(app):
    return app.subheader[0].value


def test_shipped_results_are_there_from_the_first_start(compare, sent):
    app = compare()
    assert is_fine(app)
    assert "test sets: Pneumonia" in sentence(app)
    assert len(sent["rows"]) >= 2
    assert app.get("plotly_chart")


def test_without_results_the_page_says_what_to_do(compare):
    app = compare([])
    assert is_fine(app)
    assert "no results to compare yet" in app.info[0].value
    assert not app.subheader


def test_a_link_restores_everything(compare, sent):
    address = {
        "question": "Pneumonia", "metric": "brier", "split": "test", "dataset": "kermany-official--test",
        "models": ",".join(MODELS), "figure": "calibration",
    }  # fmt: skip
    app = compare(**address)
    assert is_fine(app)
    assert sentence(app).startswith("Brier score of ")
    chosen = [(row["key"].split("@")[0], cell) for row in sent["rows"] for cell in row["cells"] if cell.get("chosen")]
    assert [model for model, _ in chosen] == list(MODELS)
    assert {name: app.query_params[name] for name in address} == address


@pytest.mark.parametrize(
    "address",
    [
        {"question": "unknown"},
        {"metric": "unknown"},
        {"split": "unknown"},
        {"dataset": "gone--test"},
        {"models": "nobody"},
        {"figure": "unknown"},
        {"dataset": "../../etc/passwd", "models": "<script>"},
    ],
    ids=str,
)
def test_an_unknown_address_gives_what_there_is(compare, sent, address):
    app = compare([made(), made("b")], **address)
    assert is_fine(app)
    assert sentence(app) == "AUC of 2 models on 1 test set: Stone"
    assert app.query_params["dataset"] == "x--test"


def test_an_address_that_changed_wins_over_what_was_chosen_before(compare, sent):
    app = compare([made(), made("b")])
    app.selectbox(key="compare-metric-binary").set_value("brier").run()
    app.query_params["metric"] = "f1"
    assert sentence(app.run()).startswith("F1 of ")


def test_another_measure_is_in_the_sentence_and_in_the_address(compare, sent):
    app = compare([made(), made("b")])
    app.selectbox(key="compare-metric-binary").set_value("sensitivity").run()
    assert is_fine(app)
    assert sentence(app).startswith("Sensitivity of 2 models")
    assert app.query_params["metric"] == "sensitivity"


def test_measures_are_grouped_by_what_they_judge(compare, sent):
    options = compare([made()]).selectbox(key="compare-metric-binary").options
    groups = [option.split(" · ")[0] for option in options]
    assert list(dict.fromkeys(groups)) == ["Ranking", "Decisions", "Probabilities"]
    assert groups == sorted(groups, key=["Ranking", "Decisions", "Probabilities"].index)


def test_test_is_shown_unless_validation_is_asked_for(compare, sent):
    app = compare([made(), made(split="val")])
    assert [column["key"] for column in sent["columns"]] == ["x--test"]
    app.button_group(key="compare-split").set_value("val").run()
    assert [column["key"] for column in sent["columns"]] == ["x--val"]
    assert "validation set" in sentence(app)


def test_stressed_copies_are_shown_when_asked_for(compare, sent):
    app = compare([made(), made(dataset="x~blur-3", kind="stress")])
    assert len(sent["columns"]) == 1
    app.toggle(key="compare-stress").set_value(True).run()
    assert len(sent["columns"]) == 2
    assert app.query_params["stress"] == "1"


def test_choosing_a_cell_then_a_second_one_compares_the_two(compare, sent):
    app = compare([made(model, dataset) for model in "ab" for dataset in "xy"])
    key = {row["title"]: row["key"] for row in sent["rows"]}
    for model in ("Model a", "Model b"):
        choose(app, "y--test", key[model])
    assert app.query_params["dataset"] == "y--test"
    assert app.query_params["models"] == "a,b"


def choose(app, dataset, model):
    """What a message from the browser comes to, then a run; the browser tests click."""
    table = matrix(ui.comparing.results.cached_shipped()[0], "Stone")
    app.session_state[SELECTION] = chosen(table, app.session_state[SELECTION], dataset, model)
    app.run()


def test_the_keyboard_reaches_the_same_choice_below_the_matrix(compare, sent):
    app = compare([made(model, dataset) for model in "ab" for dataset in "xy"])
    app.selectbox(key="compare-dataset").set_value("y--test").run()
    pills = app.button_group(key="compare-models-y--test")
    assert len(pills.value) == 2
    pills.set_value(pills.value[:1]).run()
    assert app.query_params["models"] == "a"
    app.button_group(key="compare-models-y--test").set_value([]).run()
    assert app.query_params["models"] == "a", "the last model stays"


@pytest.mark.parametrize(
    "figure",
    ["roc", "precision-recall", "calibration", "confusion", "scores", "net-benefit", "predictive-values"],
)
def test_every_figure_is_drawn_for_a_pair_and_can_be_taken_home(compare, sent, figure, saves):
    app = compare([made(), made("b")], figure=figure)
    assert is_fine(app)
    assert app.get("plotly_chart")
    assert app.query_params["figure"] == figure
    assert "CSV" in saves(app)


def test_subgroups_without_facts_say_so(compare, sent):
    app = compare([made()], figure="subgroups")
    assert is_fine(app)
    assert "Nothing is known of these cases" in app.info[0].value


def test_subgroups_are_drawn_by_the_chosen_attribute(compare, sent):
    sex, site = np.array(["F", "M"] * 30, object), np.array(["one", "two", "three"] * 20, object)
    app = compare([made(attributes={"sex": sex, "site": site})], figure="subgroups")
    assert is_fine(app)
    assert app.get("plotly_chart")


def test_a_moved_threshold_moves_the_counts(compare, sent):
    app = compare([made()], figure="confusion")
    before = app.get("plotly_chart")[0].proto.alt
    slider = next(one for one in app.slider if one.label == "Model a")
    slider.set_value(0.9).run()
    assert is_fine(app)
    assert app.get("plotly_chart")[0].proto.alt != before
    assert "at 0.900" in app.get("plotly_chart")[0].proto.alt


def test_what_is_not_defined_is_said_so(compare, sent):
    ill = made(n=20)
    scores = dataclasses.replace(ill.scores, y_true=np.ones(20, int))
    app = compare([dataclasses.replace(ill, scores=scores)])
    assert is_fine(app)
    assert sent["rows"][0]["cells"][0]["text"] == "not defined"


def test_models_with_several_classes_are_compared_by_class(compare, sent):
    rng = np.random.default_rng(0)
    cases = np.array([f"case {k}" for k in range(60)], object)
    truth = rng.integers(0, 3, 60)
    logits = rng.normal(size=(60, 3)) + 2 * np.eye(3)[truth]
    scores = CaseScores("multiclass", ("A", "B", "C"), truth, logits, cases)
    several = dataclasses.replace(made(), scores=scores, cases=cases, threshold=None)
    for figure in ("class-roc", "class-confusion"):
        app = compare([several], question="classes:A | B | C", figure=figure)
        assert is_fine(app)
        assert app.get("plotly_chart")
    assert sentence(app).endswith("which of A, B, C")


def test_cases_are_named_in_tables(compare, sent):
    app = compare([made(gain=0.5), made("b", gain=0.5)])
    tables = [frame.value for frame in app.dataframe]
    assert any("Truth" in table and table["Case"].str.startswith("x ").all() for table in tables)
    assert any("What went wrong" in table for table in tables)


def test_a_run_of_the_database_stands_beside_the_shipped_ones(compare, sent, tmp_path):
    Store(f"sqlite:///{tmp_path / 'results.sqlite'}").insert(made("b"))
    app = compare([made()])
    assert is_fine(app)
    assert [row["title"] for row in sent["rows"]] == ["Model a", "Model b"]


def test_what_is_computed_from_a_users_run_is_not_shared(compare, sent, tmp_path):
    Store(f"sqlite:///{tmp_path / 'results.sqlite'}").insert(made("private"))
    cached_numbers.clear()
    app = compare([])
    assert is_fine(app)
    assert len(cached_numbers()) == 0


def test_looking_makes_no_database(compare, sent, tmp_path):
    compare([made()])
    assert not list(tmp_path.iterdir())


def test_an_unreachable_database_takes_away_nothing_else(compare, sent):
    app = compare([made()], database="postgresql://nobody:secret@localhost:9/none")
    assert not app.exception
    assert sentence(app) == "AUC of 1 model on 1 test set: Stone"
    assert len(app.warning) == 1
    assert "secret" not in app.warning[0].value


def test_values_come_first_where_intervals_take_long(compare, sent, monkeypatch):
    gate = threading.Event()

    def slow(*args, **kwargs):
        gate.wait(60)
        return matrix(*args, **kwargs)

    monkeypatch.setattr(ui.comparing.table, "matrix", slow)
    monkeypatch.setattr(ui.comparing.table, "PATIENCE", 0.01)
    app = compare([made("slow"), made("slower")])
    assert is_fine(app)
    assert sent["rows"][0]["cells"][0]["lines"] == ["interval …"]
    assert any("Values without their 95 % intervals" in caption.value for caption in app.caption)
    gate.set()
    until = app.session_state["jobs"].find(ui.comparing.table.UNDER_WAY)
    assert until.wait(60)
    app.run()
    assert " to " in sent["rows"][0]["cells"][0]["lines"][0]


def test_intervals_can_be_stopped_and_started_again(compare, sent, monkeypatch):
    gate = threading.Event()

    def slow(*args, progress, **kwargs):
        gate.wait(60)
        return matrix(*args, progress=progress, **kwargs)

    monkeypatch.setattr(ui.comparing.table, "matrix", slow)
    monkeypatch.setattr(ui.comparing.table, "PATIENCE", 0.01)
    app = compare([made("stop"), made("stopped")])
    job = app.session_state["jobs"].find(ui.comparing.table.UNDER_WAY)
    job.cancel()
    gate.set()
    assert job.wait(60)
    app.run()
    assert is_fine(app)
    again = next(button for button in app.button if button.label == "Compute intervals and tests")
    monkeypatch.setattr(ui.comparing.table, "PATIENCE", 60.0)
    again.click().run()
    assert " to " in sent["rows"][0]["cells"][0]["lines"][0]


def test_intervals_that_are_ready_while_the_page_is_drawn_are_shown(compare, sent, monkeypatch):
    monkeypatch.setattr(ui.comparing.table, "PATIENCE", 0.0)
    show = ui.comparing.table.about_matrix

    def late(table):
        job = jobs().find(ui.comparing.table.UNDER_WAY)
        assert job is None or job.wait(60)
        show(table)

    monkeypatch.setattr(ui.comparing.table, "about_matrix", late)
    compare([made("quick"), made("quicker")])
    assert " to " in sent["rows"][0]["cells"][0]["lines"][0]


def test_signs_of_markdown_in_numbers_and_names_stand_as_they_are(compare, sent):
    named = dataclasses.replace(made(gain=9.0), model_title="**A** _b_ > $x$")
    app = compare([named], figure="predictive-values")
    assert is_fine(app)
    row = app.table[0].value.iloc[0].tolist()
    assert row[0] == r"\*\*A\*\* \_b\_ \> \$x\$"


def masked(model="a", quality=0.8, n=40):
    rng, names = np.random.default_rng([*model.encode()]), [f"image {k:02d}" for k in range(n)]
    both = np.round(400 * np.clip(quality + 0.1 * rng.normal(size=n), 0, 1))
    true = np.full(n, 400.0)
    values = np.stack([true * 10, true, both + 50, both, both / 400, 20 - both / 25, 10 - both / 50], axis=1)
    facts = {
        "model": model, "model_title": f"Model {model}", "model_sha256": model * 8, "dataset": "x", "split": "test",
        "dataset_title": "Data x", "dataset_digest": "digest", "kind": "internal", "task": "segmentation",
        "labels": ["Background", "Stone"], "derived": {}, "threshold": 0.5, "thresholds": {}, "temperature": 1.0,
        "threshold_from": "Chosen on validation",
    }  # fmt: skip
    return evaluation_from(facts, names, names, np.zeros(n), values, {"sex": ["F", "M"] * (n // 2)}, {})


@pytest.mark.parametrize("metric", ["mask_dice", "mask_hausdorff_95_mm", "mask_average_precision"])
@pytest.mark.parametrize("figure", ["mask-cases", "subgroups"])
def test_models_that_segment_are_compared_by_label(compare, sent, metric, figure):
    models = [masked("a", 0.9), masked("b", 0.6)]
    app = compare(models, question="mask:Stone", metric=metric, figure=figure)
    assert is_fine(app)
    assert "2 models on 1 test set: masks of Stone" in sentence(app)
    assert any("Model a is better than Model b" in text.value for text in app.markdown)
    assert any("fits worst" in text.value for text in app.markdown)
