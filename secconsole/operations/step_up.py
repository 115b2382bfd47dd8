"""Step-up: proving password or second factor again for what needs it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from secconsole.domain.messages.delivery import MessageState
from secconsole.domain.roles import Permission
from secconsole.domain.secret import Secret
from secconsole.operations import events
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import (
    Code,
    Id,
    Moment,
    Password,
)
from secconsole.operations.signin import SendStatus

NO_CODE = Secret("")  # for users without a bound factor
NO_PASSWORD = Secret("")  # for users with one, who proved their password when the session was opened


@dataclass(frozen=True, slots=True)
class Proof:
    """Result of a step-up, after which the operation that required it can be repeated.

    `token` replaces the session's token, which is void at once (NIST SP 800-63B-4 section 5.1). `wrong`: `password` or
    `code`, whichever was wrong, empty if neither was checked. `left`: wrong entries left until the session ends, 0 if
    it has.
    """

    accepted: bool
    message: str = ""
    until: Moment | None = None
    server_time: Moment | None = None
    wrong: str = ""
    token: Secret[str] | None = None
    left: int | None = None


@dataclass(frozen=True, slots=True)
class CodeSent:
    """Answer to a request for a code: its `prefix` if one is on its way, or else the wait as `message`."""

    sent: bool
    prefix: str
    masked: str
    message: str = ""
    expires: Moment | None = None
    retry_at: Moment | None = None


@declare(
    "step-up",
    "POST",
    "/v1/me/step-up",
    Permission.OWN_ACCOUNT,
    records=(events.STEP_UP, events.USER_HELD),
    step_up="never",
    why="is the proof",
    example=lambda s: (
        StepUp(password=s.PASSWORD, code=s.CODE),
        Proof(True, until=s.NOW + timedelta(minutes=5), server_time=s.NOW, token=s.SESSION_TOKEN),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class StepUp(Operation[Proof]):
    """Prove the second factor (or a recovery code) again, or the password if none is bound.

    The password of a session was proved when it was opened, so beside a code it may be left out. If it is given, it
    is checked. The session gets a new token, which is in the reply and needed from then on. If the reply is lost,
    repeat the request with the same `Idempotency-Key`, or sign in again.
    """

    password: Password = NO_PASSWORD
    code: Code = NO_CODE


@declare(
    "step-up.send-code",
    "POST",
    "/v1/me/step-up/send-code",
    Permission.OWN_ACCOUNT,
    records=events.CODE_SENT,
    step_up="never",
    why="is part of the proof",
    example=lambda s: (SendStepUpCode(factor=s.FACTOR_ID), s.SEND_STEP_UP_CODE_REPLY),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class SendStepUpCode(Operation[CodeSent]):
    """Send a step-up code to one of the caller's addresses or numbers, voiding the previous one."""

    factor: Id


@declare(
    "step-up.sending",
    "GET",
    "/v1/me/step-up/sending",
    Permission.OWN_ACCOUNT,
    example=lambda s: (ShowStepUpSending(), SendStatus(MessageState.SENT, server_time=s.NOW)),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowStepUpSending(Operation[SendStatus]):
    """Show the outcome of the latest step-up code."""
