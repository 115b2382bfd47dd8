"""Removal of old entries from a chain, in portions, and how long each tenant keeps its audit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from secconsole.store.audit_log.audit_chain import Broken, wrong_before
from secconsole.store.audit_log.audit_checkpoints import Link, checkpoint_of, link_before_first, move_checkpoint
from secconsole.store.audit_log.audit_seal import SEALED, mac_of_values
from secconsole.store.schema import audit, audit_retention
from secconsole.store.sealing.keys import KeyRing

_ROW = audit_retention.c
_ENTRIES: Any = sa.select(*(audit.c[name] for name in SEALED), audit.c.mac)


@dataclass(frozen=True, slots=True)
class KeepRule:
    """Days for which a tenant keeps its audit."""

    tenant_pk: int
    days: int
    changed: int
    by: str


@dataclass(frozen=True, slots=True)
class Portion:
    """Entries that may be removed next, all of which fit the chain.

    `last`: the last of them. `is_full`: there may be more. `broken`: an entry that does not fit, so none is removed.
    """

    number: int
    last: Link
    is_full: bool = False
    broken: Broken | None = None


def rule_of(connection: sa.Connection, tenant_pk: int) -> KeepRule | None:
    """Return how long a tenant keeps its audit, or None if for good."""
    row = connection.execute(sa.select(audit_retention).where(_ROW.tenant_pk == tenant_pk)).first()
    return KeepRule(row.tenant_pk, row.keep_days, row.changed, row.by) if row else None


def all_rules(connection: sa.Connection) -> list[KeepRule]:
    """Return the rules of all tenants that have one."""
    rows = connection.execute(sa.select(audit_retention).order_by(_ROW.tenant_pk))
    return [KeepRule(row.tenant_pk, row.keep_days, row.changed, row.by) for row in rows]


def set_rule(connection: sa.Connection, rule: KeepRule) -> None:
    """Set how long a tenant keeps its audit, 0 for good."""
    connection.execute(sa.delete(audit_retention).where(_ROW.tenant_pk == rule.tenant_pk))
    if rule.days:
        values = {"tenant_pk": rule.tenant_pk, "keep_days": rule.days, "changed": rule.changed, "by": rule.by}
        connection.execute(sa.insert(audit_retention).values(values))


def next_portion(
    connection: sa.Connection, keys: KeyRing, tenant_pk: int, *, before: int, until: int | None, most: int
) -> Portion:
    """Return the oldest entries that were written before a moment, up to a position if there is one.

    Each is verified, because a changed entry must stay until it is found.
    """
    checkpoint = checkpoint_of(connection, keys, tenant_pk)
    if checkpoint is not None and (wrong := wrong_before(connection, tenant_pk, checkpoint)) is not None:
        return Portion(0, Link(), broken=wrong)
    link = checkpoint.link if checkpoint is not None else Link()
    query = _ENTRIES.where(audit.c.tenant_pk == tenant_pk, audit.c.seq > link.seq)
    if until is not None:
        query = query.where(audit.c.seq <= until)
    number = 0
    for row in connection.execute(query.order_by(audit.c.seq).limit(most)):
        # Entries are removed from the front only. The first one that is recent enough ends the portion, even if a clock
        # that was ahead wrote it and older times follow.
        if row.at >= before:
            return Portion(number, link)
        if row.seq != link.seq + 1 or row.mac != mac_of_values(keys, link.mac, row[:-1]):
            return Portion(0, link, broken=Broken(link.seq + 1, row.id, "it does not fit the chain"))
        link, number = Link(row.seq, row.mac), number + 1
    return Portion(number, link, is_full=number == most)


def remove(connection: sa.Connection, keys: KeyRing, tenant_pk: int, portion: Portion, now: int) -> None:
    """Remove a portion, and sign its last entry as the new checkpoint."""
    removed = sa.and_(audit.c.tenant_pk == tenant_pk, audit.c.seq <= portion.last.seq)
    # Read before the entries are deleted, which is when acts lose the entry that represents them.
    cut = sa.select(audit.c.bulk).where(removed, audit.c.bulk.is_not(None)).distinct()
    acts = list(connection.execute(cut).scalars())
    connection.execute(sa.delete(audit).where(removed))
    move_checkpoint(connection, keys, tenant_pk, portion.last, now)
    for act in acts:  # the oldest entry that is left of an act represents it from now on
        of_act = sa.and_(audit.c.tenant_pk == tenant_pk, audit.c.bulk == act)
        oldest = sa.select(sa.func.min(audit.c.seq)).where(of_act).scalar_subquery()
        connection.execute(sa.update(audit).where(of_act, audit.c.seq == oldest).values(folded=False))


def count_before(connection: sa.Connection, tenant_pk: int, before: int, *, after: int = 0) -> int:
    """Return the number of entries after a position that were written before a moment."""
    old = (audit.c.tenant_pk == tenant_pk, audit.c.seq > after, audit.c.at < before)
    query = sa.select(sa.func.count()).where(*old)
    return int(connection.execute(query).scalar_one())


def oldest(connection: sa.Connection, tenant_pk: int) -> int | None:
    """Return when the oldest entry was written."""
    after = link_before_first(connection, tenant_pk).seq
    query = sa.select(audit.c.at).where(audit.c.tenant_pk == tenant_pk, audit.c.seq > after)
    found: int | None = connection.execute(query.order_by(audit.c.seq).limit(1)).scalar()
    return found
