from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.models.card import InputSpec, ModelCard
from core.models.compatibility import MODALITY_WORDS, compatibility, modality_words
from core.scan import Scan


def card_for(*kinds, modality=("CR", "DX"), body_part=("chest",)):
    inputs = tuple(
        InputSpec(f"input {n}", kind, (8, 8), 1, (0.0, 1.0), "display", "stretch", modality, body_part)
        for n, kind in enumerate(kinds or ("image",), start=1)
    )
    return ModelCard(
        "m", Path("m"), "M", "S", "binary", ("no", "yes"), inputs, 0.5, "", 1.0, "layer", {}, "mit", False,
        "a chest radiograph",
    )  # fmt: skip


def scan_of(modality="", body_part="", frames=1, axis="single"):
    return Scan(np.zeros((frames, 4, 4), np.uint8), axis, "0", "test", "test", modality=modality, body_part=body_part)


def test_scan_of_the_right_kind_fits_without_a_word():
    fit = compatibility(card_for(), scan_of("DX", "chest"))
    assert (fit.fits, fit.reason) == (True, "")


def test_wrong_modality_is_refused_by_both_names():
    fit = compatibility(card_for(), scan_of("MR", "brain"))
    assert (fit.fits, fit.reason) == (False, "expects a chest radiograph, this is an MRI of the brain")


def test_wrong_body_part_is_refused():
    fit = compatibility(card_for(), scan_of("CR", "hand"))
    assert (fit.fits, fit.reason) == (False, "expects a chest radiograph, this is a radiograph of the hand")


@pytest.mark.parametrize("modality", ["", "OT", "SC"])
def test_file_that_does_not_say_is_not_held_against_it_but_said(modality):
    fit = compatibility(card_for(), scan_of(modality))
    assert (fit.fits, fit.reason) == (True, "expects a chest radiograph; the file does not say what it shows")


def test_missing_body_part_is_said():
    fit = compatibility(card_for(), scan_of("DX"))
    assert (fit.fits, fit.reason) == (True, "expects a chest radiograph; the file does not name the body part")


def test_body_part_is_found_inside_longer_names():
    assert compatibility(card_for(), scan_of("DX", "chest pa")).fits


def test_any_body_part_will_do_where_the_card_names_none():
    assert compatibility(card_for(body_part=()), scan_of("DX", "hand")).reason == ""


def test_any_modality_will_do_where_the_card_names_none():
    fit = compatibility(card_for(modality=(), body_part=()), scan_of("MR", "brain"))
    assert (fit.fits, fit.reason) == (True, "")


def test_one_of_several_body_parts_is_enough():
    card = card_for(body_part=("hand", "wrist"))
    assert compatibility(card, scan_of("DX", "wrist")).fits
    assert not compatibility(card, scan_of("DX", "foot")).fits


def test_a_scan_that_is_not_the_first_image_of_a_model_may_be_the_second():
    assert compatibility(card_for("sequence", "image"), scan_of("DX", "chest")).fits


def test_an_image_of_unnamed_kind_is_not_said_to_be_of_a_body_part():
    assert modality_words(scan_of("OT", "hand")) == "an image of unnamed kind"


@pytest.mark.parametrize(
    ("kind", "scan", "reason"),
    [
        ("volume", scan_of("DX", "chest"), "expects a volume, this is one image"),
        ("volume", scan_of("DX", "chest", 9, "time"), "expects a volume, this is a sequence"),
        (
            "sequence",
            replace(scan_of("DX", "chest", 9, "slice"), source="DICOM"),
            "expects a sequence, this is a volume",
        ),
        ("table", scan_of("DX", "chest"), "expects facts about the patient, this is a scan"),
    ],
)
def test_wrong_kind_of_input_is_refused(kind, scan, reason):
    fit = compatibility(card_for(kind), scan)
    assert (fit.fits, fit.reason) == (False, reason)


def test_a_scan_that_can_be_one_of_several_inputs_fits():
    assert compatibility(card_for("image", "table"), scan_of("DX", "chest")).fits
    assert compatibility(card_for("table", "sequence"), scan_of("DX", "chest", 9, "time")).fits
    assert not compatibility(card_for("table", "sequence"), scan_of("DX", "chest")).fits


def test_pages_of_a_tiff_may_follow_in_time():
    pages = replace(scan_of("", "", 9, "slice"), source="TIFF")
    fit = compatibility(card_for("sequence"), pages)
    assert fit.fits
    assert "follow in time" in fit.reason


def test_stack_may_be_read_image_by_image():
    assert compatibility(card_for(), scan_of("CR", "chest", 5, "time")).fits


@pytest.mark.parametrize("modality", ["", "ZZ", *MODALITY_WORDS])
def test_every_modality_completes_the_sentence(modality):
    words = modality_words(scan_of(modality))
    assert words.split()[0] in {"a", "an", "of"}
