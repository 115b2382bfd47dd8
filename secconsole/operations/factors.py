"""Factors of a user: enroll, confirm, remove, and check a code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from secconsole.domain.model import FactorKind
from secconsole.domain.roles import Permission
from secconsole.domain.secret import Secret
from secconsole.domain.totp import Algorithm
from secconsole.operations.base import Operation, declare
from secconsole.operations.signin import BindingStarted
from secconsole.operations.users import FactorRow


@dataclass(frozen=True, slots=True)
class FactorList:
    items: tuple[FactorRow, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a code was accepted. `message` is for the person; it never says which part of the check failed."""

    accepted: bool
    message: str = ""
    server_time: datetime | None = None
    factor: str | None = None


@declare("factor.list", "GET", "/v1/tenants/{tenant}/users/{user}/factors", Permission.SEE, own=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListFactors(Operation[FactorList]):
    """List a user's factors."""

    tenant: str
    user: str


@declare("factor.enroll", "POST", "/v1/tenants/{tenant}/users/{user}/factors", Permission.MANAGE_USERS,
         own=True, on_lower=True, step_up=True)  # fmt: skip
@dataclass(frozen=True, slots=True, kw_only=True)
class EnrollFactor(Operation[BindingStarted]):
    """Start binding a factor; an earlier unconfirmed one is dropped, an active one stays until this is confirmed."""

    tenant: str
    user: str
    kind: FactorKind = FactorKind.TOTP
    label: str = ""
    algorithm: Algorithm = Algorithm.SHA1
    digits: int = 6


@declare("factor.confirm", "POST", "/v1/tenants/{tenant}/enrollments/{enrollment}/confirm", Permission.MANAGE_USERS,
         own=True, on_lower=True)  # fmt: skip
@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmFactor(Operation[Verdict]):
    """Make a factor active by a code from it."""

    tenant: str
    enrollment: str
    code: Secret[str]


@declare("factor.remove", "DELETE", "/v1/tenants/{tenant}/factors/{factor}", Permission.MANAGE_USERS,
         own=True, on_lower=True, dangerous=True, step_up=True)  # fmt: skip
@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveFactor(Operation[FactorList]):
    """Remove one factor; refused to users themselves while the policy requires one and it is their last."""

    tenant: str
    factor: str


@declare("verify", "POST", "/v1/tenants/{tenant}/users/{user}/verify", Permission.VERIFY, on_lower=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyCode(Operation[Verdict]):
    """Check a code against a user's active factors; a code is accepted once."""

    tenant: str
    user: str
    code: Secret[str]
