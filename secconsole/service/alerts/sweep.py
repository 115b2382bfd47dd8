"""Application of the rules to the audit entries that a tenant has since the last time, each of them exactly once.

What counts is read without a lock, because entries never change. One transaction then moves the tenant's position,
stores what still counts, and raises alerts. If another process has moved the position meanwhile, it does nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import sqlalchemy as sa

from secconsole.domain.audit.alert_rules import RuleSettings
from secconsole.domain.audit.alert_signals import ACTIONS, FAILURE_RULES, Signal, Track, kept_for, signals_of
from secconsole.service.alerts.raising import Raising
from secconsole.service.context import Context
from secconsole.store.audit_log import alert_sweep, alerts
from secconsole.store.audit_log.alert_sweep import Behind

AT_ONCE = 200  # entries in one transaction
MOVED_AFTER = 1_000  # entries without a signal after which the position is moved nevertheless
KEPT_ACKNOWLEDGED = 400 * 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Batch:
    """Signals of new entries of a tenant, up to a position."""

    tenant: Behind
    until: int
    signals: tuple[Signal, ...]
    is_last: bool

    @property
    def is_worth_a_write(self) -> bool:
        return bool(self.signals) or self.until - self.tenant.position >= MOVED_AFTER


def actions_for(rules: Sequence[RuleSettings]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the actions whose refused entries rules look at, and those of which they look at all others."""
    on = [settings.rule for settings in rules if settings.on]
    refused = chain.from_iterable(ACTIONS[rule] for rule in on if rule in FAILURE_RULES)
    others = chain.from_iterable(ACTIONS[rule] for rule in on if rule not in FAILURE_RULES)
    return tuple(dict.fromkeys(refused)), tuple(dict.fromkeys(others))


def next_batch(connection: sa.Connection, tenant: Behind, after: int) -> Batch:
    """Read the next entries of a tenant after a position, and return what they mean."""
    rules = alerts.rules_of(connection, tenant.tenant_pk)
    refused, others = actions_for(rules)
    found = alert_sweep.entries_between(connection, tenant.tenant_pk, after, tenant.head, refused, others, AT_ONCE)
    is_last = len(found) < AT_ONCE
    signals = tuple(signal for entry in found for signal in signals_of(entry, rules))
    return Batch(tenant, tenant.head if is_last else found[-1].seq, signals, is_last)


def apply(context: Context, batch: Batch) -> bool:
    """Move the position past a batch and raise alerts, or return False if another process was faster."""
    connection, tenant_pk, before = context.connection, batch.tenant.tenant_pk, batch.tenant.position
    if not alert_sweep.move_position(connection, tenant_pk, before, batch.until):
        return False
    if batch.signals:
        _count(context, batch)
        alerts.delete_old(connection, tenant_pk, context.now - KEPT_ACKNOWLEDGED)
    return True


def _count(context: Context, batch: Batch) -> None:
    """Add the signals of a batch to those before, in the order of their entries."""
    connection, tenant_pk = context.connection, batch.tenant.tenant_pk
    rules = {settings.rule: settings for settings in alerts.rules_of(connection, tenant_pk)}
    raising = Raising(context, tenant_pk)
    tracks: dict[tuple[str, str], Track] = {}
    for signal in batch.signals:
        of, settings = (signal.rule, signal.subject), rules[signal.rule]
        if of not in tracks:
            before = alert_sweep.signals_before(connection, tenant_pk, signal.rule, signal.subject)
            tracks[of] = Track(settings, before)
        is_met = tracks[of].add(signal)
        raising.note(settings, signal, tracks[of], is_met=is_met)
    for track in tracks.values():
        alert_sweep.keep_signals(connection, tenant_pk, track.signals, batch.tenant.position)
    oldest = {signal.rule: signal.at - kept_for(rules[signal.rule]) for signal in batch.signals}
    alert_sweep.forget_old(connection, tenant_pk, oldest.items())
    raising.finish()
