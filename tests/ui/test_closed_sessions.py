import asyncio
import inspect
import threading
import weakref
from types import SimpleNamespace

import pytest
import streamlit as st
import streamlit.runtime
from streamlit.runtime.caching.ttl_cache import TTLCache

from ui.cache import cached_keras
from ui.closed_sessions import give_memory_back, let_go_of_expired


class Session:
    """A closed session that points to itself, as Streamlit's do; `itself.session` is what the store calls it."""

    def __init__(self):
        self.session = self
        self._session_state, self._fragment_storage = {}, {}
        self.is_shut_down = False

    def shutdown(self):
        self.is_shut_down = True


@pytest.fixture
def server(monkeypatch):
    """A store of closed sessions as Streamlit has one, with a clock of the test's own and an event loop that runs."""
    now, loop = [0.0], asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    kept = TTLCache(maxsize=128, ttl=120, timer=lambda: now[0])
    storage = SimpleNamespace(_cache=kept)
    runtime = SimpleNamespace(
        _session_mgr=SimpleNamespace(_session_storage=storage),
        _get_async_objs=lambda: SimpleNamespace(eventloop=loop),
    )
    fake = SimpleNamespace(exists=lambda: True, instance=lambda: runtime)
    monkeypatch.setattr(streamlit.runtime, "Runtime", fake)
    yield SimpleNamespace(kept=kept, now=now)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_a_closed_session_is_let_go_of_when_its_time_has_passed_and_nobody_comes(server):
    session = Session()
    gone = weakref.ref(session)
    server.kept["a"] = session
    del session
    server.now[0] = 119.0
    assert let_go_of_expired() == 0
    assert gone() is not None
    server.now[0] = 121.0
    assert let_go_of_expired() == 1
    give_memory_back()
    assert gone() is None


def test_what_a_closed_session_holds_goes_also_where_the_server_still_holds_the_session(server):
    session, scan = Session(), Session()
    gone = weakref.ref(scan)
    session._session_state["reading"] = scan
    session._fragment_storage["draw"] = lambda scan=scan: scan
    del scan
    server.kept["a"] = session
    server.now[0] = 121.0
    let_go_of_expired()
    give_memory_back()
    assert gone() is None
    assert session.is_shut_down


def test_without_a_server_there_is_nothing_to_end():
    assert let_go_of_expired() == 0


def test_the_store_of_closed_sessions_is_where_the_timer_looks_for_it():
    """Streamlit's inside, which no promise keeps: a new version that moves it must be noticed here."""
    from streamlit.runtime.app_session import AppSession
    from streamlit.runtime.memory_session_storage import MemorySessionStorage
    from streamlit.runtime.runtime import Runtime
    from streamlit.runtime.websocket_session_manager import WebsocketSessionManager

    storage = MemorySessionStorage()
    assert isinstance(storage._cache, TTLCache)
    manager = WebsocketSessionManager(storage, None, None, None)
    assert manager._session_storage is storage
    assert callable(Runtime._get_async_objs)
    assert callable(AppSession.shutdown)
    inside = inspect.getsource(AppSession.__init__)
    assert "self._session_state = SessionState()" in inside
    assert "self._fragment_storage: FragmentStorage = MemoryFragmentStorage()" in inside


def test_a_visitor_who_clears_the_cache_starts_no_second_keras_process():
    before = cached_keras()
    st.cache_resource.clear()
    assert cached_keras() is before
