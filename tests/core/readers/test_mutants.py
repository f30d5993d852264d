import pytest

from benchmarks.fuzz.mutants import READERS, mutant, run, seeds


def test_a_hundred_mutants_open_or_are_refused_in_a_sentence():
    seen, faults = run(110)
    assert not faults, "\n".join(faults)
    assert seen["opened"]
    assert seen["refused"]


@pytest.mark.parametrize("name", sorted(name for name, (kind, _) in seeds().items() if kind in {"scan", "card"}))
def test_the_seeds_themselves_are_whole(name):
    kind, data = seeds()[name]
    assert READERS[kind](name, data) == "opened"


def test_a_mutant_is_made_again_by_its_number():
    whole = seeds()
    assert mutant(7, whole) == mutant(7, whole) != mutant(29, whole)


def test_a_reader_that_raises_is_told_as_a_fault(monkeypatch):
    def broken(_name, _data):
        raise KeyError("x")

    monkeypatch.setitem(READERS, "scan", broken)
    _, faults = run(22)
    assert len(faults) == 19
