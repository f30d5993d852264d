"""Text of strangers wherever it can stand, looked at in a browser: it is shown, runs nothing and fetches nothing."""

import hashlib
import http.server
import threading
from collections import namedtuple
from contextlib import closing
from datetime import date
from urllib.parse import quote

import cv2
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from core.bounded import dump_yaml
from core.evaluation.comparison.matrix import matrix, model_key
from core.evaluation.results.record import evaluation_from
from core.evaluation.store.evaluations import Store
from core.figures.comparing.lines import line_of
from core.report.comparison import Comparison
from core.report.comparison_figures import panels
from core.report.comparison_html import report_html

TIMEOUT = 45_000
SIDE = 24


def payloads(listener: str) -> list[str]:
    """Twenty ways in which text was, or could be, taken for more than text; `listener` counts what is fetched."""
    run = "window.pwned=1"
    return [
        f"<script>{run}</script>", f"<img src={listener}/t>", f"<svg onload={run}>",
        f'<iframe srcdoc="<script>parent.{run}</script>"></iframe>', f'<iframe src="javascript:parent.{run}"></iframe>',
        f"<a href=javascript:{run}>Normal</a>", f"[Normal](javascript:{run})", f"<details open ontoggle={run}>",
        f"<object data=javascript:{run}>", f"<embed src={listener}/e>", f"<link rel=stylesheet href={listener}/l>",
        f"![a]({listener}/i)", f"[![a]({listener}/b)]({listener}/c)", f"<img src=x onerror={run}>",
        f"![a][r]\n\n[r]: {listener}/r", f"<style>@import url({listener}/s)</style>",
        f"<video poster={listener}/v autoplay>", f'" onmouseover="{run}', "{{constructor.constructor('1')()}}",
        f"<base href={listener}/>",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def listener():
    """A server of somebody's own; it lists what it was asked for."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()


def put_model(folder, texts, task):
    """A model whose card says what a stranger wants it to say; its file is from elsewhere, too."""
    folder.mkdir(parents=True)
    units = 4 if task == "segmentation" else len(texts)
    grid = [SIDE, SIDE] if task == "segmentation" else []
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", SIDE, SIDE, 1])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", *grid, units])
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", 1])
    weights = [
        numpy_helper.from_array(np.linspace(-4, 4, units, dtype=np.float32)[None], "gain"),
        numpy_helper.from_array(np.array([1, 2], np.int64), "axes"),
    ]
    mean = helper.make_node("ReduceMean", ["image", "axes"], ["features"], keepdims=0)
    last = helper.make_node("Mul", ["image" if grid else "features", "gain"], ["logits"])
    graph = helper.make_graph([mean, last], "foreign", [image], [logits, features], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()
    (folder / "model.onnx").write_bytes(model)
    labels = texts[:units]
    contract = {
        "title": f"Foreign {task} {texts[0]}", "summary": " ".join(texts), "task": task, "labels": labels,
        "inputs": [{"name": "image", "kind": "image", "size": [SIDE, SIDE], "channels": 1, "resize": "stretch"}],
        "threshold_from": texts[1], "explain_layer": "", "training_modality": f"an image {texts[2]}",
        "sha256": {"model.onnx": hashlib.sha256(model).hexdigest()},
    }  # fmt: skip
    if task == "segmentation":
        contract["thresholds"] = dict.fromkeys(labels[1:], 0.3)
    metric = {"name": texts[3], "type": "roc_auc", "value": 0.5, "low": 0.4, "high": 0.6, "n": 9}
    index = [{"results": [{"dataset": {"name": texts[4], "split": texts[5]}, "metrics": [metric]}]}]
    matter = dump_yaml({"license": texts[6], "datasets": texts[:3], "model-index": index, "scanlens": contract})
    body = "\n\n".join(["# Foreign", *texts, *(f"- {text}" for text in texts)])
    (folder / "README.md").write_text(f"---\n{matter}---\n\n{body}\n", encoding="utf-8")


def file_name(text):
    return "".join("_" if sign in '/\\\n\0:"' else sign for sign in text)[:80] or "_"


@pytest.fixture(scope="module")
def foreign(tmp_path_factory, serve, launched, listener):
    """A server whose models, results and datasets all come from a stranger, and pages that notice what they do."""
    place, asked = listener
    texts, home = payloads(place), tmp_path_factory.mktemp("foreign")
    for task in ("multiclass", "segmentation"):
        put_model(home / "home" / "models" / f"foreign-{task}", texts, task)
    data = home / file_name(texts[1])
    for number, text in enumerate(texts):
        (data / file_name(text)).mkdir(parents=True)
        for copy in range(2):
            pixels = np.full((SIDE, SIDE), (7 * number + copy) % 256, np.uint8)
            name = f"{number}{copy} {file_name(texts[-1 - number])}.png"
            (data / file_name(text) / name).write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    (home / "home").mkdir(exist_ok=True)
    with closing(Store(f"sqlite:///{home / 'home' / 'results.sqlite'}")) as store:
        store.insert(evaluation(texts))
    with serve(home / "log.txt") as url:
        context = launched.new_context()
        faults = []

        def opened(address):
            page = context.new_page()
            page.set_default_timeout(TIMEOUT)
            page.set_viewport_size({"width": 1440, "height": 900})
            page.on("dialog", lambda dialog: (faults.append(dialog.message), dialog.dismiss()))
            page.goto(f"{url}/{address}")
            return page

        yield namedtuple("Foreign", "open texts data asked faults home")(opened, texts, data, asked, faults, home)
        context.close()


def check(foreign, page):
    """Nothing ran, nothing was fetched, and no element stands on the page that only foreign text could have made."""
    page.wait_for_timeout(500)
    assert page.evaluate("window.pwned") is None
    assert not foreign.faults
    assert not foreign.asked
    for made in (
        "iframe[srcdoc]",
        "object",
        "embed",
        "base[href^='http://127']",
        "a[href^='javascript']",
        "svg[onload]",
    ):
        assert page.locator(made).count() == 0, made
    assert page.locator("img[src^='http://127']").count() == 0


@pytest.mark.parametrize("task", ["multiclass", "segmentation"])
def test_a_card_of_a_stranger_is_text_on_the_page_of_models(foreign, task):
    page = foreign.open(f"models?model=foreign-{task}")
    page.get_by_text("Licence of the weights").wait_for()
    assert foreign.texts[0] in page.locator("body").inner_text()
    check(foreign, page)
    page.close()


@pytest.mark.parametrize("task", ["multiclass", "segmentation"])
def test_an_answer_of_a_strangers_model_on_a_strangers_file_is_text(foreign, task, tmp_path):
    page = foreign.open(f"?model=foreign-{task}")
    page.get_by_text("Or look at a sample").wait_for()
    file = tmp_path / f"{file_name(foreign.texts[1])}.png"
    file.write_bytes(cv2.imencode(".png", np.full((SIDE, SIDE), 200, np.uint8))[1].tobytes())
    page.locator("input[type=file]").first.set_input_files(str(file))
    page.locator(".viewer[data-ready]").wait_for()
    anyway = page.get_by_role("button", name="Show it anyway")
    anyway.wait_for()
    check(foreign, page)
    anyway.click()
    page.get_by_role("button", name="Withhold it again").wait_for()
    page.get_by_role("button", name="CSV", exact=True).wait_for()
    check(foreign, page)
    page.close()


def test_a_dataset_of_a_stranger_is_text(foreign):
    page = foreign.open("datasets")
    page.get_by_label("Folder or file on this computer").fill(str(foreign.data))
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("button", name="Forget").wait_for()
    check(foreign, page)
    page.get_by_role("radio", name="Run models").or_(page.get_by_role("button", name="Run models")).first.click()
    page.get_by_text("Foreign multiclass").first.wait_for()
    check(foreign, page)
    page.close()


def evaluation(texts):
    rng = np.random.default_rng(0)
    labels, count = texts[:3], 30
    facts = {
        "model": "foreign", "model_title": texts[0], "model_sha256": "a" * 64, "dataset": "foreign",
        "dataset_title": texts[3], "dataset_digest": "d" * 64, "split": "test", "kind": "external",
        "threshold_from": texts[1], "task": "multiclass", "labels": labels, "derived": {}, "threshold": None,
        "thresholds": {}, "temperature": 1.0,
    }  # fmt: skip
    names = [f"{texts[number % len(texts)]} {number}" for number in range(count)]
    attributes = {texts[2]: [texts[number % 2 + 4] for number in range(count)]}
    truth = np.arange(count) % 3
    return evaluation_from(facts, names, names, truth, rng.normal(size=(count, 3)), attributes, {"x": texts[5]})


def test_results_of_a_stranger_are_text_on_the_page_that_compares(foreign):
    page = foreign.open("compare")
    page.get_by_role("heading", name="Compare models").wait_for()
    page.get_by_text("95 %").first.wait_for()
    check(foreign, page)
    page.goto(f"{page.url.split('?')[0]}?question={quote(foreign.texts[1])}")
    page.get_by_role("heading", name="Compare models").wait_for()
    page.get_by_text("95 %").first.wait_for()
    check(foreign, page)
    page.close()


def test_a_report_on_results_of_a_stranger_is_text(foreign, tmp_path):
    found = evaluation(foreign.texts)
    question = "classes:" + " | ".join(found.scores.labels)
    table = matrix([found], question, "kappa")
    comparison = Comparison(foreign.texts[0], table, (found,), {model_key(found): line_of(found.model_title, 0)})
    report = tmp_path / "report.html"
    report.write_text(report_html(comparison, list(panels(comparison, resamples=20)), date(2026, 1, 31)), "utf-8")
    page = foreign.open("models")
    page.goto(report.as_uri())
    page.get_by_role("heading").first.wait_for()
    assert foreign.texts[0] in page.locator("body").inner_text()
    check(foreign, page)
    page.close()
