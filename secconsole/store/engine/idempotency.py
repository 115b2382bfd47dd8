"""Replies kept for a while, so that a repeated request is answered again and not performed again.

A row's name identifies the caller and their key, its `request` the content. Both are keyed digests.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import sqlalchemy as sa

from secconsole.store.engine.compiled import Prepared
from secconsole.store.schema import idempotency

MOST_CLEARED = 200  # rows at a time: the rest is left for the next write

_ROW = idempotency.c
# A reply that was wiped is empty, and not deleted: its name stays taken, so the request is not performed again.
_GONE = b""
_THIS = _ROW.name == sa.bindparam("this")
_RUNNING = _ROW.sealed.is_(None)


@dataclass(frozen=True, slots=True)
class KeptReply:
    """Reply to a request.

    `sealed` is None while the request is running, and empty once the reply was wiped (at `due`, or for security).
    """

    name: bytes
    request: bytes
    sealed: bytes | None
    due: int
    expires: int


def enter(connection: sa.Connection, name: bytes, request: bytes, *, now: int, until: int) -> bool:
    """Claim a name for a request that starts now, or return False if it is taken.

    It is free again at `until`, unless the reply is kept. A concurrent request with the same name waits for the
    transaction of the first.
    """
    return _ENTER.change(connection, name=name, request=request, until=until, now=now) == 1


def keep(connection: sa.Connection, name: bytes, request: bytes, sealed: bytes, *, due: int, expires: int) -> bool:
    """Store the reply to a request, or return False if its claim was lost."""
    values: dict[str, object] = {"sealed": sealed, "due": due, "expires": expires}
    return _KEEP.change(connection, this=name, asked=request, **values) == 1


def find(connection: sa.Connection, name: bytes, now: int) -> KeptReply | None:
    row = _FIND.row(connection, this=name, now=now)
    return KeptReply(*row) if row else None


def spoil(connection: sa.Connection, name: bytes) -> None:
    """Wipe the reply of a name that came with different requests.

    The name stays taken until it expires.
    """
    _SPOIL.change(connection, this=name)


def withdraw(connection: sa.Connection, name: bytes, request: bytes) -> None:
    """Free the name of a request that failed."""
    _WITHDRAW.change(connection, this=name, asked=request)


def has_due(connection: sa.Connection, now: int) -> bool:
    return _DUE.row(connection, now=now) is not None


def clear(connection: sa.Connection, now: int) -> None:
    """Delete expired rows and wipe replies that are due, up to a cheap number."""
    _DELETE.change(connection, now=now)
    _WIPE.change(connection, now=now)


def _matching(*which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Return a condition for the first few rows that need this."""
    due = sa.select(_ROW.name).where(_ROW.due <= sa.bindparam("now"), *which)
    few = due.order_by(_ROW.due).limit(sa.literal_column(str(MOST_CLEARED)))
    return _ROW.name.in_(few.with_for_update(skip_locked=True))  # rows locked by others are skipped


# In plain SQL, which is the same for both databases: SQLAlchemy has a different construct for each, and that of
# PostgreSQL would cost every program 36 ms and 3 MiB.
_ENTER = Prepared(
    sa.text(
        "INSERT INTO idempotency (name, request, due, expires) VALUES (:name, :request, :until, :until) "
        "ON CONFLICT (name) DO UPDATE SET request = excluded.request, sealed = NULL, due = excluded.due, "
        "expires = excluded.expires WHERE idempotency.expires <= :now"
    ).bindparams(
        sa.bindparam("name", type_=_ROW.name.type),
        sa.bindparam("request", type_=_ROW.request.type),
        sa.bindparam("until", type_=_ROW.due.type),
        sa.bindparam("now", type_=_ROW.due.type),
    )
)
_KEEP = Prepared(
    sa.update(idempotency).where(_THIS, _ROW.request == sa.bindparam("asked"), _RUNNING), ["sealed", "due", "expires"]
)
_FIND = Prepared(sa.select(idempotency).where(_THIS, _ROW.expires > sa.bindparam("now")))
# No request has an empty digest, so every later one with this name is refused.
_SPOIL = Prepared(
    sa.update(idempotency).where(_THIS, sa.not_(_RUNNING)).values(request=_GONE, sealed=_GONE, due=_ROW.expires)
)
_WITHDRAW = Prepared(sa.delete(idempotency).where(_THIS, _ROW.request == sa.bindparam("asked"), _RUNNING))
_DUE = Prepared(sa.select(sa.literal_column("1")).where(_ROW.due <= sa.bindparam("now")).limit(sa.literal_column("1")))
_DELETE = Prepared(sa.delete(idempotency).where(_matching(_ROW.expires <= sa.bindparam("now"))))
_WIPE = Prepared(
    sa.update(idempotency).where(_matching(_ROW.expires > sa.bindparam("now"))).values(sealed=_GONE, due=_ROW.expires)
)
assert tuple(field.name for field in fields(KeptReply)) == tuple(c.name for c in idempotency.c)
