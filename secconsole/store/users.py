"""Reading and writing of single users."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from enum import Enum
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa

from secconsole.domain.ident import is_id
from secconsole.domain.model import BindingStatus
from secconsole.domain.roles import Role
from secconsole.domain.users.login import login_key
from secconsole.store.engine.compiled import Prepared
from secconsole.store.rows import UserRecord, kinds_from
from secconsole.store.schema import users
from secconsole.store.search.user_keys import SOURCES, changed_columns, derived_columns, derived_name_key
from secconsole.store.search.user_match import held_at

V = TypeVar("V")
_AT_ONCE = 400  # values in one IN list
_LOOK_ALIKES = 5

# The columns of a user except for those that only the search reads.
USER = tuple(column for column in users.c if column.name != "search_key")
_OF_TENANT = sa.select(*USER).where(users.c.tenant_pk == sa.bindparam("tenant"))
BY_ID = Prepared(_OF_TENANT.where(users.c.id == sa.bindparam("name")))
BY_LOGIN = Prepared(_OF_TENANT.where(users.c.login_key == sa.bindparam("name")))
_NAMES = sa.func.json_each(sa.bindparam("names")).table_valued("value")
_BY_LOGINS = Prepared(_OF_TENANT.where(users.c.login_key.in_(sa.select(_NAMES.c.value))))  # on SQLite
BY_PK = Prepared(sa.select(*USER).where(users.c.pk == sa.bindparam("this")))
_NEAR = sa.select(users.c.pk).where(users.c.tenant_pk == sa.bindparam("tenant")).limit(sa.bindparam("most"))
_BEFORE = _NEAR.where(users.c.login_key < sa.bindparam("key")).order_by(users.c.login_key.desc()).subquery()
_AFTER = _NEAR.where(users.c.login_key > sa.bindparam("key")).order_by(users.c.login_key).subquery()
_AROUND = Prepared(sa.union_all(sa.select(_BEFORE.c.pk), sa.select(_AFTER.c.pk)))
_SIGNED_IN = Prepared(sa.update(users).where(users.c.pk == sa.bindparam("this")), ["last_sign_in"])


def user_by_name(connection: sa.Connection, tenant_pk: int, name: str) -> UserRecord | None:
    """Return a user of a tenant by id or login."""
    query, key = (BY_ID, name) if is_id(name) else (BY_LOGIN, login_key(name))
    row = query.row(connection, tenant=tenant_pk, name=key)
    return user_record(row) if row else None


def users_by_name(connection: sa.Connection, tenant_pk: int, names: Sequence[str]) -> dict[str, UserRecord]:
    """Return many users of a tenant by id or login, under the name they were requested by."""
    ids = [name for name in names if is_id(name)]
    keys = {login_key(name): name for name in names if not is_id(name)}
    found: dict[str, UserRecord] = {}
    for part in in_parts(ids):
        query = sa.select(*USER).where(users.c.tenant_pk == tenant_pk, users.c.id.in_(part))
        found.update((row.id, user_record(row)) for row in connection.execute(query))
    by_key = users_by_key(connection, tenant_pk, list(keys))
    found.update((name, by_key[key]) for name in names if not is_id(name) and (key := login_key(name)) in by_key)
    return found


def users_by_key(connection: sa.Connection, tenant_pk: int, keys: Sequence[str]) -> dict[str, UserRecord]:
    """Return many users of a tenant by the canonical spelling of their logins."""
    # One JSON array as the parameter, so that the statement stays prepared for any number of names.
    if connection.dialect.name == "sqlite":
        rows = _BY_LOGINS.rows(connection, tenant=tenant_pk, names=json.dumps(list(keys), ensure_ascii=False))
        return {user.login_key: user for user in map(user_record, rows)}
    found: dict[str, UserRecord] = {}
    for part in in_parts(keys):
        query = sa.select(*USER).where(users.c.tenant_pk == tenant_pk, users.c.login_key.in_(part))
        found.update((row.login_key, user_record(row)) for row in connection.execute(query))
    return found


def user_by_pk(connection: sa.Connection, pk: int) -> UserRecord:
    row = BY_PK.row(connection, this=pk)
    if row is None:
        raise LookupError(pk)
    return user_record(row)


def users_by_pk(connection: sa.Connection, pks: Iterable[int]) -> dict[int, UserRecord]:
    """Return many users by their internal keys."""
    found: dict[int, UserRecord] = {}
    for part in in_parts(sorted(pks)):
        for row in connection.execute(sa.select(*USER).where(users.c.pk.in_(part))):
            found[row.pk] = user_record(row)
    return found


def user_by_id(connection: sa.Connection, id: str) -> UserRecord | None:
    """Return a user of any tenant by id."""
    row = connection.execute(sa.select(*USER).where(users.c.id == id)).one_or_none()
    return user_record(row) if row else None


def keys_near(connection: sa.Connection, tenant_pk: int, key: str, most: int) -> list[int]:
    """Return the internal keys of the users whose logins come next before and after one, up to `most` of either."""
    return [pk for (pk,) in _AROUND.rows(connection, tenant=tenant_pk, key=key, most=most)]


def add_users(connection: sa.Connection, tenant_pk: int, rows: Iterable[Mapping[str, object]]) -> None:
    """Insert users.

    Each row has `id`, `login`, `created` and any other columns, with the derived ones if they are known.
    """
    # One statement for each set of columns, because all its rows need the same ones.
    by_columns: dict[tuple[str, ...], list[list[object]]] = {}
    for row in rows:
        known = row if "login_key" in row else with_derived(tenant_pk, row)
        whole: dict[str, object] = {**_DEFAULTS, **known, "tenant_pk": tenant_pk}
        whole["role"] = str(whole["role"])
        by_columns.setdefault(tuple(whole), []).append(list(whole.values()))
    for columns, values in by_columns.items():
        _adding(*columns).insert_together(connection, values)


@cache
def _adding(*columns: str) -> Prepared:
    return Prepared(sa.insert(users).inline(), columns)


def change_user(connection: sa.Connection, pk: int, **values: object) -> UserRecord:
    """Change columns of a user, increment the version, and return the new row."""
    if not SOURCES.isdisjoint(values):
        before = user_by_pk(connection, pk)
        values |= changed_columns(before.tenant_pk, sources_of(before), values)
    plain = dict(zip(values, plain_values(values.values()), strict=True))
    (row,) = _changing(*sorted(plain)).rows(connection, this=pk, **plain)
    return user_record(row)


def change_users(connection: sa.Connection, changes: Iterable[tuple[UserRecord, Mapping[str, object]]]) -> None:
    """Change columns of users that were read in this transaction, and increment their versions.

    The values include the derived columns whose sources change.
    """
    by_columns: dict[tuple[str, ...], list[list[object]]] = {}
    for user, values in changes:
        by_columns.setdefault(tuple(values), []).append([*plain_values(values.values()), user.pk])
    for columns, rows in by_columns.items():
        _changing_each(*columns).change_each(connection, rows)


@cache
def _changing_each(*columns: str) -> Prepared:
    new: dict[str, object] = {name: sa.bindparam(f"new_{name}") for name in columns}
    query = sa.update(users).where(users.c.pk == sa.bindparam("this"))
    return Prepared(
        query.values(**new, version=users.c.version + sa.literal_column("1")), [*(f"new_{c}" for c in columns), "this"]
    )


@cache
def _changing(*columns: str) -> Prepared:
    new: dict[str, object] = {name: sa.bindparam(name) for name in columns}
    query = sa.update(users).where(users.c.pk == sa.bindparam("this"))
    return Prepared(query.values(**new, version=users.c.version + 1).returning(*USER))


def note_sign_in(connection: sa.Connection, pk: int, now: int) -> None:
    _SIGNED_IN.change_one(connection, this=pk, last_sign_in=now)


def set_password_hash(connection: sa.Connection, pk: int, old: str | None, new: str) -> bool:
    """Replace a password's hash by one with current costs, if it is unchanged since it was read."""
    query = sa.update(users).where(users.c.pk == pk, users.c.password_hash.is_not_distinct_from(old))
    return connection.execute(query.values(password_hash=new)).rowcount == 1


