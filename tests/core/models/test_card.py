from copy import deepcopy

import pytest
import yaml

from core.errors import InvalidCard
from core.models.card import load_card, load_cards, split_front_matter

MATTER = {
    "license": "cc-by-nc-4.0",
    "datasets": ["example/chest"],
    "scanlens": {
        "title": "Pneumonia, chest X-ray",
        "summary": "Is there pneumonia on a frontal chest radiograph?",
        "task": "binary",
        "labels": ["Normal", "Pneumonia"],
        "inputs": [
            {
                "name": "image",
                "kind": "image",
                "size": [224, 160],
                "channels": 1,
                "range": [-1, 1],
                "intensity": "percentile",
                "resize": "letterbox",
                "modality": ["CR", "DX"],
                "body_part": ["Chest"],
            }
        ],
        "threshold": 0.62,
        "threshold_from": "sensitivity 0.95 on val",
        "temperature": 1.4,
        "explain_layer": "out_relu",
        "sha256": {"model.onnx": "b" * 64},
        "training_modality": "a chest radiograph",
        "non_commercial": True,
    },
    "model-index": [
        {
            "name": "pneumonia",
            "results": [
                {
                    "dataset": {"name": "Example", "split": "test"},
                    "metrics": [{"type": "roc_auc", "value": 0.96, "low": 0.94, "high": 0.98, "n": 624}],
                }
            ],
        }
    ],
}


def write(folder, matter, text="# Pneumonia\n"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump(matter)}---\n\n{text}", encoding="utf-8")
    return folder


def changed(**entries):
    matter = deepcopy(MATTER)
    matter["scanlens"].update(entries)
    return matter


def changed_input(**entries):
    return changed(inputs=[{**MATTER["scanlens"]["inputs"][0], **entries}])


def test_complete_card_is_read(tmp_path):
    card = load_card(write(tmp_path / "pneumonia", MATTER))
    assert (card.slug, card.task, card.labels) == ("pneumonia", "binary", ("Normal", "Pneumonia"))
    assert (card.threshold, card.temperature, card.license, card.non_commercial) == (0.62, 1.4, "cc-by-nc-4.0", True)
    assert card.text == "# Pneumonia\n"
    (spec,) = card.inputs
    assert (spec.size, spec.value_range, spec.body_part) == ((224, 160), (-1.0, 1.0), ("chest",))


def test_metrics_come_flat_with_their_dataset_and_split(tmp_path):
    (metric,) = load_card(write(tmp_path / "m", MATTER)).metrics
    assert metric == {
        "type": "roc_auc", "value": 0.96, "low": 0.94, "high": 0.98, "n": 624, "dataset": "Example", "split": "test",
    }  # fmt: skip


@pytest.mark.parametrize("index", [None, [], [{"results": None}], [{"results": [{"dataset": None, "metrics": None}]}]])
def test_card_without_measurements_has_no_metrics(tmp_path, index):
    assert load_card(write(tmp_path / "m", {**MATTER, "model-index": index})).metrics == []


REQUIRED = ["title", "summary", "task", "labels", "inputs", "threshold", "explain_layer", "sha256", "training_modality"]


@pytest.mark.parametrize("key", REQUIRED)
def test_missing_key_is_named(tmp_path, key):
    matter = deepcopy(MATTER)
    del matter["scanlens"][key]
    with pytest.raises(InvalidCard, match=rf"pneumonia/README\.md.*{key}"):
        load_card(write(tmp_path / "pneumonia", matter))


@pytest.mark.parametrize("key", ["name", "kind", "size", "channels", "resize"])
def test_missing_key_of_an_input_is_named(tmp_path, key):
    matter = deepcopy(MATTER)
    del matter["scanlens"]["inputs"][0][key]
    with pytest.raises(InvalidCard, match=key):
        load_card(write(tmp_path / "m", matter))


@pytest.mark.parametrize(
    ("matter", "fault"),
    [
        (changed(task="guess"), "task 'guess', not one of binary"),
        (changed(labels=["Pneumonia"]), "two labels"),
        (changed(labels="Pneumonia"), "labels that is not a list"),
        (changed(threshold=1.5), "threshold outside 0 to 1"),
        (changed(temperature=0), "temperature that is not above 0"),
        (changed(inputs=[]), "no inputs"),
        (changed_input(resize="squeeze"), "resize 'squeeze'"),
        (changed_input(channels=2), "channels"),
        (changed_input(range=[1, 0]), "range"),
        (changed_input(intensity="window"), r"no \[center, width\]"),
        (changed_input(modality="CR"), "modality that is not a list"),
        ({"license": "mit"}, "no 'scanlens'"),
    ],
    ids=str,
)
def test_contradiction_is_named(tmp_path, matter, fault):
    with pytest.raises(InvalidCard, match=fault):
        load_card(write(tmp_path / "m", matter))


