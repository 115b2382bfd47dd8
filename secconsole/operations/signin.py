"""Sign-in: password, second factor, binding or a new password in between, and step-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from secconsole.domain.helpdesk import USUAL_STEP_UP
from secconsole.domain.limits import LONGEST_EMAIL
from secconsole.domain.messages.delivery import MessageState
from secconsole.domain.model import FactorKind, OfferedKind, SignInStatus
from secconsole.domain.roles import Permission, Role
from secconsole.domain.secret import Secret
from secconsole.operations import events
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import (
    Challenge,
    Code,
    FactorChoice,
    Id,
    Moment,
    NewPassword,
    OptionalId,
    Password,
    TenantName,
    UserName,
)

Address = Annotated[
    str,
    Meta(
        max_length=LONGEST_EMAIL,
        description="For e-mail and SMS: the address, or the number with its country code. Empty: the user's own.",
    ),
]
KeyAddress = Annotated[
    str,
    Meta(max_length=LONGEST_EMAIL, description="An e-mail address. Empty: the one on record."),
]


@dataclass(frozen=True, slots=True)
class OfferedFactor:
    """Way to prove a sign-in, with addresses and numbers masked.

    The kind `bypass` is a code from the helpdesk, of 16 letters and digits, which works `until` that time.
    """

    id: str
    kind: OfferedKind
    masked: str
    until: Moment | None = None


@dataclass(frozen=True, slots=True)
class SignInAnswer:
    """State of a sign-in.

    `token` is set only if the status is `complete`, and not for a sign-in without a session. `challenge` identifies
    the attempt in the following calls. `message` is for people: what was wrong with the last entry, or a reminder.
    `left`: remaining entries. `prefix`: the letters before the latest code. `sent`: a code is on its way. `retry_at`:
    when the next entry or code may be requested. `kinds`: with `enroll`, the kinds of factor that can be bound now.
    `helpdesk`: how to reach the helpdesk, as the tenant says, once the password was right.
    """

    status: SignInStatus
    token: Secret[str] | None = None
    challenge: Secret[str] | None = None
    factors: tuple[OfferedFactor, ...] = ()
    prefix: str | None = None
    message: str = ""
    server_time: Moment | None = None
    left: int | None = None
    retry_at: Moment | None = None
    sent: bool = False
    kinds: tuple[FactorKind, ...] = ()
    helpdesk: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Current actor: a signed-in user, or the owner of the store (`local:NAME`, with an empty id).

    `ends_at`: when the session ends however much it is used. `email`: the address on record. `renew_recovery`: one of
    the current recovery codes was used, and new ones should be created. `step_up_minutes`: how long a step-up counts.
    """

    id: str
    login: str
    name: str
    role: Role
    tenant: str
    bound: bool
    signed_in_at: Moment | None
    ends_at: Moment | None
    proved_at: Moment | None
    step_up_until: Moment | None
    email: str
    recovery_left: int
    renew_recovery: bool
    step_up_minutes: int = USUAL_STEP_UP


@dataclass(frozen=True, slots=True)
class BindingStarted:
    """Key for an authenticator app, which takes effect only after a code from it was confirmed.

    For e-mail and SMS `uri` and `key` are empty: a code with this `prefix` was `sent` to the `masked` address, or
    `message` explains how long to wait for one. `expires`: when the key or the current code does. `waits`: it was
    entered for another user, and a code is sent once they sign in.
    """

    enrollment: str
    kind: FactorKind
    uri: Secret[str]
    key: Secret[str]
    expires: Moment
    masked: str = ""
    prefix: str = ""
    sent: bool = False
    message: str = ""
    retry_at: Moment | None = None
    waits: bool = False


@dataclass(frozen=True, slots=True)
class SendStatus:
    """State of the latest code or key requested, empty if there is none.

    `message` is for people: why it was not sent, empty without a problem. Until the status is `final`, ask again: at
    once, and then every few seconds while someone waits. A failed send counts against no cap, and another code may be
    requested.
    """

    state: MessageState | None
    message: str = ""
    final: bool = True
    server_time: Moment | None = None


@dataclass(frozen=True, slots=True)
class KeyMailed:
    """Answer to a request for a key by mail, with the reason as `message` if none is on its way."""

    sent: bool
    masked: str
    message: str = ""
    retry_at: Moment | None = None


