"""The audit, read and checked."""

from __future__ import annotations

from secconsole.domain.errors import Invalid
from secconsole.domain.limits import MOST_ACTIONS, MOST_DIGITS, MOST_PER_PAGE
from secconsole.operations.audit import AuditCheck, AuditPage, ListAudit, VerifyAudit
from secconsole.service.context import Context, milliseconds
from secconsole.service.fields import check_words
from secconsole.service.handlers import handles
from secconsole.service.views import audit_entry
from secconsole.store import audit


@handles(ListAudit)
def list_audit(context: Context, operation: ListAudit) -> AuditPage:
    if not 1 <= operation.limit <= MOST_PER_PAGE:
        raise Invalid(f"The limit must be between 1 and {MOST_PER_PAGE}.", "limit")
    cursor = operation.cursor
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= MOST_DIGITS):
        raise Invalid("The cursor is not one of this list.", "cursor")
    if len(operation.actions) > MOST_ACTIONS:
        raise Invalid(f"Name at most {MOST_ACTIONS} actions.", "actions")
    check_words(operation.search.split())
    rows = audit.entries(
        context.connection,
        context.tenant.pk,
        limit=operation.limit + 1,
        before=int(cursor) if cursor else None,
        search=operation.search,
        actions=(operation.action,) if operation.action else operation.actions,
        outcome=operation.outcome,
        target_id=context.target.id if operation.user else "",
        since=milliseconds(operation.since) if operation.since else None,
    )
    page = rows[: operation.limit]
    more = len(rows) > len(page)
    return AuditPage(tuple(audit_entry(row) for row in page), str(page[-1].seq) if more else None)


@handles(VerifyAudit)
def verify_audit(context: Context, operation: VerifyAudit) -> AuditCheck:
    entries, broken = audit.check_chain(context.connection, context.keys, context.tenant.pk)
    if broken is None:
        return AuditCheck(True, entries)
    return AuditCheck(False, entries, broken.entry, broken.problem)
