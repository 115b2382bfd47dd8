"""Look for anything that a sweep has to clear away, in several tables with one statement."""

from __future__ import annotations

import sqlalchemy as sa

from secconsole.domain.clock import NOTICED
from secconsole.domain.history import DAY
from secconsole.domain.networks.network_rules import CONFIRM_WITHIN
from secconsole.store.engine.compiled import Prepared
from secconsole.store.schema import exemptions, networks, upkeep, users

_NOW: sa.BindParameter[int] = sa.bindparam("now")
_ENDS = (
    exemptions.c.until <= _NOW,
    networks.c.until.between(1, _NOW),
    networks.c.pending_until.between(1, _NOW),
    networks.c.pending_until > sa.bindparam("ahead"),  # set by a clock that was ahead
    sa.and_(users.c.password_until > 0, users.c.password_until <= _NOW),
    upkeep.c.due <= _NOW,
    upkeep.c.due > sa.bindparam("later"),  # set by a clock that was ahead
)
_ANY = Prepared(sa.select(sa.literal_column("1")).where(sa.or_(*(sa.exists().where(end) for end in _ENDS))))


def has_ended(connection: sa.Connection, now: int) -> bool:
    """Return True if a whitelist entry, an allowed network or a first-time password has ended.

    Also if a change of networks is to be undone, or the regular work for a tenant is due.
    """
    ahead, later = now + CONFIRM_WITHIN + NOTICED, now + DAY + NOTICED
    return _ANY.row(connection, now=now, ahead=ahead, later=later) is not None
