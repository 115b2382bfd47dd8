"""State of a whole tenant after a breach: the freeze, all open sessions and tokens, and networks that are new."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from secconsole.domain.clock import NOTICED
from secconsole.domain.roles import Role
from secconsole.store.schema import challenges, known_networks, sessions, tenants, tokens, users

WHY = "all sessions were ended"
_IS_KEY = sa.and_(tokens.c.user_pk.is_(None), tokens.c.owner == "")


@dataclass(frozen=True, slots=True)
class Scope:
    """Sessions and tokens of a tenant that an actor can end.

    `spare`: the roles of users whose sessions stay. `but`: the key of one session that stays. `before`: those that
    began later stay. `seen_since`: the earliest last use of a session that still works.
    """

    tenant_pk: int
    now: int
    seen_since: int
    before: int
    spare: tuple[Role, ...] = ()
    but: int | None = None


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Network from which nobody of a tenant had signed in before. `login`: the first user who did."""

    network: str
    users: int
    login: str
    first: int


def freeze(connection: sa.Connection, tenant_pk: int, *, now: int, by: str) -> bool:
    """Freeze a tenant, or return False if it is frozen already."""
    # Conditional, so that time and author are those of the first request.
    query = sa.update(tenants).where(tenants.c.pk == tenant_pk, tenants.c.frozen_since.is_(None))
    return connection.execute(query.values(frozen_since=now, frozen_by=by)).rowcount == 1


def thaw(connection: sa.Connection, tenant_pk: int) -> bool:
    """Thaw a tenant, or return False if it is not frozen."""
    query = sa.update(tenants).where(tenants.c.pk == tenant_pk, tenants.c.frozen_since.is_not(None))
    return connection.execute(query.values(frozen_since=None, frozen_by="")).rowcount == 1


def count_sessions(connection: sa.Connection, scope: Scope) -> int:
    """Return the number of sessions that still work."""
    return _count(connection, sessions, *_sessions(scope), *_works(scope))


def count_tokens(connection: sa.Connection, scope: Scope) -> int:
    """Return the number of valid tokens, without the secret key of the tenant."""
    return _count(connection, tokens, *_tokens(scope))


def count_spared(connection: sa.Connection, scope: Scope) -> int:
    """Return the number of sessions and tokens that stay because of the role of their users."""
    if not scope.spare:
        return 0
    every = Scope(scope.tenant_pk, scope.now, scope.seen_since, scope.before, but=scope.but)
    both = count_sessions(connection, every) + count_tokens(connection, every)
    return both - count_sessions(connection, scope) - count_tokens(connection, scope)


def end_sessions(connection: sa.Connection, scope: Scope, *, limit: int) -> int:
    """End at most so many sessions that still work, and return their number."""
    which = sa.select(sessions.c.pk).where(*_sessions(scope), *_works(scope)).limit(limit)
    return _end(connection, sessions, which, scope.now)


def end_tokens(connection: sa.Connection, scope: Scope, *, limit: int) -> int:
    """End at most so many tokens, and return their number."""
    which = sa.select(tokens.c.pk).where(*_tokens(scope)).limit(limit)
    return _end(connection, tokens, which, scope.now)


def end_rest(connection: sa.Connection, scope: Scope) -> None:
    """End sessions that are refused now but not ended, and all sign-ins in progress."""
    _end(connection, sessions, sa.select(sessions.c.pk).where(*_sessions(scope)), scope.now)
    mine = challenges.c.tenant_pk == scope.tenant_pk
    query = sa.update(challenges).where(mine, challenges.c.used.is_(None), challenges.c.expires > scope.now)
    connection.execute(query.where(*_not_spared(scope, challenges)).values(used=scope.now))


def new_networks(connection: sa.Connection, tenant_pk: int, since: int, now: int, *, limit: int) -> list[Newcomer]:
    """Return networks that signed in since then and never before, the newest first."""
    known, before, other = known_networks, known_networks.alias("before"), users.alias("other")
    older = (
        sa.select(before.c.pk)
        .join(other, other.c.pk == before.c.user_pk)
        .where(before.c.network == known.c.network, before.c.first < since, other.c.tenant_pk == tenant_pk)
    )
    fresh = (
        sa.select(known.c.network, known.c.first, users.c.login)
        .join(users, users.c.pk == known.c.user_pk)
        .where(known.c.first.between(since, now + NOTICED), users.c.tenant_pk == tenant_pk, sa.not_(sa.exists(older)))
        .order_by(known.c.first.desc())
        .limit(limit)
    )
    found: dict[str, Newcomer] = {}
    for row in connection.execute(fresh):  # newest first, so the last one of a network is its first sign-in
        count = found[row.network].users + 1 if row.network in found else 1
        found[row.network] = Newcomer(row.network, count, row.login, row.first)
    return list(found.values())


def _end(connection: sa.Connection, table: sa.Table, which: sa.Select[tuple[int]], now: int) -> int:
    query = sa.update(table).where(table.c.pk.in_(which)).values(ended=now, ended_why=WHY)
    return connection.execute(query).rowcount


def _count(connection: sa.Connection, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(table).where(*conditions)).scalar_one())


def _sessions(scope: Scope) -> list[sa.ColumnElement[bool]]:
    mine = [sessions.c.tenant_pk == scope.tenant_pk, sessions.c.ended.is_(None), sessions.c.expires > scope.now]
    own = [] if scope.but is None else [sessions.c.pk != scope.but]
    return [*mine, *own, *_not_spared(scope, sessions), *_begun(scope, sessions)]


def _works(scope: Scope) -> list[sa.ColumnElement[bool]]:
    return [sessions.c.last_seen.between(scope.seen_since, scope.now + NOTICED)]


def _tokens(scope: Scope) -> list[sa.ColumnElement[bool]]:
    live = sa.or_(tokens.c.expires.is_(None), tokens.c.expires > scope.now)
    mine = [tokens.c.tenant_pk == scope.tenant_pk, tokens.c.ended.is_(None), live, sa.not_(_IS_KEY)]
    return [*mine, *_not_spared(scope, tokens), *_begun(scope, tokens)]


def _begun(scope: Scope, table: sa.Table) -> list[sa.ColumnElement[bool]]:
    """Return the condition on when something began: times from a clock that was ahead count as the past."""
    return [sa.or_(table.c.created <= scope.before, table.c.created > scope.now + NOTICED)]


def _not_spared(scope: Scope, table: sa.Table) -> list[sa.ColumnElement[bool]]:
    if not scope.spare:
        return []
    above = sa.select(users.c.pk).where(
        users.c.tenant_pk == scope.tenant_pk, users.c.role.in_([role.value for role in scope.spare])
    )
    # Tokens of the store's owner have no user, and NOT IN would leave them out.
    return [sa.or_(table.c.user_pk.is_(None), table.c.user_pk.not_in(above))]
