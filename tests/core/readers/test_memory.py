import gc

import pytest

import core.readers
from core.errors import TooLarge
from core.readers import Source, open_sources
from core.readers.memory import MEMORY_VARIABLE, MemoryBudget, machine_memory, process_budget
from core.readers.opening import Opening


@pytest.fixture
def budget(monkeypatch):
    """A budget of the test's own in place of the process's."""
    made = MemoryBudget(1 << 20)
    monkeypatch.setattr(core.readers, "Opening", lambda *args: Opening(*args, budget=made))
    return made


def test_claims_of_several_uploads_share_one_budget():
    budget = MemoryBudget(100)
    budget.claim(60)
    with pytest.raises(TooLarge, match="close scans you no longer need"):
        budget.claim(60)
    assert budget.claimed == 60, "a refused claim reserves nothing"
    budget.release(60)
    budget.claim(100)


def test_an_open_scan_stays_counted_until_it_is_gone(budget, make_dicom):
    opened = open_sources([Source("a.dcm", make_dicom())])
    assert budget.claimed == opened.scans[0].pixels.nbytes > 0
    del opened
    gc.collect()
    assert budget.claimed == 0


def test_a_scan_that_waits_in_a_circle_makes_room_before_another_is_refused(budget):
    class Circle:
        def __init__(self):
            self.itself = self

    gc.collect()
    gc.disable()
    try:
        budget.claim(budget.total)
        budget.release_with(Circle(), budget.total)
        assert budget.claimed == budget.total, "nobody has looked for circles yet"
        budget.claim(1)
    finally:
        gc.enable()
    assert budget.claimed == 1


def test_what_cannot_be_read_leaves_no_claim(budget, make_dicom):
    open_sources([Source("a.dcm", make_dicom()[:400]), Source("b", b"nothing")])
    assert budget.claimed == 0


def test_an_upload_that_does_not_fit_beside_open_scans_is_one_sentence_and_loses_nothing(budget, make_dicom):
    first = open_sources([Source("a.dcm", make_dicom())])
    budget.total = budget.claimed + 100
    second = open_sources([Source("b.dcm", make_dicom()), Source("c.dcm", make_dicom())])
    assert not second.scans
    assert [(item.name, item.kind) for item in second.skipped] == [
        ("b.dcm", "are too large"),
        ("c.dcm", "are too large"),
    ]
    assert "that the scans open here leave free" in second.skipped[0].reason
    assert first.scans[0].pixels.any()
    assert budget.claimed == first.scans[0].pixels.nbytes


def test_the_budget_of_the_process_is_what_the_operator_says_or_a_part_of_the_machine(monkeypatch):
    process_budget.cache_clear()
    monkeypatch.setenv(MEMORY_VARIABLE, "512")
    assert process_budget().total == 512 << 20
    process_budget.cache_clear()
    monkeypatch.setenv(MEMORY_VARIABLE, "much")
    assert 0 < process_budget().total < machine_memory()
    process_budget.cache_clear()
