"""Values of examples about the audit, alerts and incidents."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from secconsole.domain.audit.alert_rules import AlertRule, AlertState
from secconsole.domain.audit.audit_stream import StreamKind
from secconsole.domain.roles import Role
from secconsole.operations import alerts, audit, audit_retention, audit_streams, incident
from secconsole.operations.sample.basics import ANA, EVENT, NOW, OLD_KEY, REASON, TENANT, TICKET

ENTRY = audit.AuditEntry(
    id="01KAN7M3Q0S2V4X6Z8B0D2F4H6",
    at=NOW,
    actor="root",
    action="unbind",
    target="ana.kral",
    target_id=ANA,
    outcome="done",
    reason=REASON,
    ticket=TICKET,
    channel="api",
    address="192.0.2.7",
    request_id="913b2c26ede40aaa",
    details={"event": EVENT, "factors": 1, "sessions_ended": 1},
)
HEAD = audit.AuditHead(
    tenant=TENANT,
    tenant_id="01KAMYTP9Z1B3D5F7H9K1M3P5R",
    chain="main",
    seq=1912,
    mac="5f" * 32,
    at=NOW,
    key_id="9c1e5a7700d24b38",
    signature="a3" * 32,
)
STREAM = audit_streams.AuditStream(
    id="01KAN8P5R7T9W1Y3A5C7E9G1J3",
    name="siem",
    kind=StreamKind.SYSLOG_TLS,
    to="siem.acme.example:6514",
    state=audit_streams.StreamState.CURRENT,
    sent=1912,
    newest=1912,
    behind=0,
    behind_since=None,
    last_sent=NOW,
    failures=0,
    problem="",
    failing_since=None,
    next_try=None,
    test=audit_streams.StreamTest.PASSED,
    tested=NOW - timedelta(days=2),
    test_problem="",
    created=NOW - timedelta(days=2),
    by="root",
)
RETENTION = audit_retention.Retention(
    keep_days=400,
    changed=NOW - timedelta(days=2),
    changed_by="root",
    removed=1_912,
    removed_at=NOW,
    newest=9_312,
    oldest=NOW - timedelta(days=400),
)
ALERT = alerts.Alert(
    id="01KAN7M3R4T6V8X0Z2B4D6F8H0",
    rule=AlertRule.NETWORK_USERS,
    state=AlertState.OPEN,
    summary="network 192.0.2.0/24 failed for 41 users within 10 min",
    subject="192.0.2.0/24",
    name="192.0.2.0/24",
    number=41,
    minutes=10,
    events=41,
    others=0,
    created=NOW - timedelta(minutes=28),
    first=NOW - timedelta(minutes=33),
    last=NOW - timedelta(minutes=20),
    acknowledged=None,
    acknowledged_by="",
    note="",
)
ACKNOWLEDGED = replace(
    ALERT, state=AlertState.ACKNOWLEDGED, acknowledged=NOW, acknowledged_by="root", note="a test of the new firewall"
)
ALERT_RULE = alerts.RuleRow(
    AlertRule.NETWORK_USERS, "one network fails for many users", True, 20, "users", 10, hours="", zone="UTC"
)
WOULD_ALERT = alerts.WouldAlert(ALERT.summary, ALERT.subject, ALERT.name, 41, 41, ALERT.first, ALERT.last, (ENTRY.id,))
INCIDENT = incident.Incident(
    at=NOW,
    since=NOW - incident.USUAL_WINDOW,
    frozen_since=None,
    frozen_by="",
    sessions=214,
    tokens=9,
    spared=1,
    platform_admins=2,
    roles=(incident.RoleCount(Role.TENANT_ADMIN, users=2, bound=2, passwords=2),),
    networks=(incident.NewNetwork("203.0.113.0/24", users=7, login="ana.kral", first=NOW - timedelta(hours=7)),),
    networks_capped=False,
    changes=(incident.ActionCount("whitelist.added", "done", 2),),
    latest=(ENTRY,),
    refused=41,
    refused_capped=False,
    key_id=OLD_KEY,
    key_last_used=NOW - timedelta(minutes=1),
    key_uses=(incident.KeyUse("192.0.2.20", last=NOW - timedelta(minutes=1), checks=311),),
    done=(incident.StepDone("incident.frozen", NOW - timedelta(minutes=16), "tomas", EVENT),),
)
INCIDENT_REPORT = incident.IncidentReport(
    tenant=TENANT,
    at=NOW,
    since=NOW - incident.USUAL_WINDOW,
    until=NOW,
    frozen_since=None,
    counts=INCIDENT.changes,
    items=(ENTRY,),
)
