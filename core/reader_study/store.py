"""Rooms, readers and answers in the database of results.

Who opened a room and who reads in it are known by a secret in their link, of which only a hash is stored. A nickname
is shown to the teacher of the room and nowhere else.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from core.evaluation.store.database import Database, inserted
from core.evaluation.store.faults import StoreFault
from core.reader_study.design import (
    Answer,
    Plan,
    clean_code,
    clean_nickname,
    new_code,
)
from core.reader_study.faults import (
    NicknameTaken,
    RoomClosed,
    RoomFault,
    UnknownReader,
    UnknownRoom,
)
from core.reader_study.schema import (
    ANSWERS,
    READERS,
    ROOMS,
    TABLES,
)

Kind = Literal["class", "alone"]
State = Literal["waiting", "open", "closed"]

#: Readers of a room.
MOST_READERS = 120
#: Seconds after which what somebody read alone is forgotten.
KEPT_ALONE = 30 * 24 * 3600.0


@dataclass(frozen=True, eq=False)
class Room:
    """A reading session.

    Attributes:
        id: In the database.
        code: By which it is joined.
        kind: Of a class, or of one who reads alone.
        state: Waiting for its teacher to start, open for answers, or closed.
        plan: Its cases.
    """

    id: int
    code: str
    kind: Kind
    state: State
    plan: Plan


@dataclass(frozen=True, eq=False)
class Reader:
    """Somebody in a room.

    Attributes:
        id: In the database.
        nickname: As chosen, never exported.
        seed: Of the order of cases.
        answers: So far, in no order.
    """

    id: int
    nickname: str
    seed: int
    answers: tuple[Answer, ...] = ()


class RoomStore:
    """The rooms of a database. May be used from several threads and processes at once, as the database may.

    Args:
        database: Opened; the tables of rooms are made where they are missing.

    Raises:
        StoreFault: The database does not work, here as in every method.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.reading() as connection:
            there = sa.inspect(connection).has_table(ANSWERS.name)
        if not there:
            self._make_tables()

    def _make_tables(self) -> None:
        try:
            with self.database.writing() as connection:
                TABLES.create_all(connection)
        except (IntegrityError, StoreFault):  # made by another process at the same moment
            with self.database.reading() as connection:
                connection.execute(sa.select(ANSWERS.c.place).limit(1))

    def open_room(self, plan: Plan, kind: Kind = "class") -> tuple[Room, str]:
        """A new room and the key of who opened it; one for a class waits until it is started."""
        key = secrets.token_urlsafe(12)
        state: State = "open" if kind == "alone" else "waiting"
        with self.database.writing() as connection:
            _forget_alone(connection)
            code = new_code()
            while connection.scalar(sa.select(ROOMS.c.id).where(ROOMS.c.code == code)) is not None:
                code = new_code()
            values = {
                "code": code, "kind": kind, "state": state, "key_hash": _hash(key), "created": time.time(),
                "plan": plan.to_json(),
            }  # fmt: skip
            room = inserted(connection, ROOMS, values)
        return Room(room, code, kind, state, plan), key

    def room(self, code: str) -> Room:
        """The room with a code, as it was typed.

        Raises:
            UnknownRoom: There is none.
        """
        with self.database.reading() as connection:
            return _room(connection, code)

    def state(self, room: Room) -> State | None:
        """The state of a room now, None once it is deleted. Costs less than `room`."""
        with self.database.reading() as connection:
            return connection.scalar(sa.select(ROOMS.c.state).where(ROOMS.c.id == room.id))

    def is_teacher(self, room: Room, key: str) -> bool:
        """Whether a key is that of who opened the room."""
        with self.database.reading() as connection:
            stored = connection.scalar(sa.select(ROOMS.c.key_hash).where(ROOMS.c.id == room.id))
        return stored is not None and hmac.compare_digest(stored, _hash(key))

    def move(self, room: Room, state: State) -> None:
        """Start or close a room."""
        with self.database.writing() as connection:
            connection.execute(ROOMS.update().where(ROOMS.c.id == room.id).values(state=state))

    def delete(self, room: Room) -> None:
        """Forget a room with its readers and answers."""
        with self.database.writing() as connection:
            _delete(connection, ROOMS.c.id == room.id)

    def join(self, code: str, nickname: str) -> tuple[Room, Reader, str]:
        """Enter a room; returns it, the new reader, and the secret of the reader's link.

        Raises:
            RoomFault: Its subclasses say why not.
        """
        name, token = clean_nickname(nickname), secrets.token_urlsafe(12)
        try:
            with self.database.writing() as connection:
                room = _room(connection, code)
                if room.kind != "class":
                    raise UnknownRoom(clean_code(code))
                if room.state == "closed":
                    raise RoomClosed
                reader = _enter(connection, room, name, token)
        except IntegrityError:  # somebody took it at the same moment
            raise NicknameTaken(name) from None
        return room, reader, token

    def read_alone(self, plan: Plan) -> tuple[Room, Reader, str]:
        """A room for one."""
        room, _ = self.open_room(plan, "alone")
        token = secrets.token_urlsafe(12)
        with self.database.writing() as connection:
            return room, _enter(connection, room, "alone", token), token

    def reader(self, room: Room, token: str) -> Reader:
        """Who has a link, with the answers so far.

        Raises:
            UnknownReader: Nobody.
        """
        query = sa.select(READERS).where(READERS.c.room_id == room.id, READERS.c.token_hash == _hash(token))
        with self.database.reading() as connection:
            found = connection.execute(query).mappings().first()
            if found is None:
                raise UnknownReader
            rows = connection.execute(sa.select(ANSWERS).where(ANSWERS.c.reader_id == found["id"])).mappings().all()
        return Reader(found["id"], found["nickname"], found["seed"], tuple(_answer(row) for row in rows))

    def readers(self, room: Room) -> tuple[Reader, ...]:
        """All in a room, in the order of their coming, with their answers so far."""
        mine = READERS.c.room_id == room.id
        with self.database.reading() as connection:
            found = connection.execute(sa.select(READERS).where(mine).order_by(READERS.c.id)).mappings().all()
            answers = sa.select(ANSWERS).join(READERS, READERS.c.id == ANSWERS.c.reader_id).where(mine)
            rows = connection.execute(answers).mappings().all()
        said: dict[int, list[Answer]] = {}
        for row in rows:
            said.setdefault(row["reader_id"], []).append(_answer(row))
        return tuple(Reader(one["id"], one["nickname"], one["seed"], tuple(said.get(one["id"], ()))) for one in found)

    def answer(self, room: Room, reader: Reader, answer: Answer) -> None:
        """Keep an answer; a second one to the same question, as from a double click, changes nothing.

        Raises:
            RoomClosed: The room is not open any more.
        """
        values = {
            "reader_id": reader.id, "place": answer.place, "aided": int(answer.aided), "called": int(answer.predicted),
            "sureness": answer.sureness, "seconds": answer.seconds,
        }  # fmt: skip
        try:
            with self.database.writing() as connection:
                if connection.scalar(sa.select(ROOMS.c.state).where(ROOMS.c.id == room.id)) != "open":
                    raise RoomClosed
                connection.execute(ANSWERS.insert().values(values))
        except IntegrityError:
            return


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _room(connection: Connection, code: str) -> Room:
    cleaned = clean_code(code)
    found = connection.execute(sa.select(ROOMS).where(ROOMS.c.code == cleaned)).mappings().first()
    if found is None:
        raise UnknownRoom(cleaned)
    try:
        plan = Plan.from_json(found["plan"])
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise RoomFault("The record of this room is damaged", "open another room") from error
    return Room(found["id"], found["code"], found["kind"], found["state"], plan)