def look_alikes(connection: sa.Connection, user: UserRecord) -> list[UserRecord]:
    """Return a few other users of the tenant with a similar login."""
    shape = user.skeleton or user.login_key
    same = sa.or_(users.c.login_key == shape, users.c.skeleton == shape)
    query = sa.select(*USER).where(users.c.tenant_pk == user.tenant_pk, same, users.c.pk != user.pk)
    return [user_record(row) for row in connection.execute(query.limit(_LOOK_ALIKES))]


def namesakes(connection: sa.Connection, user: UserRecord) -> list[UserRecord]:
    """Return a few other users of the tenant with the same name, spelled with or without accents and capitals."""
    if not user.name:
        return []
    key = derived_name_key(user.name)
    query = sa.select(*USER).where(users.c.tenant_pk == user.tenant_pk, users.c.name_key == key, users.c.pk != user.pk)
    return [user_record(row) for row in connection.execute(query.order_by(users.c.pk).limit(_LOOK_ALIKES))]


def with_role(connection: sa.Connection, tenant_pk: int, role: Role) -> list[UserRecord]:
    """Return all users of a role other than `user`, who are few."""
    query = sa.select(*USER).where(users.c.tenant_pk == tenant_pk, users.c.role == role, users.c.role != "user")
    return [user_record(row) for row in connection.execute(query.order_by(users.c.login_key))]


