"""Import of users: many lines in one request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from secconsole.domain.limits import IMPORT_BODY, MOST_LINES
from secconsole.domain.roles import Permission
from secconsole.operations import events
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import (
    Cell,
    LineNumber,
    SecretCell,
    TenantName,
)


@dataclass(frozen=True, slots=True)
class NewUser:
    """Line of an import.

    Empty fields leave values unchanged. `line` is returned with a rejection.
    """

    line: LineNumber
    login: Cell
    name: Cell = ""
    email: Cell = ""
    phone: Cell = ""
    role: Cell = ""
    password: SecretCell | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    line: int
    login: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImportResult:
    created: int
    updated: int
    unchanged: int
    rejected: tuple[Rejected, ...]


@declare(
    "user.import",
    "POST",
    "/v1/tenants/{tenant}/user-import",
    Permission.MANAGE_USERS,
    body=IMPORT_BODY,
    records=events.USER_IMPORTED,
    step_up="sometimes",
    why="for roles above user, and for addresses and numbers of existing users",
    example=lambda s: (
        ImportUsers(
            tenant=s.TENANT,
            users=(
                NewUser(2, "dora.novak", "Dora Novak", "dora.novak@acme.example"),
                NewUser(3, "eli stone", "Eli Stone"),
            ),
        ),
        s.IMPORT_USERS_REPLY,
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ImportUsers(Operation[ImportResult]):
    """Create and update many users.

    Invalid lines are rejected with a reason, and valid ones are stored. With `all_or_nothing` one invalid line rejects
    all, and with `check_only` nothing is written.
    """

    tenant: TenantName
    users: Annotated[tuple[NewUser, ...], Meta(max_length=MOST_LINES)]
    all_or_nothing: bool = False
    check_only: bool = False
