"""The users of a tenant: find, count, look at, create, import, and change."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from secconsole.domain.limits import MOST_LINES
from secconsole.domain.model import BindingStatus, FactorKind, FactorState, Flag
from secconsole.domain.roles import Permission, Role
from secconsole.domain.search import EVERYBODY, UserFilter
from secconsole.domain.secret import Secret
from secconsole.operations.audit import AuditEntry
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import (
    Cursor,
    Email,
    Limit,
    LineNumber,
    Login,
    Moment,
    NewPassword,
    OptionalReason,
    PersonName,
    Phone,
    Position,
    TenantName,
    UserName,
)
from secconsole.operations.whitelist import Exemption


class UserSort(StrEnum):
    LOGIN = "login"
    NAME = "name"
    LAST_SIGN_IN = "last-sign-in"


@dataclass(frozen=True, slots=True)
class UserRow:
    """A user as the table shows them. `factors`: kinds of the active ones (of the pending ones, if none is active).

    `mfa_required`: a second factor is required of this user in particular, also while the policy is optional.
    """

    id: str
    login: str
    name: str
    email: str
    phone: str
    role: Role
    status: BindingStatus
    flags: tuple[Flag, ...]
    factors: tuple[FactorKind, ...]
    last_sign_in: Moment | None
    mfa_required: bool


@dataclass(frozen=True, slots=True)
class UserPage:
    """Some users in order; `next` and `previous` are cursors for the pages beside it."""

    items: tuple[UserRow, ...]
    next: str | None = None
    previous: str | None = None


@dataclass(frozen=True, slots=True)
class UserCount:
    """How many users a filter finds, and how many there are; `capped`: at least so many, counting was stopped."""

    count: int
    total: int
    capped: bool = False


@dataclass(frozen=True, slots=True)
class FactorRow:
    """A factor of a user; never its seed."""

    id: str
    kind: FactorKind
    state: FactorState
    label: str
    masked: str
    created: Moment
    bound: Moment | None
    last_used: Moment | None
    exhausted: bool  # a hundred wrong codes in a row: takes none any more


@dataclass(frozen=True, slots=True)
class LookAlike:
    """Another user whose login can be taken for this one's."""

    id: str
    login: str
    name: str


@dataclass(frozen=True, slots=True)
class Undoable:
    """An unbinding that can still be undone."""

    event: str
    until: Moment
    by: str
    reason: str
    ticket: str
    at: Moment


@dataclass(frozen=True, slots=True)
class UserDetail:
    """All that is known of one user, for the detail pane and the help on them. `version` guards edits."""

    user: UserRow
    version: int
    created: Moment
    factors: tuple[FactorRow, ...]
    whitelist: Exemption | None
    undo: Undoable | None
    look_alikes: tuple[LookAlike, ...]
    suspicions: tuple[str, ...]
    failures: int
    locked_until: Moment | None  # None while locked: until somebody unlocks
    locked: bool
    has_password: bool
    mfa_required: bool
    keeps_factor: bool
    sessions: int
    tokens: int
    events: tuple[AuditEntry, ...]
    recovery_left: int


@dataclass(frozen=True, slots=True)
class UserChanged:
    user: UserRow
    version: int


@dataclass(frozen=True, slots=True)
class PasswordReset:
    """A one-time password, shown once; whoever signs in with it must choose a new one."""

    user: UserRow
    password: Secret[str]


@dataclass(frozen=True, slots=True)
class NewUser:
    """One line of an import. An empty field leaves what is there; `line` comes back with a rejection."""

    line: LineNumber
    login: str
    name: str = ""
    email: str = ""
    phone: str = ""
    role: str = ""
    password: Secret[str] | None = None


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


