"""Images and facts of one patient become one batch, and what is missing is said."""

from dataclasses import replace

import numpy as np
import pytest

from core.errors import IncompatibleInput
from core.inference.study import (
    Study,
    missing_inputs,
    prepare_study,
    sample_frames,
)
from core.models.card import ModelCard, input_spec
from core.scan import Scan

IMAGE = {"kind": "image", "size": [8, 8], "channels": 1, "resize": "stretch", "modality": ["MR"]}
FLAIR = input_spec({"name": "flair", "title": "FLAIR", **IMAGE})
POST = input_spec({"name": "post", "title": "After contrast", "optional": True, **IMAGE})
CINE = input_spec({"name": "cine", "title": "Cine", **IMAGE, "kind": "sequence", "frames": 4})
TABLE = input_spec({
    "name": "patient", "kind": "table", "optional": True, "features": [
        {"name": "age", "title": "Age", "unit": "years", "low": 18, "high": 100, "reference": 55.5},
        {"name": "sex", "title": "Sex", "choices": {"female": 0, "male": 1}, "reference": 0.4},
    ],
})  # fmt: skip


def card_of(*inputs, tmp_path="."):
    return ModelCard(
        slug="study", folder=tmp_path, title="Study", summary="", task="binary", labels=("no", "yes"),
        inputs=inputs, threshold=0.5, threshold_from="", temperature=1.0, explain_layer="", sha256={}, license="",
        non_commercial=False, training_modality="an MRI",
    )  # fmt: skip


def scan_of(values, axis="single", **changes):
    pixels = np.asarray(values, np.uint8)[:, None, None] * np.ones((1, 8, 8), np.uint8)
    scan = Scan(pixels, axis, digest=f"{axis}{list(values)}", source="DICOM", title="", modality="MR")
    return replace(scan, **changes)


@pytest.mark.parametrize(("count", "wanted"), [(1, 4), (7, 20), (20, 20), (35, 20), (300, 12)])
def test_frames_are_spread_from_the_first_to_the_last(count, wanted):
    found = sample_frames(count, wanted)
    assert (len(found), found[0], found[-1]) == (wanted, 0, count - 1)
    steps = np.diff(found)
    assert steps.min() >= 0
    assert steps.max() - steps.min() <= 1


def test_each_input_gets_its_own_image_and_its_own_way_back():
    small = replace(scan_of([10]), pixels=np.full((1, 16, 4), 10, np.uint8), digest="small")
    prepared = prepare_study(Study({"flair": scan_of([200]), "post": small}), card_of(FLAIR, POST))
    assert {name: array.shape for name, array in prepared.batch.items()} == {
        "flair": (1, 8, 8, 1), "post": (1, 8, 8, 1)
    }  # fmt: skip
    assert prepared.geometry.scan_size == (8, 8)
    assert prepared.of_image("post").geometry.scan_size == (16, 4)
    assert prepared.ways["post"].digest == "small"
    assert not prepared.left_out


def test_what_may_be_missing_is_filled_and_said():
    prepared = prepare_study(Study({"flair": scan_of([200])}, {"age": 70.0}), card_of(FLAIR, POST, TABLE))
    assert prepared.left_out == ("After contrast", "Sex")
    assert not prepared.batch["post"].any()
    assert prepared.batch["patient"].tolist() == [[70.0, pytest.approx(0.4)]]


def test_what_must_be_there_is_asked_for_by_its_title():
    study = Study({"post": scan_of([3])})
    assert missing_inputs(card_of(FLAIR, POST), study) == ("FLAIR",)
    with pytest.raises(IncompatibleInput, match="FLAIR"):
        prepare_study(study, card_of(FLAIR, POST))


def test_nothing_at_all_is_refused_even_where_all_may_be_missing():
    with pytest.raises(IncompatibleInput, match="Nothing was given"):
        prepare_study(Study(), card_of(POST, TABLE))


@pytest.mark.parametrize(
    ("facts", "words"), [({"age": 400.0}, "age of 18 to 100 years"), ({"sex": 3.0}, "sex of female or male")]
)
def test_a_fact_out_of_bounds_is_refused_with_its_bounds(facts, words):
    with pytest.raises(IncompatibleInput, match=words):
        prepare_study(Study({"flair": scan_of([1])}, facts), card_of(FLAIR, TABLE))


def test_a_sequence_is_one_case_with_frames_of_the_scan():
    prepared = prepare_study(Study({"cine": scan_of([10, 50, 90, 130, 170, 210, 250], "time")}), card_of(CINE))
    assert prepared.batch["cine"].shape == (1, 4, 8, 8, 1)
    assert prepared.frames == (0, 2, 4, 6)
    levels = prepared.batch["cine"][0, :, 0, 0, 0]
    assert np.all(np.diff(levels) > 0)


def test_a_sequence_of_one_frame_is_refused():
    with pytest.raises(IncompatibleInput, match="sequence of two frames"):
        prepare_study(Study({"cine": scan_of([1], "time")}), card_of(CINE))


def test_slices_of_two_images_go_together_one_by_one():
    study = Study({"flair": scan_of([1, 2, 3], "slice"), "post": scan_of([4, 5, 6], "slice")}, {"age": 50.0})
    prepared = prepare_study(study, card_of(FLAIR, POST, TABLE), frames=[2, 0])
    assert prepared.frames == (2, 0)
    assert prepared.batch["patient"].shape == (2, 2)
    with pytest.raises(IncompatibleInput, match="differ in their number of slices"):
        prepare_study(Study({"flair": scan_of([1, 2], "slice"), "post": scan_of([4], "single")}), card_of(FLAIR, POST))


@pytest.mark.parametrize(
    "changes",
    [
        {"frames": 4}, {"kind": "sequence"}, {"kind": "sequence", "frames": 1}, {"channels": 2}, {"size": [0, 4]},
        {"kind": "table"}, {"kind": "table", "features": []},
        {"kind": "table", "features": [{"name": "age", "low": 5, "high": 5}]},
        {"kind": "table", "features": [{"name": "age", "low": 5, "high": 9, "reference": 20}]},
    ],
)  # fmt: skip
def test_an_entry_that_contradicts_itself_is_refused(changes):
    with pytest.raises((ValueError, KeyError)):
        input_spec({"name": "flair", **IMAGE, **changes})
