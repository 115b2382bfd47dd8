"""What PostgreSQL and its driver raise, sorted by what it means, and put into words."""

from __future__ import annotations

import asyncio

import asyncpg
import sqlalchemy as sa

from secconsole.domain.errors import Conflict, Invalid, SecconsoleError, Unavailable

TAKEN = "55P03"  # lock_not_available
# serialization_failure, deadlock_detected, and a statement prepared before the schema changed: nothing was done.
_AGAIN = ("40001", "40P01", "0A000")
# The server ends or is not one to write to (25006: a standby): another one, or the same one soon, will be. Or it has
# ended a connection on which nothing was said for too long (25P03).
_GONE = ("08", "57P01", "57P02", "57P03", "25006", "25P03")


def code_of(error: BaseException) -> str:
    """The SQLSTATE of an error; empty if it has none."""
    original = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    return str(getattr(original, "sqlstate", "") or "")


def is_again(error: BaseException) -> bool:
    """Whether the transaction only has to be repeated."""
    return code_of(error).startswith(_AGAIN)


def is_gone(error: BaseException) -> bool:
    """Whether the server was lost, so that another connection may find it, or the one that takes over."""
    original = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    if isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated:
        return True
    for met in (original, getattr(original, "__cause__", None)):  # as the driver raised it, or as SQLAlchemy told it
        # The driver's own confusion is among them: it meets a server's farewell before it has seen the end of the line.
        if isinstance(met, OSError | asyncio.TimeoutError | asyncpg.InternalClientError):
            return True
        if isinstance(met, asyncpg.InterfaceError) and "closed" in str(met):
            return True
    return code_of(error).startswith(_GONE)


def in_words(error: BaseException) -> BaseException:
    """Turn what the driver raises into an error of ours; anything that is not the driver's comes back as it is."""
    if isinstance(error, SecconsoleError):
        return error
    if isinstance(error, UnicodeEncodeError):
        return Invalid("There is a character in it that is no text: half of a pair. Take it out and do it again.")
    if isinstance(error, OverflowError):
        return Invalid("There is a number in it that is too large.")
    code = code_of(error)
    for prefix, kind, message in _WORDS:
        if code.startswith(prefix):
            return kind(message)
    if isinstance(error, sa.exc.TimeoutError):
        return Unavailable("The store is busy. Nothing was changed; do it again in a moment.")
    if is_gone(error):
        return Unavailable("The database cannot be reached. Nothing was changed; do it again in a moment.")
    if not isinstance(error, sa.exc.DBAPIError | asyncpg.PostgresError | asyncpg.InterfaceError) and not code:
        return error
    unforeseen = Unavailable(f"The database did not do it ({code or type(error).__name__}). Nothing was changed.")
    # The driver's own error: unlike SQLAlchemy's it holds no parameters.
    unforeseen.__cause__ = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    return unforeseen


def unreached(error: BaseException, shown: str) -> BaseException:
    """Why a database was not reached when it was opened, in words; `shown`: its address."""
    if not is_gone(error) or code_of(error):
        return in_words(error)
    found = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    if isinstance(found, TimeoutError):
        why = "it does not answer"
    elif isinstance(found, asyncpg.exceptions.TargetServerAttributeNotMatched):
        why = "none of its hosts can be written to"
    elif isinstance(found, OSError) and found.strerror:
        why = found.strerror
    else:
        why = "no connection was made"
    return Unavailable(f"{shown} cannot be reached: {why}. Nothing was changed; check the address, and that it runs.")


_WORDS: tuple[tuple[str, type[SecconsoleError], str], ...] = (
    ("23505", Conflict, "Somebody else made the same thing at the same moment. Look again first."),
    ("22021", Invalid, "There is a character in it that cannot be kept. Take it out and do it again."),
    ("22P05", Invalid, "There is a character in it that cannot be kept. Take it out and do it again."),
    ("22003", Invalid, "There is a number in it that is too large."),
    ("53100", Unavailable, "The database's disk is full. Nothing was changed; free some space and do it again."),
    ("53", Unavailable, "The database has no room for more just now. Nothing was changed; do it again in a moment."),
    ("55P03", Unavailable, "The store is busy. Nothing was changed; do it again in a moment."),
    ("57014", Unavailable, "The database took too long. Nothing was changed; do it again in a moment."),
    ("28", Unavailable, "The database does not let us in: check the user and the password in the password file."),
    ("3D000", Unavailable, "There is no such database. Make one first: createdb, then secconsole store migrate."),
    ("42501", Unavailable, "The database user may not do this: it must own the database or its tables."),
)
