"""Labels that nobody knows, and columns of yes and no, as tables write them."""

from collections import Counter

import numpy as np
import pytest

from core.datasets.dataset import UnusableDataset
from core.datasets.digest import with_digest
from core.datasets.labels.missing import is_missing
from core.datasets.readers import open_dataset


@pytest.fixture
def opened(lay):
    """A dataset of one image a row; a row is the cells behind the name of its file."""

    def make(heading, *rows, folder="set", **options):
        files = {f"p{number}.png": number for number in range(len(rows))}
        lines = [f"file;{heading}", *[f"p{number}.png;{row}" for number, row in enumerate(rows)]]
        return open_dataset(lay(files | {"t.csv": "\n".join(lines)}, folder), options)

    return make


def counted(dataset):
    return Counter(", ".join(case.labels) for case in dataset.cases)


def asked(dataset):
    return [question.option for question in dataset.questions]


@pytest.mark.parametrize(
    "gap", ["NA", "nan", "NaN", "null", "", "n/a", "N.A.", "unknown", "?", "missing", "<NA>", "#N/A"]
)
def test_what_says_that_nothing_is_known_is_no_label(gap, opened):
    dataset = opened("label", "ill", "well", gap, "ill", "well", gap)
    assert (dataset.labels, dataset.questions) == (("ill", "well"), ())
    assert counted(dataset) == {"ill": 2, "well": 2, "": 2}
    assert "2 cases have no label and count in no metric." in dataset.warnings
    assert not gap or any(
        f"{gap!r} in the column 'label' counts as not known, 2 times" in s for s in dataset.understood
    )


@pytest.mark.parametrize("gap", ["NA", "nan", "None", "-", "", "?", "-1"])
def test_gaps_between_zeros_and_ones_are_neither(gap, opened):
    dataset = opened("fractured", "1", "0", gap, "1.0", "0.0", "1")
    assert counted(dataset) == {"fractured": 3, "not fractured": 2, "": 1}
    assert asked(dataset) == []


@pytest.mark.parametrize("code", ["None", "-", "-9", "99", "999"])
def test_a_code_that_may_be_a_label_is_asked(code, opened):
    rows = ["2", "1", code, "1", "2", "3"] if code[-1] == "9" else ["ill", "well", code, "ill", "well", "ill"]
    assert [q.guess for q in opened("label", *rows).questions] == ["not known"]
    assert code not in opened("label", *rows, gap="not known").labels
    assert code in opened("label", *rows, gap="a label").labels


def test_an_ordinary_number_is_no_code(opened):
    dataset = opened("grade", *[str(n % 5 + 5) for n in range(10)], label="grade")
    assert (dataset.labels, asked(dataset)) == (("5", "6", "7", "8", "9"), [])


def test_a_minus_beside_a_plus_is_a_sign(opened):
    dataset = opened("label", "+", "-", "−", "+", "-", "+")
    assert counted(dataset) == {"positive": 3, "negative": 3}


@pytest.mark.parametrize("values", [("-1", "1"), ("T", "N"), ("1", "2")])
def test_two_values_that_are_no_yes_and_no_stay_labels(values, opened):
    assert set(opened("label", *values * 3).labels) == set(values)


@pytest.mark.parametrize(
    ("no", "yes"), [("FALSE", "TRUE"), ("no", "yes"), ("negative", "positive"), ("neg", "pos"), ("absent", "present")]
)
def test_words_for_yes_and_no_say_which_is_which(no, yes, opened):
    dataset = opened("label", no, yes, no, yes, yes, "")
    assert counted(dataset) == {"positive": 3, "negative": 2, "": 1}
    assert asked(dataset) == []
    findings = opened("edema;mass", *[f"{yes};{no}", f"{no};{no}", f"{yes};{yes}"] * 2, folder="other")
    assert (findings.multilabel, findings.labels, asked(findings)) == (True, ("edema", "mass"), [])
    assert counted(findings) == {"edema": 2, "": 2, "edema, mass": 2}


