"""Codes that were sent and wait to be typed back: the newest of each attempt, as a keyed digest."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from secconsole.store.schema import passcodes


@dataclass(frozen=True, slots=True)
class PasscodeRecord:
    pk: int
    attempt: str
    tenant_pk: int
    factor: str
    prefix: str
    digest: bytes
    created: int
    expires: int
    failures: int
    used: int | None


def put(connection: sa.Connection, attempt: str, values: dict[str, object]) -> None:
    """Keep a new code in place of the attempt's earlier one, whose wrong entries go on being counted."""
    query = sa.update(passcodes).where(passcodes.c.attempt == attempt).values(**values, used=None)
    if connection.execute(query).rowcount == 0:
        connection.execute(sa.insert(passcodes).values(attempt=attempt, **values))


def find(connection: sa.Connection, attempt: str) -> PasscodeRecord | None:
    row = connection.execute(sa.select(passcodes).where(passcodes.c.attempt == attempt)).one_or_none()
    return PasscodeRecord(**row._mapping) if row else None


def use(connection: sa.Connection, pk: int, now: int) -> bool:
    """Mark a code used if it was not and still holds: one statement decides that it counts once."""
    live = sa.and_(passcodes.c.pk == pk, passcodes.c.used.is_(None), passcodes.c.expires > now)
    return connection.execute(sa.update(passcodes).where(live).values(used=now, failures=0)).rowcount == 1


def fail(connection: sa.Connection, pk: int) -> None:
    """One more wrong entry."""
    query = sa.update(passcodes).where(passcodes.c.pk == pk)
    connection.execute(query.values(failures=passcodes.c.failures + 1))


def forget(connection: sa.Connection, attempt: str) -> None:
    connection.execute(sa.delete(passcodes).where(passcodes.c.attempt == attempt))


def forget_old(connection: sa.Connection, before: int) -> None:
    """Delete codes that expired long ago, and with them what was counted for attempts that have ended too."""
    connection.execute(sa.delete(passcodes).where(passcodes.c.expires < before))
