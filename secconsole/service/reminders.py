"""Mails that remind users to bind a factor within their grace period, a limited number with each sweep."""

from __future__ import annotations

from secconsole.delivery.texts import reminder_message
from secconsole.domain.errors import Invalid
from secconsole.domain.messages.delivery import Purpose
from secconsole.domain.messages.mail_address import mail_address
from secconsole.domain.messages.sending import NOTICE_LASTS
from secconsole.domain.model import BindingStatus, FactorKind, PolicyMode
from secconsole.operations.events import USERS_REMINDED, utc_words
from secconsole.service.context import Context, when
from secconsole.service.factors.sign_in_facts import must_bind_from
from secconsole.service.outbox.queue import Request, can_send, free_at, post
from secconsole.store.rows import TenantRow, UserRecord
from secconsole.store.search.reminders import mark_reminded, users_to_remind

AT_ONCE = 100  # mails of one sweep, so that 100,000 users are reminded within a day and not in one burst
LOOKED_AT = 5 * AT_ONCE  # users of one sweep: many have no address
PAUSE = 60_000  # milliseconds between two portions
LOOK_AGAIN = 10 * PAUSE  # milliseconds until the next look if all are reminded


def remind(context: Context, tenant: TenantRow) -> int | None:
    """Queue the reminders that are due, and return when to look again, None if the policy sends none.

    Users are marked in the transaction that queues their mails, whose tenant is locked: each gets it once.
    """
    if not tenant.reminders or tenant.policy is not PolicyMode.REQUIRED or tenant.grace_days == 0:
        return None
    if not can_send(context, tenant, FactorKind.EMAIL):
        return context.now + LOOK_AGAIN
    due = users_to_remind(context.connection, tenant, context.now, LOOKED_AT)
    mails = handled = 0
    for user in due:
        if mails == AT_ONCE:
            break
        handled += 1
        if mark_reminded(context.connection, user, context.now):
            mails += _mail(context, tenant, user)
    if mails:
        context.audit(USERS_REMINDED, tenant=tenant, by="secconsole", mails=mails)
    return context.now + (PAUSE if handled < len(due) or len(due) == LOOKED_AT else LOOK_AGAIN)


def reminder_attempt(user: UserRecord) -> str:
    """Return the attempt of the reminders of a user."""
    return f"reminder {user.id}"


def is_still_due(tenant: TenantRow, user: UserRecord, now: int) -> bool:
    """Return True if a user has not begun to bind a factor, and has to by the end of their grace period."""
    end = must_bind_from(tenant, user, now)
    return tenant.reminders and user.status is BindingStatus.UNBOUND and end is not None and now < end


def _mail(context: Context, tenant: TenantRow, user: UserRecord) -> bool:
    """Queue a mail to the address on record, or return False if there is none or nothing to say."""
    end = must_bind_from(tenant, user, context.now)
    if end is None or not is_still_due(tenant, user, context.now):
        return False
    try:
        address = mail_address(user.email)
    except Invalid:
        return False
    request = Request(tenant, user, FactorKind.EMAIL, address, Purpose.REMINDER, reminder_attempt(user))
    if free_at(context, request) > context.now:
        return False
    message = reminder_message(address, tenant=tenant, login=user.login, until=utc_words(when(end)))
    post(context, request, message, expires=min(end, context.now + NOTICE_LASTS))
    return True
