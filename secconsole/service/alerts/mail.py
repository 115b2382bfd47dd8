"""Mail to a tenant's administrators about an alert, through the outbox after the commit."""

from __future__ import annotations

from secconsole.delivery.texts import alert_message
from secconsole.domain.messages.delivery import Purpose
from secconsole.domain.messages.sending import NOTICE_LASTS
from secconsole.domain.model import FactorKind
from secconsole.operations.events import utc_words
from secconsole.service.context import Context, when
from secconsole.service.outbox.queue import Request, free_at, post
from secconsole.service.outbox.recipients import addresses_of, can_mail
from secconsole.store import factors, users
from secconsole.store.audit_log.alerts import AlertRecord
from secconsole.store.rows import TenantRow, UserRecord

MOST_RECIPIENTS = 20
MORE = "Further alerts of this hour are not mailed. The console lists them."


def mail_alert(context: Context, tenant: TenantRow, alert: AlertRecord, words: str, *, is_last: bool) -> int:
    """Queue a mail to each administrator of a tenant, and return their number."""
    if not can_mail(context.connection, tenant.pk):
        return 0
    admins = users.administrators(context.connection, tenant.pk)[:MOST_RECIPIENTS]
    return sum(_mail_one(context, tenant, admin, alert, words, MORE if is_last else "") for admin in admins)


def _mail_one(context: Context, tenant: TenantRow, admin: UserRecord, alert: AlertRecord, words: str, more: str) -> int:
    values = {
        "login": admin.login,
        "alert": words,
        "rule": alert.rule,
        "when": utc_words(when(alert.last)),
        "entry": alert.id,
        "more": more,
    }
    for address in addresses_of(admin, factors.live_factors(context.connection, admin.pk))[:1]:
        request = Request(tenant, admin, FactorKind.EMAIL, address, Purpose.NOTICE, f"alert {alert.id}")
        if free_at(context, request) > context.now:
            return 0
        message = alert_message(address, tenant=tenant, values=values)
        post(context, request, message, expires=context.now + NOTICE_LASTS)
        return 1
    return 0
