"""Codes that were sent: the newest of each attempt, as a keyed digest."""

from __future__ import annotations

from dataclasses import dataclass, fields

import sqlalchemy as sa

from secconsole.store.engine.compiled import Prepared
from secconsole.store.schema import passcodes

BY_ATTEMPT = Prepared(sa.select(passcodes).where(passcodes.c.attempt == sa.bindparam("attempt")))


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


# So that a row can be used as it is.
assert tuple(field.name for field in fields(PasscodeRecord)) == tuple(column.name for column in passcodes.c)


def put(connection: sa.Connection, attempt: str, values: dict[str, object]) -> None:
    """Store a new code in place of the attempt's earlier one, keeping the count of wrong entries."""
    # The count of wrong entries stays, or requesting codes would give unlimited guesses.
    query = sa.update(passcodes).where(passcodes.c.attempt == attempt).values(**values, used=None)
    if connection.execute(query).rowcount == 0:
        connection.execute(sa.insert(passcodes).values(attempt=attempt, **values))


def find(connection: sa.Connection, attempt: str) -> PasscodeRecord | None:
    row = BY_ATTEMPT.row(connection, attempt=attempt)
    return PasscodeRecord(*row) if row else None


def use(connection: sa.Connection, pk: int, now: int) -> bool:
    """Mark a code as used, or return False if it was used or has expired.

    It is a single conditional statement, so a code is accepted only once.
    """
    live = sa.and_(passcodes.c.pk == pk, passcodes.c.used.is_(None), passcodes.c.expires > now)
    return connection.execute(sa.update(passcodes).where(live).values(used=now, failures=0)).rowcount == 1


def fail(connection: sa.Connection, pk: int) -> None:
    """Count one more wrong entry."""
    query = sa.update(passcodes).where(passcodes.c.pk == pk)
    connection.execute(query.values(failures=passcodes.c.failures + 1))


def forget(connection: sa.Connection, attempt: str) -> None:
    connection.execute(sa.delete(passcodes).where(passcodes.c.attempt == attempt))


def forget_old(connection: sa.Connection, before: int) -> None:
    """Delete codes that expired long ago, with the counts of their attempts."""
    connection.execute(sa.delete(passcodes).where(passcodes.c.expires < before))
