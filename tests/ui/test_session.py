"""What a session keeps is bounded, and gone when it is closed."""

from dataclasses import replace

import pytest

from core.readers import Opened, Skipped
from ui.background import Job, jobs
from ui.session import Reading, Recent


def waiting(_, cancelled):
    while not cancelled():
        pass


@pytest.fixture
def state(make_scan):
    """A session with two scans, and things made of the first."""
    state = Reading()
    state.show(Opened((make_scan(), make_scan(frames=3)), ()), "chest")
    state.images.put("picture", b"png")
    state.answers.put("answer", object())
    state.forced.add(("digest", "model"))
    return state


def test_recent_makes_a_thing_once():
    recent, made = Recent(2), []
    for _ in range(3):
        recent.get("a", lambda: made.append(1) or "value")
    assert made == [1]
    assert recent.get("a", list) == "value"


def test_recent_never_keeps_more_than_its_limit():
    recent = Recent(3)
    for number in range(50):
        recent.put(number, number)
        assert len(recent) <= 3
    assert [number in recent for number in (46, 47, 48, 49)] == [False, True, True, True]


def test_recent_drops_what_was_used_longest_ago():
    recent = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    recent.get("a", list)
    recent.put("c", 3)
    assert "a" in recent
    assert "b" not in recent


def test_recent_replaces_what_is_put_again():
    recent = Recent(2)
    recent.put("a", 1)
    recent.put("a", 2)
    assert recent.get("a", list) == 2
    assert len(recent) == 1


def test_a_failed_make_leaves_nothing_behind():
    recent = Recent(2)
    with pytest.raises(ZeroDivisionError):
        recent.get("a", lambda: 1 / 0)
    assert "a" not in recent


def test_closing_forgets_everything(state):
    uploads, turn = state.uploads, state.turn
    state.close()
    kept = {name: getattr(state, name) for name in ("images", "answers", "checks", "maps", "reformatted")}
    assert state == Reading(uploads=uploads + 1, turn=state.turn, **kept)
    assert state.turn > turn
    assert not any(len(recent) for recent in kept.values())


def test_closing_gives_a_fresh_uploader(state):
    before = state.uploads
    state.close()
    state.close()
    assert state.uploads == before + 2


def test_closing_stops_what_is_under_way(state):
    started = [jobs().start(slot, None, "Reading", waiting) for slot in ("opening", "sweep", "check:image", "map")]
    state.close()
    assert all(job.wait(10) and job.is_stopping for job in started)
    assert not jobs().slots


def test_a_new_scan_forgets_what_was_made_of_the_old_one(state, make_scan):
    sweep, state.scan_index = jobs().start("sweep", None, "Reading", waiting), 1
    state.show(Opened((make_scan(),), ()))
    assert len(state.images) == len(state.answers) == 0
    assert state.scan_index == 0
    assert state.came_from == "", "the address names the sample no longer"
    assert sweep.wait(10)


def test_one_of_several_scans_is_chosen(state):
    assert state.scan.frames == 1
    state.choose(1)
    assert state.scan.frames == 3


def test_an_upload_without_a_scan_leaves_the_open_one(state):
    refused = Opened((), (Skipped("a.dcm", "Expected a scan."),))
    before, job = state.scan, Job("Opening", lambda *_: (refused, ""))
    job.wait(10)
    state.take(job)
    assert state.scan is before
    assert state.refused is refused


def test_two_sessions_fraction_nothing():
    first, second = Reading(), Reading()
    first.forced.add(("digest", "model"))
    first.images.put("a", 1)
    assert not second.forced
    assert "a" not in second.images


def test_more_series_stand_beside_what_is_open_and_none_twice(state):
    first = state.scan
    more = Opened((first, replace(first, digest="fe" * 32)), ())
    before, answers = len(state.opened.scans), state.answers
    state.add(more)
    assert len(state.opened.scans) == before + 1
    assert state.opened.scans[-1].digest == "fe" * 32
    assert (state.scan, state.answers) == (first, answers)
    state.add(more)
    assert len(state.opened.scans) == before + 1
    assert "These files are open already." in state.opened.notes
