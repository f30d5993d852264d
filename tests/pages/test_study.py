"""Models with several inputs, facts and sequences on the reading page; tiny models stand in for the shipped ones."""

import hashlib
import io
import json

import cv2
import numpy as np
import pytest
from PIL import Image

import ui.cache
from core.bounded import dump_yaml

IMAGE = {"kind": "image", "size": [32, 32], "channels": 1, "resize": "letterbox", "intensity": "percentile"}
FACTS = {
    "name": "patient", "title": "About the patient", "kind": "table", "optional": True, "features": [
        {"name": "age", "title": "Age", "unit": "years", "low": 18, "high": 100, "reference": 55},
        {"name": "sex", "title": "Sex", "choices": {"female": 0, "male": 1}, "reference": 0.4},
    ],
}  # fmt: skip
FUSION = [
    {"name": "flair", "title": "FLAIR", "describe": ["flair"], **IMAGE},
    {"name": "post", "title": "After contrast", "optional": True, **IMAGE},
    FACTS,
]
CINE = [{"name": "cine", "title": "Cine", **IMAGE, "kind": "sequence", "frames": 4}]


def bundle(folder, model, entries, layer, title):
    from core.keras_process.model.compile import compile_bundle
    from core.models.card import input_spec

    folder.mkdir()
    rng = np.random.default_rng(0)
    specs = [input_spec(entry) for entry in entries]
    facts = compile_bundle(model, folder, layer, {s.name: rng.random((4, *s.shape)).astype(np.float32) for s in specs})
    model.save(folder / "model.keras")
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    contract = {
        "title": title, "summary": "A toy.", "task": "binary", "labels": ["No tumour", "Tumour"], "inputs": entries,
        "threshold": 0.5, "explain_layer": facts.explain_layer, "sha256": hashes, "training_modality": "an MRI",
    }  # fmt: skip
    matter = dump_yaml({"license": "mit", "scanlens": contract})
    (folder / "README.md").write_text(f"---\n{matter}---\n# Toy\n", encoding="utf-8")


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    import keras
    from keras import layers

    folder = tmp_path_factory.mktemp("models")
    flair, post = (keras.Input((32, 32, 1), name=name) for name in ("flair", "post"))
    table = keras.Input((2,), name="patient")
    pooled = [
        layers.GlobalAveragePooling2D()(layers.Conv2D(1, 3, padding="same", name=f"see_{x.name}")(x))
        for x in (flair, post)
    ]
    joined = layers.Concatenate()([*pooled, layers.Rescaling(0.02)(table)])
    fusion = keras.Model([flair, post, table], layers.Dense(1, name="logits")(joined))
    for layer in fusion.layers:
        if layer.name.startswith("see"):
            layer.set_weights([np.full((3, 3, 1, 1), 0.2), np.zeros(1)])
    fusion.get_layer("logits").set_weights([np.array([[3.0], [2.0], [1.5], [-1.0]]), np.array([-1.0])])
    bundle(folder / "toy-fusion", fusion, FUSION, "see_flair", "Toy fusion")
    cine = keras.Input((4, 32, 32, 1), name="cine")
    maps = layers.TimeDistributed(layers.Conv2D(4, 3, strides=4, activation="relu"), name="frames")(cine)
    states = layers.GRU(4)(layers.TimeDistributed(layers.GlobalAveragePooling2D())(maps))
    bundle(folder / "toy-cine", keras.Model(cine, layers.Dense(1, name="logits")(states)), CINE, "frames", "Toy cine")
    return folder


@pytest.fixture(autouse=True)
def only_toys(toys, monkeypatch):
    monkeypatch.setattr(ui.cache, "MODELS", toys)
    for cached in (ui.cache.cached_cards, ui.cache.cached_bundle):
        cached.clear()
    yield
    for cached in (ui.cache.cached_cards, ui.cache.cached_bundle):
        cached.clear()


def png(value, size=(40, 40)):
    image = np.zeros(size, np.uint8)
    image[8:20, 8:20] = value
    return cv2.imencode(".png", image)[1].tobytes()


def tiff(frames):
    pages = [Image.fromarray(np.full((40, 40), 20 * n, np.uint8)) for n in range(1, frames + 1)]
    content = io.BytesIO()
    pages[0].save(content, "TIFF", save_all=True, append_images=pages[1:])
    return content.getvalue()


