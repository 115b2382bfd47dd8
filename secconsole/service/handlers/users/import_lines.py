"""Lines of an import, checked separately first and then against existing users."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from secconsole.domain.errors import Conflict, Invalid, NotAllowed, SecconsoleError
from secconsole.domain.roles import Role, rank
from secconsole.domain.secret import Secret
from secconsole.operations.user_changes import RenameUser
from secconsole.operations.user_import import ImportUsers, NewUser, Rejected
from secconsole.service.context import Context
from secconsole.service.handlers.users.role_rules import (
    PlatformAdmins,
    check_new_role,
    check_role_change,
    has_own_password,
)
from secconsole.service.handlers.users.user_fields import check_fields
from secconsole.service.time_slices import Pace
from secconsole.store import users
from secconsole.store.rows import TenantRow, UserRecord
from secconsole.store.search.user_keys import changed_columns

# New users count as one. A part takes up to a tenth of a second of SQLite's one writer. With shorter parts 100,000
# lines would take too long.
_WEIGHT_OF_A_PART, _WEIGHT_OF_A_CHANGE = 1000, 20
_GUARDED = ("email", "phone", "password_hash")


@dataclass(frozen=True, slots=True)
class Line:
    """Line that is valid on its own, with the columns that it sets."""

    number: int  # in the file
    login: str
    key: str
    values: Mapping[str, object]
    password: Secret[str] | None


@dataclass(slots=True)
class Lines:
    """Results for the lines of one request before its transaction."""

    good: list[Line] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    hashed: list[str] = field(default_factory=list)  # the keys of lines whose passwords were hashed, in that order
    changing: frozenset[str] = frozenset()  # the keys of lines that change a user
    # By their sources: computed before a transaction, and not found here for users who changed since.
    derived: dict[tuple[object, ...], dict[str, object]] = field(default_factory=dict)

    def derived_for(self, tenant_pk: int, user: UserRecord, change: Mapping[str, object]) -> dict[str, object]:
        """Return the derived columns that a change of a user implies."""
        before = users.sources_of(user)
        given = (tenant_pk, *sorted(before.items()), *sorted((n, v) for n, v in change.items() if n in before))
        if given not in self.derived:
            self.derived[given] = changed_columns(tenant_pk, before, change)
        return self.derived[given]


@dataclass(slots=True)
class Plan:
    """Effects of an import, given the existing users."""

    new: list[Line] = field(default_factory=list)
    changes: list[tuple[Line, UserRecord, dict[str, object]]] = field(default_factory=list)
    unchanged: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    first_passwords: list[Line] = field(default_factory=list)

    @property
    def is_guarded(self) -> bool:
        """True if more than names change: roles, first passwords, or addresses of keys and notices."""
        if self.first_passwords or any(gives_role(line.values) for line in self.new):
            return True
        return any(
            gives_role(change)
            or "role" in change
            or rank(user.role) > rank(Role.USER)
            or not change.keys().isdisjoint(_GUARDED)
            for _, user, change in self.changes
        )


def sets_passwords_or_roles(operation: ImportUsers) -> bool:
    """Return True if the lines themselves set passwords or roles, whatever users exist."""
    return any(line.password is not None or line.role not in ("", Role.USER) for line in operation.users)


async def check_lines(operation: ImportUsers, tenant: TenantRow) -> Lines:
    """Check each line separately, a few at a time so that other requests are served in between."""
    lines = Lines()
    seen: set[str] = set()
    pace = Pace()
    for given in operation.users:
        await pace.give_way()
        try:
            lines.good.append(_checked(given, tenant, seen))
        except Invalid as error:
            lines.rejected.append(Rejected(given.line, given.login, error.message))
    return lines


def plan_lines(context: Context, lines: Lines, *, hashed: Collection[str] | None = None, hold: bool) -> Plan:
    """Decide each line as if it were a separate operation after those before it.

    `hashed`: the keys of lines whose passwords can be stored, or None for all.
    """
    plan = Plan(rejected=list(lines.rejected))
    known = users.users_by_key(context.connection, context.tenant.pk, [line.key for line in lines.good])
    admins = PlatformAdmins(context.connection, hold=hold)
    for line in lines.good:
        user = known.get(line.key)
        # Users keep an existing password: an import does not replace it.
        sets_password = line.password is not None and (user is None or user.password_hash is None)
        difference = {} if user is None else _difference(user, line.values)
        if user is not None and not difference and not sets_password:
            plan.unchanged += 1  # even of a user of higher rank: an import of all names them too
            continue
        try:
            if sets_password and hashed is not None and line.key not in hashed:
                _refuse_unhashed(context, user, line)
            _check_roles(context, user, line, admins)
        except SecconsoleError as error:
            plan.rejected.append(Rejected(line.number, line.login, error.message))
            continue
        if sets_password:
            plan.first_passwords.append(line)
        if user is None:
            plan.new.append(line)
        else:
            plan.changes.append((line, user, difference))
    plan.rejected.sort(key=lambda rejected: rejected.line)
    return plan


def _refuse_unhashed(context: Context, user: UserRecord | None, line: Line) -> NoReturn:
    """Raise why the password of a line was not hashed."""
    _check_roles(context, user, line, PlatformAdmins(context.connection, hold=False))  # counts nobody for other lines
    raise Conflict("Someone has changed this user in the meantime. Import the line again.")


def split_lines(operation: ImportUsers, lines: Lines, hashes: Sequence[str]) -> Sequence[tuple[Lines, Sequence[str]]]:
    """Return the lines of each transaction, so that none blocks others for long."""
    if operation.all_or_nothing or operation.check_only:
        return [(lines, hashes)]
    by_key = dict(zip(lines.hashed, hashes, strict=True))
    groups: list[list[Line]] = [[]]
    weight = 0
    for line in lines.good:
        own = _WEIGHT_OF_A_CHANGE if line.key in lines.changing else 1
        weight += own
        if weight > _WEIGHT_OF_A_PART and groups[-1]:
            groups.append([])
            weight = own
        groups[-1].append(line)
    parts = []
    for number, group in enumerate(groups):
        hashed = [line.key for line in group if line.key in by_key]
        rejected = [] if number else lines.rejected
        parts.append((Lines(group, rejected, hashed, lines.changing, lines.derived), [by_key[key] for key in hashed]))
    return parts


def _checked(given: NewUser, tenant: TenantRow, seen: set[str]) -> Line:
    values = users.with_derived(tenant.pk, check_fields(given, tenant.name))
    line = Line(given.line, given.login, str(values["login_key"]), values, given.password)
    if line.key in seen:
        raise Invalid("This login occurs twice in the file. Only the first line counts.", "login")
    seen.add(line.key)
    return line


def gives_role(values: Mapping[str, object]) -> bool:
    """Return True if the columns give a user a role other than user."""
    return "role" in values and rank(Role(str(values["role"]))) > rank(Role.USER)


def _check_roles(context: Context, user: UserRecord | None, line: Line, admins: PlatformAdmins) -> None:
    """Raise the error of `user create` or `user role` for this line."""
    given = line.values.get("role")
    role = Role(str(given)) if given is not None else None
    if user is None:
        check_new_role(context, role or Role.USER)
        if role is Role.PLATFORM_ADMIN and line.password is not None:
            admins.gain()
        return
    if words := context.why_not(user, RenameUser.spec):
        raise NotAllowed(words)
    if role is not None and role is not user.role:
        sets_password = user.password_hash is None and line.password is not None
        has_password = sets_password or has_own_password(user)
        check_role_change(context, user, role, admins, has_password=has_password)


def _difference(user: UserRecord, values: Mapping[str, object]) -> dict[str, object]:
    fields = {name: value for name, value in values.items() if name in _CHANGED}
    return {name: value for name, value in fields.items() if getattr(user, name) != value}


_CHANGED = ("name", "email", "phone", "role")
