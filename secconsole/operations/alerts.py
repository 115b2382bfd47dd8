"""Suspicious activity: alerts with the audit entries that they were made from, and the rules that raise them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from secconsole.domain.audit.alert_rules import AlertRule, AlertState
from secconsole.domain.roles import Permission
from secconsole.operations import events
from secconsole.operations.audit import AuditEntry
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import (
    AlertNote,
    AlertRuleName,
    Id,
    Limit,
    Moment,
    NumberCursor,
    RuleMinutes,
    RuleThreshold,
    TenantName,
    WorkingHoursText,
    ZoneName,
)


@dataclass(frozen=True, slots=True)
class Alert:
    """Alert of a rule about a subject.

    `summary`: what was found, in one line. `subject`: the id of the user or operator, or the network; empty if it is
    about the tenant, and `*` if it sums up further alerts of the rule. `number`: what was compared with the threshold.
    `events`: how many audit entries count. `first` and `last`: their times. `others`: alerts that it sums up.
    """

    id: str
    rule: AlertRule
    state: AlertState
    summary: str
    subject: str
    name: str
    number: int
    minutes: int
    events: int
    others: int
    created: Moment
    first: Moment
    last: Moment
    acknowledged: Moment | None
    acknowledged_by: str
    note: str


@dataclass(frozen=True, slots=True)
class AlertPage:
    """Alerts, newest first.

    `open`: how many are open in the tenant, whatever the list shows, and when the `oldest` of them was raised.
    """

    items: tuple[Alert, ...]
    open: int
    oldest: Moment | None
    next: str | None = None


@dataclass(frozen=True, slots=True)
class AlertDetail:
    """Alert with the audit entries that it was made from, oldest first, at most 100 of them."""

    alert: Alert
    entries: tuple[AuditEntry, ...]


@dataclass(frozen=True, slots=True)
class RuleRow:
    """Rule with its settings in the tenant.

    `unit`: what the threshold counts, empty if it counts nothing. `minutes`: the window, 0 if the rule needs none.
    """

    rule: AlertRule
    about: str
    on: bool
    threshold: int
    unit: str
    minutes: int
    hours: str
    zone: str


@dataclass(frozen=True, slots=True)
class RuleList:
    items: tuple[RuleRow, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class WouldAlert:
    """Alert that a rule would have raised.

    `entries`: the ids of the first audit entries that it would have been made from.
    """

    summary: str
    subject: str
    name: str
    number: int
    events: int
    first: Moment
    last: Moment
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleTrial:
    """Result of applying a rule to the past.

    `raised`: how many alerts there would have been; `items` are the newest 100. `read`: how many audit entries were
    looked at. `until`: the end of what was looked at, earlier than the end of the audit if there are too many entries.
    """

    rule: RuleRow
    since: Moment
    until: Moment
    read: int
    whole: bool
    raised: int
    items: tuple[WouldAlert, ...]


@declare(
    "alert.list",
    "GET",
    "/v1/tenants/{tenant}/alerts",
    Permission.SEE,
    example=lambda s: (ListAlerts(tenant=s.TENANT), AlertPage((s.ALERT,), 1, s.ALERT.created)),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListAlerts(Operation[AlertPage]):
    """List alerts of suspicious activity, newest first.

    `state`: only open or only acknowledged ones. With `since` and `until`: alerts with activity from then on, which
    were raised before then.
    """

    tenant: TenantName
    state: AlertState | None = None
    rule: AlertRule | None = None
    since: Moment | None = None
    until: Moment | None = None
    limit: Limit = 50
    cursor: NumberCursor | None = None


@declare(
    "alert.show",
    "GET",
    "/v1/tenants/{tenant}/alerts/{alert}",
    Permission.SEE,
    example=lambda s: (ShowAlert(tenant=s.TENANT, alert=s.ALERT.id), AlertDetail(s.ALERT, (s.ENTRY,))),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowAlert(Operation[AlertDetail]):
    """Show an alert with the audit entries that it was made from."""

    tenant: TenantName
    alert: Id


@declare(
    "alert.acknowledge",
    "POST",
    "/v1/tenants/{tenant}/alerts/{alert}/acknowledge",
    Permission.MANAGE_POLICY,
    step_up="never",
    why="hides nothing: the alert stays in the list, with the note and who wrote it",
    records=events.ALERT_ACKNOWLEDGED,
    example=lambda s: (
        AcknowledgeAlert(tenant=s.TENANT, alert=s.ALERT.id, note="a test of the new firewall"),
        s.ACKNOWLEDGED,
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeAlert(Operation[Alert]):
    """Acknowledge an alert with a note about its cause.

    From then on its rule counts from zero again. Nobody acknowledges an alert about their own account.
    """

    tenant: TenantName
    alert: Id
    note: AlertNote


@declare(
    "alert.rule.list",
    "GET",
    "/v1/tenants/{tenant}/alert-rules",
    Permission.SEE,
    example=lambda s: (ListAlertRules(tenant=s.TENANT), RuleList((s.ALERT_RULE,))),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListAlertRules(Operation[RuleList]):
    """List the rules of suspicious activity with their settings."""

    tenant: TenantName


@declare(
    "alert.rule.set",
    "PUT",
    "/v1/tenants/{tenant}/alert-rules/{rule}",
    Permission.MANAGE_POLICY,
    step_up="always",
    records=(events.ALERT_RULE_SET, events.ALERT_RULE_LOOSENED),
    example=lambda s: (SetAlertRule(tenant=s.TENANT, rule=s.ALERT_RULE.rule, threshold=20), s.ALERT_RULE),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class SetAlertRule(Operation[RuleRow]):
    """Change a rule: whether it is on, its threshold and its window.

    What is left out stays. `hours` and `zone` are the working hours of out-of-hours, such as `mon-fri 08:00-18:00` in
    `Europe/Prague`, without which it cannot be switched on.
    """

    tenant: TenantName
    rule: AlertRuleName
    on: bool | None = None
    threshold: RuleThreshold | None = None
    minutes: RuleMinutes | None = None
    hours: WorkingHoursText | None = None
    zone: ZoneName | None = None


@declare(
    "alert.rule.try",
    "POST",
    "/v1/tenants/{tenant}/alert-rules/{rule}/try",
    Permission.SEE,
    writes=False,
    example=lambda s: (
        TryAlertRule(tenant=s.TENANT, rule=s.ALERT_RULE.rule, since=s.NOW - timedelta(days=30)),
        RuleTrial(s.ALERT_RULE, s.NOW - timedelta(days=30), s.NOW, 311, True, 1, (s.WOULD_ALERT,)),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class TryAlertRule(Operation[RuleTrial]):
    """Show what a rule would have found in the past, with its settings or others.

    Nothing is changed, and it does not matter whether the rule is on. At most 50,000 audit entries are read.
    """

    tenant: TenantName
    rule: AlertRuleName
    since: Moment
    threshold: RuleThreshold | None = None
    minutes: RuleMinutes | None = None
    hours: WorkingHoursText | None = None
    zone: ZoneName | None = None
