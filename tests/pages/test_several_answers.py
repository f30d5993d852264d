"""Models with several classes and with several findings go the same way through the reading page."""

import hashlib
import shutil

import numpy as np
import pytest

import ui.cache
from core.bounded import dump_yaml
from ui.cache import cached_bundle, cached_cards

pytestmark = pytest.mark.keras

LABELS = ["Caries", "Crown", "Root"]
CONTRACT = {
    "summary": "Tells three things apart.", "labels": LABELS, "temperature": 1.5,
    "inputs": [{"name": "image", "kind": "image", "size": [32, 32], "channels": 1, "resize": "stretch"}],
    "threshold_from": "From the validation split", "explain_layer": "activations", "training_modality": "an image",
}  # fmt: skip
SETS = [
    {"type": "kappa", "value": 0.61, "low": 0.5, "high": 0.7, "n": 40},
    {"type": "roc_auc_macro", "value": 0.83, "low": 0.7, "high": 0.9, "n": 40},
    {"type": "label_roc_auc", "label": "Crown", "value": 0.12, "low": 0.1, "high": 0.2, "n": 40},
    {"type": "label_roc_auc", "label": "Treat", "value": 0.91, "low": 0.8, "high": 0.95, "n": 40},
]
TASKS = {
    "multiclass": {
        "title": "Three classes", "task": "multiclass", "thresholds": {"Treat": 0.4},
        "derived": {"name": "Treat", "labels": ["Crown", "Root"]},
    },
    "multilabel": {"title": "Three findings", "task": "multilabel", "thresholds": dict.fromkeys(LABELS, 0.4)},
}  # fmt: skip


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Both models untrained, with cards."""
    import keras

    from core.keras_process.model.compile import compile_bundle
    from core.training.architectures.images import compact_residual

    home = tmp_path_factory.mktemp("models")
    for task, more in TASKS.items():
        keras.utils.set_random_seed(3)
        activation = "sigmoid" if task == "multilabel" else "softmax"
        model = compact_residual((32, 32, 1), 3, activation, stem=4, widths=(8,), blocks=1)
        (home / task).mkdir()
        images = np.random.default_rng(0).random((4, 32, 32, 1)).astype(np.float32)
        compile_bundle(model, home / task, "activations", {"image": images})
        digest = hashlib.sha256((home / task / "model.onnx").read_bytes()).hexdigest()
        index = [{"results": [{"dataset": {"name": "Teeth", "split": "test"}, "metrics": SETS}]}]
        contract = {**CONTRACT, **more, "sha256": {"model.onnx": digest}}
        matter = dump_yaml({"license": "mit", "model-index": index, "scanlens": contract})
        (home / task / "README.md").write_text(f"---\n{matter}---\n\n# Three\n", encoding="utf-8")
    return home


@pytest.fixture
def page(compiled, tmp_path, monkeypatch, start, settled):
    """The reading page with one of the models and a sample."""
    for cache in (cached_cards, cached_bundle):
        cache.clear()

    def opened(task, sample="chest"):
        shutil.copytree(compiled / task, tmp_path / "models" / task)
        monkeypatch.setattr(ui.cache, "MODELS", tmp_path / "models")
        app = start()
        return settled(app.button(key=f"sample-{sample}").click().run())

    yield opened
    for cache in (cached_cards, cached_bundle):
        cache.clear()


def chooser(app):
    return next(group for group in app.get("button_group") if group.label == "Show the evidence for")


@pytest.mark.parametrize("task", TASKS)
def test_answer_evidence_and_downloads_are_there(page, words, task, saves):
    app = page(task)
    assert not app.exception
    assert not app.error
    sentence = app.subheader[0].value
    assert "most likely answer" in sentence if task == "multiclass" else sentence.startswith(("Found: ", "None of"))
    assert ("Probability of Treat" in words(app)) == (task == "multiclass")
    assert "brightest cell here" in words(app) or "no heat is drawn" in words(app)
    assert app.get("plotly_chart")
    assert len(saves(app)) == 4


def test_evidence_is_first_of_the_class_that_was_called_and_can_be_changed(page, settled):
    app = page("multiclass")
    predicted = app.subheader[0].value.split(" is the most")[0]
    assert chooser(app).value == predicted
    other = next(label for label in LABELS if label != predicted)
    app = settled(chooser(app).set_value(other).run())
    assert not app.exception
    assert any(f"for {other}" in element.value for element in [*app.caption, *app.markdown])


def test_stack_of_slices_is_read(page):
    app = page("multilabel", "brain")
    assert not app.exception
    assert not app.error


def test_card_shows_its_main_metrics_and_not_those_of_one_label(page):
    app = page("multiclass")
    shown = next(element.value for element in app.markdown if element.value.startswith("| Measured on |"))
    assert "0.830" in shown
    assert "0.610" in shown
    assert "0.120" not in shown
    assert "ROC AUC, Treat" in shown
    assert "0.910" in shown
    assert "by the largest probability" in " ".join(caption.value for caption in app.caption)
