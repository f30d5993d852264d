"""How the database of results is opened, read and written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError

from core.evaluation.store.faults import StoreFault, fault_of
from core.evaluation.store.schema import FACTS, SCHEMA_VERSION, TABLES
from core.home import home

#: A statement may take this many times as long as one waits for a lock.
ANSWER = 6

URL_VARIABLE = "SCANLENS_DATABASE_URL"
FILE = "results.sqlite"


class Database:
    """An opened database with its tables. May be used from several threads and processes at once.

    Args:
        url: As SQLAlchemy writes it; None for `default_url()`.
        patience: Seconds to wait for a lock or an answer.

    Raises:
        StoreFault: It cannot be opened, or was made by a newer version.
    """

    def __init__(self, url: str | None = None, patience: float = 10.0) -> None:
        self.engine = open_engine(parsed_url(url or default_url()), patience)
        with self.faults():
            ensure_tables(self.engine)

    @contextmanager
    def faults(self) -> Iterator[None]:
        """Turn what the database says into a `StoreFault`; a broken constraint is left to the caller."""
        try:
            yield
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            raise fault_of(error, self.engine.url) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with self.faults(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is kept as a whole or not at all."""
        with self.faults(), self.engine.connect() as plain:
            connection = plain.execution_options(writing=True)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()


def default_url() -> str:
    """`SCANLENS_DATABASE_URL` where it is set, else SQLite in the user data folder."""
    return os.environ.get(URL_VARIABLE, "").strip() or f"sqlite:///{home() / FILE}"


def parsed_url(text: str) -> URL:
    """A database's address; PostgreSQL gets the driver that the product brings.

    Raises:
        StoreFault: It is no such address. The text is not repeated: it may hold a password.
    """
    try:
        url = sa.make_url(text)
    except (ArgumentError, ValueError):
        raise StoreFault(
            "The address of the database cannot be read",
            f"correct {URL_VARIABLE}, such as postgresql://user:password@host/name",
        ) from None
    return url.set(drivername="postgresql+psycopg") if url.drivername in {"postgres", "postgresql"} else url


def open_engine(url: URL, patience: float) -> Engine:
    """Connections to a database, not yet used.

    Args:
        url: From `parsed_url`.
        patience: Seconds to wait for a lock or an answer.

    Raises:
        StoreFault: There is no driver for it, or no folder for its file.
    """
    sqlite = url.get_backend_name() == "sqlite"
    arguments: dict[str, Any] = {}
    if sqlite:
        arguments = {"timeout": patience}
        _make_folder(url)
    elif url.drivername == "postgresql+psycopg":
        arguments = {"connect_timeout": max(2, round(patience))}
    try:
        engine = sa.create_engine(url, connect_args=arguments, pool_pre_ping=not sqlite)
    except (SQLAlchemyError, ImportError) as error:
        raise StoreFault(
            f"The database address is for {url.drivername}, which has no driver here",
            f"set {URL_VARIABLE} to SQLite or PostgreSQL",
        ) from error
    if sqlite:
        sa.event.listen(engine, "connect", _set_up_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    elif url.get_backend_name() == "postgresql":
        for statement in _postgresql_limits(patience):
            sa.event.listen(engine, "connect", lambda connection, _, said=statement: _run_once(connection, said))
    if url.drivername == "postgresql+psycopg":
        sa.event.listen(engine, "do_connect", _connect_within((ANSWER + 2) * patience))
    return engine


def _postgresql_limits(patience: float) -> tuple[str, ...]:
    """What the server itself ends: waiting for a lock, a statement, and a transaction that its client forgot."""
    wait = max(1, round(patience * 1000))
    return (
        f"SET lock_timeout = {wait}",
        f"SET statement_timeout = {ANSWER * wait}",
        f"SET idle_in_transaction_session_timeout = {ANSWER * wait}",
    )


def _connect_within(seconds: float) -> Callable[..., Any]:
    """Connections that give up on a server which says nothing: stopped, cut off or swapping, it ends no statement."""
    import psycopg

    class Impatient(psycopg.Connection[Any]):
        def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
            try:
                return super().wait(gen, interval, seconds if timeout is None else timeout)
            except psycopg.errors._WaitTimeout as error:
                self.pgconn.finish()  # in the middle of a statement it is of no use to anybody
                raise psycopg.OperationalError("no answer in time") from error

    def connect(_dialect: Any, _record: Any, arguments: Any, named: Any) -> Any:
        return Impatient.connect(*arguments, **named)

    return connect


def _make_folder(url: URL) -> None:
    if not url.database or url.database == ":memory:":
        raise StoreFault("The address of the results names no file", f"correct {URL_VARIABLE}")
    try:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreFault(
            "The folder for the results cannot be made", "set SCANLENS_HOME to a folder that can be written"
        ) from error


def _set_up_sqlite(connection: Any, _: Any) -> None:
    """Readers go on while one writes (WAL), and transactions begin where we say, not where the driver guesses."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes its lock at once: one that has read first would fail instead of waiting its turn."""
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _run_once(connection: Any, statement: str) -> None:
    connection.execute(statement)
    connection.commit()


def ensure_tables(engine: Engine) -> None:
    """Make the tables where they are missing, and see that they are of this version.

    Raises:
        StoreFault: They were made by a newer version, or the database does not work.
    """
    for attempt in (1, 2, 3):
        try:
            with engine.connect().execution_options(writing=True) as connection, connection.begin():
                TABLES.create_all(connection)
                stored = connection.scalar(sa.select(FACTS.c.value).where(FACTS.c.name == "schema"))
                if stored is None:
                    connection.execute(FACTS.insert().values(name="schema", value=str(SCHEMA_VERSION)))
            break
        except DBAPIError as error:
            # Two processes that make the tables at the same moment: the slower one finds them made.
            if attempt == 3 or ("exist" not in str(error.orig) and "uniq" not in str(error.orig).lower()):
                raise fault_of(error, engine.url) from error
    if stored is not None and (not str(stored).isdecimal() or int(stored) > SCHEMA_VERSION):
        raise StoreFault(
            f"The results database is of version {stored}, newer than version {SCHEMA_VERSION}, which is read here",
            "open it with the newer ScanLens that made it",
        )


def inserted(connection: Connection, table: sa.Table, values: dict[str, Any]) -> int:
    """The id of a new row."""
    key = connection.execute(table.insert().values(values)).inserted_primary_key
    assert key is not None  # every table with an id gives it
    return int(key[0])
