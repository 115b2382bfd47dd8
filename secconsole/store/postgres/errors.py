"""Errors of PostgreSQL and its driver, classified and translated into messages."""

from __future__ import annotations

import asyncio
import re

import asyncpg
import sqlalchemy as sa

from secconsole.domain.errors import Conflict, Invalid, SecconsoleError, Unavailable
from secconsole.domain.text import visible

TAKEN = "55P03"  # lock_not_available
DAMAGED = ("XX001", "XX002")  # data_corrupted, index_corrupted
# serialization_failure, deadlock_detected, and a statement prepared before a change of the schema: nothing was done.
_AGAIN = ("40001", "40P01", "0A000")
# The server shuts down or is read-only (25006: a standby), so another one, or the same one soon, is writable. Or it
# closed a connection that was idle for too long (25P03).
_GONE = ("08", "57P01", "57P02", "57P03", "25006", "25P03")


# a prepared statement that already exists, or is missing: it belongs to another connection
_POOLED = ("42P05", "26000")
_UNSUPPORTED = re.compile(r"unsupported startup parameter: (\w+)")
_NO_DATABASE = re.compile(r"no such database|database .* does not exist")
_NO_POOLER = "Use the address of PostgreSQL itself. secconsole pools its own connections."
_LONGEST_TEXT = 300


def code_of(error: BaseException) -> str:
    """Return the SQLSTATE of an error, empty if it has none."""
    original = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    return str(getattr(original, "sqlstate", "") or "")


def is_again(error: BaseException) -> bool:
    """Return True if repeating the transaction is enough."""
    return code_of(error).startswith(_AGAIN)


def is_gone(error: BaseException) -> bool:
    """Return True if the server was lost, so that a new connection may find it or its replacement."""
    original = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    if isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated:
        return True
    for met in (original, getattr(original, "__cause__", None)):  # as raised by the driver, or wrapped by SQLAlchemy
        # Includes internal errors of the driver, which may read a server's last message before the end of the
        # connection.
        if isinstance(met, OSError | asyncio.TimeoutError | asyncpg.InternalClientError):
            return True
        if isinstance(met, asyncpg.InterfaceError) and "closed" in str(met):
            return True
    return code_of(error).startswith(_GONE)


def in_words(error: BaseException) -> BaseException:
    """Translate an error of the driver, and return any other error unchanged."""
    if isinstance(error, SecconsoleError):
        return error
    if isinstance(error, UnicodeEncodeError):
        return Invalid("The input contains half of a surrogate pair, which is not text. Remove it and try again.")
    if isinstance(error, OverflowError):
        return Invalid("The input contains a number that is too large.")
    code = code_of(error)
    for prefix, kind, message in _WORDS:
        if code.startswith(prefix):
            return kind(message)
    if isinstance(error, sa.exc.TimeoutError):
        return Unavailable("The store is busy. Nothing was changed. Try again in a moment.")
    if is_gone(error):
        return Unavailable("The database cannot be reached. Nothing was changed. Try again in a moment.")
    if not isinstance(error, sa.exc.DBAPIError | asyncpg.PostgresError | asyncpg.InterfaceError) and not code:
        return error
    unforeseen = Unavailable(f"The database failed ({code or type(error).__name__}). Nothing was changed.")
    # The driver's own error contains no parameters, unlike SQLAlchemy's.
    unforeseen.__cause__ = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    return unforeseen


def refused_at_door(error: BaseException, shown: str) -> Unavailable | None:
    """Return why a new connection was refused by a server or by a pooler in front of it, or None.

    A pooler uses one code for what PostgreSQL has many codes for, so the text must be examined.
    """
    found = _of_driver(error)
    if isinstance(found, asyncpg.exceptions.ClientConfigurationError):
        return Unavailable(f"{shown}, or a PG… environment variable, cannot be used: {_quoted(found)}.")
    code, text = code_of(error), _quoted(found)
    if code in _POOLED:
        return Unavailable(f"{shown} is a pooler that switches connections between statements. {_NO_POOLER}")
    if code == "08P01" and (setting := _UNSUPPORTED.search(text)):
        return Unavailable(f"{shown} is a pooler that refuses {setting[1]}. {_NO_POOLER}")
    if code == "08P01" and _NO_DATABASE.search(text):
        return Unavailable(_WORD_OF["3D000"])
    if code == "08P01":
        return Unavailable(f"{shown} refuses the connection: {text}. Nothing was changed.")
    if code == "42704":
        return Unavailable(f"{shown} is too old ({text}). PostgreSQL 12 or newer is required.")
    if code == "57P03":
        return Unavailable(f"{shown} is not ready: {text}. Nothing was changed. Try again in a moment.")
    return None


def _of_driver(error: BaseException) -> BaseException:
    """Return the driver's error, which SQLAlchemy wraps in another one."""
    found: BaseException = error
    while isinstance(found, sa.exc.DBAPIError) and found.orig is not None:
        found = found.orig
    if not isinstance(found, asyncpg.PostgresError | asyncpg.InterfaceError | OSError) and found.__cause__ is not None:
        return found.__cause__
    return found


def _quoted(error: BaseException) -> str:
    return visible(str(error))[:_LONGEST_TEXT].rstrip(".")


def unreached(error: BaseException, shown: str) -> BaseException:
    """Return the error for a database that could not be opened at the address `shown`."""
    if (refused := refused_at_door(error, shown)) is not None:
        return refused
    if not is_gone(error) or code_of(error):
        return in_words(error)
    found = _of_driver(error)
    if isinstance(found, TimeoutError):
        why = "it does not answer"
    elif isinstance(found, asyncpg.exceptions.TargetServerAttributeNotMatched):
        why = "none of its hosts is writable"
    elif isinstance(found, OSError) and found.strerror:
        why = found.strerror
    else:
        why = "no connection was established"
    return Unavailable(
        f"{shown} cannot be reached: {why}. Nothing was changed. Check the address, and that the database is running."
    )


_WORDS: tuple[tuple[str, type[SecconsoleError], str], ...] = (
    ("23505", Conflict, "Another process created the same thing at the same time. Check it first."),
    ("22021", Invalid, "The input contains a character that cannot be stored. Remove it and try again."),
    ("22P05", Invalid, "The input contains a character that cannot be stored. Remove it and try again."),
    ("22003", Invalid, "The input contains a number that is too large."),
    (
        "53300",
        Unavailable,
        "The database accepts no more connections at the moment (max_connections). Nothing was changed.",
    ),
    ("53100", Unavailable, "The database's disk is full. Nothing was changed. Free some space and try again."),
    ("53", Unavailable, "The database is out of resources. Nothing was changed. Try again in a moment."),
    ("55P03", Unavailable, "The store is busy. Nothing was changed. Try again in a moment."),
    ("57014", Unavailable, "The database took too long. Nothing was changed. Try again in a moment."),
    ("28", Unavailable, "The database refuses the login. Check the user, and the password in the password file."),
    ("3D000", Unavailable, "The database does not exist. Create it first: createdb, then secconsole store migrate."),
    ("42501", Unavailable, "The database user lacks a permission. It must own the database or its tables."),
)
_WORD_OF = {code: message for code, _, message in _WORDS}
