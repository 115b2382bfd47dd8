"""Importing users: each line on its own, the good ones in, the bad ones back with a reason."""

from __future__ import annotations

from collections.abc import Sequence

from secconsole.domain.errors import Invalid
from secconsole.domain.limits import MOST_LINES
from secconsole.domain.login import login_key
from secconsole.domain.mail_address import masked_mail
from secconsole.domain.roles import Role, may_act_on, rank
from secconsole.domain.secret import Secret
from secconsole.operations.users import ImportResult, ImportUsers, Rejected
from secconsole.service.authorise import need_proof
from secconsole.service.context import Context
from secconsole.service.fields import check_fields, with_id
from secconsole.service.handlers import handles
from secconsole.service.users import keep_platform_admin
from secconsole.store import sessions, users
from secconsole.store.rows import UserRecord

_GUARDED = ("email", "phone", "password_hash")


def _passwords(operation: ImportUsers) -> Sequence[Secret[str]]:
    if operation.check_only:
        return ()
    return [line.password for line in operation.users if line.password is not None]


@handles(ImportUsers, hashes=_passwords)
def import_users(context: Context, operation: ImportUsers) -> ImportResult:
    if len(operation.users) > MOST_LINES:
        raise Invalid(f"At most {MOST_LINES:,} lines at once.", "users")
    hashes = iter(context.hashes)
    stored = users.users_by_name(
        context.connection, context.tenant.pk, [line.login.strip() for line in operation.users]
    )
    by_key = {user.login_key: user for user in stored.values()}
    seen: set[str] = set()
    new: list[dict[str, object]] = []
    changes: list[tuple[UserRecord, dict[str, object]]] = []
    rejected: list[Rejected] = []
    unchanged = 0
    for line in operation.users:
        hashed = next(hashes, None) if line.password is not None else None
        key = login_key(line.login)
        try:
            values = check_fields(line, context.tenant.name)
            if key in seen:
                raise Invalid("This login stands in the file twice; the first line counts.", "login")
            seen.add(key)
            user = by_key.get(key)
            _check_roles(context, user, values)
        except Invalid as error:
            rejected.append(Rejected(line.line, line.login, error.message))
            continue
        if hashed is not None and (user is None or user.password_hash is None):
            values["password_hash"] = hashed  # a password that somebody has is theirs: an import does not replace it
        if user is None:
            new.append(with_id(context, values))
        elif difference := _difference(user, values):
            changes.append((user, difference))
        else:
            unchanged += 1
    if operation.check_only or (operation.all_or_nothing and rejected):
        context.unchanged = True
        kept = not operation.all_or_nothing or not rejected
        return ImportResult(len(new) * kept, len(changes) * kept, unchanged, tuple(rejected))
    privileged = [str(values["login"]) for values in new if _is_privileged(values)]
    if privileged or any(_is_guarded(user, change) for user, change in changes):
        need_proof(context)
    users.add_users(context.connection, context.tenant.pk, new)
    for user in users.users_by_name(context.connection, context.tenant.pk, privileged).values():
        context.audit("user.created", user, role=user.role)
    for user, difference in changes:
        _apply(context, user, difference)
    if new or changes:
        context.audit("user.imported", created=len(new), updated=len(changes), rejected=len(rejected))
    else:
        context.unchanged = True
    return ImportResult(len(new), len(changes), unchanged, tuple(rejected))


def _is_guarded(user: UserRecord, change: dict[str, object]) -> bool:
    """Whether a change is more than a name: it concerns roles, a first password, or where keys and notices go."""
    return _is_privileged(change) or rank(user.role) > rank(Role.USER) or not change.keys().isdisjoint(_GUARDED)


def _is_privileged(values: dict[str, object]) -> bool:
    return rank(Role(str(values.get("role", Role.USER)))) > rank(Role.USER)


def _check_roles(context: Context, user: UserRecord | None, values: dict[str, object]) -> None:
    actor = context.actor.role
    role = values.get("role", Role.USER)
    if not may_act_on(actor, Role(str(role))):
        raise Invalid(f"A {actor} may not make anybody a {role}.", "role")
    if user is not None and not may_act_on(actor, user.role):
        raise Invalid(f"A {actor} may not change a {user.role}.", "login")


def _difference(user: UserRecord, values: dict[str, object]) -> dict[str, object]:
    fields = {name: value for name, value in values.items() if name != "login"}
    return {name: value for name, value in fields.items() if getattr(user, name) != value}


def _apply(context: Context, user: UserRecord, difference: dict[str, object]) -> None:
    if "role" in difference:
        keep_platform_admin(context, user)
    changed = users.change_user(context.connection, user.pk, **difference)
    if "email" in difference and user.email:  # a first address is nobody's loss
        before, after = masked_mail(user.email), masked_mail(changed.email)
        context.audit("account.contact-changed", changed, former=[user.email], before=before, after=after)
    if "role" in difference:
        sessions.end_sessions(context.connection, user.pk, now=context.now, why="role changed")
        context.audit("user.role-changed", user, before=user.role, after=str(difference["role"]))
