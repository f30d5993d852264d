"""Faults of our own are logged by type and place; what they quote may name a patient."""

import logging
import os
from pathlib import Path

import pytest

from core.errors import UnreadableScan
from ui.faults import log_fault
from ui.show import errors_shown

ROOT = Path(__file__).resolve().parents[2]
NAME = "MUELLER^HANS"


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:
        return caught


def test_type_and_place_are_logged(caplog):
    log_fault("Reading", raised(ValueError(NAME)))
    assert caplog.messages[0].startswith("Reading failed with ValueError at test_faults.py:")


def test_messages_causes_and_folders_are_not_logged(caplog):
    try:
        try:
            raise KeyError(NAME)
        except KeyError as cause:
            raise RuntimeError(f"while reading {NAME}") from cause
    except RuntimeError as error:
        log_fault("Reading", error)
    assert NAME not in caplog.text
    assert str(ROOT) not in caplog.messages[0]
    assert os.sep not in caplog.messages[0]
    assert caplog.records[0].exc_info is None


def test_an_error_that_was_never_raised_can_be_logged(caplog):
    log_fault("Reading", ValueError(NAME))
    assert NAME not in caplog.text


@pytest.fixture
def shown(monkeypatch):
    sentences = []
    monkeypatch.setattr("ui.show.st.error", lambda text, **_: sentences.append(text))
    return sentences


def test_an_error_for_people_is_shown_as_it_is(shown, caplog):
    error = UnreadableScan("a scan", "an empty file", "choose another file")
    with errors_shown():
        raise error
    assert shown == [str(error)]
    assert not caplog.records, "nothing went wrong in the app"


def test_a_foreign_error_is_shown_as_one_sentence_without_its_message(shown, caplog):
    with caplog.at_level(logging.DEBUG), errors_shown():
        raise ValueError(NAME)
    assert len(shown) == 1
    assert "inside ScanLens" in shown[0]
    assert NAME not in shown[0] + caplog.text


def test_what_streamlit_raises_to_stop_a_script_passes_through(shown):
    from streamlit.runtime.scriptrunner import StopException

    with pytest.raises(StopException), errors_shown():
        raise StopException
    assert not shown
