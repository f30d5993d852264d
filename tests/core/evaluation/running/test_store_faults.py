"""What goes wrong with a database is one sentence without a password, and what was computed stays."""

import contextlib
import os
import signal
import sqlite3

import numpy as np
import psutil
import pytest
import sqlalchemy as sa

from core.evaluation.store.database import FILE, default_url, parsed_url
from core.evaluation.store.evaluations import Store
from core.evaluation.store.faults import StoreFault


def sentence(url, **options):
    with pytest.raises(StoreFault) as caught:
        Store(url, **options)
    text = str(caught.value)
    assert text.count(". ") == 0
    assert text.endswith(".")
    return text


def test_a_locked_database_is_said_and_works_once_it_is_free(sqlite_url, facts, cases):
    store = Store(sqlite_url, patience=0.2)
    other = sqlite3.connect(store.engine.url.database, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreFault, match="Another program keeps the results database locked"):
        store.begin(facts(), cases(10))
    other.execute("ROLLBACK")
    with store.begin(facts(), cases(10)) as run:
        run.append([0], np.zeros((1, 1)), {})


def test_reading_goes_on_while_another_writes(sqlite_url):
    store = Store(sqlite_url, patience=0.2)
    other = sqlite3.connect(store.engine.url.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert store.evaluations() == []
    other.close()


def test_a_full_disk_in_the_middle_of_a_run_keeps_what_was_computed(sqlite_url, facts, cases):
    store = Store(sqlite_url)
    full = False

    @sa.event.listens_for(store.engine, "begin")
    def limit(connection):
        if full:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    everything = cases(40_000)
    run = store.begin(facts(), everything)
    run.append(range(100), np.zeros((100, 1)), {})
    full = True
    with run, pytest.raises(StoreFault, match=r"The disk is full: free some space .* what was computed is kept"):
        run.append(range(100, 40_000), np.zeros((39_900, 1)), {})
    store.close()
    with Store(sqlite_url).begin(facts(), everything) as again:
        assert again.settled() == set(range(100))


def test_a_file_of_another_kind_is_not_overwritten(tmp_path):
    path = tmp_path / "results.sqlite"
    path.write_text("These are my notes, and no database at all.\n" * 50, encoding="utf-8")
    assert "of another kind" in sentence(f"sqlite:///{path}")
    assert path.read_text(encoding="utf-8").startswith("These are my notes")


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    assert "set SCANLENS_HOME" in sentence(f"sqlite:///{tmp_path / 'file' / 'results.sqlite'}")


def test_a_folder_in_the_place_of_the_file_is_one_sentence(tmp_path):
    assert "set SCANLENS_HOME" in sentence(f"sqlite:///{tmp_path}")


@pytest.mark.parametrize("url", ["no address: secret@", "sqlite://", "oracle://doctor:secret@host/name", "what://x"])
def test_an_address_that_is_none_is_not_repeated(url):
    assert "secret" not in sentence(url)


def test_a_server_that_is_not_there_is_one_sentence():
    text = sentence("postgresql://doctor:secret@127.0.0.1:1/results", patience=1)
    assert "does not answer at 127.0.0.1, port 1" in text
    assert "secret" not in text


def test_a_wrong_password_is_said_and_not_shown(postgresql):
    text = sentence(postgresql.replace("correct-horse", "wrong-horse"))
    assert "refuses this user or password" in text
    assert "horse" not in text


def test_a_missing_database_is_said(postgresql):
    assert "create it" in sentence(postgresql.removesuffix("postgres") + "nowhere")


def test_a_user_without_rights_is_said(postgresql):
    engine = sa.create_engine(parsed_url(postgresql), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE ROLE guest LOGIN PASSWORD 'visiting'")
    url = parsed_url(postgresql).set(username="guest", password="visiting")
    assert "may not write results" in sentence(url.render_as_string(hide_password=False))
    engine.dispose()


def test_a_locked_table_of_a_server_is_said_within_its_patience(postgresql, facts, cases):
    store = Store(postgresql, patience=0.3)
    with store.engine.connect() as other, other.begin():
        other.exec_driver_sql("LOCK TABLE scanlens_runs IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreFault, match="keeps the results database locked"):
            store.begin(facts(), cases(10))
    store.close()


def test_a_server_that_goes_away_in_the_middle_of_a_run_keeps_what_was_computed(database_url, facts, cases):
    if database_url.startswith("sqlite"):
        return
    store = Store(database_url)
    with store.begin(facts(), cases(10)) as run:
        run.append([0, 1], np.zeros((2, 1)), {})
        url = parsed_url(database_url).set(database="postgres")
        with sa.create_engine(url, isolation_level="AUTOCOMMIT").connect() as other:
            other.exec_driver_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'empty'")
        run.append([2], np.zeros((1, 1)), {})  # a lost connection is opened again
        assert run.settled() == {0, 1, 2}
    store.close()


def test_results_are_kept_in_the_users_folder_or_where_it_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("SCANLENS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SCANLENS_DATABASE_URL", raising=False)
    Store().close()
    assert (tmp_path / "home" / FILE).is_file()
    monkeypatch.setenv("SCANLENS_DATABASE_URL", "postgresql://host/name")
    assert default_url() == "postgresql://host/name"


@contextlib.contextmanager
def frozen(*processes):
    """Processes that are stopped in the middle of what they do: alive, with their connections open, and silent."""
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in processes:
            os.kill(pid, signal.SIGCONT)


def test_a_frozen_postgresql_is_said_and_not_waited_for(postgresql, facts, cases):
    store = Store(postgresql, patience=0.2)
    with store.reading() as connection:
        served_by = connection.scalar(sa.text("SELECT pg_backend_pid()"))
        master = psutil.Process(served_by).ppid()
    with frozen(master, served_by), pytest.raises(StoreFault, match=r"does not answer at 127\.0\.0\.1"):
        store.evaluations()
    assert store.evaluations() == []
    with store.begin(facts(), cases(2)) as run:
        run.append([0], np.zeros((1, 1)), {})
    store.close()


def test_a_frozen_connection_is_replaced(postgresql):
    store = Store(postgresql, patience=0.2)
    with store.reading() as connection:
        served_by = connection.scalar(sa.text("SELECT pg_backend_pid()"))
    with frozen(served_by):
        assert isinstance(store.evaluations(), list)
    store.close()


def test_postgresql_ends_statements_and_forgotten_transactions_itself(postgresql):
    store = Store(postgresql, patience=0.5)
    with store.reading() as connection:
        for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
            assert connection.scalar(sa.text(f"SHOW {name}")) not in {"0", ""}
    with pytest.raises(StoreFault, match="took too long to answer"), store.reading() as connection:
        connection.execute(sa.text("SELECT pg_sleep(60)"))
    store.close()
