"""The whitelist's entries; the flag on the user's row goes with them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from secconsole.store.contains import contains
from secconsole.store.rows import ExemptionRecord, UserRecord
from secconsole.store.schema import exemptions, users
from secconsole.store.users import user_record

MOST_ENDED = 100  # entries at a time: more are left for the next write, so that nobody waits long for one that does it

_EXPIRED = sa.select(exemptions.c.user_pk).where(exemptions.c.until <= sa.bindparam("now")).limit(1)


def exemption_of(connection: sa.Connection, user_pk: int, now: int) -> ExemptionRecord | None:
    """A user's entry, unless it has expired."""
    query = sa.select(exemptions).where(exemptions.c.user_pk == user_pk, _holds(now))
    row = connection.execute(query).one_or_none()
    return _exemption(row) if row else None


def put_exemption(connection: sa.Connection, user: UserRecord, entry: ExemptionRecord) -> None:
    """Add an entry or replace the user's one."""
    connection.execute(sa.delete(exemptions).where(exemptions.c.user_pk == user.pk))
    values = {
        "user_pk": user.pk,
        "tenant_pk": user.tenant_pk,
        "reason": entry.reason,
        "since": entry.since,
        "until": entry.until,
        "by": entry.by,
    }
    connection.execute(sa.insert(exemptions).values(values))
    _mark(connection, user.pk, True)


def drop_exemption(connection: sa.Connection, user_pk: int) -> bool:
    """Remove a user's entry; whether there was one."""
    done = connection.execute(sa.delete(exemptions).where(exemptions.c.user_pk == user_pk)).rowcount == 1
    _mark(connection, user_pk, False)
    return done


def list_exemptions(
    connection: sa.Connection, tenant_pk: int, *, search: str, after: str, limit: int, now: int
) -> list[tuple[UserRecord, ExemptionRecord]]:
    """Entries that hold, by login; `after` is the last login key of the page before."""
    query = (
        sa.select(users, exemptions.c.reason, exemptions.c.since, exemptions.c.until, exemptions.c.by)
        .join(exemptions, exemptions.c.user_pk == users.c.pk)
        .where(exemptions.c.tenant_pk == tenant_pk, _holds(now))
        .order_by(users.c.login_key)
        .limit(limit)
    )
    if after:
        query = query.where(users.c.login_key > after)
    for word in search.split():
        fields = (users.c.login, users.c.name, exemptions.c.reason)
        query = query.where(sa.or_(*(contains(field, word) for field in fields)))
    return [
        (user_record(row), ExemptionRecord(row.pk, row.reason, row.since, row.until, row.by))
        for row in connection.execute(query)
    ]


def expired(connection: sa.Connection, tenant_pks: Sequence[int], now: int) -> list[tuple[UserRecord, ExemptionRecord]]:
    """Entries of these tenants whose end has come and that still stand in the store: the first `MOST_ENDED`."""
    query = (
        sa.select(users, exemptions.c.reason, exemptions.c.since, exemptions.c.until, exemptions.c.by)
        .join(exemptions, exemptions.c.user_pk == users.c.pk)
        .where(exemptions.c.tenant_pk.in_(tenant_pks), exemptions.c.until <= now)
        .order_by(exemptions.c.until)
        .limit(MOST_ENDED)
    )
    return [
        (user_record(row), ExemptionRecord(row.pk, row.reason, row.since, row.until, row.by))
        for row in connection.execute(query)
    ]


def tenants_with_expired(connection: sa.Connection, now: int) -> list[int]:
    query = sa.select(exemptions.c.tenant_pk).distinct().where(exemptions.c.until <= now)
    return list(connection.execute(query).scalars())


def has_expired(connection: sa.Connection, now: int) -> bool:
    return connection.execute(_EXPIRED, {"now": now}).first() is not None


def count_open(connection: sa.Connection, tenant_pk: int) -> int:
    """Entries without an end."""
    query = sa.select(sa.func.count()).select_from(exemptions)
    without_end = sa.and_(exemptions.c.tenant_pk == tenant_pk, exemptions.c.until.is_(None))
    return int(connection.execute(query.where(without_end)).scalar_one())


def count_ending(connection: sa.Connection, tenant_pk: int, now: int, until: int) -> int:
    """Entries that end between now and a moment."""
    query = sa.select(sa.func.count()).select_from(exemptions).where(exemptions.c.tenant_pk == tenant_pk)
    return int(connection.execute(query.where(exemptions.c.until > now, exemptions.c.until <= until)).scalar_one())


def _holds(now: int) -> sa.ColumnElement[bool]:
    return sa.or_(exemptions.c.until.is_(None), exemptions.c.until > now)


def _mark(connection: sa.Connection, user_pk: int, whitelisted: bool) -> None:
    values = {"whitelisted": whitelisted, "version": users.c.version + 1}
    connection.execute(sa.update(users).where(users.c.pk == user_pk).values(values))


def _exemption(row: sa.Row[tuple[object, ...]]) -> ExemptionRecord:
    values = dict(row._mapping)
    values.pop("tenant_pk")
    return ExemptionRecord(**values)
