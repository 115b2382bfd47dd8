"""Signing in: password, second factor, binding or a new password on the way, and proving both again (step-up)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from secconsole.domain.limits import LONGEST_EMAIL
from secconsole.domain.model import FactorKind, SignInStatus
from secconsole.domain.roles import Permission, Role
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import Challenge, Code, FactorChoice, Id, Moment, NewPassword, TenantName

Address = Annotated[
    str,
    Meta(
        max_length=LONGEST_EMAIL,
        description="For e-mail and SMS: the address, or the number with its country code; empty: the user's own.",
    ),
]
KeyAddress = Annotated[
    str,
    Meta(max_length=LONGEST_EMAIL, description="An e-mail address; empty: the one on record."),
]
NO_CODE = Secret("")  # for somebody who has no factor bound


@dataclass(frozen=True, slots=True)
class OfferedFactor:
    """A factor to choose from while signing in; addresses and numbers are masked."""

    id: str
    kind: FactorKind
    masked: str


@dataclass(frozen=True, slots=True)
class SignInAnswer:
    """Where a sign-in stands.

    `token` is there only when the status is `complete`. `challenge` names the attempt in the calls that follow.
    `message` is for the person: what was wrong with the last entry, or a reminder. `left`: entries left here.
    `prefix`: the letters in front of the code that was sent last. `sent`: a code is on its way; `retry_at`: when the
    next entry or code may be asked for. `kinds`: with `enroll`, the kinds of factor that can be bound now.
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


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is acting: a person signed in, or the owner of the store (`local:NAME`, with an empty id).

    `ends_at`: when the session ends however much it is used. `email`: the address on record. `renew_recovery`: one of
    the present recovery codes was used, and new ones are due.
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


@dataclass(frozen=True, slots=True)
class BindingStarted:
    """A key to be put into an authenticator app; it counts only after a code from it was confirmed.

    For e-mail and SMS `uri` and `key` are empty: a code was `sent` to the `masked` address with `prefix` in front of
    it, or `message` says how long to wait for one. `expires`: the key, or the code that holds now.
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


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether password and factor were right; the operation that asked for them may then be done again.

    `token` is the session's from then on: the one it was asked with is void at once (NIST SP 800-63B-4 section 5.1).
    `wrong`: `password` or `code`, whichever was not; empty when neither was looked at.
    """

    accepted: bool
    message: str = ""
    until: Moment | None = None
    server_time: Moment | None = None
    wrong: str = ""
    token: Secret[str] | None = None


@dataclass(frozen=True, slots=True)
class CodeSent:
    """Whether a code is on its way with `prefix` in front of it; if not, `message` says how long to wait."""

    sent: bool
    prefix: str
    masked: str
    message: str = ""
    expires: Moment | None = None
    retry_at: Moment | None = None


@dataclass(frozen=True, slots=True)
class KeyMailed:
    """Whether the key of an authenticator app is on its way by mail; if not, `message` says why or how long to wait."""

    sent: bool
    masked: str
    message: str = ""
    retry_at: Moment | None = None


@declare("sign-in", "POST", "/v1/tenants/{tenant}/sign-in", Permission.NOBODY)
@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn(Operation[SignInAnswer]):
    """Sign in with login and password."""

    tenant: TenantName
    login: str
    password: Secret[str]


@declare("sign-in.verify", "POST", "/v1/sign-in/{challenge}/verify", Permission.NOBODY)
@dataclass(frozen=True, slots=True, kw_only=True)
class VerifySignIn(Operation[SignInAnswer]):
    """Give the second factor's code for a sign-in, or a recovery code in its place."""

    challenge: Challenge
    factor: FactorChoice
    code: Code


@declare("sign-in.send-code", "POST", "/v1/sign-in/{challenge}/send-code", Permission.NOBODY)
@dataclass(frozen=True, slots=True, kw_only=True)
class SendCode(Operation[SignInAnswer]):
    """Send a code to one of the addresses or numbers offered; it voids the one before.

    The answer says `sent` whether or not there is a way to send at all: who knows a password alone learns nothing.
    """

    challenge: Challenge
    factor: Id


@declare("sign-in.bind", "POST", "/v1/sign-in/{challenge}/enroll", Permission.NOBODY)
@dataclass(frozen=True, slots=True, kw_only=True)
class StartBinding(Operation[BindingStarted]):
    """Start binding a factor in a sign-in that asks for it."""

    challenge: Challenge
    kind: FactorKind = FactorKind.TOTP
    address: Address = ""


@declare("sign-in.confirm", "POST", "/v1/sign-in/{challenge}/confirm", Permission.NOBODY)
@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmBinding(Operation[SignInAnswer]):
    """Confirm the factor being bound with a code from it, and finish signing in."""

    challenge: Challenge
    enrollment: Id
    code: Code


@declare("sign-in.mail-key", "POST", "/v1/sign-in/{challenge}/mail-key", Permission.NOBODY)
@dataclass(frozen=True, slots=True, kw_only=True)
class MailSignInKey(Operation[KeyMailed]):
    """Mail the key being bound in a sign-in to the address on record, or to another one, of which that one is told."""

    challenge: Challenge
    enrollment: Id
    address: KeyAddress = ""


@declare("sign-in.new-password", "POST", "/v1/sign-in/{challenge}/new-password", Permission.NOBODY)
@dataclass(frozen=True, slots=True, kw_only=True)
class ChoosePassword(Operation[SignInAnswer]):
    """Choose a new password in a sign-in that asks for it, and go on."""

    challenge: Challenge
    password: NewPassword


@declare("who-am-i", "GET", "/v1/me", Permission.OWN_ACCOUNT)
@dataclass(frozen=True, slots=True, kw_only=True)
class WhoAmI(Operation[Identity]):
    """Say who is acting."""


@declare("step-up", "POST", "/v1/me/step-up", Permission.OWN_ACCOUNT)
@dataclass(frozen=True, slots=True, kw_only=True)
class StepUp(Operation[Proof]):
    """Prove password and second factor again, as dangerous operations ask for; a recovery code stands in for it.

    The session gets a new token: what comes after is asked with the one in the reply. Whoever loses the reply asks
    again with the same `Idempotency-Key`, or signs in again.
    """

    password: Secret[str]
    code: Code = NO_CODE


@declare("step-up.send-code", "POST", "/v1/me/step-up/send-code", Permission.OWN_ACCOUNT)
@dataclass(frozen=True, slots=True, kw_only=True)
class SendStepUpCode(Operation[CodeSent]):
    """Send a code for proving oneself again to one of one's own addresses or numbers; it voids the one before."""

    factor: Id


@declare("sign-out", "POST", "/v1/me/sign-out", Permission.OWN_ACCOUNT)
@dataclass(frozen=True, slots=True, kw_only=True)
class SignOut(Operation[None]):
    """End this session."""
