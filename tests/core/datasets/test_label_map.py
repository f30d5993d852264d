import pytest

from core.datasets.labels.mapping import (
    UnknownLabel,
    label_map,
    open_labels,
    suggest_map,
)
from core.datasets.labels.truth import left_out, targets

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
        (PNEUMONIA, "normal pictures", "Normal"),
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


ABSENT = (
    "pneumonia-", "-pneumonia", "Pneumonia (-)", "Pneumonia [−]", "pneumonia –", "pneumonia_neg", "pneumonia -ve",
    "negative for pneumonia", "NoPneumonia", "NotPneumonia", "notpneumonia", "non-pneumonia", "pneumonia_free",
    "pneumoniaFree", "w/o pneumonia", "without pneumonia", "pneumonia absent", "pneumonia: no", "denies pneumonia",
    "pneumonia ruled out", "pneumonia excluded", "no evidence of pneumonia", "no pneumonia detected", "pneumonia ✗",
    "pneumonia not seen", "keine Pneumonia", "ohne Pneumonia", "sans pneumonia", "sin pneumonia", "Pneumonia nicht",
)  # fmt: skip
OPEN = (
    "-1", "r/o pneumonia", "rule out pneumonia", "all except pneumonia", "other than pneumonia", "pneumonia unlikely",
    "pneumonia?", "pneumonia ±", "pneumonia +/-", "post-pneumonia", "history of pneumonia", "h/o pneumonia",
    "hx pneumonia", "suspected pneumonia", "equivocal pneumonia", "uncertain pneumonia", "pneumonia not excluded",
    "cannot exclude pneumonia", "no finding, pneumonia", "pneumonia/normal", "pneumonia_0", "pneumonia=0",
    "0 pneumonia", "pneumonia_false", "pneumonia N", "Pneumonia なし", "без pneumonia", "pneumonia risk",
    "resolved pneumonia",
    "pseudo-pneumonia", "!pneumonia", "[ ] pneumonia", "no no pneumonia", "positive negative pneumonia", "NA",
    "unknown",
)  # fmt: skip
PRESENT = (
    "pneumonia+", "+pneumonia", "Pneumonia (+)", "pneumonia_pos", "PneumoniaPositive", "positive for pneumonia",
    "pneumonia +ve", "pneumonia: yes", "confirmed pneumonia", "pneumonia ✓", "Pneumonia, bacterial", "lobar pneumonia",
    "chest_xray_pneumonia", "severe pneumonia of the left lung",
)  # fmt: skip


@pytest.mark.parametrize("other", [(), ("Pneumonia",), ("pneumonia+", "normal")], ids=["alone", "beside it", "signed"])
def test_a_negated_label_is_never_positive(other, card):
    assert {label: suggest_map([label, *other], card(*PNEUMONIA))[label] for label in ABSENT} == dict.fromkeys(
        ABSENT, "Normal"
    )


@pytest.mark.parametrize("other", [(), ("Pneumonia",), ("pneumonia-", "normal")], ids=["alone", "beside it", "signed"])
def test_a_label_that_is_not_understood_to_the_last_word_stays_open(other, card):
    assert {label: suggest_map([label, *other], card(*PNEUMONIA))[label] for label in OPEN} == dict.fromkeys(OPEN, "")


def test_a_label_that_says_so_is_positive(card):
    assert {label: suggest_map([label], card(*PNEUMONIA))[label] for label in PRESENT} == dict.fromkeys(
        PRESENT, "Pneumonia"
    )


@pytest.mark.parametrize(
    ("negative", "positive"),
    [
        ("0", "1"), ("0.0", "1.0"), ("0,0", "1,0"), ("False", "True"), ("no", "yes"), ("n", "y"), ("f", "t"),
        ("-", "+"), ("−", "+"), ("neg", "pos"), ("(-)", "(+)"), ("-ve", "+ve"), ("Absent", "Present"),
        ("not detected", "detected"), ("nein", "ja"), ("0_normal", "1_pneumonia"), ("fracture-", "fracture+"),
    ],
)  # fmt: skip
def test_labels_that_differ_in_their_sign_only_never_collapse(negative, positive, card):
    kind = FRACTURE if "fracture" in negative else PNEUMONIA
    for labels in ([negative, positive], [positive, negative]):
        assert suggest_map(labels, card(*kind)) == {negative: kind[1], positive: kind[2]}


@pytest.mark.parametrize(
    "labels", [("-1", "1"), ("1", "2"), ("T", "N"), ("pneumonia_0", "pneumonia_1"), ("0 pneumonia", "1 pneumonia")]
)
def test_a_pair_that_may_be_either_way_round_stays_open(labels, card):
    assert set(suggest_map(labels, card(*PNEUMONIA)).values()) == {""}


def test_doubts_and_gaps_beside_yes_and_no_are_left_out(card):
    for labels in (["-1", "0", "1"], ["yes", "no", "maybe"], ["1", "0", "NA"], ["pos", "neg", "equivocal"]):
        assert sorted(suggest_map(labels, card(*PNEUMONIA)).values()) == ["", "Normal", "Pneumonia"]


def test_what_is_benign_is_no_cancer_and_may_be_a_tumour(card):
    cancer = card("binary", "No cancer", "Cancer")
    labels = [
        "normal",
        "benign",
        "benign nodule",
        "malignant",
        "adenocarcinoma",
        "precancerous",
        "non-small cell cancer",
    ]
    assert list(suggest_map(labels, cancer).values()) == [*["No cancer"] * 3, "Cancer", "Cancer", "", ""]
    assert suggest_map(["benign tumor"], card("binary", "No tumour", "Tumour"))["benign tumor"] == ""


