"""Removal of old entries of the audit, a portion in each transaction, with an entry about it."""

from __future__ import annotations

from dataclasses import dataclass

from secconsole.domain.audit.retention import kept_from
from secconsole.domain.errors import Conflict
from secconsole.operations.audit_retention import Retained
from secconsole.operations.events import AUDIT_RETAINED
from secconsole.service.context import Context, when
from secconsole.store.audit_log import alerts, audit_retention, audit_streams
from secconsole.store.audit_log.audit_checkpoints import link_before_first
from secconsole.store.rows import TenantRow

PORTION = 2_000  # entries in one transaction: some tens of milliseconds


@dataclass(frozen=True, slots=True)
class _Hold:
    """Position up to which nobody needs the entries any more, and who needs the next one."""

    seq: int
    by: str


def remove_portion(context: Context, tenant: TenantRow, days: int, *, by: str = "") -> Retained:
    """Remove the next portion of entries that are older than so many days, or raise `Conflict` for a broken chain."""
    connection, before = context.connection, kept_from(context.now, days)
    hold = _hold(context, tenant)
    portion = audit_retention.next_portion(
        connection, context.keys, tenant.pk, before=before, until=hold.seq if hold else None, most=PORTION
    )
    if portion.broken is not None:
        raise Conflict(
            f"Entry {portion.broken.position} of the audit is missing or was changed, so nothing was removed. "
            "Find out what else: secconsole audit verify"
        )
    if portion.number:
        audit_retention.remove(connection, context.keys, tenant.pk, portion, context.now)
        context.audit(
            AUDIT_RETAINED,
            tenant=tenant,
            by=by,
            removed=portion.number,
            last_entry=portion.last.seq,
            last_mac=portion.last.mac.hex(),
            keep_days=days,
        )
    if portion.is_full:
        return Retained(portion.number, portion.last.seq, when(before), more=True)
    held, by = _held(context, tenant, before)
    return Retained(portion.number, portion.last.seq, when(before), more=False, held=held, held_by=by)


def preview(context: Context, tenant: TenantRow, days: int) -> Retained:
    """Return what removing all portions would remove."""
    before = kept_from(context.now, days)
    old = audit_retention.count_before(context.connection, tenant.pk, before)
    held, by = _held(context, tenant, before)
    first = link_before_first(context.connection, tenant.pk).seq
    removed = max(0, old - held)
    return Retained(removed, first + removed, when(before), more=False, held=held, held_by=by)


def held_by(context: Context, tenant: TenantRow, days: int) -> str:
    """Return what entries older than so many days are kept for, empty if there are none."""
    return _held(context, tenant, kept_from(context.now, days))[1] if days else ""


def _held(context: Context, tenant: TenantRow, before: int) -> tuple[int, str]:
    """Return how many old entries are kept, and for what."""
    hold = _hold(context, tenant)
    if hold is None:
        return 0, ""
    held = audit_retention.count_before(context.connection, tenant.pk, before, after=hold.seq)
    return held, hold.by if held else ""


def _hold(context: Context, tenant: TenantRow) -> _Hold | None:
    """Return the first entry that a stream or an open alert needs, or None.

    The rules of alerts look back for hours or days, far less than the least that is kept.
    """
    connection = context.connection
    holds = []
    if (unsent := audit_streams.first_unsent(connection, tenant.pk)) is not None:
        holds.append(_Hold(unsent[0], f"the stream {unsent[1]}"))
    if (alert := alerts.first_of_open(connection, tenant.pk)) is not None:
        holds.append(_Hold(alert[0] - 1, f"the open alert {alert[1]}"))
    return min(holds, key=lambda hold: hold.seq, default=None)
