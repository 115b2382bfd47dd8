"""Whitelist entries, with the flag in the user's row."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from secconsole.domain.users.search_key import search_terms
from secconsole.domain.users.whitelist_search import parse_whitelist_search
from secconsole.store.rows import ExemptionRecord, UserRecord
from secconsole.store.schema import exemptions, users
from secconsole.store.search.text_match import contains
from secconsole.store.search.user_match import fulfils
from secconsole.store.users import USER, user_record

_DAY = 24 * 3_600_000
MOST_ENDED = 100  # entries at a time: the rest is left for the next write, so that none takes long


def exemption_of(connection: sa.Connection, user_pk: int, now: int) -> ExemptionRecord | None:
    """Return a user's entry, unless it has expired."""
    query = sa.select(exemptions).where(exemptions.c.user_pk == user_pk, _holds(now))
    row = connection.execute(query).one_or_none()
    return _exemption(row) if row else None


def put_exemption(connection: sa.Connection, user: UserRecord, entry: ExemptionRecord) -> None:
    """Add or replace a user's entry."""
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
    """Remove a user's entry, and return False if there was none."""
    done = connection.execute(sa.delete(exemptions).where(exemptions.c.user_pk == user_pk)).rowcount == 1
    _mark(connection, user_pk, False)
    return done


def list_exemptions(
    connection: sa.Connection, tenant_pk: int, *, search: str, after: str, limit: int, now: int
) -> list[tuple[UserRecord, ExemptionRecord]]:
    """Return valid entries, sorted by login.

    `after` is the last login key of the previous page.
    """
    query = (
        sa.select(*USER, exemptions.c.reason, exemptions.c.since, exemptions.c.until, exemptions.c.by)
        .join(exemptions, exemptions.c.user_pk == users.c.pk)
        .where(exemptions.c.tenant_pk == tenant_pk, _holds(now))
        .order_by(users.c.login_key)
        .limit(limit)
    )
    if after:
        query = query.where(users.c.login_key > after)
    wanted = parse_whitelist_search(search)
    if wanted.has_no_end:
        query = query.where(exemptions.c.until.is_(None))
    if wanted.ends_within is not None:
        query = query.where(exemptions.c.until <= now + wanted.ends_within * _DAY)
    if words := wanted.words:
        # Either the user has all the words, or each word is in the user or in the reason.
        apart = sa.and_(*(sa.or_(_is_found([word]), contains(exemptions.c.reason, word)) for word in words))
        query = query.where(sa.or_(_is_found(words), apart))
    return [
        (user_record(row), ExemptionRecord(row.pk, row.reason, row.since, row.until, row.by))
        for row in connection.execute(query)
    ]


def expired(connection: sa.Connection, tenant_pks: Sequence[int], now: int) -> list[tuple[UserRecord, ExemptionRecord]]:
    """Return the first `MOST_ENDED` entries of these tenants that have expired and were not removed yet."""
    query = (
        sa.select(*USER, exemptions.c.reason, exemptions.c.since, exemptions.c.until, exemptions.c.by)
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


def count_open(connection: sa.Connection, tenant_pk: int) -> int:
    """Return the number of entries with no end date."""
    query = sa.select(sa.func.count()).select_from(exemptions)
    without_end = sa.and_(exemptions.c.tenant_pk == tenant_pk, exemptions.c.until.is_(None))
    return int(connection.execute(query.where(without_end)).scalar_one())


def count_ending(connection: sa.Connection, tenant_pk: int, now: int, until: int) -> int:
    """Return the number of entries that end between now and a moment."""
    query = sa.select(sa.func.count()).select_from(exemptions).where(exemptions.c.tenant_pk == tenant_pk)
    return int(connection.execute(query.where(exemptions.c.until > now, exemptions.c.until <= until)).scalar_one())


def _holds(now: int) -> sa.ColumnElement[bool]:
    return sa.or_(exemptions.c.until.is_(None), exemptions.c.until > now)


def _is_found(words: Sequence[str]) -> sa.ColumnElement[bool]:
    """Return the condition that a user matches these words."""
    return sa.and_(sa.true(), *map(fulfils, search_terms(words)))


def _mark(connection: sa.Connection, user_pk: int, whitelisted: bool) -> None:
    values = {"whitelisted": whitelisted, "version": users.c.version + 1}
    connection.execute(sa.update(users).where(users.c.pk == user_pk).values(values))


def _exemption(row: sa.Row[tuple[object, ...]]) -> ExemptionRecord:
    values = dict(row._mapping)
    values.pop("tenant_pk")
    return ExemptionRecord(**values)
