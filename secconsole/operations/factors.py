"""Factors of a user: enroll, confirm, remove, and check a code."""

from __future__ import annotations

from dataclasses import dataclass

from secconsole.domain.model import FactorKind
from secconsole.domain.roles import Permission
from secconsole.domain.totp import Algorithm
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import Code, Digits, Id, Label, Moment, TenantName, UserName
from secconsole.operations.signin import Address, BindingStarted, KeyAddress, KeyMailed
from secconsole.operations.users import FactorRow


@dataclass(frozen=True, slots=True)
class FactorList:
    items: tuple[FactorRow, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a code was accepted. `message` is for the person; it never says which part of the check failed.

    `factor`: the id of the factor that the code was from, or `recovery`.
    """

    accepted: bool
    message: str = ""
    server_time: Moment | None = None
    factor: str | None = None


@declare("factor.list", "GET", "/v1/tenants/{tenant}/users/{user}/factors", Permission.SEE, own=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListFactors(Operation[FactorList]):
    """List a user's factors."""

    tenant: TenantName
    user: UserName


@declare("factor.enroll", "POST", "/v1/tenants/{tenant}/users/{user}/factors", Permission.MANAGE_USERS,
         own=True, on_lower=True, step_up=True)  # fmt: skip
@dataclass(frozen=True, slots=True, kw_only=True)
class EnrollFactor(Operation[BindingStarted]):
    """Start binding a factor; an earlier unconfirmed one is dropped, an active one stays until this is confirmed.

    Of e-mail addresses and phone numbers a user may have several; a code is sent to the new one, and asking again sends
    another.
    """

    tenant: TenantName
    user: UserName
    kind: FactorKind = FactorKind.TOTP
    label: Label = ""
    algorithm: Algorithm = Algorithm.SHA1
    digits: Digits = 6
    address: Address = ""


@declare("factor.confirm", "POST", "/v1/tenants/{tenant}/enrollments/{enrollment}/confirm", Permission.MANAGE_USERS,
         own=True, on_lower=True)  # fmt: skip
@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmFactor(Operation[Verdict]):
    """Make a factor active by a code from it."""

    tenant: TenantName
    enrollment: Id
    code: Code


@declare("factor.mail-key", "POST", "/v1/tenants/{tenant}/enrollments/{enrollment}/mail-key", Permission.MANAGE_USERS,
         own=True, on_lower=True, step_up=True)  # fmt: skip
@dataclass(frozen=True, slots=True, kw_only=True)
class MailKey(Operation[KeyMailed]):
    """Mail the key of an authenticator app that is not confirmed yet to its user's address on record.

    Another address may be given; the one on record is told of it then.
    """

    tenant: TenantName
    enrollment: Id
    address: KeyAddress = ""


@declare("factor.rename", "PUT", "/v1/tenants/{tenant}/factors/{factor}/label", Permission.MANAGE_USERS,
         own=True, on_lower=True)  # fmt: skip
@dataclass(frozen=True, slots=True, kw_only=True)
class RenameFactor(Operation[FactorList]):
    """Call a factor something else; empty: nothing in particular."""

    tenant: TenantName
    factor: Id
    label: Label


@declare("factor.remove", "DELETE", "/v1/tenants/{tenant}/factors/{factor}", Permission.MANAGE_USERS,
         own=True, on_lower=True, dangerous=True, step_up=True)  # fmt: skip
@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveFactor(Operation[FactorList]):
    """Remove one factor; refused to users themselves while the policy requires one and it is their last."""

    tenant: TenantName
    factor: Id


@declare("verify", "POST", "/v1/tenants/{tenant}/users/{user}/verify", Permission.VERIFY, on_lower=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyCode(Operation[Verdict]):
    """Check a code against a user's active factors and recovery codes; a code is accepted once."""

    tenant: TenantName
    user: UserName
    code: Code
