"""What a database says when it cannot, as one sentence. No password, and no address with one, is ever repeated."""

from __future__ import annotations

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from core.errors import ScanLensError

#: What was computed before a fault stays; said where a run may be under way.
KEPT = "what was computed is kept"


class StoreFault(ScanLensError):
    """Results cannot be stored or found."""


class RunTaken(StoreFault):
    """Another process is computing this run, or took it over."""


_Words = tuple[str, str]

_LOCKED: _Words = (
    "Another program keeps the results database locked",
    f"close that program or try again in a minute; {KEPT}",
)
_FULL: _Words = ("The disk is full", f"free some space and start again; {KEPT}")
_BROKEN: _Words = (
    "The results database is damaged, or a file of another kind",
    "put a copy in its place, or move it away to begin a new one",
)
_READ_ONLY: _Words = (
    "The results database may only be read, or its folder is missing",
    "allow writing, or set SCANLENS_HOME to another folder",
)
_SQLITE: dict[str, _Words] = {
    "SQLITE_BUSY": _LOCKED,
    "SQLITE_LOCKED": _LOCKED,
    "SQLITE_PROTOCOL": _LOCKED,
    "SQLITE_FULL": _FULL,
    "SQLITE_IOERR": (
        "The disk failed to read or to write",
        f"check the disk and its free space; {KEPT}",
    ),
    "SQLITE_NOTADB": _BROKEN,
    "SQLITE_CORRUPT": _BROKEN,
    "SQLITE_CANTOPEN": _READ_ONLY,
    "SQLITE_READONLY": _READ_ONLY,
    "SQLITE_PERM": _READ_ONLY,
}
_SLOW: _Words = (
    "The results database took too long to answer",
    f"try again when it has less to do; {KEPT}",
)
_TRY_URL = "correct SCANLENS_DATABASE_URL"
_REFUSED: _Words = ("The results database refuses this user or password", _TRY_URL)
_NO_DATABASE: _Words = ("The server has no such database as SCANLENS_DATABASE_URL names", f"create it, or {_TRY_URL}")
_FORBIDDEN: _Words = ("This user may not write results", "grant that right, or name another user")
#: By the first characters of SQLSTATE (PostgreSQL's manual, appendix A), the longest match first.
_POSTGRESQL: dict[str, _Words] = {
    "53100": _FULL,
    "55P03": _LOCKED,
    "40P01": _LOCKED,
    "57014": _SLOW,
    "3D000": _NO_DATABASE,
    "42501": _FORBIDDEN,
    "25006": _FORBIDDEN,
    "28": _REFUSED,
}


def fault_of(error: SQLAlchemyError, url: URL) -> StoreFault:
    """The sentence for an error that a statement or a connection raised."""
    original = error.orig if isinstance(error, DBAPIError) else None
    words = _sqlite_words(original) or _state_words(original) or _connection_words(original, url)
    if words is None:
        kind = type(original or error).__name__
        words = (f"The results database does not work ({kind})", f"check it and try again; {KEPT}")
    return StoreFault(*words)


def _sqlite_words(original: BaseException | None) -> _Words | None:
    name = str(getattr(original, "sqlite_errorname", ""))
    return next((words for start, words in _SQLITE.items() if name.startswith(start)), None)


def _state_words(original: BaseException | None) -> _Words | None:
    state = str(getattr(original, "sqlstate", None) or "")
    matches = [start for start in _POSTGRESQL if state.startswith(start)]
    return _POSTGRESQL[max(matches, key=len)] if state and matches else None


def _connection_words(original: BaseException | None, url: URL) -> _Words | None:
    """A connection that never came about carries no SQLSTATE, only the server's text."""
    if original is None or url.get_backend_name() == "sqlite" or type(original).__name__ not in _CONNECTION_ERRORS:
        return None
    text = str(original)
    if "password" in text or "authentication" in text or "role " in text:
        return _REFUSED
    if "database " in text and "does not exist" in text:
        return _NO_DATABASE
    place = f"{url.host or 'the machine that runs ScanLens'}{f', port {url.port}' if url.port else ''}"
    return (f"The results database does not answer at {place}", f"start it or {_TRY_URL}; {KEPT}")


_CONNECTION_ERRORS = {"OperationalError", "ConnectionTimeout", "AdminShutdown", "InterfaceError", "CannotConnectNow"}
