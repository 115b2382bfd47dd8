"""Bypass codes: the newest of each user, usable once."""

from __future__ import annotations

import sqlalchemy as sa

from secconsole.domain.clock import NOTICED
from secconsole.store.engine.compiled import Prepared
from secconsole.store.rows import BypassRecord
from secconsole.store.schema import bypass_codes

_ROW = bypass_codes.c
_OPEN = sa.and_(_ROW.used.is_(None), _ROW.revoked.is_(None))
_OPEN_OF = Prepared(
    sa.select(bypass_codes).where(
        _ROW.user_pk == sa.bindparam("user"),
        _OPEN,
        _ROW.expires > sa.bindparam("now"),
        _ROW.created <= sa.bindparam("ahead"),
    )
)


def put_code(connection: sa.Connection, values: dict[str, object]) -> None:
    """Store a user's new code in place of an earlier one."""
    # A user has one code at most: with a new one the helpdesk makes an earlier one useless.
    connection.execute(sa.delete(bypass_codes).where(_ROW.user_pk == values["user_pk"]))
    connection.execute(sa.insert(bypass_codes).values(values))


def open_code(connection: sa.Connection, user_pk: int, now: int) -> BypassRecord | None:
    """Return a user's code that works now or will later.

    One that a wrong clock created does not count.
    """
    row = _OPEN_OF.row(connection, user=user_pk, now=now, ahead=now + NOTICED)
    return BypassRecord(*row) if row else None


def use_code(connection: sa.Connection, user_pk: int, digest: bytes, now: int) -> bool:
    """Mark a code as used, or return False if it does not exist, was used or revoked, or does not work now.

    It is a single conditional statement, so a code is accepted only once.
    """
    works = sa.and_(_ROW.starts <= now, _ROW.expires > now, _ROW.created <= now + NOTICED)
    this = sa.and_(_ROW.user_pk == user_pk, _ROW.digest == digest, _OPEN, works)
    return connection.execute(sa.update(bypass_codes).where(this).values(used=now)).rowcount == 1


def revoke_code(connection: sa.Connection, user_pk: int, now: int) -> bool:
    """Revoke a user's code, or return False if there is none that works now or later."""
    this = sa.and_(_ROW.user_pk == user_pk, _OPEN, _ROW.expires > now)
    return connection.execute(sa.update(bypass_codes).where(this).values(revoked=now)).rowcount == 1
