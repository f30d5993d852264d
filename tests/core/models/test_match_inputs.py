"""Opened scans find their inputs by what their files say."""

from dataclasses import replace

import numpy as np
import pytest

from core.errors import IncompatibleInput
from core.models.card import ModelCard, input_spec
from core.models.match_inputs import check_one_patient, match_scans
from core.scan import Scan


def image(name, **changes):
    return input_spec({
        "name": name, "kind": "image", "size": [8, 8], "channels": 1, "resize": "stretch", "modality": ["MR"],
        "describe": [name], **changes,
    })  # fmt: skip


def card_of(*inputs):
    return ModelCard(
        "m", ".", "M", "S", "binary", ("no", "yes"), inputs, 0.5, "", 1.0, "", {}, "mit", False, "an MRI"
    )  # fmt: skip


def scan_of(title="", modality="MR", axis="single", frames=1, patient=""):
    return Scan(np.zeros((frames, 4, 4), np.uint8), axis, title, "DICOM", title, modality=modality, patient=patient)


PRE, FLAIR, POST = image("pre"), image("flair"), image("post")


def test_series_are_matched_by_their_description_whatever_their_order():
    scans = [scan_of("T1 post contrast"), scan_of("AX FLAIR"), scan_of("T1 pre")]
    assert match_scans(card_of(PRE, FLAIR, POST), scans) == {"pre": 2, "flair": 1, "post": 0}


def test_series_without_a_description_are_taken_in_order():
    assert match_scans(card_of(PRE, FLAIR), [scan_of("a"), scan_of("b")]) == {"pre": 0, "flair": 1}


def test_a_series_that_says_it_is_another_input_is_not_taken_for_this_one():
    assert match_scans(card_of(FLAIR, POST), [scan_of("T1 post")]) == {"post": 0}


def test_a_second_series_of_one_kind_is_not_taken_for_another_input():
    scans = [scan_of("T1 post"), scan_of("T1 post, repeated")]
    assert match_scans(card_of(FLAIR, POST), scans) == {"post": 0}


def test_words_count_more_than_a_modality_that_is_named():
    scans = [scan_of("an image"), scan_of("flair", "OT")]
    assert match_scans(card_of(FLAIR), scans) == {"flair": 1}


def test_a_modality_that_is_right_counts_more_than_none():
    assert match_scans(card_of(PRE), [scan_of("a", "OT"), scan_of("b", "MR")]) == {"pre": 1}


def test_two_words_count_more_than_one():
    early = image("early", describe=("t1", "contrast"))
    assert match_scans(card_of(early), [scan_of("t1"), scan_of("t1 with contrast")]) == {"early": 1}


def test_a_series_that_says_two_inputs_may_be_either():
    assert match_scans(card_of(FLAIR, POST), [scan_of("FLAIR post contrast")]) == {"flair": 0}


def test_words_are_found_in_capitals_and_among_the_facts():
    told = replace(scan_of("an image"), facts={"Series description": "AX FLAIR"})
    assert match_scans(card_of(FLAIR), [scan_of("an image"), told]) == {"flair": 1}


def test_another_modality_is_left_out():
    assert match_scans(card_of(PRE), [scan_of("pre", "CT")]) == {}


def test_a_cine_goes_to_the_sequence_and_an_image_to_the_image():
    cine = image("cine", kind="sequence", frames=4)
    scans = [scan_of("still"), scan_of("movie", axis="time", frames=9)]
    assert match_scans(card_of(cine, PRE), scans) == {"cine": 1, "pre": 0}


def test_series_of_different_patients_are_refused_and_silent_ones_are_not():
    one, other, silent = scan_of("a", patient="1"), scan_of("b", patient="2"), scan_of("c")
    check_one_patient({"pre": one, "flair": replace(one), "post": silent})
    with pytest.raises(IncompatibleInput, match="different patients"):
        check_one_patient({"pre": one, "flair": other})
