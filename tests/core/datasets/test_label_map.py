import pytest

from core.datasets.label_map import UnknownLabel, suggest_map
from core.datasets.label_truth import left_out, targets

PNEUMONIA = ("binary", "Normal", "Pneumonia")
FRACTURE = ("binary", "No fracture", "Fracture")
GRADES = ("ordinal", "None", "Mild", "Severe")
TUMOURS = ("multiclass", "Glioma", "Meningioma", "No tumour")


@pytest.mark.parametrize(
    ("model", "label", "wanted"),
    [
        (PNEUMONIA, "PNEUMONIA", "Pneumonia"),
        (PNEUMONIA, "bacterial_pneumonia", "Pneumonia"),
        (PNEUMONIA, "Healthy", "Normal"),
        (PNEUMONIA, "No Finding", "Normal"),
        (PNEUMONIA, "no pneumonia", "Normal"),
        (PNEUMONIA, "bacteria", ""),
        (PNEUMONIA, "COVID-19", ""),
        (PNEUMONIA, "possible pneumonia", ""),
        (PNEUMONIA, "not normal", ""),
        (PNEUMONIA, "normal, pneumonia", ""),
        (FRACTURE, "Fractured", "Fracture"),
        (FRACTURE, "Non_fractured", "No fracture"),
        (FRACTURE, "normal", "No fracture"),
        (FRACTURE, "no dislocation", ""),
        (TUMOURS, "glioma_tumor", "Glioma"),
        (TUMOURS, "notumor", "No tumour"),
        (TUMOURS, "pituitary", ""),
    ],
)
def test_labels_that_say_the_same_are_suggested_and_others_left_out(model, label, wanted, card):
    assert suggest_map([label, "something else"], card(*model)) == {label: wanted, "something else": ""}


def test_yes_and_no_are_taken_only_as_a_pair(card):
    assert suggest_map(["0", "1"], card(*PNEUMONIA)) == {"0": "Normal", "1": "Pneumonia"}
    assert suggest_map(["negative", "positive"], card(*FRACTURE)) == {"negative": "No fracture", "positive": "Fracture"}
    assert set(suggest_map(["0", "1", "2"], card(*PNEUMONIA)).values()) == {""}


def test_grades_follow_the_order_where_there_are_as_many(card):
    assert suggest_map(["0", "1", "2"], card(*GRADES)) == {"0": "None", "1": "Mild", "2": "Severe"}
    assert set(suggest_map(["0", "1"], card(*GRADES)).values()) == {""}
    assert set(suggest_map(["0", "1", "2"], card(*TUMOURS)).values()) == {""}


def test_a_label_that_holds_two_of_the_models_is_left_to_people(card):
    assert suggest_map(["benign or malignant"], card("multiclass", "Benign", "Malignant"))["benign or malignant"] == ""
    assert suggest_map(["benign malignant"], card("multiclass", "Benign", "Malignant"))["benign malignant"] == ""


def test_several_labels_may_mean_one(card, dataset_of, png):
    dataset = dataset_of([(label, png(0), {}) for label in ("bacteria", "normal", "virus", "odd")])
    mapping = {"bacteria": "Pneumonia", "virus": "Pneumonia", "normal": "Normal", "odd": ""}
    places, truth = targets(dataset, mapping, card(*PNEUMONIA))
    assert places.tolist() == [0, 1, 2]
    assert truth.tolist() == [1, 0, 1]
    assert "1 of 4 cases are left out" in left_out(dataset, mapping, card(*PNEUMONIA))
    assert "odd (1)" in left_out(dataset, mapping, card(*PNEUMONIA))


def test_a_finding_that_is_not_marked_is_absent(card, dataset_of, png):
    dataset = dataset_of([(labels, png(0), {}) for labels in (("a", "b"), (), ("b",))], multilabel=True)
    mapping = {"a": "Pneumonia", "b": ""}
    assert targets(dataset, mapping, card(*PNEUMONIA))[1].tolist() == [1, 0, 0]
    both = card("multilabel", "A", "B")
    assert targets(dataset, {"a": "A", "b": "B"}, both)[1].tolist() == [[1, 1], [0, 0], [0, 1]]


def test_findings_that_contradict_each_other_give_no_class(card, dataset_of, png):
    dataset = dataset_of([(labels, png(0), {}) for labels in (("a", "b"), ("a",), ("a", "c"))], multilabel=True)
    places, truth = targets(dataset, {"a": "X", "b": "Y", "c": "X"}, card("multiclass", "X", "Y"))
    assert places.tolist() == [1, 2]
    assert truth.tolist() == [0, 0]


def test_places_are_those_of_the_cases_asked_for(card, dataset_of, png):
    dataset = dataset_of([(label, png(0), {}) for label in ("x", "normal", "pneumonia")])
    mapping = suggest_map(dataset.labels, card(*PNEUMONIA))
    places, truth = targets(dataset, mapping, card(*PNEUMONIA), dataset.cases[1:])
    assert (places.tolist(), truth.tolist()) == ([0, 1], [0, 1])


@pytest.mark.parametrize(
    ("model", "mapping", "words"),
    [
        (PNEUMONIA, {"a": "Fracture"}, "'Fracture' for 'a'"),
        (PNEUMONIA, {"a": ""}, "received none among a, b"),
        (("multilabel", "A", "B"), {"a": "A"}, "none for B"),
        (PNEUMONIA, {"a": "Normal"}, "a finding that means 'Pneumonia'"),
    ],
)
def test_a_map_that_does_not_fit_the_model_gives_one_sentence(model, mapping, words, card, dataset_of, png):
    dataset = dataset_of([(("a",), png(0), {}), (("b",), png(0), {})], multilabel=True)
    with pytest.raises(UnknownLabel, match=words):
        targets(dataset, mapping, card(*model))
