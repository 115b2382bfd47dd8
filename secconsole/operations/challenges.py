"""Second step of a sign-in to an application, which checked the password itself or leaves that to us."""

from __future__ import annotations

from dataclasses import dataclass

from secconsole.domain.roles import Permission, Ranks
from secconsole.operations import events
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import ClientAddress, Password, TenantName, UserName
from secconsole.operations.signin import SignInAnswer


@declare(
    "challenge.start",
    "POST",
    "/v1/tenants/{tenant}/challenges",
    Permission.CHALLENGE,
    ranks=Ranks.EQUAL,
    records=(events.SIGN_IN, events.USER_HELD),
    step_up="never",
    why="is called by programs, where no person could prove anything, and asks the user for a proof",
    example=lambda s: (StartChallenge(tenant=s.TENANT, login="ana.kral", address="203.0.113.7"), s.SIGN_IN_REPLY),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class StartChallenge(Operation[SignInAnswer]):
    """Ask a user for a second factor in an application that has checked the password itself.

    The answer is that of a sign-in after a correct password, and the calls of a sign-in continue it. It is complete
    without a token: no session is opened. A user who may not sign in is `refused`, with the reason in `message`. With
    `password` it is checked first, as at a sign-in. `address` is recorded as what the application says, and refused if
    the tenant does not allow it. It never exempts from a factor.
    """

    tenant: TenantName
    login: UserName
    password: Password | None = None
    address: ClientAddress = ""
