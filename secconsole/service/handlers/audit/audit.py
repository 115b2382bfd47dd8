"""Reading and verifying the audit."""

from __future__ import annotations

import re

from secconsole.domain.errors import Invalid
from secconsole.domain.limits import MOST_ACTIONS, MOST_DIGITS, MOST_VERIFIED
from secconsole.operations.audit import (
    AuditCheck,
    AuditHeads,
    AuditPage,
    CheckAuditHeads,
    HeadsCheck,
    ListAudit,
    ShowAuditHead,
    VerifyAudit,
)
from secconsole.operations.events import EventGroup, actions_of
from secconsole.service.audit_heads import compare_heads, signed_head
from secconsole.service.context import Context, milliseconds
from secconsole.service.handlers.users.user_fields import check_words
from secconsole.service.paging import check_limit, number_of
from secconsole.service.registry import handles
from secconsole.service.views import audit_entry
from secconsole.store import users
from secconsole.store.audit_log import audit, audit_chain
from secconsole.store.audit_log.audit import Filters
from secconsole.store.audit_log.audit_checkpoints import Link

_CURSOR = re.compile(rf"([0-9]{{1,{MOST_DIGITS}}})\.([0-9a-f]{{64}})", re.ASCII)


@handles(ListAudit)
def list_audit(context: Context, operation: ListAudit) -> AuditPage:
    check_limit(operation.limit)
    if len(operation.actions) > MOST_ACTIONS:
        raise Invalid(f"Name at most {MOST_ACTIONS} actions.", "actions")
    check_words(operation.search.split())
    filters = Filters(
        search=operation.search,
        actor=operation.actor.strip(),
        actor_ids=_ids_of(context, operation.actor),
        actions=_actions(operation),
        outcome=operation.outcome,
        target_id=context.target.id if operation.user else "",
        ticket=operation.ticket.strip(),
        address=operation.address.strip(),
        act=operation.act.strip(),
        since=milliseconds(operation.since) if operation.since else None,
        until=milliseconds(operation.until) if operation.until else None,
    )
    rows = audit.entries(
        context.connection,
        context.tenant.pk,
        filters,
        limit=operation.limit + 1,
        before=number_of(operation.cursor),
        fold=operation.fold,
    )
    page = rows[: operation.limit]
    more = len(rows) > len(page)
    acts = [row.bulk for row in page if row.bulk] if operation.fold else []
    sizes = audit.act_sizes(context.connection, context.tenant.pk, filters, acts)
    items = tuple(audit_entry(row, entries=sizes.get(row.bulk, 1)) for row in page)
    return AuditPage(items, str(page[-1].seq) if more else None)


def _ids_of(context: Context, login: str) -> list[str]:
    """Return the id of the user with a login now, whose entries may show an earlier one."""
    found = users.users_by_name(context.connection, context.tenant.pk, [login]) if login.strip() else {}
    return [user.id for user in found.values()]


def _actions(operation: ListAudit) -> tuple[str, ...]:
    """Return the actions that all of the filters allow, an impossible one if there are none."""
    if not operation.group:
        return (operation.action,) if operation.action else operation.actions
    if operation.group not in list(EventGroup):
        raise Invalid(f"The groups of actions are {', '.join(EventGroup)}.", "group")
    group = actions_of(operation.group)
    wanted = (operation.action,) if operation.action else operation.actions
    return tuple(action for action in group if action in wanted or not wanted) or ("",)


@handles(VerifyAudit)
def verify_audit(context: Context, operation: VerifyAudit) -> AuditCheck:
    if operation.limit is not None and not 1 <= operation.limit <= MOST_VERIFIED:
        raise Invalid(f"The limit must be between 1 and {MOST_VERIFIED}.", "limit")
    start = _link(operation.cursor) if operation.cursor is not None else None
    walked = audit_chain.walk(context.connection, context.keys, context.tenant.pk, start, operation.limit)
    reached, broken, removed = walked.reached, walked.broken, walked.removed
    entries = max(0, reached.seq - removed)
    if broken is not None:
        return AuditCheck(False, entries, broken.entry, broken.problem, broken.position, walked.newest, removed=removed)
    # With the MAC, so that the next part notices if the entry between the two was replaced meanwhile.
    more = None if walked.is_over else f"{reached.seq}.{reached.mac.hex()}"
    return AuditCheck(True, entries, newest=walked.newest, next=more, removed=removed)


@handles(ShowAuditHead)
def show_audit_head(context: Context, operation: ShowAuditHead) -> AuditHeads:
    return AuditHeads((signed_head(context.connection, context.keys, context.tenant, context.now),))


@handles(CheckAuditHeads)
def check_audit_heads(context: Context, operation: CheckAuditHeads) -> HeadsCheck:
    return compare_heads(context.connection, context.keys, context.tenant, operation.heads)


def _link(cursor: str) -> Link:
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise Invalid("The cursor does not belong to this verification.", "cursor")
    return Link(int(found[1]), bytes.fromhex(found[2]))
