"""Rows that the checks of codes read, each set in one statement: for applications, and for the last step of a sign-in.

What they contain is read again row by row where it does not suffice, so they leave out what is rarely needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from secconsole.domain.ident import is_id
from secconsole.domain.users.login import login_key
from secconsole.store import factors as factor_rows
from secconsole.store import tenants as tenant_rows
from secconsole.store import users as user_rows
from secconsole.store.engine.ahead import Ahead, Head, Row, RowsAhead
from secconsole.store.engine.compiled import Prepared
from secconsole.store.networks import rules_of
from secconsole.store.schema import (
    audit_heads,
    challenges,
    factors,
    known_networks,
    passcodes,
    sessions,
    tenants,
    throttles,
    tokens,
    users,
)
from secconsole.store.sign_in.passcodes import BY_ATTEMPT
from secconsole.store.sign_in.sessions import CHALLENGE_BY_TOKEN, SESSION_BY_TOKEN
from secconsole.store.sign_in.throttles import NETWORK, OF_USER, ROW
from secconsole.store.sign_in.tokens import BY_SECRET

_AT_AND_NOW: tuple[Any, ...] = (
    sa.cast(sa.bindparam("at"), sa.Integer).label("at"),
    sa.literal_column("extract(epoch from clock_timestamp())::float8"),
)
_ONE = sa.select(sa.literal_column("1")).subquery("one")  # returns a row even if nothing else is found
_HEAD = (audit_heads.c.tenant_pk, audit_heads.c.seq, audit_heads.c.mac, audit_heads.c.turn)
_TENANT = (*tenants.c, rules_of(tenants.c.pk))
_actor, _target = users.alias("actor"), users.alias("target")


def verify_ahead(tenant: str, user: str, hashed: bytes | None) -> Ahead:
    """Return what a check of a user's code by an application or an operator reads. `hashed`: the caller's token."""
    name, by_id = tenant.strip(), is_id(user)
    values = {"key": name.casefold(), "name": name, "hashed": hashed, "user": user if by_id else login_key(user)}

    def unpack(ahead: RowsAhead, rows: Sequence[Row]) -> None:
        heads, home, token, session, actor, target, _ = _VERIFY.split(rows[0])
        ahead.know(tenant_rows.BY_NAME, _found(home), key=values["key"], name=name)
        if hashed is not None:
            ahead.know(BY_SECRET, _found(token), hashed=hashed)
            ahead.know(SESSION_BY_TOKEN, _found(session), hashed=hashed)
        if _found(actor):
            ahead.know(user_rows.BY_PK, [actor], this=actor[0])
            ahead.subjects.add(actor[0])
        if not _found(home):
            return
        ahead.head = _head(heads)
        ahead.know(tenant_rows.BY_PK, [home], this=home[0])
        named = user_rows.BY_ID if by_id else user_rows.BY_LOGIN
        ahead.know(named, _found(target), tenant=home[0], name=values["user"])
        if _found(target):
            ahead.subjects.add(target[0])
            ahead.know(factor_rows.LIVE_OF, _distinct(rows, _VERIFY, -1), user=target[0])

    return Ahead(_VERIFY_BY_ID if by_id else _VERIFY_BY_LOGIN, values, unpack)


def sign_in_ahead(hashed: bytes, attempt: str, network: str) -> Ahead:
    """Return what the second step of a sign-in reads, by the digest of its challenge and its attempt."""

    def unpack(ahead: RowsAhead, rows: Sequence[Row]) -> None:
        challenge, heads, home, user, sent, seen, _, _ = _SIGN_IN.split(rows[0])
        ahead.know(CHALLENGE_BY_TOKEN, _found(challenge), hashed=hashed)
        if not _found(challenge):
            return
        ahead.head = _head(heads)
        ahead.subjects.add(user[0])
        ahead.know(tenant_rows.BY_PK, [home], this=home[0])
        ahead.know(user_rows.BY_PK, [user], this=user[0])
        ahead.know(BY_ATTEMPT, _found(sent), attempt=attempt)
        ahead.know(NETWORK, _found(seen), user=user[0], network=network)
        ahead.know(OF_USER, [row[1:] for row in _distinct(rows, _SIGN_IN, -2)], user=user[0])
        ahead.know(factor_rows.LIVE_OF, _distinct(rows, _SIGN_IN, -1), user=user[0])

    return Ahead(_SIGN_IN_STEP, {"hashed": hashed, "attempt": attempt, "network": network}, unpack)


class _Parts:
    """Parts of a row, one for each table, behind the number and the time."""

    def __init__(self, *parts: Iterable[sa.ColumnElement[Any]]) -> None:
        self.columns = list(_AT_AND_NOW)
        ends = [len(self.columns)]
        for part in parts:
            self.columns += part
            ends.append(len(self.columns))
        self._slices = [slice(start, end) for start, end in pairwise(ends)]

    def split(self, row: Row) -> list[Row]:
        return [row[part] for part in self._slices]

    def part(self, row: Row, number: int) -> Row:
        return row[self._slices[number]]


def _found(row: Row) -> list[Row]:
    """Return the row of a table, whose first column is its key, if the join has found one."""
    return [row] if row[0] is not None else []


def _distinct(rows: Sequence[Row], parts: _Parts, number: int) -> list[Row]:
    """Return the rows of one of several tables that were joined, each once and in the order of their keys."""
    found = {part[0]: part for row in rows if (part := parts.part(row, number))[0] is not None}
    return [found[key] for key in sorted(found)]


def _head(row: Row) -> Head | None:
    return Head(*row) if row[0] is not None else None


def _columns_of(table: sa.FromClause) -> list[sa.ColumnElement[Any]]:
    """Return the columns of a user as `user_by_pk` returns them."""
    return [table.c[column.name] for column in user_rows.USER]


_LIVE = factors.c.removed.is_(None)
_VERIFY = _Parts(_HEAD, _TENANT, tokens.c, sessions.c, _columns_of(_actor), _columns_of(_target), factors.c)
_HASHED = sa.bindparam("hashed", type_=sa.LargeBinary)


def _verify(named: sa.ColumnElement[bool]) -> Prepared:
    tenant = sa.or_(tenants.c.name_key == sa.bindparam("key"), tenants.c.id == sa.bindparam("name"))
    joined = (
        _ONE.outerjoin(tenants, tenant)
        .outerjoin(audit_heads, audit_heads.c.tenant_pk == tenants.c.pk)
        .outerjoin(tokens, tokens.c.token_hash == _HASHED)
        .outerjoin(sessions, sessions.c.token_hash == _HASHED)
        .outerjoin(_actor, _actor.c.pk == sa.func.coalesce(tokens.c.user_pk, sessions.c.user_pk))
        .outerjoin(_target, sa.and_(_target.c.tenant_pk == tenants.c.pk, named))
        .outerjoin(factors, sa.and_(factors.c.user_pk == _target.c.pk, _LIVE))
    )
    return Prepared(sa.select(*_VERIFY.columns).select_from(joined))


_VERIFY_BY_ID = _verify(_target.c.id == sa.bindparam("user"))
_VERIFY_BY_LOGIN = _verify(_target.c.login_key == sa.bindparam("user"))

_counts = (throttles.c.pk, *ROW)
_networks = (known_networks.c.pk, known_networks.c.seen, known_networks.c.first)
_SIGN_IN = _Parts(challenges.c, _HEAD, _TENANT, _columns_of(users), passcodes.c, _networks, _counts, factors.c)
_SIGN_IN_STEP = Prepared(
    sa.select(*_SIGN_IN.columns).select_from(
        _ONE.outerjoin(challenges, challenges.c.token_hash == _HASHED)
        .outerjoin(audit_heads, audit_heads.c.tenant_pk == challenges.c.tenant_pk)
        .outerjoin(tenants, tenants.c.pk == challenges.c.tenant_pk)
        .outerjoin(users, users.c.pk == challenges.c.user_pk)
        .outerjoin(passcodes, passcodes.c.attempt == sa.bindparam("attempt"))
        .outerjoin(
            known_networks,
            sa.and_(known_networks.c.user_pk == users.c.pk, known_networks.c.network == sa.bindparam("network")),
        )
        .outerjoin(throttles, throttles.c.user_pk == users.c.pk)
        .outerjoin(factors, sa.and_(factors.c.user_pk == users.c.pk, _LIVE))
    )
)
