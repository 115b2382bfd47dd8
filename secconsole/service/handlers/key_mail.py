"""Key of an authenticator app by mail, for users who cannot scan the QR code, until it is confirmed."""

from __future__ import annotations

from secconsole.delivery.texts import key_message
from secconsole.domain.errors import Conflict, Unfit
from secconsole.domain.factors.otpauth import key_text
from secconsole.domain.messages.delivery import Purpose
from secconsole.domain.messages.mail_address import address_key, mail_address
from secconsole.domain.messages.sending import wait_words
from secconsole.domain.model import FactorKind, FactorState
from secconsole.domain.secret import Secret
from secconsole.operations.events import FACTOR_KEY_MAILED
from secconsole.operations.factors import MailKey
from secconsole.operations.signin import KeyMailed
from secconsole.service.context import Context, when
from secconsole.service.factors.codes import parameters_of, seed_of
from secconsole.service.factors.enrollment import key_attempt, key_uri
from secconsole.service.factors.passcodes import LONG_WAIT
from secconsole.service.handlers.factors import found_factor
from secconsole.service.outbox.queue import Request, free_at, post
from secconsole.service.outbox.recipients import can_mail
from secconsole.service.registry import handles
from secconsole.store import outbox
from secconsole.store.rows import FactorRecord, TenantRow, UserRecord

NO_MAIL = "Mail is not set up here yet, so the key cannot be sent. Type it into the app instead."


@handles(MailKey)
def mail_key(context: Context, operation: MailKey) -> KeyMailed:
    factor = found_factor(context, operation.enrollment)
    return send_key(context, context.tenant, context.target, factor, operation.address)


def send_key(context: Context, tenant: TenantRow, user: UserRecord, factor: FactorRecord, address: str) -> KeyMailed:
    """Mail the key of an enrollment to the address on record, or to the one given, or return how long to wait."""
    if factor.kind is not FactorKind.TOTP or factor.state is not FactorState.PENDING:
        raise Conflict("Only the key of an authenticator app can be mailed, and only until the app is bound.")
    if factor.expires is None or factor.expires <= context.now:
        raise Conflict("That key was not confirmed in time. Start the enrollment again.")
    if not address.strip() and not user.email:
        raise Unfit(f"There is no e-mail address on record for {user.login}. Enter one.", "address")
    to = mail_address(address if address.strip() else user.email, "address")
    attempt, by = key_attempt(user), "" if context.found_actor else user.login
    request = Request(tenant, user, FactorKind.EMAIL, to, Purpose.KEY, attempt, factor.id)
    if not can_mail(context.connection, tenant.pk):
        context.unchanged = True
        return KeyMailed(False, request.masked, NO_MAIL)
    # By what mail servers distinguish, so that another spelling is not another address.
    on_record = address_key(to) == address_key(user.email)
    wait_until = free_at(context, request)
    if wait_until > context.now:
        message = wait_words(wait_until, context.now, "mail")
        # A short wait means that a key was pressed twice. A long one may be abuse, and is recorded.
        if wait_until - context.now > LONG_WAIT:
            context.audit(
                FACTOR_KEY_MAILED,
                user,
                outcome="refused",
                reason=message,
                tenant=tenant,
                by=by,
                factor=factor.id,
                to=request.masked,
                on_record=on_record,
            )
        else:
            context.unchanged = True
        return KeyMailed(False, request.masked, message, when(wait_until))
    seed = seed_of(context, user, factor)
    uri = key_uri(tenant, user, parameters_of(factor), seed)
    message_of = key_message(to, Secret(key_text(seed)), uri, tenant=tenant, login=user.login)
    # An earlier mail, with another key, must not follow this one.
    outbox.void(context.connection, attempt, context.now)
    post(context, request, message_of, expires=factor.expires)
    context.audit(
        FACTOR_KEY_MAILED, user, tenant=tenant, by=by, factor=factor.id, to=request.masked, on_record=on_record
    )
    return KeyMailed(True, request.masked, retry_at=when(free_at(context, request)))
