"""One's own account."""

from __future__ import annotations

from dataclasses import dataclass

from secconsole.domain.roles import Permission
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import NewPassword


@dataclass(frozen=True, slots=True)
class PasswordChanged:
    sessions_ended: int


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