@declare("user.list", "GET", "/v1/tenants/{tenant}/users", Permission.SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListUsers(Operation[UserPage]):
    """List users in order, a page at a time.

    The page begins after `cursor` (a page's `next`, or with `backwards` ends before its `previous`), or at the position
    `at`, counted from 0. `limit`: 1 to 500.
    """

    tenant: TenantName
    filter: UserFilter = EVERYBODY
    sort: UserSort = UserSort.LOGIN
    descending: bool = False
    limit: Limit = 50
    cursor: Cursor | None = None
    backwards: bool = False
    at: Position | None = None


# Beside the users and not among them: somebody's login may be "count".
@declare("user.count", "GET", "/v1/tenants/{tenant}/user-count", Permission.SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class CountUsers(Operation[UserCount]):
    """Count the users that a filter finds."""

    tenant: TenantName
    filter: UserFilter = EVERYBODY


@declare("user.position", "GET", "/v1/tenants/{tenant}/users/{user}/position", Permission.SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class FindPosition(Operation[int | None]):
    """Say at which position of a list a user stands, or None."""

    tenant: TenantName
    user: UserName
    filter: UserFilter = EVERYBODY
    sort: UserSort = UserSort.LOGIN
    descending: bool = False


@declare("user.show", "GET", "/v1/tenants/{tenant}/users/{user}", Permission.SEE, own=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowUser(Operation[UserDetail]):
    """Show one user with factors, whitelist entry and recent events."""

    tenant: TenantName
    user: UserName


@declare("user.create", "POST", "/v1/tenants/{tenant}/users", Permission.MANAGE_USERS)
@dataclass(frozen=True, slots=True, kw_only=True)
class CreateUser(Operation[UserChanged]):
    """Create a user."""

    tenant: TenantName
    login: Login
    name: PersonName = ""
    email: Email = ""
    phone: Phone = ""
    role: Role = Role.USER
    password: NewPassword | None = None


@declare("user.import", "POST", "/v1/tenants/{tenant}/user-import", Permission.MANAGE_USERS)
@dataclass(frozen=True, slots=True, kw_only=True)
class ImportUsers(Operation[ImportResult]):
    """Create and update many users.

    Bad lines are rejected with a reason, the good ones are in; with `all_or_nothing` one bad line keeps all out, and
    with `check_only` nothing is written.
    """

    tenant: TenantName
    users: Annotated[tuple[NewUser, ...], Meta(max_length=MOST_LINES)]
    all_or_nothing: bool = False
    check_only: bool = False


@declare("user.disable", "POST", "/v1/tenants/{tenant}/users/{user}/disable", Permission.MANAGE_USERS,
         on_lower=True, dangerous=True, step_up=True)  # fmt: skip
@dataclass(frozen=True, slots=True, kw_only=True)
class DisableUser(Operation[UserChanged]):
    """Keep a user from signing in, and end their sessions."""

    tenant: TenantName
    user: UserName
    reason: OptionalReason = ""


@declare("user.enable", "POST", "/v1/tenants/{tenant}/users/{user}/enable", Permission.MANAGE_USERS,
         on_lower=True, step_up=True)  # fmt: skip
@dataclass(frozen=True, slots=True, kw_only=True)
class EnableUser(Operation[UserChanged]):
    """Let a disabled user sign in again."""

    tenant: TenantName
    user: UserName


@declare("user.role", "POST", "/v1/tenants/{tenant}/users/{user}/role", Permission.MANAGE_USERS,
         on_lower=True, step_up=True)  # fmt: skip
@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRole(Operation[UserChanged]):
    """Give a user another role; the sessions of somebody demoted end."""

    tenant: TenantName
    user: UserName
    role: Role


@declare("user.reset-password", "POST", "/v1/tenants/{tenant}/users/{user}/reset-password", Permission.MANAGE_USERS,
         on_lower=True, dangerous=True, step_up=True)  # fmt: skip
@dataclass(frozen=True, slots=True, kw_only=True)
class ResetPassword(Operation[PasswordReset]):
    """Replace a password by a one-time one that must be changed at the next sign-in, and end the sessions."""

    tenant: TenantName
    user: UserName


@declare("user.unlock", "POST", "/v1/tenants/{tenant}/users/{user}/unlock", Permission.UNLOCK, on_lower=True,
         step_up=True)  # fmt: skip
@dataclass(frozen=True, slots=True, kw_only=True)
class UnlockUser(Operation[UserChanged]):
    """Forget the failed entries that hold an account back: as many guesses are free again."""

    tenant: TenantName
    user: UserName


@declare("user.require-mfa", "POST", "/v1/tenants/{tenant}/users/{user}/require-mfa", Permission.MANAGE_USERS,
         on_lower=True, step_up=True)  # fmt: skip
@dataclass(frozen=True, slots=True, kw_only=True)
class RequireMfa(Operation[UserChanged]):
    """Require a second factor of one user, or stop requiring it."""

    tenant: TenantName
    user: UserName
    required: bool = True
