"""Operations on how long the audit is kept."""

from __future__ import annotations

from secconsole.domain.audit.retention import check_days
from secconsole.operations.audit_retention import RetainAudit, Retained, Retention, SetRetention, ShowRetention
from secconsole.operations.events import AUDIT_RETENTION_SET
from secconsole.service.audit_retention import held_by, preview, remove_portion
from secconsole.service.context import Context, when, when_or_none
from secconsole.service.registry import handles
from secconsole.store.audit_log import audit_chain, audit_retention
from secconsole.store.audit_log.audit_checkpoints import checkpoint_of
from secconsole.store.audit_log.audit_retention import KeepRule


@handles(ShowRetention)
def show_retention(context: Context, operation: ShowRetention) -> Retention:
    return _shown(context)


@handles(SetRetention)
def set_retention(context: Context, operation: SetRetention) -> Retention:
    days = check_days(operation.keep_days) if operation.keep_days else 0
    before = audit_retention.rule_of(context.connection, context.tenant.pk)
    rule = KeepRule(context.tenant.pk, days, context.now, context.actor.login)
    audit_retention.set_rule(context.connection, rule)
    old, new = (f"{number} days" if number else "for good" for number in (before.days if before else 0, days))
    context.audit(AUDIT_RETENTION_SET, before=old, after=new)
    return _shown(context)


@handles(RetainAudit)
def retain_audit(context: Context, operation: RetainAudit) -> Retained:
    days = check_days(operation.keep_days)
    if operation.check_only:
        context.unchanged = True
        return preview(context, context.tenant, days)
    done = remove_portion(context, context.tenant, days)
    context.unchanged = not done.removed
    return done


def _shown(context: Context) -> Retention:
    rule = audit_retention.rule_of(context.connection, context.tenant.pk)
    checkpoint = checkpoint_of(context.connection, context.keys, context.tenant.pk)
    return Retention(
        keep_days=rule.days if rule else 0,
        changed=when(rule.changed) if rule else None,
        changed_by=rule.by if rule else "",
        removed=checkpoint.link.seq if checkpoint else 0,
        removed_at=when(checkpoint.at) if checkpoint else None,
        newest=audit_chain.head_seq(context.connection, context.tenant.pk),
        oldest=when_or_none(audit_retention.oldest(context.connection, context.tenant.pk)),
        held_by=held_by(context, context.tenant, rule.days if rule else 0),
    )
