"""The key of an authenticator app by mail, for whoever cannot scan the QR code: only until it is confirmed."""

from __future__ import annotations

from secconsole.delivery.texts import key_message
from secconsole.domain.delivery import Purpose
from secconsole.domain.errors import Conflict, Unfit
from secconsole.domain.mail_address import mail_address
from secconsole.domain.model import FactorKind, FactorState
from secconsole.domain.otpauth import key_text
from secconsole.domain.secret import Secret
from secconsole.domain.sending import wait_words
from secconsole.operations.factors import MailKey
from secconsole.operations.signin import KeyMailed
from secconsole.service.codes import parameters_of, seed_of
from secconsole.service.context import Context, when
from secconsole.service.enrollment import key_attempt, key_uri
from secconsole.service.factors import found_factor
from secconsole.service.handlers import handles
from secconsole.service.notified import can_mail
from secconsole.service.outgoing import Request, free_at, post
from secconsole.service.passcodes import LONG_WAIT
from secconsole.store import outbox
from secconsole.store.rows import FactorRecord, TenantRow, UserRecord

NO_MAIL = "No mail can be sent from here yet, so the key cannot be mailed. Type it into the app instead."


@handles(MailKey)
def mail_key(context: Context, operation: MailKey) -> KeyMailed:
    factor = found_factor(context, operation.enrollment)
    return send_key(context, context.tenant, context.target, factor, operation.address)


def send_key(context: Context, tenant: TenantRow, user: UserRecord, factor: FactorRecord, address: str) -> KeyMailed:
    """Mail the key of an enrollment to the address on record, or else to the one given; or say how long to wait."""
    if factor.kind is not FactorKind.TOTP or factor.state is not FactorState.PENDING:
        raise Conflict("Only the key of an authenticator app is mailed, and only until the app is bound.")
    if factor.expires is None or factor.expires <= context.now:
        raise Conflict("That key was not confirmed in time. Start binding again.")
    if not address.strip() and not user.email:
        raise Unfit(f"There is no e-mail address on record for {user.login}. Give one.", "address")
    to = mail_address(address if address.strip() else user.email, "address")
    attempt, by = key_attempt(user), "" if context.found_actor else user.login
    request = Request(tenant, user, FactorKind.EMAIL, to, Purpose.KEY, attempt, factor.id)
    if not can_mail(context.connection, tenant.pk):
        context.unchanged = True
        return KeyMailed(False, request.masked, NO_MAIL)
    on_record = to.lower() == user.email.lower()  # folded, two mailboxes may look like one: ß and ss
    wait_until = free_at(context, request)
    if wait_until > context.now:
        message = wait_words(wait_until, context.now, "mail")
        if wait_until - context.now > LONG_WAIT:
            context.audit(
                "factor.key-mailed", user, outcome="refused", reason=message, tenant=tenant, by=by, factor=factor.id,
                to=request.masked, on_record=on_record,
            )  # fmt: skip
        else:
            context.unchanged = True
        return KeyMailed(False, request.masked, message, when(wait_until))
    seed = seed_of(context, user, factor)
    uri = key_uri(tenant, user, parameters_of(factor), seed)
    message_of = key_message(to, Secret(key_text(seed)), uri, tenant=tenant.name, login=user.login)
    outbox.void(context.connection, attempt, context.now)
    post(context, request, message_of, expires=factor.expires)
    context.audit(
        "factor.key-mailed", user, tenant=tenant, by=by, factor=factor.id, to=request.masked, on_record=on_record
    )
    return KeyMailed(True, request.masked, retry_at=when(free_at(context, request)))
