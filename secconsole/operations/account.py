"""One's own account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from secconsole.domain.limits import LONGEST_EMAIL
from secconsole.domain.model import FactorKind, PolicyMode
from secconsole.domain.roles import Permission
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import NewPassword

Contact = Annotated[str, Meta(max_length=LONGEST_EMAIL, description="An e-mail address.")]


@dataclass(frozen=True, slots=True)
class OwnRules:
    """What the policy of one's own tenant asks of one, and what it lets one do.

    `required`: one may not be without a factor, and `why`. `kinds`: those one may bind. `recovery_view`: whether one
    may look again at the recovery codes that one makes.
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
    """The address on record, in the spelling that is kept."""

    email: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What ended: bound and begun factors, unused recovery codes, and one's other sessions."""

    factors: int
    recovery_codes: int
    sessions_ended: int


@declare("account.rules", "GET", "/v1/me/rules", Permission.OWN_ACCOUNT)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowOwnRules(Operation[OwnRules]):
    """Say what the policy of one's own tenant asks of one and lets one do."""


@declare("password.change", "POST", "/v1/me/password", Permission.OWN_ACCOUNT, step_up=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePassword(Operation[PasswordChanged]):
    """Choose another password for oneself; one's other sessions end."""

    password: NewPassword


@declare("account.keep-factor", "POST", "/v1/me/keep-factor", Permission.OWN_ACCOUNT, step_up=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class KeepFactor(Operation[None]):
    """Stay asked for one's factor although one is on the whitelist, or no longer."""

    keep: bool = True


@declare("account.contact", "PUT", "/v1/me/contact", Permission.OWN_ACCOUNT, step_up=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class SetContact(Operation[ContactSet]):
    """Give the e-mail address at which one is told of changes to one's account; the one before is told of this too."""

    email: Contact


@declare("account.cancel-mfa", "DELETE", "/v1/me/factors", Permission.OWN_ACCOUNT, dangerous=True, step_up=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class CancelMfa(Operation[Cancelled]):
    """Remove all factors and recovery codes of one's own; refused while the policy requires a factor of one."""
