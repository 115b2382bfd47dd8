"""Alerts of suspicious activity: listing, acknowledging, and their rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import sqlalchemy as sa

from secconsole.domain.audit.alert_rules import (
    KINDS,
    AlertRule,
    AlertState,
    RuleSettings,
    alert_words,
    check_settings,
    is_looser,
)
from secconsole.domain.errors import Conflict, Invalid, NotAllowed, NotFound
from secconsole.domain.limits import LONGEST_NOTE
from secconsole.operations.alerts import (
    AcknowledgeAlert,
    Alert,
    AlertDetail,
    AlertPage,
    ListAlertRules,
    ListAlerts,
    RuleList,
    RuleRow,
    RuleTrial,
    SetAlertRule,
    ShowAlert,
    TryAlertRule,
    WouldAlert,
)
from secconsole.operations.events import ALERT_ACKNOWLEDGED, ALERT_RULE_LOOSENED, ALERT_RULE_SET
from secconsole.service.alerts.trial import TrialAlert, try_rule
from secconsole.service.context import Context, milliseconds, when, when_or_none
from secconsole.service.paging import check_limit, number_of
from secconsole.service.registry import handles
from secconsole.service.views import audit_entry
from secconsole.store import users
from secconsole.store.audit_log import alert_sweep, alerts, audit
from secconsole.store.audit_log.alerts import AlertRecord

OWN = "This alert is about your own account. Another administrator has to acknowledge it."


@handles(ListAlerts)
def list_alerts(context: Context, operation: ListAlerts) -> AlertPage:
    check_limit(operation.limit)
    found = alerts.list_alerts(
        context.connection,
        context.tenant.pk,
        limit=operation.limit + 1,
        state=operation.state,
        rule=operation.rule,
        since=milliseconds(operation.since) if operation.since else None,
        until=milliseconds(operation.until) if operation.until else None,
        before=number_of(operation.cursor),
    )
    page = found[: operation.limit]
    more = str(page[-1].pk) if len(found) > len(page) else None
    totals = alerts.open_alerts(context.connection, context.tenant.pk)
    return AlertPage(tuple(map(_shown, page)), totals.count, when_or_none(totals.oldest), more)


@handles(ShowAlert)
def show_alert(context: Context, operation: ShowAlert) -> AlertDetail:
    record = _found(context, operation.alert)
    return AlertDetail(_shown(record), tuple(map(audit_entry, alerts.events_of(context.connection, record))))


@handles(AcknowledgeAlert)
def acknowledge_alert(context: Context, operation: AcknowledgeAlert) -> Alert:
    note = _checked_note(operation.note)
    record = _found(context, operation.alert)
    # Otherwise an attacker with an administrator's session could silence the alert about it.
    if context.actor.id and context.actor.id == record.subject:
        raise NotAllowed(OWN)
    by = context.actor.login
    if not alerts.acknowledge(context.connection, record.pk, now=context.now, by=by, note=note):
        raise Conflict(f"{record.acknowledged_by or 'Someone'} has acknowledged this alert already.")
    # The signals are explained now. Left in place, the next one would raise another alert at once.
    alert_sweep.forget_signals(context.connection, context.tenant.pk, AlertRule(record.rule), record.subject)
    context.audit(
        ALERT_ACKNOWLEDGED,
        reason=note,
        alert=record.id,
        alert_rule=record.rule,
        summary=_summary(record),
        before=AlertState.OPEN,
        after=AlertState.ACKNOWLEDGED,
    )
    return _shown(_found(context, record.id))


@handles(ListAlertRules)
def list_alert_rules(context: Context, operation: ListAlertRules) -> RuleList:
    return RuleList(tuple(_row(settings) for settings in alerts.rules_of(context.connection, context.tenant.pk)))


@handles(SetAlertRule)
def set_alert_rule(context: Context, operation: SetAlertRule) -> RuleRow:
    before = _settings_of(context, operation.rule)
    after = check_settings(_changed(before, operation, on=before.on if operation.on is None else operation.on))
    if after == before:
        context.unchanged = True
        return _row(after)
    alerts.keep_rule(context.connection, context.tenant.pk, after, now=context.now, by=context.actor.login)
    context.audit(ALERT_RULE_SET, alert_rule=after.rule, before=_words(before), after=_words(after))
    if is_looser(after, before):  # what is not found any more may be the author's own acts
        was, now = _words(before), _words(after)
        for user in users.administrators(context.connection, context.tenant.pk):
            context.audit(ALERT_RULE_LOOSENED, user, alert_rule=after.rule, before=was, after=now)
    return _row(after)


@handles(TryAlertRule)
def try_alert_rule(context: Context, operation: TryAlertRule) -> RuleTrial:
    connection, tenant_pk = context.connection, context.tenant.pk
    # As if it were on, because a rule is tried before it is switched on.
    settings = check_settings(_changed(_settings_of(context, operation.rule), operation, on=True))
    trial = try_rule(connection, tenant_pk, settings, milliseconds(operation.since))
    ids = _ids_of(connection, tenant_pk, trial.found)
    found = tuple(_would(settings, one, ids) for one in reversed(trial.found))
    until = context.now if trial.stopped_at is None else trial.stopped_at
    return RuleTrial(
        _row(settings), operation.since, when(until), trial.read, trial.stopped_at is None, trial.raised, found
    )


def _found(context: Context, id: str) -> AlertRecord:
    record = alerts.alert_by_id(context.connection, context.tenant.pk, id)
    if record is None:
        raise NotFound("There is no such alert.")
    return record


def _settings_of(context: Context, rule: AlertRule) -> RuleSettings:
    for settings in alerts.rules_of(context.connection, context.tenant.pk):
        if settings.rule == rule:  # from a path it is a text
            return settings
    raise Invalid(f"The rules are {', '.join(AlertRule)}.", "rule")


def _changed(before: RuleSettings, operation: SetAlertRule | TryAlertRule, *, on: bool) -> RuleSettings:
    names = ("threshold", "minutes", "hours", "zone")
    given = {name: getattr(operation, name) for name in names if getattr(operation, name) is not None}
    return replace(before, on=on, **given)


def _checked_note(note: str) -> str:
    if not note.strip():
        raise Invalid("Write a note about the cause.", "note")
    if len(note) > LONGEST_NOTE:
        raise Invalid(f"The note is longer than {LONGEST_NOTE} characters.", "note")
    return note.strip()


def _shown(record: AlertRecord) -> Alert:
    return Alert(
        id=record.id,
        rule=AlertRule(record.rule),
        state=AlertState.OPEN if record.acknowledged is None else AlertState.ACKNOWLEDGED,
        summary=_summary(record),
        subject=record.subject,
        name=record.name,
        number=record.number,
        minutes=record.minutes,
        events=record.events,
        others=record.others,
        created=when(record.created),
        first=when(record.first),
        last=when(record.last),
        acknowledged=when_or_none(record.acknowledged),
        acknowledged_by=record.acknowledged_by,
        note=record.note,
    )


def _summary(record: AlertRecord) -> str:
    return alert_words(AlertRule(record.rule), record.number, record.name, record.minutes, record.others)


def _row(settings: RuleSettings) -> RuleRow:
    kind = KINDS[settings.rule]
    return RuleRow(
        settings.rule,
        kind.about,
        settings.on,
        settings.threshold,
        kind.unit,
        settings.minutes,
        settings.hours,
        settings.zone,
    )


def _words(settings: RuleSettings) -> str:
    """Describe settings in an audit entry."""
    hours = f", {settings.hours} {settings.zone}" if settings.hours else ""
    return f"{'on' if settings.on else 'off'}, threshold {settings.threshold}, {settings.minutes} min{hours}"


def _ids_of(connection: sa.Connection, tenant_pk: int, found: Iterable[TrialAlert]) -> dict[int, str]:
    return audit.ids_at(connection, tenant_pk, sorted({seq for one in found for seq in one.seqs}))


def _would(settings: RuleSettings, found: TrialAlert, ids: dict[int, str]) -> WouldAlert:
    signal = found.signal
    return WouldAlert(
        alert_words(settings.rule, found.number, signal.name, settings.minutes),
        signal.subject,
        signal.name,
        found.number,
        found.events,
        when(found.first),
        when(found.last),
        tuple(ids[seq] for seq in found.seqs if seq in ids),
    )