def administrators(connection: sa.Connection, tenant_pk: int) -> list[UserRecord]:
    """Return the administrators of a tenant who are not disabled, those of the platform last."""
    roles = Role.TENANT_ADMIN, Role.PLATFORM_ADMIN
    return [user for role in roles for user in with_role(connection, tenant_pk, role) if not user.disabled]


_HAS_PASSWORD = (users.c.password_hash.is_not(None), users.c.password_until == 0)


def platform_admins(connection: sa.Connection, *, hold: bool) -> set[int]:
    """Return the internal keys of all platform administrators who can sign in, in every tenant.

    Those who are disabled or have no password of their own cannot: a first-time one may end unused. `hold` locks them
    until the transaction ends: otherwise two requests, each in its own tenant, could remove each other's last
    administrator.
    """
    # The second condition follows from the first, and lets SQLite use the partial index.
    is_admin = sa.and_(users.c.role == Role.PLATFORM_ADMIN, users.c.role != "user")
    wanted = sa.and_(is_admin, users.c.disabled.is_(sa.false()), *_HAS_PASSWORD)
    # In one order, so that two requests that lock the same rows do not deadlock.
    query = sa.select(users.c.pk).where(wanted).order_by(users.c.pk)
    return set(connection.execute(query.with_for_update() if hold else query).scalars())


def count_locked(connection: sa.Connection, tenant_pk: int, now: int) -> int:
    locked = sa.select(sa.func.count()).select_from(users)
    query = locked.where(users.c.tenant_pk == tenant_pk, users.c.locked_until > 0, held_at(now))
    return int(connection.execute(query).scalar_one())


def user_record(row: Sequence[Any]) -> UserRecord:
    """Return the record of a row that begins with the columns of `USER`."""
    values: list[Any] = list(row[: len(_COLUMNS)])
    values[_ROLE] = _ROLES[values[_ROLE]]
    values[_STATUS] = _STATUSES[values[_STATUS]]
    values[_KINDS] = kinds_from(values[_KINDS])
    values[_FLAGS] = map(bool, values[_FLAGS])
    values[_LAST] = bool(values[_LAST])
    return UserRecord(*values)


_COLUMNS = tuple(column.name for column in USER)
_ROLE, _STATUS, _KINDS = (_COLUMNS.index(name) for name in ("role", "status", "kinds"))
# By value: a list has hundreds of rows, and calling an enumeration takes longer.
_ROLES = {role.value: role for role in Role}
_STATUSES = {status.value: status for status in BindingStatus}
_FLAGS, _LAST = slice(_COLUMNS.index("weak_only"), _COLUMNS.index("keeps_factor") + 1), _COLUMNS.index("has_recovery")
assert [c.name for c in USER if isinstance(c.type, sa.Boolean)] == [*_COLUMNS[_FLAGS], _COLUMNS[_LAST]]
assert tuple(field.name for field in fields(UserRecord)) == _COLUMNS  # so that a row can be used as it is


_DEFAULTS: dict[str, object] = {
    "name": "",
    "email": "",
    "phone": "",
    "role": "user",
    "password_hash": None,
    "must_reset": False,
}


def sources_of(user: UserRecord) -> dict[str, object]:
    """Return the columns from which others of a user are derived."""
    return {name: getattr(user, name) for name in SOURCES}


def plain_values(values: Iterable[object]) -> list[object]:
    """Return values as the driver takes them."""
    return [value.value if isinstance(value, Enum) else value for value in values]


def with_derived(tenant_pk: int, row: Mapping[str, object]) -> dict[str, object]:
    """Return a row with its derived columns added."""
    return {**row, **derived_columns(tenant_pk, row)}


def in_parts(values: Sequence[V]) -> Iterable[Sequence[V]]:
    """Yield batches of values for one IN list each."""
    return (values[i : i + _AT_ONCE] for i in range(0, len(values), _AT_ONCE))