def test_findings_of_three_states_keep_what_nobody_knows(opened):
    rows = ["1.0;0.0", "-1.0;1.0", ";0.0", "0.0;", "0.0;1.0", "1.0;-1.0"]
    dataset = opened("Edema;Effusion", *rows)
    assert [(case.labels, case.unknown) for case in dataset.cases] == [
        (("Edema",), ()), (("Effusion",), ("Edema",)), ((), ("Edema",)), ((), ("Effusion",)), (("Effusion",), ()),
        (("Edema",), ("Effusion",)),
    ]  # fmt: skip
    assert asked(dataset) == [], "not known unless told otherwise"
    assert any("4 findings of 4 cases are not known" in sentence for sentence in dataset.warnings)
    told = opened("Edema;Effusion", *rows, blank="absent", unsure="present")
    assert [case.labels for case in told.cases][1:3] == [("Edema", "Effusion"), ()]
    assert not any(case.unknown for case in told.cases)
    assert with_digest(told).digest != with_digest(dataset).digest


def test_a_finding_that_is_seldom_filled_in_is_one_nevertheless(opened):
    dataset = opened("Edema;Mass;Hernia", *["1;0;", "0;1;"] * 4, "0;0;1", "0;0;0")
    assert dataset.labels == ("Edema", "Mass", "Hernia")
    assert sum("Hernia" in case.unknown for case in dataset.cases) == 8


def test_gaps_between_crosses_are_asked(opened):
    rows = ["x;", ";x", "x;x", ";", "X;", ";"]
    assert asked(opened("caries;infection", *rows)) == ["blank"]
    told = opened("caries;infection", *rows, blank="absent")
    assert [len(case.labels) for case in told.cases] == [1, 1, 2, 0, 1, 0]


@pytest.mark.parametrize(
    ("cells", "certain"),
    [
        (("Edema, Mass", "No Finding", "Edema", "Mass", "Mass, Edema"), True),
        (("Edema, Mass", "No Finding", "Edema", "Edema", "Edema, Mass"), False),
        (("Edema/Mass", "No Finding", "Edema", "Mass", "Edema"), False),
        (("Edema and Mass", "No Finding", "Edema", "Mass", "Edema"), False),
        (("['Edema', 'Mass']", "[]", "['Edema']", "['Mass']", "['Edema']"), True),
        (('["Edema","Mass"]', "[]", '["Edema"]', '["Mass"]', '["Edema"]'), True),
        (("Edema | Mass", "none", "Edema", "Mass", "Edema"), True),
    ],
)
def test_several_findings_in_a_cell_are_parted_and_asked_where_it_may_be_one(cells, certain, opened):
    dataset = opened("findings", *(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in cells))
    assert (dataset.multilabel, dataset.labels) == (True, ("Edema", "Mass"))
    assert (dataset.cases[0].labels, dataset.cases[1].labels) == (("Edema", "Mass"), ())
    assert asked(dataset) == ([] if certain else ["parted"])


def test_a_comma_inside_a_name_parts_nothing(opened):
    dataset = opened("label", *['"duct, connecting"', '"limb, thick"', "podocyte"] * 2)
    assert (dataset.multilabel, len(dataset.labels), asked(dataset)) == (False, 3, [])


def test_an_empty_cell_of_findings_is_not_a_no(opened):
    assert opened("findings", "a|b", "none", "", "a", "b", "b").cases[2].unknown == ("a", "b")
    assert asked(opened("findings", "a|b", "a", "", "a", "b", "b", folder="silent")) == ["blank"]


def test_probabilities_are_refused_as_labels_and_ratings_are_not(opened):
    with pytest.raises(UnusableDataset, match=r"probabilities such as 0\.0"):
        opened("label", *[str(fraction) for fraction in np.linspace(0, 1, 12).round(3)])
    assert opened("cdr", *["0", "0.5", "1", "2"] * 3, label="cdr", folder="b").labels == ("0", "0.5", "1", "2")


def test_text_that_says_something_is_not_missing():
    assert not any(is_missing(text) for text in ("none", "0", "no", "-", "normal", "Na+", "n"))