def choose(app, slug):
    return app.selectbox(key=next(box.key for box in app.selectbox if box.label == "Model")).set_value(slug).run()


@pytest.mark.keras
def test_inputs_are_asked_for_by_name_and_what_is_missing_is_said(start, words, settled):
    app = start()
    app.file_uploader[0].set_value([("flair.png", png(250), "image/png"), ("post.png", png(120), "image/png")])
    app = settled(app.run())
    inputs = {box.label: box for box in app.selectbox}
    assert "FLAIR" in inputs
    assert "After contrast, may be left out" in inputs
    assert "Answered without Age, Sex" in words(app)
    before = app.session_state["reading"].answers
    assert "calibrated probability of Tumour" in words(app)
    inputs["FLAIR"].set_value("Left out")
    app.run()
    assert "Still missing: FLAIR" in words(app)
    assert not app.exception
    assert before is app.session_state["reading"].answers


@pytest.mark.keras
def test_images_of_another_grid_are_laid_on_the_first_and_that_can_be_undone(start, words, settled):
    app = start()
    files = [("flair.png", png(250), "image/png"), ("post.png", png(120, (50, 44)), "image/png")]
    app.file_uploader[0].set_value(files)
    app = settled(app.run())
    assert "After contrast: moved by" in words(app)
    switch = next(toggle for toggle in app.toggle if toggle.label == "Lay them on FLAIR")
    assert switch.value
    switch.set_value(False).run()
    assert "moved by" not in words(app)
    assert not app.exception


@pytest.mark.keras
def test_facts_change_the_answer_and_impossible_ones_are_refused_in_one_sentence(upload, words):
    app = upload(("flair.png", png(250)))

    def probability():
        return next(line for line in words(app).splitlines() if "calibrated probability of" in line)

    unknown = probability()
    age = next(field for field in app.number_input if field.label == "Age (years)")
    age.set_value(95.0).run()
    assert probability() != unknown
    next(field for field in app.number_input if field.label == "Age (years)").set_value(400.0).run()
    (refusal,) = [error.value for error in app.error]
    assert refusal == "Expected age of 18 to 100 years, received 400: correct it, or leave it unknown."
    next(field for field in app.number_input if field.label == "Age (years)").set_value(None).run()
    assert probability() == unknown
    assert not app.error


@pytest.mark.keras
def test_closer_looks_show_what_each_part_adds_and_what_if(upload, words):
    app = upload(("flair.png", png(250)))
    assert "What the score loses when this part alone is left out" in words(app)
    looks = next(control for control in app.segmented_control if control.label == "A closer look")
    looks.set_value("What if").run()
    assert "unknown for this patient" in words(app)
    assert not app.exception


@pytest.mark.keras
def test_a_sequence_is_read_as_one_case_with_a_map_for_each_frame(upload, words, state):
    app = choose(upload(("cine.tif", tiff(9))), "toy-cine")
    assert not app.exception, app.exception
    assert not app.error
    assert "calibrated probability of Tumour" in words(app)
    assert "follow in time" in words(app)
    assert "The answer as if the cine had stopped" in words(app)


@pytest.mark.keras
def test_a_single_image_is_no_sequence(upload, words):
    app = upload(("one.png", png(250)))
    assert "**Toy cine** expects a sequence, this is one image" in words(app)


def test_export_json_holds_facts_and_what_was_left_out(toys):
    from core.inference.bundle import open_bundle
    from core.inference.predict import predict
    from core.inference.study import Study
    from core.models.card import load_card
    from core.readers import Source, open_sources
    from core.report.study_numbers import study_json

    scan = open_sources([Source("flair.png", png(250))]).scans[0]
    study = Study({"flair": scan}, {"age": 60.0, "sex": None})
    prediction = predict(open_bundle(load_card(toys / "toy-fusion")), study)
    content = json.loads(study_json(study, scan, prediction))["study"]
    assert content["facts"] == {"age": 60.0, "sex": None}
    assert content["left_out"] == ["After contrast", "Sex"]
    assert content["scans"]["flair"]["sha256"] == scan.digest
