"""Every layout on the real sets."""

import os
import shutil
from pathlib import Path

import pytest

from core.datasets.dataset import UnusableDataset
from core.datasets.labels.mapping import label_map, suggest_map
from core.datasets.labels.truth import targets
from core.datasets.readers import open_dataset
from core.models.card import load_cards

pytestmark = pytest.mark.data


def labels(dataset):
    return set(dataset.labels)


def asked(dataset):
    return [question.option for question in dataset.questions]


def test_kermanys_tables_are_asked_and_either_opens(real):
    folder = real("chest_xray_kermany")
    assert asked(open_dataset(folder)) == ["table"]
    official = open_dataset(folder, {"table": "official_test_labels.csv"})
    assert (len(official.cases), labels(official), asked(official)) == (624, {"NORMAL", "PNEUMONIA"}, [])
    assert all(case.patient for case in official.cases)


def test_kermanys_labels_map_to_the_model(real):
    cards, _ = load_cards(Path(__file__).parents[3] / "models")
    dataset = open_dataset(real("chest_xray_kermany"), {"table": "labels.csv"})
    card = cards["pneumonia-chest-xray"]
    mapping = suggest_map(dataset.labels, card)
    assert mapping == {"NORMAL": "Normal", "PNEUMONIA": "Pneumonia"}
    places, truth = targets(dataset, mapping, card)
    assert len(places) == len(dataset.cases)
    assert 0.5 < truth.mean() < 0.8


@pytest.mark.parametrize(
    ("name", "options", "slug", "mapping"),
    [
        ("busi_breast_us", {}, "breast-ultrasound", "benign: Benign, malignant: Malignant, normal: No lesion"),
        ("iqothnccd_lung_ct", {}, "lung-cancer-ct", "benign: No cancer, malignant: Cancer, normal: No cancer"),
        (
            "brain_mri_4class", {}, "brain-tumour-mri",
            "glioma: Glioma, meningioma: Meningioma, notumor: No tumour, pituitary: Pituitary tumour",
        ),
        (
            "chest_xray_kermany", {"table": "labels.csv", "label": "subtype"}, "pneumonia-kind-xray",
            "bacteria: Bacterial pneumonia, normal: Normal, virus: Viral pneumonia",
        ),
        ("lgg_mri_flair", {"file": "flair"}, "glioma-flair-alone", "no_tumour: No tumour, tumour: Tumour"),
    ],
)  # fmt: skip
def test_a_models_own_set_leaves_no_label_open(name, options, slug, mapping, real):
    card = load_cards(Path(__file__).parents[3] / "models")[0][slug]
    found = label_map(open_dataset(real(name), options), card)
    assert ", ".join(f"{label}: {answer}" for label, answer in found.mapping.items()) == mapping
    assert found.open == ()


def test_adults_have_age_sex_and_patient_without_a_question(real):
    dataset = open_dataset(real("covid_cxr_age_sex"))
    assert asked(dataset) == []
    assert {"age", "sex"} <= set(dataset.cases[0].attributes)
    assert len({case.patient for case in dataset.cases}) < len(dataset.cases)


def test_fracatlas_asks_which_of_its_yes_and_no_columns_is_the_label(real):
    dataset = open_dataset(real("fracatlas"), {"table": "labels.csv"})
    assert asked(dataset) == ["label"]
    answered = open_dataset(dataset.location, {"table": "labels.csv", "label": "fractured"})
    assert answered.labels == ("not fractured", "fractured")
    assert {case.split for case in answered.cases} == {"train", "val", "test"}


def test_the_dental_set_has_several_findings_an_image(real):
    dataset = open_dataset(real("dental_opg"))
    assert (dataset.multilabel, len(dataset.labels), asked(dataset)) == (True, 6, [])


def test_idrids_missing_folder_and_endings_are_found_out(real):
    grades = open_dataset(real("idrid"), {"table": "grading_labels.csv", "label": "dr_grade"})
    assert all(case.name.startswith("grading/") for case in grades.cases)
    assert grades.labels == ("0", "1", "2", "3", "4")
    lesions = open_dataset(real("idrid") / "lesion_labels.csv", {"file": "image", "label": "MA | HE | EX | SE | OD"})
    assert lesions.cases[0].name == "lesions/IDRiD_01.jpg"
    assert lesions.multilabel


def test_pneumoniamnist_reads_as_images_with_its_labels(real):
    dataset = open_dataset(real("pneumoniamnist_28"))
    assert (len(dataset.cases), dataset.labels, asked(dataset)) == (624, ("normal", "pneumonia"), [])
    assert dataset.read(dataset.cases[5]).pixels.shape == (1, 28, 28)


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_class_folders_of_real_images_open_as_they_are_and_zipped(form, real, tmp_path):
    images = real("brain_mri_4class") / "images"
    for split in ("train", "test"):
        for kind in ("glioma", "notumor"):
            target = tmp_path / "set" / split / kind
            target.mkdir(parents=True)
            for path in sorted((images / split / kind).iterdir())[:5]:
                os.symlink(path, target / path.name) if form == "zip" else shutil.copy(path, target / path.name)
    place = tmp_path / "set"
    if form == "zip":
        place = shutil.make_archive(str(tmp_path / "packed"), "zip", place)
    dataset = open_dataset(tmp_path / "packed.zip" if form == "zip" else place)
    assert (len(dataset.cases), labels(dataset)) == (20, {"glioma", "notumor"})
    assert all(dataset.read(case).rows == 224 for case in dataset.cases)


def test_series_of_dicom_are_joined_by_folder_and_by_header(real, tmp_path):
    shutil.copytree(real("dicom_series") / "sunnybrook-localizers", tmp_path / "set")
    for key, values in {"folder": ["SCD0000101", "SCD0003801"], "PatientID": ["SCD0000101", "SCD0003801"]}.items():
        rows = [f"{value},{label}" for value, label in zip(values, ("failing", "normal"), strict=True)]
        (tmp_path / "set" / "labels.csv").write_text("\n".join([f"{key},label", *rows]))
        dataset = open_dataset(tmp_path / "set")
        assert [case.labels for case in dataset.cases] == [("failing",), ("normal",)]
        # Localisers look from several sides; each side is a stack, and a case is the largest of them.
        assert all(dataset.read(case).modality == "MR" for case in dataset.cases)


@pytest.mark.parametrize("name", ["acdc_cine", "dicom_series"])
def test_places_in_another_order_give_one_sentence(name, real):
    with pytest.raises(UnusableDataset):
        open_dataset(real(name))
