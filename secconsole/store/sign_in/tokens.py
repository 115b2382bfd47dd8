"""Personal access tokens and tenants' secret keys, stored as digests.

A row without `user_pk` belongs to no user: with an `owner` it is a token of the store's owner, without one it is the
secret key of its tenant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from secconsole.domain.scope import Scope
from secconsole.domain.secret import Secret
from secconsole.store.engine.compiled import Prepared
from secconsole.store.rows import TokenRecord
from secconsole.store.schema import tokens, users
from secconsole.store.sealing.keys import token_hash
from secconsole.store.users import in_parts

_ROW = tokens.c
BY_SECRET = Prepared(sa.select(tokens).where(_ROW.token_hash == sa.bindparam("hashed")))
_END_OF = Prepared(
    sa.update(tokens).where(_ROW.user_pk == sa.bindparam("of"), _ROW.ended.is_(None)), ["ended", "ended_why"]
)
_IS_KEY = sa.and_(_ROW.user_pk.is_(None), _ROW.owner == "")


def add_token(connection: sa.Connection, token: Secret[str], values: dict[str, object]) -> None:
    """Store a token's digest, with `values` for the other columns."""
    connection.execute(sa.insert(tokens).values({**values, "token_hash": token_hash(token)}))


def token_by_secret(connection: sa.Connection, token: Secret[str]) -> TokenRecord | None:
    """Return a token or key by its secret, valid or not."""
    row = BY_SECRET.row(connection, hashed=token_hash(token))
    return _record(row) if row else None


def token_by_id(connection: sa.Connection, tenant_pk: int, id: str) -> TokenRecord | None:
    """Return a token of a tenant that was not ended, but no secret key."""
    query = sa.select(tokens).where(_ROW.tenant_pk == tenant_pk, _ROW.id == id, _ROW.ended.is_(None), sa.not_(_IS_KEY))
    row = connection.execute(query).one_or_none()
    return _record(row) if row else None


def live_tokens(
    connection: sa.Connection,
    *,
    now: int,
    tenant_pk: int | None = None,
    user_pk: int | None = None,
    owner: str = "",
    before: str | None = None,
    limit: int,
) -> list[tuple[TokenRecord, str, str]]:
    """Return valid tokens of a tenant, a user or the store's owner, newest first, with their owner's login and id.

    `before`: the last id of the previous page.
    """
    query = (
        sa.select(tokens, users.c.login, users.c.id.label("user_id"))
        .outerjoin(users, users.c.pk == _ROW.user_pk)
        .where(_live(now), sa.not_(_IS_KEY))
        .order_by(_ROW.id.desc())
        .limit(limit)
    )
    if tenant_pk is not None:
        query = query.where(_ROW.tenant_pk == tenant_pk)
    if user_pk is not None:
        query = query.where(_ROW.user_pk == user_pk)
    if owner:
        query = query.where(_ROW.user_pk.is_(None), _ROW.owner == owner)
    if before is not None:
        query = query.where(_ROW.id < before)
    return [(_record(row[:-2]), row.login or row.owner, row.user_id or "") for row in connection.execute(query)]


def count_live(connection: sa.Connection, user_pks: Sequence[int], now: int) -> int:
    """Return the number of valid tokens of these users."""
    query = sa.select(sa.func.count()).select_from(tokens).where(_live(now))
    return sum(connection.execute(query.where(_ROW.user_pk.in_(part))).scalar_one() for part in in_parts(user_pks))


def live_keys(connection: sa.Connection, tenant_pk: int, now: int) -> list[TokenRecord]:
    """Return a tenant's valid secret keys, newest first: at most the current and the previous one of each name."""
    query = sa.select(tokens).where(_ROW.tenant_pk == tenant_pk, _IS_KEY, _live(now)).order_by(_ROW.pk.desc())
    return [_record(row) for row in connection.execute(query)]


def end_token(connection: sa.Connection, pk: int, *, now: int, why: str) -> None:
    connection.execute(sa.update(tokens).where(_ROW.pk == pk, _ROW.ended.is_(None)).values(ended=now, ended_why=why))


def end_tokens_of(connection: sa.Connection, user_pk: int, *, now: int, why: str) -> None:
    """End all tokens of a user."""
    _END_OF.change(connection, of=user_pk, ended=now, ended_why=why)


def expire_token(connection: sa.Connection, pk: int, at: int) -> None:
    connection.execute(sa.update(tokens).where(_ROW.pk == pk).values(expires=at))


def touch_token(connection: sa.Connection, pk: int, *, now: int, unless_since: int) -> None:
    """Record that a token was used, unless that was recorded since."""
    # A write for each request would cost far more than the request itself.
    long_ago = sa.or_(_ROW.last_used.is_(None), _ROW.last_used < unless_since)
    connection.execute(sa.update(tokens).where(_ROW.pk == pk, long_ago).values(last_used=now))


def scopes_to(scopes: Sequence[Scope]) -> str:
    return ",".join(scope for scope in Scope if scope in scopes)


def _live(now: int) -> sa.ColumnElement[bool]:
    return sa.and_(_ROW.ended.is_(None), sa.or_(_ROW.expires.is_(None), _ROW.expires > now))


def _record(row: Sequence[Any]) -> TokenRecord:
    values = dict(zip(_COLUMNS, row, strict=True))
    del values["token_hash"], values["ended_why"]
    values["scopes"] = tuple(Scope(scope) for scope in values["scopes"].split(",") if scope)
    return TokenRecord(**values)


_COLUMNS = tuple(column.name for column in tokens.c)
