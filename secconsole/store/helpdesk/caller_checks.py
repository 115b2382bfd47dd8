"""Caller checks, each of one operator and for one act."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from secconsole.domain.clock import NOTICED
from secconsole.store.schema import caller_checks

_ROW = caller_checks.c


@dataclass(frozen=True, slots=True)
class CheckRecord:
    pk: int
    id: str
    tenant_pk: int
    user_pk: int
    by_id: str
    by: str
    channel: str
    masked: str
    recent: bool
    created: int
    expires: int
    failures: int
    confirmed: int | None
    used: int | None


def add_check(connection: sa.Connection, values: dict[str, object]) -> None:
    """Store a check in place of the same operator's earlier ones of that user."""
    earlier = sa.and_(_of(int(str(values["user_pk"])), str(values["by_id"]), str(values["by"])), _ROW.used.is_(None))
    connection.execute(sa.delete(caller_checks).where(earlier))
    connection.execute(sa.insert(caller_checks).values(values))


def check_of(connection: sa.Connection, user_pk: int, by_id: str, by: str, now: int) -> CheckRecord | None:
    """Return an operator's check of a user that is open or confirmed, and not used."""
    live = sa.and_(_of(user_pk, by_id, by), _ROW.used.is_(None), _ROW.expires > now, _ROW.created <= now + NOTICED)
    row = connection.execute(sa.select(caller_checks).where(live).order_by(_ROW.pk.desc()).limit(1)).one_or_none()
    return CheckRecord(*row) if row else None


def confirm_check(connection: sa.Connection, pk: int, now: int, expires: int) -> bool:
    """Confirm an open check, or return False if it is not open."""
    this = sa.and_(_ROW.pk == pk, _ROW.confirmed.is_(None), _ROW.used.is_(None), _ROW.expires > now)
    query = sa.update(caller_checks).where(this).values(confirmed=now, expires=expires)
    return connection.execute(query).rowcount == 1


def use_check(connection: sa.Connection, pk: int, now: int) -> bool:
    """Mark a confirmed check as used, or return False if it was used or is over.

    It is a single conditional statement, so a check counts for one act.
    """
    this = sa.and_(_ROW.pk == pk, _ROW.confirmed.is_not(None), _ROW.used.is_(None), _ROW.expires > now)
    return connection.execute(sa.update(caller_checks).where(this).values(used=now)).rowcount == 1


def fail_check(connection: sa.Connection, pk: int, *, expires: int | None = None) -> None:
    """Count a wrong code, and end the check if `expires` says so."""
    values: dict[str, object] = {"failures": _ROW.failures + 1}
    if expires is not None:
        values["expires"] = expires
    connection.execute(sa.update(caller_checks).where(_ROW.pk == pk).values(values))


def _of(user_pk: int, by_id: str, by: str) -> sa.ColumnElement[bool]:
    return sa.and_(_ROW.user_pk == user_pk, _ROW.by_id == by_id, _ROW.by == by)
