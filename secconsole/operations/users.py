"""Users of a tenant: searching, showing, creating, importing and changing them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from secconsole.domain.model import BindingStatus, FactorKind, FactorState, Flag
from secconsole.domain.roles import Permission, Role
from secconsole.domain.secret import Secret
from secconsole.domain.throttling.throttle import Bucket
from secconsole.domain.users.search import EVERYBODY, UserFilter
from secconsole.operations import events
from secconsole.operations.audit import AuditEntry
from secconsole.operations.base import Operation, declare
from secconsole.operations.bypass import BypassState
from secconsole.operations.caller_check import CallerCheck
from secconsole.operations.fields import (
    Cursor,
    Email,
    Limit,
    Login,
    Moment,
    NewPassword,
    PersonName,
    Phone,
    Position,
    TenantName,
    UserName,
)
from secconsole.operations.policy import Explanation
from secconsole.operations.whitelist import Exemption


class UserSort(StrEnum):
    LOGIN = "login"
    NAME = "name"
    LAST_SIGN_IN = "last-sign-in"
    STATUS = "status"
    FLAGS = "flags"
    FACTORS = "factors"
    ROLE = "role"
    EMAIL = "email"
    PHONE = "phone"
    CREATED = "created"


@dataclass(frozen=True, slots=True)
class UserRow:
    """User in a list.

    `factors`: kinds of the active ones (of the pending ones, if none is active). `mfa_required`: a second factor is
    required of this user individually, even while the policy is optional. `locked_for`: where no entry is accepted now.
    If that is everywhere, an administrator has to unlock the account.
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
    locked_for: tuple[Bucket, ...] = ()


@dataclass(frozen=True, slots=True)
class UserPage:
    """Page of users in order, with cursors for the `next` and `previous` one."""

    items: tuple[UserRow, ...]
    next: str | None = None
    previous: str | None = None


@dataclass(frozen=True, slots=True)
class UserCount:
    """Number of matching users, and of all users.

    `capped`: counting stopped, and there are at least so many.
    """

    count: int
    total: int
    capped: bool = False


@dataclass(frozen=True, slots=True)
class FactorRow:
    """Factor of a user, without its seed."""

    id: str
    kind: FactorKind
    state: FactorState
    label: str
    masked: str
    created: Moment
    bound: Moment | None
    last_used: Moment | None
    exhausted: bool  # a hundred wrong codes in a row: accepts no more
    weak_key: bool = False  # fewer than 128 bits, which RFC 4226 does not accept
    counts: bool = False  # HOTP: its codes depend on a counter and not on the time


@dataclass(frozen=True, slots=True)
class LookAlike:
    """Another user with a login that looks the same, or, if `same_name`, with the same name."""

    id: str
    login: str
    name: str
    same_name: bool = False


@dataclass(frozen=True, slots=True)
class Undoable:
    """Unbinding that can still be undone."""

    event: str
    until: Moment
    by: str
    reason: str
    ticket: str
    at: Moment


@dataclass(frozen=True, slots=True)
class Hold:
    """Hold on sign-ins: where no entry is accepted, after how many wrong ones, and its end (None: until unlocked)."""

    bucket: Bucket
    failures: int
    until: Moment | None


@dataclass(frozen=True, slots=True)
class UserDetail:
    """All details of one user, with a `version` that guards edits.

    `failures`: consecutive wrong entries from anywhere. `locked`: something is held. `holds` lists what, and
    `locked_until` is the end of the last one. `known_networks`: how many networks they signed in from in 90 days.
    `bypass`: the unused bypass code, without the code itself.
    `invited_until`: the end of a first-time password that was mailed, while none was chosen with it.
    `must_bind_from`: the end of the grace period of a user without a factor, if the policy requires one; overdue then.
    `sign_in`: what happens if the user signs in now, from a network that is allowed; None in the user's own view.
    """

    user: UserRow
    version: int
    created: Moment
    factors: tuple[FactorRow, ...]
    whitelist: Exemption | None
    undo: Undoable | None
    look_alikes: tuple[LookAlike, ...]
    suspicions: tuple[str, ...]
    failures: int
    locked_until: Moment | None  # None while locked until an administrator unlocks
    locked: bool
    has_password: bool
    mfa_required: bool
    keeps_factor: bool
    sessions: int
    password_sessions: int  # of these, how many were opened with a password only
    tokens: int
    events: tuple[AuditEntry, ...]
    recovery_left: int
    holds: tuple[Hold, ...] = ()
    known_networks: int = 0
    bypass: BypassState | None = None
    invited_until: Moment | None = None
    must_bind_from: Moment | None = None
    sign_in: Explanation | None = None


