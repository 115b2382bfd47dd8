"""The last acts of operators: changes by people, without sign-ins and codes."""

from __future__ import annotations

from datetime import datetime

from secconsole.operations.audit import AuditEntry, ListAudit
from secconsole.operations.events import EVENTS, EventGroup
from secconsole.tui.text.format import day
from secconsole.tui.text.safe import join
from secconsole.tui.widgets.board import Cell

MOST = 10
_GROUPS = (EventGroup.UNBINDING, EventGroup.WHITELIST, EventGroup.POLICY, EventGroup.USERS, EventGroup.SYSTEM)


def last_acts(tenant: str) -> ListAudit:
    """Return the query of the last acts."""
    actions = tuple(event.action for event in EVENTS.values() if event.group in _GROUPS)
    return ListAudit(tenant=tenant, actions=actions, limit=MOST)


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
