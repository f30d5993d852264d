"""A database in memory, for one who reads alone where the real one cannot be reached."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.pool import StaticPool

from core.evaluation.store.database import Database


class MemoryDatabase(Database):
    """SQLite in memory: one connection, one user at a time, gone with the session."""

    def __init__(self) -> None:
        options = {"check_same_thread": False}
        self.engine = sa.create_engine("sqlite://", connect_args=options, poolclass=StaticPool)
        self._turn = threading.RLock()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read with, one at a time."""
        with self._turn, super().reading() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection to write with, one at a time."""
        with self._turn, super().writing() as connection:
            yield connection
