"""E-mail addresses and phone numbers as factors: pending until a code that went there was typed back once."""

from __future__ import annotations

from secconsole.delivery.texts import code_message
from secconsole.domain.delivery import Purpose
from secconsole.domain.errors import Conflict, Invalid, Unfit
from secconsole.domain.limits import LONGEST_EMAIL
from secconsole.domain.mail_address import mail_address
from secconsole.domain.model import FactorKind, FactorState
from secconsole.domain.passcode import MOST_WRONG
from secconsole.domain.phone import sms_number
from secconsole.domain.secret import Secret
from secconsole.operations.factors import Verdict
from secconsole.operations.signin import BindingStarted
from secconsole.service.codes import WRONG_SENT, note_sent_use
from secconsole.service.context import Context, when
from secconsole.service.outgoing import Request
from secconsole.service.passcodes import Issued, accepts, enrollment_attempt, issue_code, live_code
from secconsole.service.views import masked
from secconsole.store import factors, passcodes
from secconsole.store.rows import FactorRecord, TenantRow, UserRecord

MOST = 5  # of a kind that a user may have
_NOTHING = Secret("")


def start_sent(
    context: Context, tenant: TenantRow, user: UserRecord, kind: FactorKind, *, address: str, label: str
) -> BindingStarted:
    """Put an address or number on the user's list and send a code there; for one that is pending, another code.

    One that an administrator entered may be proved at a sign-in, too; one that somebody else did only here: a password
    alone is enough to begin this. It takes the place of what they began before, which was mistyped or is forgotten.
    """
    address = checked_address(user, kind, address)
    live = [f for f in factors.live_factors(context.connection, user.pk) if f.kind is kind]
    same = next((f for f in live if f.address == address), None)
    if same is not None and same.state is FactorState.ACTIVE:
        raise Conflict(f"{masked(same)} is bound already.")
    given = context.found_actor is not None and not context.is_own
    begun = [f for f in live if f is not same and f.state is FactorState.PENDING and not f.given and not given]
    if same is None and len(live) - len(begun) >= MOST:
        raise Conflict(f"There are {MOST} of that kind already. Remove one first.")
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
        context.audit("factor.enrollment-started", user, tenant=tenant, by=by, kind=kind, factor=same.id)
    elif given and not same.given:
        factors.note_given(context.connection, same.pk)
        context.audit("factor.enrollment-started", user, tenant=tenant, by=by, kind=kind, factor=same.id)
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


def confirm_sent(
    context: Context, tenant: TenantRow, user: UserRecord, factor: FactorRecord, code: Secret[str]
) -> Verdict:
    """Make an address or number active by the code that went there; the fifth wrong entry ends the enrollment."""
    attempt, by = enrollment_attempt(factor.id), "" if context.found_actor else user.login
    sent = live_code(context, attempt)
    if sent is not None and accepts(context, sent, code):
        note_sent_use(context, factor)
        context.audit("factor.confirmed", user, tenant=tenant, by=by, kind=factor.kind, factor=factor.id)
        return Verdict(True, server_time=when(context.now), factor=factor.id)
    message = WRONG_SENT
    record = passcodes.find(context.connection, attempt)
    if record is not None:
        passcodes.fail(context.connection, record.pk)
        if record.failures + 1 >= MOST_WRONG:
            factors.remove(context.connection, user.pk, [factor.pk], now=context.now, event=None)
            passcodes.forget(context.connection, attempt)
            message = "That is not the code, and it was the last try. Start binding it again."
    context.audit("factor.confirmed", user, outcome="refused", tenant=tenant, by=by, kind=factor.kind)
    return Verdict(False, message, when(context.now))


def send_code(
    context: Context, tenant: TenantRow, user: UserRecord, factor: FactorRecord, purpose: Purpose, attempt: str
) -> Issued:
    """Send a code to a factor's address or number, or say how long to wait for one."""
    request = Request(tenant, user, factor.kind, factor.address, purpose, attempt, factor.id)
    return issue_code(
        context, request, lambda kind, to, code: code_message(kind, to, code, tenant=tenant.name, login=user.login)
    )


def checked_address(user: UserRecord, kind: FactorKind, address: str) -> str:
    """The address or number in its one spelling; without one the user's own. Raises `Invalid` if it is none."""
    if len(address) > LONGEST_EMAIL:
        raise Invalid(f"The address is longer than {LONGEST_EMAIL} characters.", "address")
    text = address.strip() or (user.phone if kind is FactorKind.SMS else user.email)
    if not text:
        what = "phone number" if kind is FactorKind.SMS else "e-mail address"
        raise Unfit(f"{user.login} has no {what} on record. Give one.", "address")
    return sms_number(text) if kind is FactorKind.SMS else mail_address(text, "address")
