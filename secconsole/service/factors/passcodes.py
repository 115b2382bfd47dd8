"""Codes that are sent: creating and queueing them, and checking typed ones.

An attempt is the purpose of a code: a sign-in, an enrollment, the step-up of a session or a test of settings. It has
one code at a time for all addresses, so that requesting a new one voids the previous code.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass

from secconsole.delivery.message import Message
from secconsole.domain.clock import is_from_future
from secconsole.domain.factors.bypass import read_bypass_code
from secconsole.domain.factors.code import read_code
from secconsole.domain.factors.passcode import LASTS, RANDOM_BYTES, Passcode, make_passcode
from secconsole.domain.factors.recovery import read_recovery_code
from secconsole.domain.messages.sending import wait_words
from secconsole.domain.model import FactorKind
from secconsole.domain.secret import Secret
from secconsole.operations.events import CODE_SENT
from secconsole.service.context import Context
from secconsole.service.outbox.queue import Request, can_send, free_at, post
from secconsole.store import outbox
from secconsole.store.sealing.keys import KeyRing, token_hash
from secconsole.store.sign_in import passcodes
from secconsole.store.sign_in.passcodes import PasscodeRecord

Write = Callable[[FactorKind, str, Passcode], Message]  # a message with a kind, an address and a code

NOT_SET_UP = {
    FactorKind.EMAIL: "No mail server is set up, so codes cannot be mailed. Ask an administrator to set one up.",
    FactorKind.SMS: "No Twilio account is set up, so codes cannot be sent by SMS. Ask an administrator to set one up.",
}
NOT_A_CODE = "That is not a code. Codes have six digits, recovery codes 25 letters and digits. It was not counted."
BYPASS_ELSEWHERE = "A bypass code works only for signing in. It was not counted."
OTHER_MESSAGE = "Those letters belong to another message. This code begins with {}. It was not counted."
NO_MESSAGE = "Those letters belong to a message that was sent for something else. It was not counted."
LONG_WAIT = 60_000  # a wait that is worth an audit entry


@dataclass(frozen=True, slots=True)
class Issued:
    """Result of a request for a code, with a `message` about the wait if none was sent.

    `prefix` and `expires` belong to the current code, new or not. `id` is that of the message. `retry_at`: when another
    one may be requested.
    """

    sent: bool
    prefix: str
    expires: int | None
    retry_at: int
    message: str
    masked: str
    id: str = ""


def issue_code(context: Context, request: Request, write: Write) -> Issued:
    """Create a code and queue it, unless a cap is reached or codes cannot be sent."""
    masked, wait_until = request.masked, free_at(context, request)
    if not request.settings and not can_send(context, request.tenant, request.kind):
        context.unchanged = True
        return Issued(False, "", None, context.now, NOT_SET_UP[request.kind], masked)
    if wait_until > context.now:
        live = live_code(context, request.attempt)
        message = wait_words(wait_until, context.now)
        if wait_until - context.now > LONG_WAIT:
            _audit(context, request, outcome="refused", reason=message)
        else:
            context.unchanged = True
        return Issued(False, live.prefix if live else "", live.expires if live else None, wait_until, message, masked)
    code, expires = make_passcode(os.urandom(RANDOM_BYTES)), context.now + LASTS
    # An earlier code that still waits would be wrong when it arrives.
    outbox.void(context.connection, request.attempt, context.now)
    passcodes.put(
        context.connection,
        request.attempt,
        {
            "tenant_pk": request.tenant.pk,
            "factor": request.factor,
            "prefix": code.prefix,
            "digest": _digest(context.keys, request.attempt, request.factor, code.digits),
            "created": context.now,
            "expires": expires,
        },
    )
    id = post(context, request, write(request.kind, request.to, code), expires=expires)
    _audit(context, request)
    return Issued(True, code.prefix, expires, free_at(context, request), "", masked, id)


def live_code(context: Context, attempt: str) -> PasscodeRecord | None:
    """Return the current code of an attempt."""
    record = passcodes.find(context.connection, attempt)
    if record is None or record.used is not None or record.expires <= context.now:
        return None
    if is_from_future(record.created, context.now):
        return None
    return record


def _fits(context: Context, record: PasscodeRecord, typed: Secret[str]) -> bool:
    """Return True if the typed text is a code with the digits and, if any, the prefix of this one."""
    code = read_code(typed)
    if code is None or code.prefix not in ("", record.prefix):
        return False
    return hmac.compare_digest(record.digest, _digest(context.keys, record.attempt, record.factor, code.digits))


def accepts(context: Context, record: PasscodeRecord, typed: Secret[str]) -> bool:
    """Return True if the typed text is the code, which is used up then."""
    if not _fits(context, record, typed) or not passcodes.use(context.connection, record.pk, context.now):
        return False
    outbox.note_answer(context.connection, record.attempt)
    return True


def why_no_code(context: Context, typed: Secret[str], *attempts: str) -> str:
    """Return why a typed text is not checked and not counted, empty if it is checked.

    It is not a code at all, or belongs to a message of other attempts: the prefix is shown on the screen of the attempt
    that it belongs to.
    """
    if read_recovery_code(typed) is not None:
        return ""
    if read_bypass_code(typed) is not None:
        return BYPASS_ELSEWHERE
    code = read_code(typed)
    if code is None:
        return NOT_A_CODE
    prefixes = [live.prefix for attempt in attempts if attempt and (live := live_code(context, attempt))]
    if not code.prefix or code.prefix in prefixes:
        return ""
    return OTHER_MESSAGE.format(" or ".join(prefixes)) if prefixes else NO_MESSAGE


def sign_in_attempt(challenge: Secret[str]) -> str:
    return f"sign-in {token_hash(challenge).hex()}"


def enrollment_attempt(factor: str) -> str:
    return f"enrollment {factor}"


def step_up_attempt(session: str) -> str:
    return f"step-up {session}"


def trial_attempt(settings: str) -> str:
    return f"test {settings}"


def _digest(keys: KeyRing, attempt: str, factor: str, digits: Secret[str]) -> bytes:
    return keys.lookup(f"passcode\0{attempt}\0{factor}\0{digits.reveal()}")


def _audit(context: Context, request: Request, *, outcome: str = "done", reason: str = "") -> None:
    """Record a request in the audit, by the user themselves while they sign in."""
    by = request.user.login if request.user and context.found_actor is None else ""
    context.audit(
        CODE_SENT,
        request.user,
        outcome=outcome,
        reason=reason,
        tenant=request.tenant,
        by=by,
        kind=request.kind,
        purpose=request.purpose,
        to=request.masked,
    )
