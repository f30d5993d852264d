"""Rooms in SQLite and PostgreSQL: who may enter, what is kept, and many at once."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from core.evaluation.store.database import Database
from core.reader_study.design import Answer
from core.reader_study.faults import (
    NicknameTaken,
    RoomClosed,
    UnknownReader,
    UnknownRoom,
)
from core.reader_study.memory import MemoryDatabase
from core.reader_study.schema import READERS, ROOMS
from core.reader_study.store import RoomStore

FIRST = Answer(2, False, True, 4, 3.5)


def test_a_reader_comes_back_to_the_answers_by_the_link(store, plan):
    room, key = store.open_room(plan)
    store.move(room, "open")
    entered, reader, token = store.join(room.code.lower(), "Ada")
    store.answer(entered, reader, FIRST)
    store.answer(entered, reader, Answer(2, False, False, 1, 9.0))  # a double click
    found = store.reader(store.room(room.code), token)
    assert found.answers == (FIRST,)
    assert found.seed == reader.seed
    assert store.room(room.code).plan == plan
    assert store.is_teacher(room, key)
    assert not store.is_teacher(room, token)
    with pytest.raises(UnknownReader):
        store.reader(room, key)


def test_who_may_not_enter_is_told_in_one_sentence(store, plan):
    with pytest.raises(UnknownRoom, match=r"^No room has the code 'NONE': ask your teacher"):
        store.join("none", "Ada")
    room, _ = store.open_room(plan)
    store.join(room.code, "Ada")
    with pytest.raises(NicknameTaken, match="'ADA' is taken"):
        store.join(room.code, "ADA")
    alone, _, _ = store.read_alone(plan)
    with pytest.raises(UnknownRoom):
        store.join(alone.code, "Eve")
    store.move(room, "closed")
    with pytest.raises(RoomClosed):
        store.join(room.code, "Ben")


def test_a_room_takes_answers_only_while_it_is_open(store, plan):
    room, _ = store.open_room(plan)
    _, reader, token = store.join(room.code, "Ada")
    with pytest.raises(RoomClosed):
        store.answer(room, reader, FIRST)
    store.move(room, "open")
    store.answer(room, reader, FIRST)
    store.move(room, "closed")
    with pytest.raises(RoomClosed):
        store.answer(room, reader, Answer(3, False, True, 4, 1.0))
    assert store.reader(room, token).answers == (FIRST,)


def test_many_join_and_answer_at_once(store, plan):
    room, _ = store.open_room(plan)
    store.move(room, "open")

    def read(number):
        _, reader, _ = store.join(room.code, f"reader {number // 2}")
        for place in range(8):
            store.answer(room, reader, Answer(place, False, True, 3, 1.0))

    def attempt(number):
        try:
            read(number)
        except NicknameTaken:
            return 1
        return 0

    with ThreadPoolExecutor(6) as pool:
        refused = sum(pool.map(attempt, range(12)))
    readers = store.readers(room)
    assert refused == 6
    assert sorted(reader.nickname for reader in readers) == [f"reader {k}" for k in range(6)]
    assert all(len(reader.answers) == 8 for reader in readers)


def test_deleting_a_room_deletes_its_answers_and_no_other(store, plan):
    rooms = [store.open_room(plan)[0] for _ in range(2)]
    for room in rooms:
        store.move(room, "open")
        _, reader, _ = store.join(room.code, "Ada")
        store.answer(room, reader, FIRST)
    store.delete(rooms[0])
    assert store.state(rooms[0]) is None
    with pytest.raises(UnknownRoom):
        store.room(rooms[0].code)
    assert [reader.answers for reader in store.readers(rooms[1])] == [(FIRST,)]


def test_old_readings_of_one_alone_are_forgotten_and_rooms_of_classes_stay(store, plan):
    alone, _, _ = store.read_alone(plan)
    room, _ = store.open_room(plan)
    with store.database.writing() as connection:
        connection.execute(ROOMS.update().values(created=0.0))
    store.read_alone(plan)
    assert store.state(alone) is None
    assert store.state(room) == "waiting"


def test_links_are_stored_as_hashes_only(sqlite_url, plan):
    database = Database(sqlite_url)
    store = RoomStore(database)
    room, key = store.open_room(plan)
    _, _, token = store.join(room.code, "Ada")
    database.close()
    with sqlite3.connect(database.engine.url.database) as connection:
        text = "\n".join(connection.iterdump())
    assert room.code in text
    assert key not in text
    assert token not in text


def test_what_is_in_memory_works_alike_and_is_gone_with_it(plan):
    store = RoomStore(MemoryDatabase())
    room, reader, token = store.read_alone(plan)
    store.answer(room, reader, FIRST)
    assert store.reader(store.room(room.code), token).answers == (FIRST,)
    with RoomStore(MemoryDatabase()).database.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(READERS)) == 0
