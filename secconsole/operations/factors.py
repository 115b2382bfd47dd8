"""Factors of a user: enrollment, confirmation, removal, and checks of codes."""

from __future__ import annotations

from dataclasses import dataclass

from secconsole.domain.factors.totp import Algorithm
from secconsole.domain.messages.delivery import MessageState
from secconsole.domain.model import FactorKind
from secconsole.domain.roles import Permission, Ranks
from secconsole.operations import events
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import Code, Digits, Id, Label, Moment, TenantName, UserName
from secconsole.operations.signin import Address, BindingStarted, KeyAddress, KeyMailed, SendStatus
from secconsole.operations.users import FactorRow


@dataclass(frozen=True, slots=True)
class FactorList:
    items: tuple[FactorRow, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Result of a check of a code.

    `message` is for people and never reveals which part of the check failed. `factor`: the id of the factor that the
    code was from, or `recovery`. `counted`: whether it counted as an attempt, which a text that cannot be a code, or a
    code of another message, does not.
    """

    accepted: bool
    message: str = ""
    server_time: Moment | None = None
    factor: str | None = None
    counted: bool = True


@dataclass(frozen=True, slots=True)
class FactorDetail:
    """Factor and its user.

    `last`: whether it is the only active one. The counts are of what ends when it is removed.
    """

    factor: FactorRow
    user: str
    login: str
    name: str
    last: bool
    sessions: int
    tokens: int


@declare(
    "factor.list",
    "GET",
    "/v1/tenants/{tenant}/users/{user}/factors",
    Permission.SEE,
    own=True,
    example=lambda s: (ListFactors(tenant=s.TENANT, user="ana.kral"), FactorList((s.FACTOR_ROW,))),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListFactors(Operation[FactorList]):
    """List a user's factors."""

    tenant: TenantName
    user: UserName


@declare(
    "factor.show",
    "GET",
    "/v1/tenants/{tenant}/factors/{factor}",
    Permission.SEE,
    own=True,
    example=lambda s: (
        ShowFactor(tenant=s.TENANT, factor=s.FACTOR_ID),
        FactorDetail(s.FACTOR_ROW, s.USER.id, s.USER.login, s.USER.name, last=True, sessions=2, tokens=1),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowFactor(Operation[FactorDetail]):
    """Show one factor by its id, with its user and what would end with it."""

    tenant: TenantName
    factor: Id


@declare(
    "factor.enroll",
    "POST",
    "/v1/tenants/{tenant}/users/{user}/factors",
    Permission.MANAGE_USERS,
    own=True,
    on_lower=True,
    ranks=Ranks.STRICTLY_LOWER,
    step_up="always",
    records=events.FACTOR_ENROLLMENT_STARTED,
    example=lambda s: (EnrollFactor(tenant=s.TENANT, user="ana.kral", label="work phone"), s.STARTED),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class EnrollFactor(Operation[BindingStarted]):
    """Start binding a factor.

    An earlier unconfirmed one is dropped, and an active one stays until this one is confirmed. Of e-mail addresses and
    phone numbers a user may have several. A code is sent to the caller's own ones, and repeating the request sends
    another. To one entered for another user nothing is sent until they sign in.
    """

    tenant: TenantName
    user: UserName
    kind: FactorKind = FactorKind.TOTP
    label: Label = ""
    algorithm: Algorithm = Algorithm.SHA1
    digits: Digits = 6
    address: Address = ""


@declare(
    "factor.confirm",
    "POST",
    "/v1/tenants/{tenant}/enrollments/{enrollment}/confirm",
    Permission.MANAGE_USERS,
    own=True,
    on_lower=True,
    ranks=Ranks.STRICTLY_LOWER,
    records=events.FACTOR_CONFIRMED,
    step_up="never",
    why="takes a code for an enrollment that was started with a proof",
    example=lambda s: (ConfirmFactor(tenant=s.TENANT, enrollment=s.PENDING_ID, code=s.CODE), s.ACCEPTED),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmFactor(Operation[Verdict]):
    """Activate a factor by a code from it."""

    tenant: TenantName
    enrollment: Id
    code: Code


@declare(
    "factor.sending",
    "GET",
    "/v1/tenants/{tenant}/enrollments/{enrollment}/sending",
    Permission.MANAGE_USERS,
    own=True,
    on_lower=True,
    example=lambda s: (
        ShowEnrollmentSending(tenant=s.TENANT, enrollment=s.PENDING_ID),
        s.signin.SendStatus(MessageState.SENDING, final=False, server_time=s.NOW),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowEnrollmentSending(Operation[SendStatus]):
    """Show the outcome of the latest code or key sent for a factor that is being bound."""

    tenant: TenantName
    enrollment: Id


@declare(
    "factor.mail-key",
    "POST",
    "/v1/tenants/{tenant}/enrollments/{enrollment}/mail-key",
    Permission.MANAGE_USERS,
    own=True,
    on_lower=True,
    ranks=Ranks.STRICTLY_LOWER,
    step_up="always",
    records=events.FACTOR_KEY_MAILED,
    example=lambda s: (MailKey(tenant=s.TENANT, enrollment=s.PENDING_ID), s.MAILED),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class MailKey(Operation[KeyMailed]):
    """Mail the key of an unconfirmed authenticator app to its user's address on record.

    Another address may be given, and then the one on record is notified.
    """

    tenant: TenantName
    enrollment: Id
    address: KeyAddress = ""


@declare(
    "factor.rename",
    "PUT",
    "/v1/tenants/{tenant}/factors/{factor}/label",
    Permission.MANAGE_USERS,
    own=True,
    on_lower=True,
    records=events.FACTOR_RENAMED,
    step_up="never",
    why="changes only a label",
    example=lambda s: (
        RenameFactor(tenant=s.TENANT, factor=s.FACTOR_ID, label="work phone"),
        FactorList((s.FACTOR_ROW,)),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class RenameFactor(Operation[FactorList]):
    """Rename a factor, or remove its name with an empty one."""

    tenant: TenantName
    factor: Id
    label: Label


@declare(
    "factor.remove",
    "DELETE",
    "/v1/tenants/{tenant}/factors/{factor}",
    Permission.MANAGE_USERS,
    own=True,
    on_lower=True,
    dangerous=True,
    step_up="always",
    records=events.FACTOR_REMOVED,
    example=lambda s: (RemoveFactor(tenant=s.TENANT, factor=s.FACTOR_ID), FactorList(())),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveFactor(Operation[FactorList]):
    """Remove a factor, unless it is the user's own last one and the policy requires one."""

    tenant: TenantName
    factor: Id


@declare(
    "verify",
    "POST",
    "/v1/tenants/{tenant}/users/{user}/verify",
    Permission.VERIFY,
    on_lower=True,
    ranks=Ranks.EQUAL,
    own_reason="only answers whether a code is right",
    records=(events.VERIFY, events.USER_HELD),
    step_up="never",
    why="checks a code and changes no binding, and programs call it with a key, where no person could prove anything",
    example=lambda s: (VerifyCode(tenant=s.TENANT, user="ana.kral", code=s.CODE), s.ACCEPTED),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyCode(Operation[Verdict]):
    """Check a code against a user's active factors and recovery codes, and accept each code once.

    A wrong one counts by the address of the caller: as a stranger's, unless the user signed in from that network. One
    that an application sends, with the secret key of the tenant, always counts as a stranger's.
    """

    tenant: TenantName
    user: UserName
    code: Code