@pytest.mark.parametrize("text", ["", "# A title\n", "---\nno: end\n", "---\n- a\n- b\n---\n", "---\n{: [\n---\n"])
def test_file_that_is_no_card_is_refused_in_one_sentence(tmp_path, text):
    (tmp_path / "README.md").write_text(text)
    with pytest.raises(InvalidCard) as caught:
        load_card(tmp_path)
    assert "\n" not in str(caught.value)


def test_missing_file_is_refused_without_telling_where_it_should_lie(tmp_path):
    with pytest.raises(InvalidCard) as caught:
        load_card(tmp_path / "gone")
    assert "gone/README.md" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_one_bad_card_hides_no_good_one(tmp_path):
    write(tmp_path / "z", changed(title="A first title"))
    write(tmp_path / "a", changed(title="B second title"))
    write(tmp_path / "bad", changed(task="guess"))
    cards, faults = load_cards(tmp_path)
    assert list(cards) == ["z", "a"]
    assert ["bad/README.md" in str(fault) for fault in faults] == [True]


def test_folder_without_models_is_empty(tmp_path):
    assert load_cards(tmp_path / "nothing") == ({}, [])


def test_lines_of_dashes_in_the_text_end_nothing():
    assert split_front_matter("---\na: 1\n---\nfirst\n---\nsecond\n") == ({"a": 1}, "first\n---\nsecond\n")


def several(**entries):
    return changed(**{"task": "multilabel", "labels": ["A", "B"], "threshold": None, **entries})


def test_thresholds_of_findings_are_read(tmp_path):
    card = load_card(write(tmp_path / "m", several(thresholds={"A": 0.2, "B": 0.7})))
    assert (card.threshold, card.thresholds) == (None, {"A": 0.2, "B": 0.7})


def test_card_of_findings_without_a_threshold_for_each_is_refused(tmp_path):
    with pytest.raises(InvalidCard, match="threshold for each label"):
        load_card(write(tmp_path / "m", several(thresholds={"A": 0.2})))


def test_threshold_of_a_finding_outside_0_to_1_is_refused(tmp_path):
    with pytest.raises(InvalidCard, match="outside 0 to 1"):
        load_card(write(tmp_path / "m", several(thresholds={"A": 0.2, "B": 1.7})))


def test_derived_question_is_read(tmp_path):
    derived = {"name": "Treat", "labels": ["B"]}
    card = load_card(write(tmp_path / "m", several(task="ordinal", thresholds={"Treat": 0.4}, derived=derived)))
    assert card.derived == {"name": "Treat", "labels": ("B",)}


@pytest.mark.parametrize("labels", [["C"], ["A", "B"], []])
def test_derived_question_of_other_labels_is_refused(tmp_path, labels):
    derived = {"name": "Treat", "labels": labels}
    with pytest.raises(InvalidCard, match="derived question"):
        load_card(write(tmp_path / "m", several(task="ordinal", thresholds={"Treat": 0.4}, derived=derived)))


@pytest.mark.parametrize(
    "index",
    [
        "text", 3, {"a": 1}, ["text"], [{"results": "text"}], [{"results": [3]}], [{"results": [{"metrics": "text"}]}],
        [{"results": [{"dataset": "text", "metrics": [3]}]}],
        [{"results": [{"metrics": [{"type": "roc_auc", "value": "high"}, {"type": ["roc_auc"], "value": 1}]}]}],
    ],
    ids=str,
)  # fmt: skip
def test_metrics_of_another_shape_are_left_out(tmp_path, index):
    card = load_card(write(tmp_path / "model", {**MATTER, "model-index": index}))
    assert card.metrics == []


def test_a_metric_of_another_shape_takes_none_of_the_others_with_it(tmp_path):
    matter = deepcopy(MATTER)
    matter["model-index"][0]["results"][0]["metrics"].append({"type": "sensitivity", "value": {"a": 1}})
    assert [metric["type"] for metric in load_card(write(tmp_path / "model", matter)).metrics] == ["roc_auc"]
