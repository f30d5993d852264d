"""The verdict on an explanation appears beside it, measured on the scan that is open."""

import re

import pytest

from core.errors import UnsupportedModel


@pytest.fixture
def chest(look_at):
    return look_at("chest")


@pytest.mark.real_checks
def test_the_verdict_stands_beside_the_evidence_with_its_reasons(chest):
    (verdict,) = [
        element for element in chest.markdown if re.search("heatmap (follows|does not follow)", element.value)
    ]
    assert re.search(r"more than \d+ of 100 random", verdict.help)
    assert "not whether the model uses the right thing" in verdict.help


def test_another_class_gets_a_verdict_of_its_own(chest, state, settled):
    before = len(state(chest).checks)
    chest.segmented_control[0].set_value("Normal").run()
    settled(chest)
    assert len(state(chest).checks) == before + 1


def test_closing_the_scan_forgets_its_verdicts(chest, state):
    assert len(state(chest).checks) == 1
    state(chest).close()
    assert len(state(chest).checks) == 0


def test_a_check_that_fails_is_said_and_the_answer_stays(monkeypatch, look_at, words):
    def fail(*_, **__):
        raise UnsupportedModel("a model that can be checked", "another", "read it with care")

    monkeypatch.setattr("ui.reading.trust.check_explanation", fail)
    app = look_at("chest")
    assert "could not be checked" in words(app)
    assert "Heat: Grad-CAM" in words(app)
