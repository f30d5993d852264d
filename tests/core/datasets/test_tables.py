import pytest

from core.datasets.dataset import UnusableDataset
from core.datasets.readers import open_dataset

IMAGES = {f"images/{name}.png": number for number, name in enumerate("abcdef")}


def table(heading, *rows, sign=","):
    return "\n".join([heading, *rows]).replace(",", sign) + "\n"


def rows_of(*cells):
    return [f"{name}.png,{rest}" for name, rest in zip("abcdef", cells, strict=True)]


LABELS = rows_of("ill", "ill", "ill", "well", "well", "well")


def test_columns_are_recognised_by_name_and_content(lay):
    rows = rows_of(*[f"{label},train,p{n},5{n},F,north,X" for n, label in enumerate(("ill", "well") * 3)])
    dataset = open_dataset(lay(IMAGES | {"t.csv": table("file,label,split,patient,age,sex,site,device", *rows)}))
    case = dataset.cases[0]
    assert (case.labels, case.split, case.patient) == (("ill",), "train", "p0")
    assert case.attributes == {"age": "50", "sex": "F", "site": "north", "device": "X"}
    assert dataset.questions == ()


@pytest.mark.parametrize(
    "data",
    [
        table("file,label,ärztin", *rows_of(*["krank,müller"] * 6), sign=";").encode("latin-1"),
        b"\xef\xbb\xbf" + table("file,label,x", *rows_of(*["krank,müller"] * 6)).encode(),
        table("file,label,x", *rows_of(*["krank,müller"] * 6), sign="\t").encode("utf-16"),
    ],
    ids=["latin-1 with semicolons", "with a byte order mark", "UTF-16 with tabs"],
)
def test_tables_in_other_encodings_are_read(data, lay):
    dataset = open_dataset(lay(IMAGES | {"t.csv": data}))
    assert len(dataset.cases) == 6
    assert dataset.labels == ("krank",)


@pytest.mark.parametrize(
    "form",
    ["{}.png", "./images/{}.png", "images\\{}.png", "{}", "{}.jpg", "/home/x/set/images/{}.png", "C:\\x\\{}.png"],
)
def test_files_are_found_however_the_table_names_them(form, lay):
    rows = [f"{form.format(name)},{label}" for name, label in zip("abcdef", ("ill", "well") * 3, strict=True)]
    dataset = open_dataset(lay(IMAGES | {"t.csv": table("file,label", *rows)}))
    assert [case.name for case in dataset.cases] == sorted(IMAGES)


def test_a_table_in_a_sub_folder_names_files_beside_it(lay):
    dataset = open_dataset(lay({f"part/{name}": seed for name, seed in IMAGES.items()} | {
        "part/t.csv": table("file,label", *[f"images/{row}" for row in LABELS])
    }))  # fmt: skip
    assert dataset.cases[0].name == "part/images/a.png"


def test_files_of_one_name_in_two_folders_are_asked(lay):
    other = {f"masks/{name}.png": 9 for name in "abcdef"}
    folder = lay(IMAGES | other | {"t.csv": table("file,label", *LABELS)})
    dataset = open_dataset(folder)
    assert [(question.option, question.choices) for question in dataset.questions] == [
        ("folder", ("images/", "masks/"))
    ]
    answered = open_dataset(folder, {"folder": "masks/"})
    assert answered.questions == ()
    assert answered.cases[0].name == "masks/a.png"


def test_missing_files_are_counted_and_named_and_the_rest_goes_on(lay):
    rows = [*LABELS, *[f"gone{n}.png,ill" for n in range(5)]]
    dataset = open_dataset(lay(IMAGES | {"t.csv": table("file,label", *rows)}))
    assert len(dataset.cases) == 6
    assert "5 rows name files that are not there: gone0.png, gone1.png, gone2.png and 2 more" in dataset.warnings[0]


def test_paths_out_of_the_folder_are_never_opened(lay, tmp_path, png):
    (tmp_path / "secret.png").write_bytes(png(1))
    rows = [*LABELS, "../secret.png,ill", f"{tmp_path}/secret.png,ill"]
    dataset = open_dataset(lay(IMAGES | {"t.csv": table("file,label", *rows)}))
    assert len(dataset.cases) == 6
    assert any("2 rows name places outside the dataset's folder" in sentence for sentence in dataset.warnings)


def test_two_columns_that_both_look_like_the_patient_are_asked(lay):
    rows = rows_of("ill,1,9", "well,1,8", "ill,2,9", "well,2,8", "ill,3,9", "well,3,7")
    folder = lay(IMAGES | {"t.csv": table("file,label,patient,subject_id", *rows)})
    dataset = open_dataset(folder)
    assert [(q.option, q.choices) for q in dataset.questions] == [("patient", ("patient", "subject_id", ""))]
    assert open_dataset(folder, {"patient": "subject_id"}).cases[0].patient == "9"


def test_two_patient_columns_that_say_the_same_are_not_asked(lay):
    rows = rows_of("ill,1,a", "well,1,a", "ill,2,b", "well,2,b", "ill,3,c", "well,3,c")
    assert not open_dataset(lay(IMAGES | {"t.csv": table("file,label,patient,subject_id", *rows)})).questions


def test_a_yes_or_no_about_the_patient_is_not_the_patient(lay):
    rows = rows_of("ill,0", "well,1", "ill,0", "well,1", "ill,0", "well,1")
    assert open_dataset(lay(IMAGES | {"t.csv": table("file,label,patient_in_train", *rows)})).cases[0].patient == ""


