"""The last acts of operators: changes by people, without sign-ins and codes."""

from __future__ import annotations

from datetime import datetime

from secconsole.operations import events
from secconsole.operations.audit import AuditEntry, ListAudit
from secconsole.operations.events import EVENTS
from secconsole.tui.text.format import day
from secconsole.tui.text.safe import join
from secconsole.tui.widgets.board import Cell

MOST = 10
_ACTS = (
    events.UNBIND,
    events.UNBIND_UNDONE,
    events.APPROVAL_GRANTED,
    events.APPROVAL_DENIED,
    events.CALLER_CHECKED,
    events.BYPASS_ISSUED,
    events.BYPASS_REVOKED,
    events.WHITELIST_ADDED,
    events.WHITELIST_CHANGED,
    events.WHITELIST_REMOVED,
    events.POLICY_SET,
    events.USERS_REMINDED,
    events.USER_MFA_REQUIRED,
    events.USER_MFA_NOT_REQUIRED,
    events.NETWORK_ADDED,
    events.NETWORK_REMOVED,
    events.NETWORK_REVERTED,
    events.DELIVERY_SET_SMTP,
    events.DELIVERY_SET_TWILIO,
    events.USER_CREATED,
    events.USER_IMPORTED,
    events.USER_DISABLED,
    events.USER_ENABLED,
    events.USER_ROLE_CHANGED,
    events.USER_PASSWORD_RESET,
    events.USER_PASSWORD_MAILED,
    events.USER_INVITED,
    events.USER_UNLOCKED,
    events.JOB_STARTED,
    events.JOB_FINISHED,
    events.JOB_CANCELLED,
    events.SESSION_ENDED,
    events.SECRET_KEY_ROTATED,
    events.TENANT_CREATED,
    events.AUDIT_STREAM_ADDED,
    events.AUDIT_STREAM_REMOVED,
    events.AUDIT_RETENTION_SET,
    events.CLOCK_JUMPED,
    events.KEY_ROTATED,
    events.STORE_BACKED_UP,
    events.STORE_RESTORED,
)


def last_acts(tenant: str) -> ListAudit:
    """Return the query of the last acts."""
    return ListAudit(tenant=tenant, actions=tuple(act.action for act in _ACTS), limit=MOST)


def act_line(entry: AuditEntry, now: datetime) -> Cell:
    """Return an act in one line: `09:12  hana  unbound: marek.novak (lost phone, T-1881)`."""
    here = entry.at.astimezone()
    when = f"{here:%H:%M}" if here.date() == now.astimezone().date() else day(entry.at)[:-5]
    event = EVENTS.get(entry.action)
    what = event.words if event is not None else entry.action
    target = f": {entry.target}" if entry.target else ""
    outcome = "" if entry.outcome == "done" else f", {entry.outcome}"
    why = ", ".join(part for part in (entry.reason, entry.ticket) if part)
    words = f"{what}{target}{outcome}" + (f" ({why})" if why else "")
    return Cell(lambda width: join((f"{when:<7}", "$muted"), f"{entry.actor:<10}  {words}"), f"act:{entry.id}")
