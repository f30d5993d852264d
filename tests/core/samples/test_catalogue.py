"""The catalogue that ships, and what is refused of another one."""

import logging

import pytest

from core.models.card import load_cards
from core.samples.catalogue import (
    CASES,
    FILE,
    USE_CASES,
    InvalidCatalogue,
    case_by_key,
    cases_for,
    chosen_catalogue,
    read_catalogue,
)
from tests.sample_host import write_catalogue
from ui.cache import MODELS


def test_the_catalogue_serves_twenty_six_models_with_their_own_labels():
    cards, _ = load_cards(MODELS)
    named = {slug for case in CASES for slug in case.truths}
    assert len(named) == 26
    assert sum(len(case.truths) for case in CASES) == 109
    for case in CASES:
        for slug, truth in case.truths.items():
            if cards[slug].task != "segmentation":
                assert set(truth.split("; ")) <= set(cards[slug].labels), case.key
            elif case.mask is not None:
                assert case.mask_label in cards[slug].labels


def test_every_case_names_host_licence_and_credit_and_gives_no_diagnosis_away():
    words = ("normal", "pneumonia", "fracture", "caries", "retinopathy", "cancer", "cardiomyopathy", "benign")
    for case in CASES:
        assert case.hosts == ("raw.githubusercontent.com",)
        assert case.licence in case.origin
        assert case.credit[:20] in case.origin
        shown = f"{case.key} {case.title} {case.modality}".lower()
        assert not [word for word in words if word in shown]


def test_every_use_case_has_cases_and_every_file_a_place_of_its_own():
    assert {case.use_case for case in CASES} == set(USE_CASES)
    assert all(case.file.suffix in {".jpg", ".jpeg", ".png", ".tif", ".nii.gz"} for case in CASES)
    assert case_by_key("nothing") is None
    assert cases_for("dementia-table") == ()


def test_facts_of_the_patient_are_numbers():
    assert (case_by_key("heart-2").fact("height"), case_by_key("heart-2").fact("weight")) == (161.0, 79.0)
    assert case_by_key("heart-2").fact("age") is None
    assert case_by_key("limb-1").fact("height") is None


def test_doubtful_licences_are_said():
    assert "part unverified" in case_by_key("brain-tumour-1").origin
    assert "non-commercial" in case_by_key("heart-1").origin


@pytest.mark.parametrize(
    "changes",
    [{"key": "../../chest-1"}, {"key": "chest-child-x"}, {"use_case": "feet"}, {"licence": ""}, {"credit": ""},
     {"truths": "Normal"}, {"address": "ftp://example.org/a.png"}, {"address": "http://example.org/a.png"},
     {"sha256": "0"}, {"bytes": "-1"}, {"bytes": "99999999999"}, {"view": "crop 1 2 3"}, {"view": "turned"}],
    ids=lambda changes: " ".join(map(str, *changes.items())),
)  # fmt: skip
def test_an_impossible_row_is_named(changes, host, tmp_path):
    path = write_catalogue(tmp_path / "own.csv", [host.row("chest-child-1", b"x") | changes])
    with pytest.raises(InvalidCatalogue, match=r"Line 2 of own\.csv"):
        read_catalogue(path)


def test_two_cases_with_one_key_are_refused(host, tmp_path):
    with pytest.raises(InvalidCatalogue, match="share a key"):
        read_catalogue(write_catalogue(tmp_path / "own.csv", [host.row("chest-child-1", b"x")] * 2))


def test_a_named_catalogue_takes_the_place_of_the_one_that_ships(host, tmp_path):
    path = write_catalogue(tmp_path / "own.csv", [host.row("chest-child-7", b"x")])
    assert [case.key for case in chosen_catalogue({"SCANLENS_SAMPLES": str(path)})] == ["chest-child-7"]


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"key,use_case\nchest-child-1\n"])
def test_a_named_catalogue_that_is_broken_is_said_and_not_used(content, tmp_path, caplog):
    path = tmp_path / "own.csv"
    if content is not None:
        path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        found = chosen_catalogue({"SCANLENS_SAMPLES": str(path)})
    assert len(found) == len(read_catalogue(FILE))
    assert "SCANLENS_SAMPLES cannot be used" in caplog.text
