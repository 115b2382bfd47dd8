"""Sessions opened without a factor, and tokens created while no factor was bound.

They are counted and ended by what decides whether their users are asked for a factor.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from secconsole.domain.clock import NOTICED
from secconsole.domain.impact import Group
from secconsole.domain.model import BindingStatus, FactorState
from secconsole.domain.roles import Role
from secconsole.domain.throttling.throttle import FOREVER
from secconsole.store.schema import factors, sessions, tokens, users
from secconsole.store.users import in_parts

_FACTS = (users.c.role, users.c.status, users.c.whitelisted, users.c.switched_on, users.c.keeps_factor)


@dataclass(frozen=True, slots=True)
class Which:
    """Selection of sessions and tokens.

    `live`: the current time, and the earliest last use of an open session. `grace_from`: users created later are in
    their grace period. `users`: their keys, or None for the whole tenant. `but`: the key of one session to leave out,
    and with it all tokens of its user.
    """

    tenant_pk: int
    now: int
    seen_since: int
    grace_from: int
    users: Collection[int] | None = None
    but: int | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """Number of sessions or tokens of the users who share one set of facts."""

    group: Group
    in_grace: bool
    count: int


def counted(connection: sa.Connection, which: Which, table: sa.Table = sessions) -> list[Opened]:
    """Return the open sessions (or the tokens) opened with a password only, counted by the facts about their users."""
    grace = _in_grace(which)
    found: list[Opened] = []
    for matches in _matches(which, table):
        query = (
            sa.select(*_FACTS, grace.label("in_grace"), sa.func.count().label("n"))
            .select_from(table.join(users, users.c.pk == table.c.user_pk))
            .where(matches)
            .group_by(*_FACTS, grace)
        )
        found += [
            Opened(
                Group(
                    Role(row.role),
                    BindingStatus(row.status),
                    bool(row.whitelisted),
                    disabled=False,
                    must_reset=False,
                    weak_only=False,
                    has_recovery=False,
                    blocked=False,
                    switched_on=bool(row.switched_on),
                    keeps_factor=bool(row.keeps_factor),
                    count=row.n,
                ),
                bool(row.in_grace),
                row.n,
            )
            for row in connection.execute(query)
        ]
    return found


def end(
    connection: sa.Connection, which: Which, ending: Collection[Opened], *, why: str, table: sa.Table = sessions
) -> int:
    """End the sessions (or tokens) of users with one of these sets of facts, and return their number."""
    if not ending:
        return 0
    having = sa.or_(*(_has(which, each) for each in ending))
    done = 0
    for matches in _matches(which, table):
        chosen = (
            sa.select(table.c.pk).select_from(table.join(users, users.c.pk == table.c.user_pk)).where(matches, having)
        )
        values = {"ended": which.now, "ended_why": why}
        done += connection.execute(sa.update(table).where(table.c.pk.in_(chosen)).values(values)).rowcount
    return done


def _matches(which: Which, table: sa.Table) -> Iterator[sa.ColumnElement[bool]]:
    """Yield the conditions on sessions or tokens, in batches if users are named."""
    open_ = _sessions(which) if table is sessions else _tokens(which)
    if which.users is None:
        yield open_
    else:
        yield from (sa.and_(open_, table.c.user_pk.in_(part)) for part in in_parts(list(which.users)))


def _sessions(which: Which) -> sa.ColumnElement[bool]:
    return sa.and_(
        sessions.c.tenant_pk == which.tenant_pk,
        sessions.c.factor == "",
        sessions.c.expires > which.now,
        sessions.c.ended.is_(None),
        sessions.c.last_seen >= which.seen_since,
        # No session has the key 0.
        sessions.c.pk != (which.but if which.but is not None else 0),
    )


def _tokens(which: Which) -> sa.ColumnElement[bool]:
    """Return the tokens made while no factor was bound: where one was, making a token asked for it."""
    shown = sa.exists().where(
        factors.c.user_pk == tokens.c.user_pk,
        factors.c.state == FactorState.ACTIVE,
        factors.c.bound <= tokens.c.created,
        sa.or_(factors.c.removed.is_(None), factors.c.removed > tokens.c.created),
    )
    own = sa.select(sessions.c.user_pk).where(sessions.c.pk == (which.but if which.but is not None else 0))
    return sa.and_(
        tokens.c.tenant_pk == which.tenant_pk,
        tokens.c.ended.is_(None),
        tokens.c.expires > which.now,
        tokens.c.user_pk.is_not(None),
        tokens.c.user_pk.not_in(own),
        sa.not_(shown),
    )


def _in_grace(which: Which) -> sa.ColumnElement[bool]:
    latest = which.now + NOTICED if which.grace_from else FOREVER  # later ones are from a clock that was ahead
    # As literals: with parameters PostgreSQL does not recognise the expression in SELECT as the one in GROUP BY.
    first, last = int(which.grace_from) + 1, int(latest)
    return users.c.created.between(sa.literal_column(str(first)), sa.literal_column(str(last)))


def _has(which: Which, each: Opened) -> sa.ColumnElement[bool]:
    group, grace = each.group, _in_grace(which)
    return sa.and_(
        users.c.role == group.role.value,
        users.c.status == group.status.value,
        users.c.whitelisted.is_(sa.true() if group.whitelisted else sa.false()),
        users.c.switched_on.is_(sa.true() if group.switched_on else sa.false()),
        users.c.keeps_factor.is_(sa.true() if group.keeps_factor else sa.false()),
        grace if each.in_grace else sa.not_(grace),
    )
