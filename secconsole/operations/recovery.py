"""Recovery codes: each stands in once for a lost phone."""

from __future__ import annotations

from dataclasses import dataclass

from secconsole.domain.roles import Permission
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import Moment, TenantName, UserName


@dataclass(frozen=True, slots=True)
class RecoveryCodes:
    """New codes, shown this once. `voided`: how many unused ones of an earlier set stopped working."""

    codes: tuple[Secret[str], ...]
    created: Moment
    voided: int


@dataclass(frozen=True, slots=True)
class RecoveryCodesLeft:
    """The codes of one's own that are not used yet, and when they were made."""

    codes: tuple[Secret[str], ...]
    created: Moment


@declare("recovery.create", "POST", "/v1/tenants/{tenant}/users/{user}/recovery-codes", Permission.MANAGE_USERS,
         own=True, on_lower=True, dangerous=True, step_up=True)  # fmt: skip
@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRecoveryCodes(Operation[RecoveryCodes]):
    """Make ten new recovery codes for a user who has a factor bound; all earlier ones stop working."""

    tenant: TenantName
    user: UserName


@declare("recovery.view", "POST", "/v1/me/recovery-codes/view", Permission.OWN_ACCOUNT, step_up=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class ViewRecoveryCodes(Operation[RecoveryCodesLeft]):
    """Show one's own recovery codes again, where the tenant's policy allowed that when they were made.

    Nobody can look at those of somebody else.
    """
