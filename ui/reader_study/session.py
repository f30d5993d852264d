"""What one browser session knows of reading against a model, and the address that leads back to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from core.reader_study.design import Plan
from core.reader_study.faults import RoomFault, UnknownRoom
from core.reader_study.memory import MemoryDatabase
from core.reader_study.sources import Seen
from core.reader_study.store import Reader, Room, RoomStore
from ui.background import jobs
from ui.datasets.records import working_store
from ui.session import Recent

#: What of the page is in its address: the room's code, and the secret of a reader or of the room's teacher.
ROOM, READER, KEY = "room", "reader", "key"

#: Slot of the job that prepares cases. Its key says what for: `"alone"`, `"memory"`, `"class"`, or a room's code.
PREPARING = "reader-study"


@dataclass
class Versus:
    """The state of the page.

    Attributes:
        memory: Rooms of this session only, for one who goes on without the database.
        address: Of the visit, for coming back by the sidebar.
        books: Code of a room to its cases as they are read; the images of one room at a time.
        trouble: What went wrong last, in one sentence.
        unreachable: A prepared session that found no database: what for, its plan and its cases.
        shown: When a question was first shown, seconds of a clock, by room, reader and question.
        overlays: Encoded images with heat.
        results: What answers came to.
    """

    memory: RoomStore | None = None
    address: dict[str, str] = field(default_factory=dict)
    books: Recent = field(default_factory=lambda: Recent(1))
    trouble: str = ""
    unreachable: tuple[str, Plan, list[Seen]] | None = None
    shown: dict[tuple[object, ...], float] = field(default_factory=dict)
    overlays: Recent = field(default_factory=lambda: Recent(6))
    results: Recent = field(default_factory=lambda: Recent(6))


@dataclass(frozen=True, eq=False)
class Visit:
    """Who is here.

    Attributes:
        room: The room, None on the first page.
        reader: Who reads, None for a teacher and for one who has not joined.
        key: The teacher's, `""` for others.
    """

    room: Room | None = None
    reader: Reader | None = None
    key: str = ""


def versus() -> Versus:
    """This session's state."""
    if "versus" not in st.session_state:
        st.session_state["versus"] = Versus()
    found: Versus = st.session_state["versus"]
    return found


def rooms(state: Versus) -> RoomStore:
    """Where rooms are kept; one object a run, as the database may be opened anew.

    Raises:
        ScanLensError: The database does not work.
    """
    return state.memory or RoomStore(working_store())


def memory_rooms() -> RoomStore:
    """Rooms that are gone with the session."""
    return RoomStore(MemoryDatabase())


def go_to(state: Versus, **address: str) -> None:
    """Where the page leads from now on; it is put into the address when the page is drawn."""
    state.address, state.trouble, state.unreachable = address, "", None
    for name in (ROOM, READER, KEY):
        st.query_params.pop(name, None)
    for name, value in address.items():
        if state.memory is None:  # what is in memory cannot be come back to
            st.query_params[name] = value


def leave() -> None:
    """Back to the first page; answers that were given stay."""
    jobs().drop(PREPARING)
    st.session_state["versus"] = Versus()
    for name in (ROOM, READER, KEY):
        st.query_params.pop(name, None)


def visit(state: Versus) -> Visit:
    """Who is here, by the address; one without a room means the last visit of this session.

    Raises:
        RoomFault: The address names no room, or nobody in it.
        ScanLensError: The database does not work.
    """
    address = {name: st.query_params[name] for name in (ROOM, READER, KEY) if name in st.query_params}
    if ROOM not in address:
        address = state.address
        if ROOM in address and state.memory is None:
            st.query_params.update(address)
    elif address != state.address:
        state.address, state.memory, state.trouble = address, None, ""
    if ROOM not in address:
        return Visit()
    store = rooms(state)
    room = store.room(address[ROOM])
    if READER in address:
        return Visit(room, store.reader(room, address[READER]))
    if KEY in address:
        if not store.is_teacher(room, address[KEY]):
            raise RoomFault("This is not the link of who opened this room", "use the link that was shown then")
        return Visit(room, key=address[KEY])
    if room.kind == "alone":
        raise UnknownRoom(room.code)
    return Visit(room)


def cases_of(state: Versus, room: Room) -> list[Seen] | None:
    """The cases of a room as they are read, once they are prepared."""
    if room.code not in state.books:
        return None
    found: Any = state.books.get(room.code, list)
    return found
