"""Codes that are sent: making one, putting it into the outbox, and telling whether one that was typed is it.

An attempt is what a code is for: one sign-in, one enrollment, one session's step-up, one test of settings. It has one
code at a time, whichever address that went to, so that asking anew or elsewhere voids the code before.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass

from secconsole.delivery.message import Message
from secconsole.domain.model import FactorKind
from secconsole.domain.passcode import LASTS, RANDOM_BYTES, Passcode, make_passcode
from secconsole.domain.secret import Secret
from secconsole.domain.sending import wait_words
from secconsole.domain.totp import is_code
from secconsole.service.context import Context
from secconsole.service.outgoing import Request, can_send, free_at, post
from secconsole.store import outbox, passcodes
from secconsole.store.keys import KeyRing, token_hash
from secconsole.store.passcodes import PasscodeRecord

Write = Callable[[FactorKind, str, Passcode], Message]  # a kind, an address and a code as a message

NOT_SET_UP = {
    FactorKind.EMAIL: "No code can be mailed: no mail server is set up. An administrator can do that.",
    FactorKind.SMS: "No code can be sent by SMS: no account at Twilio is set up. An administrator can do that.",
}
SENT_KINDS = (FactorKind.EMAIL, FactorKind.SMS)
LONG_WAIT = 60_000  # a wait that is worth an entry in the audit


@dataclass(frozen=True, slots=True)
class Issued:
    """What came of asking for a code: one is on its way, or `message` says how long to wait.

    `prefix` and `expires` are of the code that holds now, the new one or the one before; `id` is the message's.
    `retry_at`: when another may be asked for.
    """

    sent: bool
    prefix: str
    expires: int | None
    retry_at: int
    message: str
    masked: str
    id: str = ""


def issue_code(context: Context, request: Request, write: Write) -> Issued:
    """Make a code and have it sent after commit, unless so many were that one has to wait, or none can be sent."""
    masked, wait_until = request.masked, free_at(context, request)
    if not request.settings and not can_send(context, request.tenant, request.kind):
        context.unchanged = True
        return Issued(False, "", None, context.now, NOT_SET_UP[request.kind], masked)
    if wait_until > context.now:
        live = live_code(context, request.attempt)
        message = wait_words(wait_until, context.now)
        if wait_until - context.now > LONG_WAIT:
            _tell(context, request, outcome="refused", reason=message)
        else:
            context.unchanged = True
        return Issued(False, live.prefix if live else "", live.expires if live else None, wait_until, message, masked)
    code, expires = make_passcode(os.urandom(RANDOM_BYTES)), context.now + LASTS
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
    _tell(context, request)
    return Issued(True, code.prefix, expires, free_at(context, request), "", masked, id)


def live_code(context: Context, attempt: str) -> PasscodeRecord | None:
    """The code of an attempt that would be taken now."""
    record = passcodes.find(context.connection, attempt)
    if record is None or record.used is not None or record.expires <= context.now:
        return None
    return record


def _fits(context: Context, record: PasscodeRecord, typed: Secret[str]) -> bool:
    """Whether the digits that were typed are those of a code; only six ASCII digits ever are."""
    if not is_code(typed.reveal()):
        return False
    return hmac.compare_digest(record.digest, _digest(context.keys, record.attempt, record.factor, typed))


def accepts(context: Context, record: PasscodeRecord, typed: Secret[str]) -> bool:
    """Whether what was typed is the code; it is used then."""
    if not _fits(context, record, typed) or not passcodes.use(context.connection, record.pk, context.now):
        return False
    outbox.note_answer(context.connection, record.attempt)
    return True


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


def _tell(context: Context, request: Request, *, outcome: str = "done", reason: str = "") -> None:
    """Nobody is signed in yet while signing in: then it is the user themselves who asked."""
    by = request.user.login if request.user and context.found_actor is None else ""
    context.audit(
        "code.sent", request.user, outcome=outcome, reason=reason, tenant=request.tenant, by=by, kind=request.kind,
        purpose=request.purpose, to=request.masked,
    )  # fmt: skip
