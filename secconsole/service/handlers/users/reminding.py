"""Reminding single users to bind a factor, beside the reminders that a policy sends by itself."""

from __future__ import annotations

from secconsole.delivery.texts import reminder_message
from secconsole.domain.errors import Conflict
from secconsole.domain.messages.delivery import Purpose
from secconsole.domain.messages.mail_address import mail_address
from secconsole.domain.messages.sending import NOTICE_LASTS, wait_words
from secconsole.domain.model import BindingStatus, FactorKind
from secconsole.domain.users.invitation import why_not_reset
from secconsole.operations.events import USER_REMINDED, utc_words
from secconsole.operations.reminding import ReminderSent, RemindUser
from secconsole.service.context import Context, when
from secconsole.service.factors.sign_in_facts import must_bind_from
from secconsole.service.outbox.queue import Request, can_send, free_at, post
from secconsole.service.registry import handles
from secconsole.store.rows import TenantRow, UserRecord

NO_REMINDER = "Mail is not set up here, so no reminder can be mailed. Set it up first: secconsole delivery set-smtp"
BOUND = "Has a factor already."
NEED_NOT = "Need not bind a factor: the policy does not require one of this user."


@handles(RemindUser)
def remind_user(context: Context, operation: RemindUser) -> ReminderSent:
    user, tenant = context.target, context.tenant
    if why := why_not_reminded(tenant, user, context.now):
        raise Conflict(why)
    if not can_send(context, tenant, FactorKind.EMAIL):
        raise Conflict(NO_REMINDER)
    to = mail_address(user.email)
    request = Request(tenant, user, FactorKind.EMAIL, to, Purpose.NOTICE, f"remind {user.id}")
    if (until := free_at(context, request)) > context.now:
        raise Conflict(wait_words(until, context.now, "mail"))
    end = must_bind_from(tenant, user, context.now) or 0
    words = utc_words(when(end)) if end > context.now else "your next sign-in"
    message = reminder_message(to, tenant=tenant, login=user.login, until=words)
    post(context, request, message, expires=context.now + NOTICE_LASTS)
    context.audit(USER_REMINDED, user, to=request.masked)
    return ReminderSent(user.id, user.login, request.masked)


def why_not_reminded(tenant: TenantRow, user: UserRecord, now: int) -> str:
    """Return why a user is not reminded, empty if they are."""
    if user.status is BindingStatus.BOUND:
        return BOUND
    if must_bind_from(tenant, user, now) is None and not user.switched_on:
        return NEED_NOT
    return why_not_reset(disabled=user.disabled, email=user.email)
