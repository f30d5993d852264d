"""The typed state of one browser session.

Everything that comes from a patient lives here and nowhere else: in memory, bounded, and gone with the session.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

from ui.background import Jobs, jobs
from ui.closed_sessions import tend_closed_sessions

if TYPE_CHECKING:
    from core.readers import Opened
    from core.scan import Plane, Scan
    from ui.background import Job
    from ui.downloads import Offer

T = TypeVar("T")

#: Slots of jobs that work on the scan on the page.
OF_THE_SCAN = ("sweep", "check", "map")


class Recent:
    """The last few things that were computed, oldest out first."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._kept: OrderedDict[Hashable, object] = OrderedDict()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._kept

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What is kept under `key`, made now if it is not."""
        if key not in self._kept:
            self._kept[key] = make()
            while len(self._kept) > self.limit:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]  # type: ignore[return-value]

    def peek(self, key: Hashable) -> Any:
        """What is kept under `key`, or None."""
        return self.get(key, lambda: None) if key in self._kept else None

    def drop(self, key: Hashable) -> None:
        """Forget what is kept under `key`, if anything is."""
        self._kept.pop(key, None)

    def put(self, key: Hashable, value: object) -> None:
        """Keep `value`, replacing what was there."""
        self._kept.pop(key, None)
        self.get(key, lambda: value)


@dataclass
class Reading:
    """What the reading page is looking at.

    Attributes:
        opened: What the last upload or sample came to, or None.
        scan_index: Which of the opened scans.
        planes: Digest of an opened volume to the plane in which it is shown instead of its own.
        turns: Digest of an opened sequence to how it is turned in its plane.
        reformatted: Scans in such planes and turns.
        forced: (scan digest, model slug) pairs that the user asked for against the contract.
        chosen: Scan digest to the slug of the model that reads it, also on the other page.
        images: Encoded images for the viewer.
        answers: Predictions and explanations; few, because each holds the model's input.
        checks: How far explanations can be trusted, by what was explained.
        maps: What the page that explains has made: heatmaps and checks by what was asked. For outlines the user's own
            mask, how well it agrees, and what the original files say of place and patient.
        uploads: Counts uploads, so that the uploader can be emptied.
        refused: An upload that held no scan, to be spoken of until the next one.
        trouble: What went wrong while opening, in one sentence.
        choosing: Whether the user is looking for another scan; the one that is open stays.
        asked_about: Digest of the scan that a model was last chosen for.
        came_from: The sample's key where a sample is open, for the address.
        turn: Counts what was opened, so that facts about one patient are not shown for the next.
        adding: Whether the files that are being opened belong to the study on the page.
        offers: What the buttons of the pages save, by their keys.
    """

    opened: Opened | None = None
    scan_index: int = 0
    planes: dict[str, Plane] = field(default_factory=dict)
    turns: dict[str, str] = field(default_factory=dict)
    reformatted: Recent = field(default_factory=lambda: Recent(1))
    forced: set[tuple[str, str]] = field(default_factory=set)
    chosen: dict[str, str] = field(default_factory=dict)
    images: Recent = field(default_factory=lambda: Recent(24))
    answers: Recent = field(default_factory=lambda: Recent(8))
    checks: Recent = field(default_factory=lambda: Recent(64))
    maps: Recent = field(default_factory=lambda: Recent(120))
    uploads: int = 0
    refused: Opened | None = None
    trouble: str = ""
    choosing: bool = False
    came_from: str = ""
    asked_about: str = ""
    turn: int = 0
    adding: bool = False
    offers: dict[str, Offer] = field(default_factory=dict)

    @property
    def jobs(self) -> Jobs:
        """What is under way in this session, here and on other pages."""
        return jobs()

    @property
    def scan(self) -> Scan | None:
        """The scan on the page in the plane and turn that were chosen; a sequence lies upright if its file says how."""
        stored = self.stored_scan
        if stored is None:
            return None
        plane, turn = self.planes.get(stored.digest), self.turn_of(stored)
        if plane is None and turn is None:
            return stored
        return self.reformatted.get((stored.digest, plane, turn), lambda: _laid(stored, plane, turn))

    @property
    def digest(self) -> str:
        """Digest of what was opened: the same however the scan on the page is turned; `""` where none is open."""
        return "" if self.stored_scan is None else self.stored_scan.digest

    def turn_of(self, stored: Scan) -> str | None:
        """How a sequence is turned, None for not at all: as chosen, else as its file asks."""
        from core.turning import AS_STORED, upright_turn

        if stored.axis != "time":
            return None
        turn = self.turns.get(stored.digest) or upright_turn(stored)
        return None if turn == AS_STORED else turn

    @property
    def stored_scan(self) -> Scan | None:
        """The scan on the page as it was opened."""
        if self.opened is None or not self.opened.scans:
            return None
        return self.opened.scans[min(self.scan_index, len(self.opened.scans) - 1)]

    def choose(self, index: int) -> None:
        """Turn to another of the opened scans."""
        self.scan_index = index

    def take(self, job: Job[tuple[Opened, str]]) -> None:
        """Take what a finished job of opening came to."""
        self.refused, self.trouble = None, job.trouble
        adding, self.adding = self.adding, False
        if job.error is not None:
            return
        opened, came_from = job.hand_over()
        if adding and self.opened is not None:
            self.add(opened)
        elif opened.scans:
            self.show(opened, came_from)
        else:
            self.refused = opened

    def add(self, more: Opened) -> None:
        """Put further series beside those on the page; what is open stays as it is."""
        assert self.opened is not None  # the caller looked
        known = {scan.digest for scan in self.opened.scans}
        fresh = tuple(scan for scan in more.scans if scan.digest not in known)
        notes = more.notes if fresh or not more.scans else (*more.notes, "These files are open already.")
        if not more.scans:
            notes = (*notes, *(item.reason for item in more.skipped[:1]))
        self.opened = replace(self.opened, scans=(*self.opened.scans, *fresh), notes=(*self.opened.notes, *notes))

    def look_for_another(self, choosing: bool) -> None:
        """Show the drop zone beside the open scan, or go back to it."""
        self.choosing, self.refused, self.trouble = choosing, None, ""

    def show(self, opened: Opened, came_from: str = "") -> None:
        """Put what was opened on the page, and forget what was computed for the scan before."""
        self.opened, self.came_from = opened, came_from
        self.turn += 1
        self.refused, self.trouble, self.choosing = None, "", False
        self.scan_index, self.planes, self.turns, self.reformatted = 0, {}, {}, Recent(1)
        self.images, self.answers, self.checks = Recent(24), Recent(8), Recent(64)
        self.maps = Recent(120)
        self.offers = {}
        self.jobs.drop(*OF_THE_SCAN)

    def close(self) -> None:
        """Forget the scan and everything made from it."""
        self.jobs.drop("opening", *OF_THE_SCAN)
        uploads, turn = self.uploads + 1, self.turn + 1
        self.__init__()  # type: ignore[misc]
        self.uploads, self.turn = uploads, turn


def _laid(scan: Scan, plane: Plane | None, turn: str | None) -> Scan:
    from core.planes import in_plane
    from core.turning import in_turn

    laid = scan if plane is None else in_plane(scan, plane)
    return laid if turn is None else in_turn(laid, turn)


def reading() -> Reading:
    """This session's reading state."""
    tend_closed_sessions()
    if "reading" not in st.session_state:
        st.session_state["reading"] = Reading()
    return st.session_state["reading"]
