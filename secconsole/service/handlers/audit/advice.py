"""Advice for users whose devices may be infected: shown as text to send, and mailed."""

from __future__ import annotations

from secconsole.delivery.texts import advice_message
from secconsole.domain.errors import Conflict
from secconsole.domain.messages.delivery import Purpose
from secconsole.domain.messages.mail_address import mail_address
from secconsole.domain.messages.sending import NOTICE_LASTS, wait_words
from secconsole.domain.model import FactorKind
from secconsole.domain.users.invitation import why_not_reset
from secconsole.operations.events import INCIDENT_ADVISED
from secconsole.operations.incident import Advice, AdviceSent, SendAdvice, ShowAdvice
from secconsole.service.context import Context
from secconsole.service.outbox.queue import Request, can_send, free_at, post
from secconsole.service.registry import handles

NO_ADVICE = "Mail is not set up here, so no advice can be mailed. Set it up first: secconsole delivery set-smtp"


@handles(ShowAdvice)
def show_advice(context: Context, operation: ShowAdvice) -> Advice:
    message = advice_message("", tenant=context.tenant)
    return Advice(message.subject, message.text.reveal())


@handles(SendAdvice)
def send_advice(context: Context, operation: SendAdvice) -> AdviceSent:
    user, tenant = context.target, context.tenant
    if why := why_not_reset(disabled=user.disabled, email=user.email):
        raise Conflict(why)
    if not can_send(context, tenant, FactorKind.EMAIL):
        raise Conflict(NO_ADVICE)
    to = mail_address(user.email)
    request = Request(tenant, user, FactorKind.EMAIL, to, Purpose.NOTICE, f"advice {user.id}")
    if (until := free_at(context, request)) > context.now:
        raise Conflict(wait_words(until, context.now, "mail"))
    post(context, request, advice_message(to, tenant=tenant), expires=context.now + NOTICE_LASTS)
    context.audit(INCIDENT_ADVISED, user, to=request.masked)
    return AdviceSent(user.id, user.login, request.masked)
