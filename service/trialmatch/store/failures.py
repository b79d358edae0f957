"""What a database's failures mean, in words that hold neither values nor credentials."""

from __future__ import annotations

import sqlite3

import psycopg

LOCKED = "another writer holds it locked"

# https://www.sqlite.org/rescode.html; the lowest byte of an extended code is its family.
_SQLITE = {
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_LOCKED: LOCKED,
    sqlite3.SQLITE_FULL: "its disk is full",
    sqlite3.SQLITE_CANTOPEN: "its file cannot be opened",
    sqlite3.SQLITE_PERM: "its file may not be used",
    sqlite3.SQLITE_READONLY: "its file may not be written to",
    sqlite3.SQLITE_IOERR: "its disk fails",
    sqlite3.SQLITE_CORRUPT: "its file is damaged",
    sqlite3.SQLITE_NOTADB: "its file is no SQLite database",
}

# https://www.postgresql.org/docs/current/errcodes-appendix.html; the longest beginning that fits counts.
_POSTGRESQL = {
    "08": "the connection broke",
    "25006": "it may only be read",
    "28": "it refuses the user or the password",
    "3D000": "it has no such database",
    "40": "too many writers met; try again",
    "42501": "the user may not do that there",
    "42P01": "its tables are missing",
    "53": "it has no room or memory left",
    "53300": "it has too many connections",
    "55P03": LOCKED,
    "57": "it is starting, stopping or was interrupted",
    "58": "its disk fails",
}


def is_busy(problem: BaseException) -> bool:
    """Whether SQLite found another writer at work."""
    return getattr(problem, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def meaning(cause: BaseException | None) -> str | None:
    """Why the database did not do it; None where the fault is in the statement and not in the database."""
    if isinstance(cause, sqlite3.Error):
        # Python's own errors ("Cannot operate on a closed database") have no code.
        code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        if code == sqlite3.SQLITE_ERROR and str(cause).startswith("no such table"):
            return "its tables are missing"
        return _SQLITE.get(code & 0xFF)
    if isinstance(cause, psycopg.Error):
        state = cause.sqlstate
        for length in (5, 2):
            if state and state[:length] in _POSTGRESQL:
                return _POSTGRESQL[state[:length]]
        if isinstance(cause, psycopg.OperationalError):  # libpq gives no code while it connects
            return "it cannot be reached, or refuses the user"
    return None
