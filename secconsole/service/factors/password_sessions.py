"""Ending of sessions opened with a password only, and of tokens made in them, once their users have to show a factor.

The actor's own session stays, and so do the actor's tokens: an administrator who changes a policy is informed that it
is among them, and is asked at the next sign-in.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from secconsole.domain.clock import is_from_future
from secconsole.domain.impact import is_asked_now
from secconsole.domain.model import PolicyMode
from secconsole.service.authorise import IDLE
from secconsole.service.context import Context
from secconsole.service.factors.sign_in_facts import DAY
from secconsole.store.rows import TenantRow, UserRecord
from secconsole.store.schema import sessions, tokens
from secconsole.store.sign_in import password_sessions
from secconsole.store.sign_in.password_sessions import Opened, Which

WHY = "a factor is required now"


@dataclass(frozen=True, slots=True)
class Ended:
    """Number of sessions and tokens that ended, or would end."""

    sessions: int = 0
    tokens: int = 0


def count_ending(
    context: Context, tenant: TenantRow, mode: PolicyMode, *, spared: Collection[UserRecord] = ()
) -> Ended:
    """Return what would end under a mode, without users in `spared`, who would be whitelisted."""
    which = _which(context, tenant, mode, None)
    theirs = _which(context, tenant, mode, [user.pk for user in spared])

    def count(table: sa.Table) -> int:
        ending = sum(each.count for each in _ending(context, which, mode, table))
        if not spared:
            return ending
        affected = sum(each.count for each in _ending(context, theirs, mode, table))
        still = sum(each.count for each in _ending(context, theirs, mode, table, whitelisted=True))
        return ending - affected + still

    return Ended(count(sessions), count(tokens))


def end_password_sessions(context: Context, tenant: TenantRow, users: Collection[UserRecord] | None = None) -> Ended:
    """End the sessions and tokens of users who now have to show a factor, and return their numbers."""
    which = _which(context, tenant, tenant.policy, None if users is None else [user.pk for user in users])

    def end(table: sa.Table) -> int:
        ending = _ending(context, which, tenant.policy, table)
        return password_sessions.end(context.connection, which, ending, why=WHY, table=table)

    return Ended(end(sessions), end(tokens))


def _ending(
    context: Context, which: Which, mode: PolicyMode, table: sa.Table, *, whitelisted: bool = False
) -> list[Opened]:
    found = password_sessions.counted(context.connection, which, table)
    return [each for each in found if is_asked_now(each.group, mode, in_grace=each.in_grace, exempt=whitelisted)]


def _which(context: Context, tenant: TenantRow, mode: PolicyMode, users: Collection[int] | None) -> Which:
    actor = context.found_actor
    newly = mode is PolicyMode.REQUIRED and tenant.policy is not PolicyMode.REQUIRED
    since = context.now if newly else tenant.required_since or 0
    since = 0 if is_from_future(since, context.now) else since
    grace_from = context.now - tenant.grace_days * DAY
    return Which(
        tenant.pk,
        context.now,
        seen_since=context.now - IDLE,
        grace_from=0 if since > grace_from else grace_from,  # the grace period is that of the tenant
        users=users,
        but=actor.session.pk if actor is not None and actor.session is not None else None,
    )
