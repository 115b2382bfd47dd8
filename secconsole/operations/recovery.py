"""Recovery codes, each usable once in place of a lost phone."""

from __future__ import annotations

from dataclasses import dataclass

from secconsole.domain.roles import Permission, Ranks
from secconsole.domain.secret import Secret
from secconsole.operations import events
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import Moment, TenantName, UserName


@dataclass(frozen=True, slots=True)
class RecoveryCodes:
    """New codes, shown only once.

    `voided`: how many unused ones of an earlier set became invalid.
    """

    codes: tuple[Secret[str], ...]
    created: Moment
    voided: int


@dataclass(frozen=True, slots=True)
class RecoveryCodesLeft:
    """The caller's unused codes, and when they were created."""

    codes: tuple[Secret[str], ...]
    created: Moment


@declare(
    "recovery.create",
    "POST",
    "/v1/tenants/{tenant}/users/{user}/recovery-codes",
    Permission.MANAGE_USERS,
    own=True,
    on_lower=True,
    ranks=Ranks.STRICTLY_LOWER,
    dangerous=True,
    step_up="always",
    records=events.RECOVERY_CREATED,
    example=lambda s: (
        CreateRecoveryCodes(tenant=s.TENANT, user="ana.kral"),
        RecoveryCodes(s.RECOVERY, s.NOW, voided=3),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRecoveryCodes(Operation[RecoveryCodes]):
    """Create ten new recovery codes for a user with a bound factor, which void all earlier ones."""

    tenant: TenantName
    user: UserName


@declare(
    "recovery.view",
    "POST",
    "/v1/me/recovery-codes/view",
    Permission.OWN_ACCOUNT,
    step_up="always",
    records=events.RECOVERY_VIEWED,
    example=lambda s: (ViewRecoveryCodes(), RecoveryCodesLeft(s.RECOVERY[1:], s.NOW)),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ViewRecoveryCodes(Operation[RecoveryCodesLeft]):
    """View the caller's recovery codes again, if the policy allowed it when they were created.

    Nobody can view those of another user.
    """