@declare(
    "sign-in",
    "POST",
    "/v1/tenants/{tenant}/sign-in",
    Permission.NOBODY,
    records=(events.SIGN_IN, events.USER_HELD),
    step_up="never",
    why="is itself the proof",
    example=lambda s: (SignIn(tenant=s.TENANT, login="ana.kral", password=s.PASSWORD), s.SIGN_IN_REPLY),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn(Operation[SignInAnswer]):
    """Sign in with login and password.

    Without `session` the sign-in is only checked: its `complete` answer has no token, and no session is left behind.
    """

    tenant: TenantName
    login: UserName
    password: Password
    session: bool = True


@declare(
    "sign-in.verify",
    "POST",
    "/v1/sign-in/{challenge}/verify",
    Permission.NOBODY,
    records=(events.SIGN_IN, events.SIGN_IN_CODE, events.BYPASS_USED, events.USER_HELD),
    step_up="never",
    why="is part of a sign-in",
    example=lambda s: (VerifySignIn(challenge=s.CHALLENGE, factor=s.FACTOR_ID, code=s.CODE), s.COMPLETE),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class VerifySignIn(Operation[SignInAnswer]):
    """Submit the second factor's code for a sign-in, or a recovery code or bypass code in its place."""

    challenge: Challenge
    factor: FactorChoice
    code: Code


@declare(
    "sign-in.send-code",
    "POST",
    "/v1/sign-in/{challenge}/send-code",
    Permission.NOBODY,
    records=events.CODE_SENT,
    step_up="never",
    why="is part of a sign-in",
    example=lambda s: (SendCode(challenge=s.CHALLENGE, factor=s.FACTOR_ID), s.SEND_CODE_REPLY),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class SendCode(Operation[SignInAnswer]):
    """Send a code to one of the addresses or numbers offered, voiding the previous one.

    It is delivered to the provider after the answer. Ask `sign-in.sending` for the outcome.
    """

    challenge: Challenge
    factor: Id


@declare(
    "sign-in.sending",
    "GET",
    "/v1/sign-in/{challenge}/sending",
    Permission.NOBODY,
    example=lambda s: (ShowSignInSending(challenge=s.CHALLENGE), s.SHOW_SIGN_IN_SENDING_REPLY),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowSignInSending(Operation[SendStatus]):
    """Show the outcome of the latest code in a sign-in, or of the latest message for a factor being bound in it.

    `enrollment` is the id in the answer to the binding, and empty for the code of a bound factor.
    """

    challenge: Challenge
    enrollment: OptionalId = ""


@declare(
    "sign-in.bind",
    "POST",
    "/v1/sign-in/{challenge}/enroll",
    Permission.NOBODY,
    records=events.FACTOR_ENROLLMENT_STARTED,
    step_up="never",
    why="is part of a sign-in",
    example=lambda s: (StartBinding(challenge=s.CHALLENGE), s.STARTED),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class StartBinding(Operation[BindingStarted]):
    """Start binding a factor in a sign-in that requires it."""

    challenge: Challenge
    kind: FactorKind = FactorKind.TOTP
    address: Address = ""


@declare(
    "sign-in.confirm",
    "POST",
    "/v1/sign-in/{challenge}/confirm",
    Permission.NOBODY,
    records=events.FACTOR_CONFIRMED,
    step_up="never",
    why="is part of a sign-in",
    example=lambda s: (ConfirmBinding(challenge=s.CHALLENGE, enrollment=s.PENDING_ID, code=s.CODE), s.COMPLETE),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmBinding(Operation[SignInAnswer]):
    """Confirm the factor being bound with a code from it, and complete the sign-in."""

    challenge: Challenge
    enrollment: Id
    code: Code


@declare(
    "sign-in.mail-key",
    "POST",
    "/v1/sign-in/{challenge}/mail-key",
    Permission.NOBODY,
    records=events.FACTOR_KEY_MAILED,
    step_up="never",
    why="is part of a sign-in",
    example=lambda s: (MailSignInKey(challenge=s.CHALLENGE, enrollment=s.PENDING_ID), s.MAILED),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class MailSignInKey(Operation[KeyMailed]):
    """Mail the key being bound in a sign-in to the address on record, or to another one, with a notice to the first."""

    challenge: Challenge
    enrollment: Id
    address: KeyAddress = ""


@declare(
    "sign-in.new-password",
    "POST",
    "/v1/sign-in/{challenge}/new-password",
    Permission.NOBODY,
    records=events.PASSWORD_CHANGED,
    step_up="never",
    why="is part of a sign-in",
    example=lambda s: (ChoosePassword(challenge=s.CHALLENGE, password=s.ANOTHER), s.COMPLETE),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ChoosePassword(Operation[SignInAnswer]):
    """Choose a new password in a sign-in that requires it, and continue."""

    challenge: Challenge
    password: NewPassword


@declare(
    "who-am-i",
    "GET",
    "/v1/me",
    Permission.OWN_ACCOUNT,
    example=lambda s: (WhoAmI(), s.WHO_AM_I_REPLY),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class WhoAmI(Operation[Identity]):
    """Show the current actor."""


@declare(
    "sign-out",
    "POST",
    "/v1/me/sign-out",
    Permission.OWN_ACCOUNT,
    records=events.SIGN_OUT,
    step_up="never",
    why="removes only what the caller has",
    example=lambda s: (SignOut(), None),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class SignOut(Operation[None]):
    """End the current session."""
