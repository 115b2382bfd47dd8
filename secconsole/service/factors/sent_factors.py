"""E-mail addresses and phone numbers as factors, pending until a code sent there was typed back."""

from __future__ import annotations

from secconsole.delivery.message import Message
from secconsole.delivery.texts import code_message
from secconsole.domain.errors import Conflict, Invalid, Unfit
from secconsole.domain.factors.passcode import MOST_WRONG, Passcode
from secconsole.domain.limits import LONGEST_EMAIL
from secconsole.domain.messages.delivery import Purpose
from secconsole.domain.messages.mail_address import address_key, mail_address
from secconsole.domain.messages.phone import sms_number
from secconsole.domain.model import FactorKind, FactorState
from secconsole.domain.secret import Secret
from secconsole.operations.events import FACTOR_CONFIRMED, FACTOR_ENROLLMENT_STARTED
from secconsole.operations.factors import Verdict
from secconsole.operations.signin import BindingStarted
from secconsole.service.context import Context, when
from secconsole.service.factors.codes import WRONG_SENT, note_sent_use
from secconsole.service.factors.passcodes import (
    NOT_SET_UP,
    Issued,
    accepts,
    enrollment_attempt,
    issue_code,
    live_code,
    why_no_code,
)
from secconsole.service.factors.throttling import from_new_network
from secconsole.service.outbox.queue import Request, can_send
from secconsole.service.views import masked
from secconsole.store import factors
from secconsole.store.rows import FactorRecord, TenantRow, UserRecord
from secconsole.store.sign_in import passcodes

MOST = 5  # per kind and user
_NOTHING = Secret("")


def start_sent(
    context: Context, tenant: TenantRow, user: UserRecord, kind: FactorKind, *, address: str, label: str
) -> BindingStarted:
    """Add an address or number to the user's factors and send a code there, again if it is already pending.

    If it is entered for another user, no code is sent: they may not have asked for it, and it would use up their sends.
    Addresses entered by an administrator may also be confirmed by a sign-in. Others cannot, because a password alone is
    enough to start this. The new one replaces an earlier pending one, which was mistyped or forgotten.
    """
    address = checked_address(user, kind, address)
    live = [f for f in factors.live_factors(context.connection, user.pk) if f.kind is kind]
    same = next((f for f in live if is_same(kind, f.address, address)), None)
    if same is not None and same.state is FactorState.ACTIVE:
        raise Conflict(f"{masked(same)} is bound already.")
    given = context.found_actor is not None and not context.is_own
    begun = [f for f in live if f is not same and f.state is FactorState.PENDING and not f.given and not given]
    if same is None and len(live) - len(begun) >= MOST:
        raise Conflict(f"There are already {MOST} of that kind. Remove one first.")
    if begun:
        factors.remove(context.connection, user.pk, [f.pk for f in begun], now=context.now, event=None)
    by = "" if context.found_actor else user.login
    if same is None:
        values: dict[str, object] = {
            "id": context.new_id(),
            "tenant_pk": tenant.pk,
            "user_pk": user.pk,
            "kind": kind,
            "state": FactorState.PENDING,
            "label": label,
            "address": address,
            "given": given,
            "created": context.now,
        }
        same = factors.add_factor(context.connection, values)
        context.audit(FACTOR_ENROLLMENT_STARTED, user, tenant=tenant, by=by, kind=kind, factor=same.id)
    elif given and not same.given:
        factors.mark_entered(context.connection, same.pk)
        context.audit(FACTOR_ENROLLMENT_STARTED, user, tenant=tenant, by=by, kind=kind, factor=same.id)
    if given:
        context.unchanged = context.entries == 0
        return _entered(context, tenant, user, same)
    attempt = enrollment_attempt(same.id)
    issued = send_code(context, tenant, user, same, Purpose.ENROLLMENT, attempt)
    context.unchanged = context.unchanged and context.entries == 0
    return BindingStarted(
        same.id,
        kind,
        _NOTHING,
        _NOTHING,
        when(issued.expires or context.now),
        masked=issued.masked,
        prefix=issued.prefix,
        sent=issued.sent,
        message=issued.message,
        retry_at=when(issued.retry_at),
    )


def _entered(context: Context, tenant: TenantRow, user: UserRecord, factor: FactorRecord) -> BindingStarted:
    """Return the reply about a factor that was entered for another user and waits for their sign-in."""
    kind = factor.kind
    what = "number" if kind is FactorKind.SMS else "address"
    words = f"The {what} was added. A code will be sent there when {user.login} signs in."
    if not can_send(context, tenant, kind):
        words = f"The {what} was added. {NOT_SET_UP[kind]}"
    return BindingStarted(
        factor.id, kind, _NOTHING, _NOTHING, when(context.now), masked=masked(factor), message=words, waits=True
    )


def confirm_sent(
    context: Context, tenant: TenantRow, user: UserRecord, factor: FactorRecord, code: Secret[str]
) -> Verdict:
    """Activate an address or number if the code is right, and end the enrollment after five wrong ones."""
    attempt, by = enrollment_attempt(factor.id), "" if context.found_actor else user.login
    if why := why_no_code(context, code, attempt):
        context.unchanged = True
        return Verdict(False, why, when(context.now), counted=False)
    sent = live_code(context, attempt)
    if sent is not None and accepts(context, sent, code):
        note_sent_use(context, factor)
        context.audit(
            FACTOR_CONFIRMED,
            user,
            tenant=tenant,
            by=by,
            kind=factor.kind,
            factor=factor.id,
            **from_new_network(context, user),
        )
        return Verdict(True, server_time=when(context.now), factor=factor.id)
    message = WRONG_SENT
    record = passcodes.find(context.connection, attempt)
    if record is not None:
        passcodes.fail(context.connection, record.pk)
        if record.failures + 1 >= MOST_WRONG:
            factors.remove(context.connection, user.pk, [factor.pk], now=context.now, event=None)
            passcodes.forget(context.connection, attempt)
            message = "That code is wrong, and it was the last try. Start the enrollment again."
    context.audit(FACTOR_CONFIRMED, user, outcome="refused", tenant=tenant, by=by, kind=factor.kind)
    return Verdict(False, message, when(context.now))


def send_code(
    context: Context, tenant: TenantRow, user: UserRecord, factor: FactorRecord, purpose: Purpose, attempt: str
) -> Issued:
    """Send a code to a factor's address or number, or return how long to wait."""
    request = Request(tenant, user, factor.kind, factor.address, purpose, attempt, factor.id)

    def write(kind: FactorKind, to: str, code: Passcode) -> Message:
        return code_message(kind, to, code, tenant=tenant, login=user.login, purpose=purpose)

    return issue_code(context, request, write)


def is_same(kind: FactorKind, one: str, other: str) -> bool:
    """Return True if two spellings are of one address, because older versions stored others."""
    return address_key(one) == address_key(other) if kind is FactorKind.EMAIL else one == other


def checked_address(user: UserRecord, kind: FactorKind, address: str) -> str:
    """Return the address or number in its canonical spelling, by default the user's own, or raise `Invalid`."""
    if len(address) > LONGEST_EMAIL:
        raise Invalid(f"The address is longer than {LONGEST_EMAIL} characters.", "address")
    text = address.strip() or (user.phone if kind is FactorKind.SMS else user.email)
    if not text:
        what = "phone number" if kind is FactorKind.SMS else "e-mail address"
        raise Unfit(f"{user.login} has no {what} on record. Enter one.", "address")
    return sms_number(text) if kind is FactorKind.SMS else mail_address(text, "address")
