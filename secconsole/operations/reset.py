"""Reset of a user who calls: everything that an unbinding does, and the password, in one guarded step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from secconsole.domain.helpdesk import PasswordChange
from secconsole.domain.roles import Permission
from secconsole.domain.secret import Secret
from secconsole.operations import events
from secconsole.operations.base import Operation, declare
from secconsole.operations.bypass import BypassIssued, BypassMinutes
from secconsole.operations.caller_check import CallerCheck
from secconsole.operations.fields import Moment, Reason, TenantName, Ticket, UserName
from secconsole.operations.unbinding import VerifiedBy


@dataclass(frozen=True, slots=True)
class ResetResult:
    """Reset of a user.

    `factors`, `sessions_ended`, `tokens_ended`, `recovery_codes`: how many stopped working. `event` identifies the
    unbinding for undo until `undo_until`, empty if nothing was bound. `password`: the one-time password, shown once.
    `mailed`: the masked address that a first-time password went to, which ends at `password_until`. `bypass`: the code
    issued with it. `caller_check`, `approved_by`: what the reset relied on. `warning` is for people: the actor is near
    the limit of resets within an hour.
    """

    id: str
    login: str
    factors: int
    sessions_ended: int
    tokens_ended: int
    recovery_codes: int
    event: str
    undo_until: Moment | None
    password: Secret[str] | None = None
    mailed: str = ""
    password_until: Moment | None = None
    bypass: BypassIssued | None = None
    caller_check: CallerCheck | None = None
    approved_by: str = ""
    warning: str = ""


@declare(
    "user.reset",
    "POST",
    "/v1/tenants/{tenant}/users/{user}/reset",
    Permission.UNBIND,
    on_lower=True,
    dangerous=True,
    step_up="always",
    others_only=True,
    records=(events.USER_RESET, events.BYPASS_ISSUED, events.BYPASS_REVOKED, events.RESETS_MANY),
    example=lambda s: (
        ResetUser(
            tenant=s.TENANT, user="ana.kral", reason=s.REASON, ticket=s.TICKET, password=PasswordChange.MAIL, bypass=30
        ),
        ResetResult(
            s.ANA,
            "ana.kral",
            factors=1,
            sessions_ended=1,
            tokens_ended=0,
            recovery_codes=10,
            event=s.EVENT,
            undo_until=s.NOW + timedelta(minutes=10),
            mailed="a•••@acme.example",
            password_until=s.NOW + timedelta(days=7),
            bypass=BypassIssued(s.ANA, "ana.kral", s.BYPASS, s.NOW, s.NOW + timedelta(minutes=30), replaced=False),
            caller_check=replace(s.CALLER_CHECKED, by="hana"),
        ),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ResetUser(Operation[ResetResult]):
    """Reset a user who lost a phone: factors, recovery codes, sessions, tokens, and the password if wanted, at once.

    All of it happens, or nothing, with one audit entry and one notice to every address on record before. The user must
    rank below the actor. A platform administrator may reset another one with the approval of a second person.
    `password`: `mail` sends a first-time password to the address on record, which helpdesk cannot do while that address
    is newer than a day. `show` returns a one-time password, for administrators only. `bypass`: minutes of a bypass
    code. The undo of unbinding restores factors and recovery codes, but not the password.
    """

    tenant: TenantName
    user: UserName
    reason: Reason
    ticket: Ticket = ""
    verified_by: VerifiedBy = ""
    password: PasswordChange = PasswordChange.KEEP
    bypass: BypassMinutes | None = None
