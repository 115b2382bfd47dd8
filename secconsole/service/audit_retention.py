"""Removal of old entries of the audit, a portion in each transaction, with an entry about it."""

from __future__ import annotations

from dataclasses import dataclass

from secconsole.domain.errors import Conflict
from secconsole.domain.retention import kept_from
from secconsole.operations.audit_retention import Retained
from secconsole.operations.events import AUDIT_RETAINED
from secconsole.service.context import Context, when
from secconsole.store import audit_retention, audit_streams
from secconsole.store.audit_checkpoints import link_before_first
from secconsole.store.rows import TenantRow

PORTION = 2_000  # entries in one transaction: some tens of milliseconds


@dataclass(frozen=True, slots=True)
class _Unsent:
    """Entry up to which all streams have sent, and the stream that has sent least."""

    seq: int | None = None
    name: str = ""


def remove_portion(context: Context, tenant: TenantRow, days: int, *, by: str = "") -> Retained:
    """Remove the next portion of entries that are older than so many days, or raise `Conflict` for a broken chain."""
    connection, before = context.connection, kept_from(context.now, days)
    unsent = _unsent(context, tenant)
    portion = audit_retention.next_portion(
        connection, context.keys, tenant.pk, before=before, until=unsent.seq, most=PORTION
    )
    if portion.broken is not None:
        raise Conflict(
            f"Entry {portion.broken.position} of the audit is missing or was changed, so nothing was removed. "
            "Find out what else: secconsole audit verify"
        )
    if portion.number:
        audit_retention.remove(connection, context.keys, tenant.pk, portion, context.now)
        context.audit(
            AUDIT_RETAINED, tenant=tenant, by=by, removed=portion.number, last_entry=portion.last.seq,
            last_mac=portion.last.mac.hex(), keep_days=days,
        )  # fmt: skip
    if portion.is_full:
        return Retained(portion.number, portion.last.seq, when(before), more=True)
    held = held_back(context, tenant, before)
    name = unsent.name if held else ""
    return Retained(portion.number, portion.last.seq, when(before), more=False, held=held, held_by=name)


def preview(context: Context, tenant: TenantRow, days: int) -> Retained:
    """Return what removing all portions would remove."""
    before = kept_from(context.now, days)
    old = audit_retention.count_before(context.connection, tenant.pk, before)
    held = held_back(context, tenant, before)
    first = link_before_first(context.connection, tenant.pk).seq
    removed = max(0, old - held)
    name = _unsent(context, tenant).name if held else ""
    return Retained(removed, first + removed, when(before), more=False, held=held, held_by=name)


def held_back(context: Context, tenant: TenantRow, before: int) -> int:
    """Return how many old entries are kept because a stream has not sent them yet."""
    unsent = _unsent(context, tenant)
    if unsent.seq is None:
        return 0
    return audit_retention.count_before(context.connection, tenant.pk, before, after=unsent.seq)


def held_by(context: Context, tenant: TenantRow, days: int) -> str:
    """Return the stream for which old entries are kept, empty if there is none."""
    held = days and held_back(context, tenant, kept_from(context.now, days))
    return _unsent(context, tenant).name if held else ""


def _unsent(context: Context, tenant: TenantRow) -> _Unsent:
    found = audit_streams.first_unsent(context.connection, tenant.pk)
    return _Unsent(*found) if found else _Unsent()