def test_several_label_like_columns_are_asked(lay):
    rows = rows_of("0,a", "1,b", "2,a", "0,b", "1,a", "2,b")
    folder = lay(IMAGES | {"t.csv": table("file,grade,kind", *rows)})
    assert [(q.option, q.choices) for q in open_dataset(folder).questions] == [("label", ("grade", "kind"))]
    assert open_dataset(folder, {"label": "kind"}).labels == ("a", "b")


def test_columns_of_zeros_and_ones_are_findings(lay):
    rows = rows_of("0,1", "1,1", "0,0", "0,1", "1,0", "0,0")
    dataset = open_dataset(lay(IMAGES | {"t.csv": table("file,caries,infection", *rows)}))
    assert dataset.multilabel
    assert [case.labels for case in dataset.cases][:3] == [("infection",), ("caries", "infection"), ()]


def test_findings_in_one_cell_are_parted(lay):
    rows = rows_of("Mass|Edema", "No Finding", "Mass", "Edema", "Edema|Mass", "Mass")
    dataset = open_dataset(
        lay(IMAGES | {"t.csv": table("Image Index,Finding Labels", *rows)}), {"label": "Finding Labels"}
    )
    assert (dataset.multilabel, dataset.labels) == (True, ("Edema", "Mass"))
    assert dataset.cases[1].labels == ()


def test_zeros_and_ones_under_label_are_asked_and_under_a_finding_are_not(lay):
    rows = rows_of("0", "1.0", "0", "1", "0", "1")
    folder = lay(IMAGES | {"t.csv": table("file,label", *rows)})
    assert [question.option for question in open_dataset(folder).questions] == ["positive"]
    assert open_dataset(folder, {"positive": "0"}).cases[0].labels == ("positive",)
    named = open_dataset(lay(IMAGES | {"t.csv": table("file,fractured", *rows)}, "other"))
    assert (named.labels, named.questions) == (("not fractured", "fractured"), ())


def test_equal_rows_count_once_and_contradicting_ones_not_at_all(lay):
    rows = [*LABELS, LABELS[0], "b.png,well"]
    dataset = open_dataset(lay(IMAGES | {"t.csv": table("file,label", *rows)}))
    assert [case.name for case in dataset.cases] == [f"images/{name}.png" for name in "acdef"]
    assert any("1 cases stand in the table more than once" in sentence for sentence in dataset.warnings)
    assert any("different labels and are left out: images/b.png" in sentence for sentence in dataset.warnings)


def test_several_tables_are_asked_unless_they_are_splits(lay):
    parts = {"train.csv": table("file,label", *LABELS[:4]), "test.csv": table("file,label", *LABELS[4:])}
    assert [case.split for case in open_dataset(lay(IMAGES | parts)).cases] == ["train"] * 4 + ["test"] * 2
    others = {"one.csv": parts["train.csv"], "two.csv": parts["test.csv"]}
    folder = lay(IMAGES | others, "other")
    assert [question.option for question in open_dataset(folder).questions] == ["table"]
    assert len(open_dataset(folder / "two.csv").cases) == 2


def test_an_answer_that_does_not_fit_gives_one_sentence(lay):
    folder = lay(IMAGES | {"t.csv": table("file,label", *LABELS)})
    with pytest.raises(UnusableDataset, match="nobody"):
        open_dataset(folder, {"patient": "nobody"})
    with pytest.raises(UnusableDataset, match="nothing"):
        open_dataset(folder, {"label": "nothing"})


def test_columns_that_could_name_a_person_are_no_attributes(lay):
    rows = rows_of(*["ill,Ann,F"] * 3, *["well,Bob,M"] * 3)
    text = table("file,label,patient_name,sex", *rows)
    assert set(open_dataset(lay(IMAGES | {"t.csv": text})).cases[0].attributes) == {"sex"}


def test_labels_that_are_called_like_files_are_labels(lay):
    rows = [f"{n}.png,{n % 2}" for n in range(6)]
    dataset = open_dataset(lay({f"{n}.png": n for n in range(6)} | {"t.csv": table("file,sick", *rows)}))
    assert [case.labels[0] for case in dataset.cases] == ["not sick", "sick"] * 3


def test_a_table_without_a_label_says_so(lay):
    rows = [f"{name}.png,{n}{n}.5" for n, name in enumerate("abcdef")]
    with pytest.raises(UnusableDataset, match=r"No column of .* could be the label"):
        open_dataset(lay(IMAGES | {"t.csv": table("file,width", *rows)}))


@pytest.mark.parametrize("key", ["file", "SOPInstanceUID", "SeriesInstanceUID", "PatientID"])
def test_dicom_is_joined_by_name_or_by_what_its_headers_say(key, lay, dicom):
    files = {
        f"x/{s}{n}": dicom(10 * n, f"P{s}", f"1.2.3.{s}", f"1.2.3.{s}.{n}", float(n)) for s in (1, 2) for n in (1, 2, 3)
    }
    values = {
        "file": ["x/11", "x/21"], "SOPInstanceUID": ["1.2.3.1.1", "1.2.3.2.1"],
        "SeriesInstanceUID": ["1.2.3.1", "1.2.3.2"], "PatientID": ["P1", "P2"],
    }[key]  # fmt: skip
    rows = [f"{value},{label}" for value, label in zip(values, ("ill", "well"), strict=True)]
    dataset = open_dataset(lay(files | {"t.csv": table(f"{key},label", *rows)}))
    scan = dataset.read(dataset.cases[0])
    assert [case.labels for case in dataset.cases] == [("ill",), ("well",)]
    assert scan.frames == (1 if key in {"file", "SOPInstanceUID"} else 3)
    assert scan.units == "HU"
    if key == "SeriesInstanceUID":
        assert dataset.cases[0].patient.startswith("p")
        assert "P1" not in dataset.cases[0].patient
