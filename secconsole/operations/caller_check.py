"""Caller checks: a code goes to an address on record, or comes from the caller's own app, and is read back."""

from __future__ import annotations

from dataclasses import dataclass

from secconsole.domain.model import FactorKind
from secconsole.domain.roles import Permission
from secconsole.operations import events
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import Code, Moment, OptionalId, TenantName, UserName


@dataclass(frozen=True, slots=True)
class CallerWay:
    """Way to check a caller, with addresses and numbers masked.

    `channel`: where the code comes from, `totp` for the caller's own app. `changed`: when the address was put on
    record, if that was in the last 24 hours. `problem`: why no code can be sent there, empty if one can.
    """

    id: str
    channel: FactorKind
    masked: str
    changed: Moment | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class CallerCheck:
    """Check of a caller by one operator.

    `confirmed`: when the right code was read back, None until then. `until`: when the code, or the confirmation for the
    next unbinding, bypass code or password reset, ends. `recent`: the address had changed in the last 24 hours.
    """

    id: str
    channel: FactorKind
    masked: str
    by: str
    confirmed: Moment | None
    until: Moment
    recent: bool = False


@dataclass(frozen=True, slots=True)
class CallerCheckState:
    """Ways to check a caller, the preferred one first, and the caller's own open or confirmed check.

    `message` is for people: nothing is on record, and what to do instead.
    """

    id: str
    login: str
    ways: tuple[CallerWay, ...]
    check: CallerCheck | None
    message: str = ""


@dataclass(frozen=True, slots=True)
class CallerCheckStarted:
    """Check that waits for its code.

    `sent`: a code with this `prefix` is on its way. `message` is for people: where it went, or why none was sent and
    when to try again. There is no check without a code.
    """

    check: CallerCheck | None
    sent: bool
    prefix: str = ""
    message: str = ""
    retry_at: Moment | None = None


@dataclass(frozen=True, slots=True)
class CallerVerdict:
    """Result of a code that a caller read out.

    `left`: remaining entries of this check.
    """

    accepted: bool
    message: str
    check: CallerCheck | None
    left: int


@declare(
    "caller-check.show",
    "GET",
    "/v1/tenants/{tenant}/users/{user}/caller-check",
    Permission.UNBIND,
    on_lower=True,
    own_reason="only reads",
    example=lambda s: (ShowCallerCheck(tenant=s.TENANT, user="ana.kral"), s.CALLER_CHECK_STATE),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowCallerCheck(Operation[CallerCheckState]):
    """Show how a caller can be checked, and the check that the actor has begun or completed."""

    tenant: TenantName
    user: UserName


@declare(
    "caller-check.start",
    "POST",
    "/v1/tenants/{tenant}/users/{user}/caller-check",
    Permission.UNBIND,
    on_lower=True,
    others_only=True,
    step_up="never",
    why="sends a code only to an address on record, and changes nothing",
    records=events.CALLER_CHECK_STARTED,
    example=lambda s: (
        StartCallerCheck(tenant=s.TENANT, user="ana.kral", channel=FactorKind.EMAIL),
        CallerCheckStarted(s.CALLER_CHECK, True, "XYWD", "A code is on its way to a•••@acme.example."),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class StartCallerCheck(Operation[CallerCheckStarted]):
    """Start a check of the caller on the phone, in place of the actor's earlier check of that user.

    A code is sent to an address or number on record, never to one that the caller names. With `totp` nothing is sent:
    the caller reads the code of their own app. `way`: the id of one of the ways, otherwise the preferred one of the
    channel, or of all.
    """

    tenant: TenantName
    user: UserName
    channel: FactorKind | None = None
    way: OptionalId = ""


@declare(
    "caller-check.confirm",
    "POST",
    "/v1/tenants/{tenant}/users/{user}/caller-check/confirm",
    Permission.UNBIND,
    on_lower=True,
    others_only=True,
    step_up="never",
    why="proves the caller and changes nothing",
    records=(events.CALLER_CHECKED, events.USER_HELD),
    example=lambda s: (
        ConfirmCallerCheck(tenant=s.TENANT, user="ana.kral", code=s.CODE),
        CallerVerdict(True, "The caller is checked. That counts for ten minutes.", s.CALLER_CHECKED, 5),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmCallerCheck(Operation[CallerVerdict]):
    """Submit the code that a caller read out.

    Five wrong ones end the check. The confirmed check belongs to the next unbinding, bypass code or password reset of
    this user by the same actor within ten minutes, and is in its audit entry. A code from an app is used up by it, and
    signs nobody in.
    """

    tenant: TenantName
    user: UserName
    code: Code
