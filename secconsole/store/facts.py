"""Single facts about the store, and the logins that no account has."""

from __future__ import annotations

import sqlalchemy as sa

from secconsole.store.schema import facts, unknown_logins

INNER_KEY = "inner-key"


def fact(connection: sa.Connection, name: str) -> bytes | None:
    return connection.execute(sa.select(facts.c.value).where(facts.c.name == name)).scalar_one_or_none()


def set_fact(connection: sa.Connection, name: str, value: bytes) -> None:
    if connection.execute(sa.update(facts).where(facts.c.name == name).values(value=value)).rowcount == 0:
        connection.execute(sa.insert(facts).values(name=name, value=value))


def unknown_failures(connection: sa.Connection, subject: bytes) -> tuple[int, int]:
    """How many entries failed in a row for a login that nobody has, and until when it is held back."""
    query = sa.select(unknown_logins).where(unknown_logins.c.subject == subject)
    row = connection.execute(query).one_or_none()
    return (row.failures, row.locked_until) if row else (0, 0)


def note_unknown(connection: sa.Connection, subject: bytes, *, failures: int, locked_until: int, now: int) -> None:
    values = {"failures": failures, "locked_until": locked_until, "at": now}
    query = sa.update(unknown_logins).where(unknown_logins.c.subject == subject)
    if connection.execute(query.values(values)).rowcount == 0:
        connection.execute(sa.insert(unknown_logins).values(subject=subject, **values))


def forget_unknown(connection: sa.Connection, before: int) -> None:
    """Forget unknown logins that nobody tried for long, so that guessing does not fill the disk."""
    connection.execute(sa.delete(unknown_logins).where(unknown_logins.c.at < before))