@dataclass(frozen=True, slots=True)
class UserChanged:
    """User after a change.

    `sessions_ended`, `tokens_ended`: by that change. `look_alikes`: users with a login that looks like the new one.
    """

    user: UserRow
    version: int
    sessions_ended: int = 0
    tokens_ended: int = 0
    look_alikes: tuple[LookAlike, ...] = ()


@dataclass(frozen=True, slots=True)
class PasswordReset:
    """One-time password, shown once, which must be changed at the next sign-in."""

    user: UserRow
    password: Secret[str]
    caller_check: CallerCheck | None = None


@declare(
    "user.list",
    "GET",
    "/v1/tenants/{tenant}/users",
    Permission.SEE,
    example=lambda s: (
        ListUsers(tenant=s.TENANT, filter=UserFilter(words=("ana",), status=BindingStatus.BOUND), limit=20),
        UserPage((s.USER,)),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListUsers(Operation[UserPage]):
    """List users in order, a page at a time.

    The page begins after `cursor` (a page's `next`, or with `backwards` ends before its `previous`), or at the position
    `at`, counted from 0. `limit`: 1 to 500. By flags, up to 10,000 users can be sorted.
    """

    tenant: TenantName
    filter: UserFilter = EVERYBODY
    sort: UserSort = UserSort.LOGIN
    descending: bool = False
    limit: Limit = 50
    cursor: Cursor | None = None
    backwards: bool = False
    at: Position | None = None


# Not below the path of users, because a login may be "count".
@declare(
    "user.count",
    "GET",
    "/v1/tenants/{tenant}/user-count",
    Permission.SEE,
    example=lambda s: (
        CountUsers(tenant=s.TENANT, filter=UserFilter(status=BindingStatus.UNBOUND)),
        UserCount(count=35, total=412),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class CountUsers(Operation[UserCount]):
    """Count the users that a filter matches."""

    tenant: TenantName
    filter: UserFilter = EVERYBODY


@declare(
    "user.position",
    "GET",
    "/v1/tenants/{tenant}/users/{user}/position",
    Permission.SEE,
    example=lambda s: (FindPosition(tenant=s.TENANT, user="ana.kral"), 17),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class FindPosition(Operation[int | None]):
    """Return the position of a user in a list, or None."""

    tenant: TenantName
    user: UserName
    filter: UserFilter = EVERYBODY
    sort: UserSort = UserSort.LOGIN
    descending: bool = False


@declare(
    "user.show",
    "GET",
    "/v1/tenants/{tenant}/users/{user}",
    Permission.SEE,
    own=True,
    example=lambda s: (ShowUser(tenant=s.TENANT, user="ana.kral"), s.SHOW_USER_REPLY),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowUser(Operation[UserDetail]):
    """Show one user with factors, whitelist entry and recent events."""

    tenant: TenantName
    user: UserName


@declare(
    "user.create",
    "POST",
    "/v1/tenants/{tenant}/users",
    Permission.MANAGE_USERS,
    records=events.USER_CREATED,
    step_up="sometimes",
    why="for a user with a role above user",
    example=lambda s: (
        CreateUser(
            tenant=s.TENANT,
            login="ben.ortiz",
            name="Ben Ortiz",
            email="ben.ortiz@acme.example",
            phone="+420 601 123 456",
            role=Role.HELPDESK,
            password=s.PASSWORD,
        ),
        UserChanged(s.OTHER, version=1),
    ),
)
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
