"""Operations on the actor's own account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from secconsole.domain.limits import LONGEST_EMAIL
from secconsole.domain.model import FactorKind, PolicyMode
from secconsole.domain.roles import Permission
from secconsole.operations import events
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import NewPassword

Contact = Annotated[str, Meta(max_length=LONGEST_EMAIL, description="An e-mail address.")]


@dataclass(frozen=True, slots=True)
class OwnRules:
    """Rules of the tenant's policy for the caller.

    `required`: the caller must have a factor, and `why`. `kinds`: those the caller may bind. `recovery_view`: whether
    recovery codes that the caller creates can be viewed again.
    """

    policy: PolicyMode
    required: bool
    why: str
    kinds: tuple[FactorKind, ...]
    recovery_view: bool


@dataclass(frozen=True, slots=True)
class PasswordChanged:
    sessions_ended: int


@dataclass(frozen=True, slots=True)
class ContactSet:
    """Contact address in its canonical spelling."""

    email: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Counts of what ended: bound and pending factors, unused recovery codes, and other sessions."""

    factors: int
    recovery_codes: int
    sessions_ended: int


@declare(
    "account.rules",
    "GET",
    "/v1/me/rules",
    Permission.OWN_ACCOUNT,
    example=lambda s: (
        ShowOwnRules(),
        OwnRules(
            policy=PolicyMode.REQUIRED,
            required=True,
            why="the policy of acme requires one of all users",
            kinds=(FactorKind.TOTP,),
            recovery_view=False,
        ),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowOwnRules(Operation[OwnRules]):
    """Show the rules of the tenant's policy for the caller."""


@declare(
    "password.change",
    "POST",
    "/v1/me/password",
    Permission.OWN_ACCOUNT,
    step_up="always",
    records=events.PASSWORD_CHANGED,
    example=lambda s: (ChangePassword(password=s.ANOTHER), PasswordChanged(sessions_ended=1)),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePassword(Operation[PasswordChanged]):
    """Change the caller's password, and end their other sessions."""

    password: NewPassword


@declare(
    "account.keep-factor",
    "POST",
    "/v1/me/keep-factor",
    Permission.OWN_ACCOUNT,
    step_up="always",
    records=events.ACCOUNT_KEEP_FACTOR,
    example=lambda s: (KeepFactor(keep=True), None),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class KeepFactor(Operation[None]):
    """Choose whether the caller is asked for their factor although whitelisted."""

    keep: bool = True


@declare(
    "account.contact",
    "PUT",
    "/v1/me/contact",
    Permission.OWN_ACCOUNT,
    step_up="always",
    records=events.ACCOUNT_CONTACT_CHANGED,
    example=lambda s: (SetContact(email="ana.kral@acme.example"), ContactSet("ana.kral@acme.example")),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class SetContact(Operation[ContactSet]):
    """Set the caller's e-mail address for notices, and notify the previous one."""

    email: Contact


@declare(
    "account.cancel-mfa",
    "DELETE",
    "/v1/me/factors",
    Permission.OWN_ACCOUNT,
    dangerous=True,
    step_up="always",
    records=events.ACCOUNT_MFA_CANCELLED,
    example=lambda s: (CancelMfa(), Cancelled(factors=2, recovery_codes=10, sessions_ended=1)),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class CancelMfa(Operation[Cancelled]):
    """Remove the caller's factors and recovery codes, unless the policy requires a factor."""
