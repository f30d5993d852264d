import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from core.explain.trust.verdict import Check, Trust
from core.report.numbers import COLUMNS, as_csv, as_json
from core.version import VERSION

MADE_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def no_constant(name):
    raise AssertionError(f"{name} is not JSON")


def parsed(*arguments):
    return json.loads(as_json(*arguments, made_at=MADE_AT), parse_constant=no_constant)


def rows_of(*arguments):
    return list(csv.DictReader(io.StringIO(as_csv(*arguments).decode(), newline="")))


@pytest.fixture
def answer(scan, predict, explain):
    prediction = predict(scan, [[1.9]])
    return scan, prediction, explain(prediction, [1.8])


@pytest.fixture
def stack(make_scan, predict, explain):
    scan = make_scan((40, 30), frames=3, axis="time", frame_time_ms=40.0)
    prediction = predict(scan, [[-2.0], [0.4], [3.0]], similar=False)
    return scan, prediction, explain(prediction, [0.0, 0.5, 1.5])


def test_json_says_what_was_answered_and_at_which_threshold(answer):
    content = parsed(*answer)
    said = content["prediction"]
    assert said["labels"] == ["Normal", "Pneumonia"]
    assert (said["threshold"], said["threshold_label"], said["temperature"]) == (0.62, "Pneumonia", 1.4)
    assert said["threshold_from"] == "sensitivity 0.95 on the validation split"
    (frame,) = said["frames"]
    assert frame["probabilities"] == pytest.approx([0.130108, 0.869892], abs=1e-5)
    assert frame["calibrated_probabilities"][1] == pytest.approx(0.7953, abs=1e-3)
    assert frame["decision"]["sentence"] == "Pneumonia is likely"
    assert frame["similarity"] == {"distance": 12.5, "percentile": 61.0, "is_similar": True}


def test_json_says_how_the_map_was_made(answer):
    assert parsed(*answer)["explanation"] == {
        "method": "grad-cam",
        "label": "Pneumonia",
        "layer": "out_relu",
        "scale_logit": 1.8,
        "is_empty": False,
        "grid_rows": 7,
        "grid_columns": 7,
        "frame_numbers": [1],
        "verdict": None,
        "verdict_sentence": None,
        "checks": [],
    }


def test_verdict_on_the_heatmap_is_in_json_and_csv(answer):
    scan, prediction, explanation = answer
    trust = Trust("does not follow", (Check("Steady", "failed", "It is not"),), label="Pneumonia")
    told = json.loads(as_json(scan, prediction, explanation, trust=trust))["explanation"]
    assert told["verdict"] == "does not follow"
    assert told["verdict_sentence"] == "The heatmap does not follow the model: leave it out of account."
    assert told["checks"] == [{"name": "Steady", "outcome": "failed", "sentence": "It is not"}]
    rows = list(csv.DictReader(io.StringIO(as_csv(scan, prediction, explanation, trust).decode())))
    assert {row["heatmap_verdict"] for row in rows} == {"does not follow"}


def test_map_without_evidence_has_no_verdict_but_that(scan, predict, explain):
    prediction = predict(scan, [[2.0]])
    empty = explain(prediction, [0.0])
    for trust in (None, Trust("no evidence", (), label="Pneumonia")):
        told = json.loads(as_json(scan, prediction, empty, trust=trust))["explanation"]
        assert told["verdict"] == "no evidence for Pneumonia"


def test_json_says_what_it_takes_to_do_it_again(answer):
    content = parsed(*answer)
    assert content["scan"]["sha256"] == "c" * 64
    assert content["model"]["sha256"]["model.onnx"] == "b" * 64
    assert content["versions"]["scanlens"] == VERSION
    assert {"python", "numpy", "onnxruntime", "pydicom"} <= set(content["versions"])
    assert content["made_at_utc"] == "2026-01-02T03:04:05Z"
    assert "never for diagnosis" in content["disclaimer"]


