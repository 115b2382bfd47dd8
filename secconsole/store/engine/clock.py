"""Times that this store has seen, and repair of what a clock that was ahead left in it."""

from __future__ import annotations

import json

import sqlalchemy as sa

from secconsole.domain.clock import NOTICED, ClockMark, Jump
from secconsole.domain.factors.totp import time_step
from secconsole.domain.limits import LONGEST_OVERLAP
from secconsole.store.engine.metadata import fact, set_fact
from secconsole.store.schema import (
    approvals,
    audit,
    audit_heads,
    bypass_codes,
    caller_checks,
    factors,
    facts,
    resets,
    sessions,
    tenants,
    tokens,
    users,
)
from secconsole.store.search.used_ahead import used_ahead
from secconsole.store.sign_in.throttles import lower_networks

CLOCK = "clock"
WHY = "the clock was corrected"
_HOUR = 3_600_000


def clock_mark(connection: sa.Connection) -> ClockMark | None:
    """Return the times that the store has seen, or None if nothing was written to it yet."""
    stored = fact(connection, CLOCK)
    if stored is not None:
        return _from_json(stored)
    # In a store of an earlier version the newest entries show which time it has seen.
    newest = sa.select(sa.func.max(audit.c.at)).join(
        audit_heads, sa.and_(audit_heads.c.tenant_pk == audit.c.tenant_pk, audit_heads.c.seq == audit.c.seq)
    )
    seen = connection.execute(newest).scalar()
    return ClockMark(seen, seen) if seen else None


def keep_clock_mark(connection: sa.Connection, before: ClockMark | None, mark: ClockMark) -> bool:
    """Store a mark, or return False if another process stored one since `before` was read."""
    if fact(connection, CLOCK) is None:
        set_fact(connection, CLOCK, _to_json(mark))
        return True
    if before is None:
        return False
    same = sa.and_(facts.c.name == CLOCK, facts.c.value == _to_json(before))
    return connection.execute(sa.update(facts).where(same).values(value=_to_json(mark))).rowcount == 1


def count_used_ahead(connection: sa.Connection, now: int) -> int:
    """Return how many factors of all tenants refuse correct codes because a code of a later time step was used."""
    query = sa.select(sa.func.count()).select_from(factors).where(used_ahead(now))
    return int(connection.execute(query).scalar_one())


def lower_used_ahead(connection: sa.Connection, now: int) -> int:
    """Lower single-use marks of the future to the current step, and return how many there were.

    Never further: codes used up to now stay used (RFC 6238 section 5.2).
    """
    changed = 0
    for period in connection.execute(sa.select(factors.c.period).where(used_ahead(now)).distinct()).scalars().all():
        query = sa.update(factors).where(used_ahead(now), factors.c.period == period)
        changed += connection.execute(query.values(last_step=time_step(now / 1000, period))).rowcount
    return changed


def end_begun_ahead(connection: sa.Connection, now: int) -> None:
    """End what was begun in the future, so that it does not become valid when that time comes.

    Until then it is ignored when read. Networks stay known, as of now.
    """
    ahead = now + NOTICED
    ended = {"ended": now, "ended_why": WHY}
    began = sa.or_(sessions.c.created > ahead, sessions.c.last_seen > ahead, sessions.c.proved > ahead)
    connection.execute(sa.update(sessions).where(sessions.c.ended.is_(None), began).values(ended))
    limited = sa.and_(tokens.c.ended.is_(None), tokens.c.expires.is_not(None))
    # A secret key has an end only after a rotation, which is at most the overlap away. A later one is from a wrong
    # clock.
    is_key = sa.and_(tokens.c.user_pk.is_(None), tokens.c.owner == "")
    late = sa.case((is_key, tokens.c.expires > ahead + LONGEST_OVERLAP * _HOUR), else_=tokens.c.created > ahead)
    connection.execute(sa.update(tokens).where(limited, late).values(ended))
    unused = sa.and_(bypass_codes.c.used.is_(None), bypass_codes.c.revoked.is_(None), bypass_codes.c.created > ahead)
    connection.execute(sa.update(bypass_codes).where(unused).values(revoked=now))
    for table in (caller_checks, approvals):
        open_ = sa.and_(table.c.used.is_(None), table.c.created > ahead)
        connection.execute(sa.update(table).where(open_).values(used=now))
    connection.execute(sa.delete(resets).where(resets.c.at > ahead))
    connection.execute(sa.update(tenants).where(tenants.c.required_since > ahead).values(required_since=now))
    connection.execute(sa.update(users).where(users.c.created > ahead).values(created=now))
    lower_networks(connection, now)


def _to_json(mark: ClockMark) -> bytes:
    jump = [mark.jump.at, mark.jump.by] if mark.jump else None
    return json.dumps([mark.seen, mark.high, jump], separators=(",", ":")).encode()


def _from_json(stored: bytes) -> ClockMark:
    seen, high, jump = json.loads(stored)
    return ClockMark(seen, high, Jump(*jump) if jump else None)