def test_normal_is_the_models_one_label_for_nothing(card):
    lesions = card("multiclass", "No lesion", "Benign", "Malignant")
    assert suggest_map(["normal", "benign", "malignant"], lesions)["normal"] == "No lesion"
    assert suggest_map(["No Finding"], lesions)["No Finding"] == "No lesion"
    assert suggest_map(["normal"], card("ordinal", "No retinopathy", "Mild"))["normal"] == "No retinopathy"
    assert suggest_map(["normal"], card("multiclass", "No mass", "No cyst", "Both"))["normal"] == ""


def test_a_short_name_is_taken_where_nothing_else_is_left(card):
    model = card("multiclass", "Glioma", "Pituitary tumour", "No tumour")
    assert suggest_map(["glioma", "pituitary", "notumor"], model)["pituitary"] == "Pituitary tumour"
    assert suggest_map(["glioma", "pituitary", "healthy", "other"], model)["pituitary"] == ""


def test_open_labels_are_told_until_somebody_says_what_they_mean(card, dataset_of, png):
    model = card(*PNEUMONIA)
    dataset = dataset_of([(label, png(0), {}) for label in ("normal", "pneumonia", "r/o pneumonia", "COVID-19", "NA")])
    found = label_map(dataset, model)
    assert found.open == ("COVID-19", "r/o pneumonia"), "what is not known need not be said"
    sentence = str(open_labels(found, model))
    assert "what 'COVID-19', 'r/o pneumonia' mean" in sentence
    assert '--map "COVID-19=Normal"' in sentence
    assert label_map(dataset, model, before={"COVID-19": ""}).open == ("r/o pneumonia",)
    assert label_map(dataset, model, before={"COVID-19": "Gone"}).open == found.open, "the model lacks that answer"
    said = label_map(dataset, model, before={"COVID-19": "Pneumonia"}, said={"COVID-19": "Normal", "*": ""})
    assert (said.mapping["COVID-19"], said.mapping["r/o pneumonia"], said.open) == ("Normal", "", ())
    with pytest.raises(UnknownLabel, match="correct --map"):
        label_map(dataset, model, said={"flu": ""})
    with pytest.raises(UnknownLabel, match="'Flu' for 'NA'"):
        label_map(dataset, model, said={"NA": "Flu"})


def test_another_finding_need_not_be_said_and_a_doubt_about_the_models_own_must(card, dataset_of, png):
    rows = [("Pneumonia", "Hernia"), ("possible pneumonia",), ("Hernia",), ()]
    dataset = dataset_of([(labels, png(0), {}) for labels in rows], multilabel=True)
    found = label_map(dataset, card(*PNEUMONIA), said={})
    assert (found.mapping["Hernia"], found.open) == ("", ("possible pneumonia",))
    places, truth = targets(dataset, found.mapping, card(*PNEUMONIA))
    assert (places.tolist(), truth.tolist()) == ([0, 2, 3], [1, 0, 0]), "possible is neither yes nor no"


def test_a_finding_of_the_model_without_a_counterpart_is_asked_for(card, dataset_of, png):
    model = card("multilabel", "Caries", "Broken root")
    dataset = dataset_of([(("caries", "bdr"), png(0), {}), (("healthy",), png(1), {})], multilabel=True)
    assert label_map(dataset, model).open == ("bdr", "healthy")
    assert label_map(dataset, model, said={"bdr": "Broken root"}).open == ("healthy",), "normal may be meant by it"
    assert label_map(dataset, card("multilabel", "Caries", "Infection"), said={"bdr": "Infection", "*": ""}).open == ()


def test_a_case_whose_finding_is_not_known_counts_only_where_it_does_not_decide(card, dataset_of, png):
    rows = [(("a",), ("b",)), ((), ("a",)), ((), ("b",)), (("b",), ("a",)), ((), ())]
    dataset = dataset_of([(labels, png(0), {"unknown": unknown}) for labels, unknown in rows], multilabel=True)
    places, truth = targets(dataset, {"a": "Pneumonia", "b": ""}, card(*PNEUMONIA))
    assert (places.tolist(), truth.tolist()) == ([0, 2, 4], [1, 0, 0])
    assert "finding not known (2)" in left_out(dataset, {"a": "Pneumonia", "b": ""}, card(*PNEUMONIA))
    both = targets(dataset, {"a": "A", "b": "B"}, card("multilabel", "A", "B"))
    assert (both[0].tolist(), both[1].tolist()) == ([4], [[0, 0]])
    assert targets(dataset, {"a": "X", "b": "Y"}, card("multiclass", "X", "Y"))[0].tolist() == []
    normal = targets(dataset, {"a": "Pneumonia", "b": "Normal"}, card(*PNEUMONIA))
    assert (normal[0].tolist(), normal[1].tolist()) == ([0, 2, 3, 4], [1, 0, 0, 0]), "b says that there is none"


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
        (PNEUMONIA, {"a": ""}, "knows none of the labels a, b"),
        (("multilabel", "A", "B"), {"a": "A"}, "stands for B"),
        (PNEUMONIA, {"a": "Normal"}, "no finding that means 'Pneumonia'"),
    ],
)
def test_a_map_that_does_not_fit_the_model_gives_one_sentence(model, mapping, words, card, dataset_of, png):
    dataset = dataset_of([(("a",), png(0), {}), (("b",), png(0), {})], multilabel=True)
    with pytest.raises(UnknownLabel, match=words):
        targets(dataset, mapping, card(*model))