def test_undefined_numbers_are_null(answer):
    scan, prediction, explanation = answer
    undefined = replace(prediction, calibrated=np.array([[np.nan, np.inf]], np.float32))
    content = parsed(scan, undefined, explanation)
    assert content["prediction"]["frames"][0]["calibrated_probabilities"] == [None, None]
    assert content["model"]["metrics"][2]["value"] is None


def test_keys_do_not_depend_on_what_is_known(answer, stack):
    scan, prediction, explanation = answer
    bare = replace(scan, spacing_mm=None, modality="", body_part="", facts={}, provenance=(), windows=())
    unlike = replace(prediction, similarity=())
    full, empty = parsed(scan, prediction, explanation), parsed(bare, unlike)
    assert full.keys() == empty.keys() == parsed(*stack).keys()
    assert full["scan"].keys() == empty["scan"].keys()
    assert full["prediction"]["frames"][0].keys() == empty["prediction"]["frames"][0].keys()
    assert empty["explanation"] is None


def test_frames_are_numbered_from_one_with_their_time(stack):
    frames = parsed(*stack)["prediction"]["frames"]
    assert [frame["frame_number"] for frame in frames] == [1, 2, 3]
    assert [frame["time_ms"] for frame in frames] == [0.0, 40.0, 80.0]
    assert [frame["evidence_max_logit"] for frame in frames] == [0.0, 0.5, 1.5]


def test_every_doubt_is_listed(make_scan, predict, explain):
    scan = make_scan((40, 30), warnings=("A slice is missing.",))
    prediction = replace(predict(scan, [[0.0]], similar=False), warning="expects an MRI, this is a CT", note="")
    warnings = parsed(scan, prediction, explain(prediction, [0.0]))["warnings"]
    assert warnings == [
        "This scan does not fit the model: it expects an MRI, this is a CT.",
        "Not valid: the image is unlike those that the model was validated on. The model expects a chest radiograph.",
        "The explanation is empty: no positive evidence for Pneumonia was found anywhere.",
        "A slice is missing.",
    ]


def test_csv_has_a_row_for_each_frame_and_label(stack):
    rows = rows_of(*stack)
    assert [(row["frame_number"], row["label"]) for row in rows] == [
        (str(frame), label) for frame in (1, 2, 3) for label in ("Normal", "Pneumonia")
    ]
    assert tuple(rows[0]) == COLUMNS
    assert [row["is_decision"] for row in rows] == ["true", "false", "true", "false", "false", "true"]
    assert float(rows[5]["probability"]) == pytest.approx(0.952574, abs=1e-5)
    assert rows[5]["evidence_max_logit"] == "1.5"


def test_csv_agrees_with_json(stack):
    frames = parsed(*stack)["prediction"]["frames"]
    listed = [p for frame in frames for p in frame["probabilities"]]
    assert [float(row["probability"]) for row in rows_of(*stack)] == listed


def test_undefined_is_an_empty_cell(answer):
    scan, prediction, _ = answer
    row = rows_of(scan, replace(prediction, similarity=()))[0]
    assert (row["time_ms"], row["similarity_distance"], row["evidence_max_logit"]) == ("", "", "")


def test_labels_cannot_become_formulas(scan, predict, card):
    strange = replace(card, labels=("Normal", '=HYPERLINK("https://example.org")'))
    assert rows_of(scan, predict(scan, [[1.0]], strange))[1]["label"].startswith("'=")


def test_several_classes_have_no_threshold(scan, predict, card):
    several = replace(card, task="multiclass", labels=("A", "B", "C"), threshold=None)
    content = parsed(scan, predict(scan, [[1.0, 2.0, 3.0]], several))
    assert content["prediction"]["threshold"] is None
    assert content["prediction"]["threshold_label"] is None
    assert content["prediction"]["frames"][0]["decision"]["label"] == "C"


def test_no_path_of_the_machine_gets_out(answer, card):
    scan, prediction, explanation = answer
    for data in (as_json(scan, prediction, explanation), as_csv(scan, prediction, explanation)):
        assert str(card.folder).encode() not in data