def _enter(connection: Connection, room: Room, name: str, token: str) -> Reader:
    mine = READERS.c.room_id == room.id
    if connection.scalar(sa.select(READERS.c.id).where(mine, READERS.c.folded == name.casefold())) is not None:
        raise NicknameTaken(name)
    if (connection.scalar(sa.select(sa.func.count()).select_from(READERS).where(mine)) or 0) >= MOST_READERS:
        raise RoomFault(f"The room is full: {MOST_READERS} readers are in it", "ask your teacher for another")
    seed = secrets.randbelow(2**31)
    values: dict[str, Any] = {
        "room_id": room.id, "nickname": name, "folded": name.casefold(), "token_hash": _hash(token), "seed": seed,
    }  # fmt: skip
    return Reader(inserted(connection, READERS, values), name, seed)


def _forget_alone(connection: Connection) -> None:
    _delete(connection, (ROOMS.c.kind == "alone") & (ROOMS.c.created < time.time() - KEPT_ALONE))


def _delete(connection: Connection, which: sa.ColumnElement[bool]) -> None:
    rooms = sa.select(ROOMS.c.id).where(which)
    readers = sa.select(READERS.c.id).where(READERS.c.room_id.in_(rooms))
    connection.execute(ANSWERS.delete().where(ANSWERS.c.reader_id.in_(readers)))
    connection.execute(READERS.delete().where(READERS.c.room_id.in_(rooms)))
    connection.execute(ROOMS.delete().where(which))


def _answer(row: Mapping[Any, Any]) -> Answer:
    return Answer(row["place"], bool(row["aided"]), bool(row["called"]), row["sureness"], row["seconds"])
