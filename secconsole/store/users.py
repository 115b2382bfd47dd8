"""Users: one at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

import sqlalchemy as sa

from secconsole.domain.ident import is_id
from secconsole.domain.login import login_key, skeleton
from secconsole.domain.model import BindingStatus
from secconsole.domain.roles import Role
from secconsole.store.prepared import Prepared
from secconsole.store.rows import UserRecord, kinds_from
from secconsole.store.schema import users

V = TypeVar("V")
_AT_ONCE = 400  # values in one IN list
_LOOK_ALIKES = 5

_OF_TENANT = sa.select(users).where(users.c.tenant_pk == sa.bindparam("tenant"))
_BY_ID = Prepared(_OF_TENANT.where(users.c.id == sa.bindparam("name")))
_BY_LOGIN = Prepared(_OF_TENANT.where(users.c.login_key == sa.bindparam("name")))
_BY_PK = Prepared(sa.select(users).where(users.c.pk == sa.bindparam("this")))
_CHANGE = sa.update(users).where(users.c.pk == sa.bindparam("this"))


def user_by_name(connection: sa.Connection, tenant_pk: int, name: str) -> UserRecord | None:
    """Find a user of a tenant by id or login."""
    query, key = (_BY_ID, name) if is_id(name) else (_BY_LOGIN, login_key(name))
    row = query.row(connection, tenant=tenant_pk, name=key)
    return user_record(row) if row else None


def users_by_name(connection: sa.Connection, tenant_pk: int, names: Sequence[str]) -> dict[str, UserRecord]:
    """Find many users of a tenant by id or login; those that there are, under the name they were asked by."""
    ids = [name for name in names if is_id(name)]
    keys = {login_key(name): name for name in names if not is_id(name)}
    found: dict[str, UserRecord] = {}
    for part in in_parts(ids):
        query = sa.select(users).where(users.c.tenant_pk == tenant_pk, users.c.id.in_(part))
        found.update((row.id, user_record(row)) for row in connection.execute(query))
    by_key: dict[str, UserRecord] = {}
    for part in in_parts(list(keys)):
        query = sa.select(users).where(users.c.tenant_pk == tenant_pk, users.c.login_key.in_(part))
        by_key.update((row.login_key, user_record(row)) for row in connection.execute(query))
    found.update((name, by_key[key]) for name in names if not is_id(name) and (key := login_key(name)) in by_key)
    return found


def user_by_pk(connection: sa.Connection, pk: int) -> UserRecord:
    row = _BY_PK.row(connection, this=pk)
    if row is None:
        raise LookupError(pk)
    return user_record(row)


def add_users(connection: sa.Connection, tenant_pk: int, rows: Iterable[Mapping[str, object]]) -> None:
    """Insert users; each row has `id`, `login`, `created` and any other columns but the derived ones."""
    values = [{**_DEFAULTS, **row, **_derived(row), "tenant_pk": tenant_pk} for row in rows]
    if values:
        connection.execute(sa.insert(users), values)


def change_user(connection: sa.Connection, pk: int, **values: object) -> UserRecord:
    """Change columns of a user, count the version up, and return the new row."""
    if "name" in values:
        values["name_key"] = str(values["name"]).casefold()
    query = sa.update(users).where(users.c.pk == pk).values(**values, version=users.c.version + 1)
    return user_record(connection.execute(query.returning(users)).one())


def note_failure(connection: sa.Connection, pk: int, *, failures: int, locked_until: int) -> None:
    """Keep how many entries failed in a row and until when the account is held back; no new version."""
    connection.execute(_CHANGE, {"this": pk, "failures": failures, "locked_until": locked_until})


def note_sign_in(connection: sa.Connection, pk: int, now: int) -> None:
    """A sign-in was completed: failures are forgotten."""
    connection.execute(_CHANGE, {"this": pk, "failures": 0, "locked_until": 0, "last_sign_in": now})


def set_password_hash(connection: sa.Connection, pk: int, old: str | None, new: str) -> bool:
    """Replace a password's hash (the same password hashed with other costs) if it is still the one that was read."""
    query = sa.update(users).where(users.c.pk == pk, users.c.password_hash.is_not_distinct_from(old))
    return connection.execute(query.values(password_hash=new)).rowcount == 1


def look_alikes(connection: sa.Connection, user: UserRecord) -> list[UserRecord]:
    """Other users of the tenant whose login can be taken for this one's; a few, where there are many."""
    shape = user.skeleton or user.login_key
    same = sa.or_(users.c.login_key == shape, users.c.skeleton == shape)
    query = sa.select(users).where(users.c.tenant_pk == user.tenant_pk, same, users.c.pk != user.pk)
    return [user_record(row) for row in connection.execute(query.limit(_LOOK_ALIKES))]


def with_role(connection: sa.Connection, tenant_pk: int, role: Role) -> list[UserRecord]:
    """All users of a role other than `user`; there are few."""
    query = sa.select(users).where(users.c.tenant_pk == tenant_pk, users.c.role == role, users.c.role != "user")
    return [user_record(row) for row in connection.execute(query.order_by(users.c.login_key))]


def another_has_role(connection: sa.Connection, pk: int, role: Role) -> bool:
    """Whether somebody else, in whichever tenant, has a role other than `user` and is not disabled."""
    others = sa.and_(users.c.role == role, users.c.role != "user", users.c.pk != pk, users.c.disabled.is_(sa.false()))
    # Held until the end: two who take each other's role away, each in a tenant of their own, would see one another.
    query = sa.select(users.c.pk).where(others).limit(1).with_for_update()
    return connection.execute(query).first() is not None


def count_locked(connection: sa.Connection, tenant_pk: int, now: int) -> int:
    locked = sa.select(sa.func.count()).select_from(users)
    query = locked.where(users.c.tenant_pk == tenant_pk, users.c.locked_until > 0, users.c.locked_until > now)
    return int(connection.execute(query).scalar_one())


def user_record(row: Sequence[Any]) -> UserRecord:
    """A row that begins with all the columns of `users`."""
    values: list[Any] = list(row[: len(_COLUMNS)])
    values[_ROLE] = Role(values[_ROLE])
    values[_STATUS] = BindingStatus(values[_STATUS])
    values[_KINDS] = kinds_from(values[_KINDS])
    for flag in _FLAGS:
        values[flag] = bool(values[flag])
    return UserRecord(*values)


_COLUMNS = tuple(column.name for column in users.c)
_ROLE, _STATUS, _KINDS = (_COLUMNS.index(name) for name in ("role", "status", "kinds"))
_FLAGS = tuple(i for i, column in enumerate(users.c) if isinstance(column.type, sa.Boolean))
assert tuple(field.name for field in fields(UserRecord)) == _COLUMNS  # so that a row can be taken as it comes


_DEFAULTS: dict[str, object] = {
    "name": "",
    "email": "",
    "phone": "",
    "role": "user",
    "password_hash": None,
    "must_reset": False,
}


def _derived(row: Mapping[str, object]) -> dict[str, object]:
    login = str(row["login"])
    key, shape = login_key(login), skeleton(login)
    name = str(row.get("name", ""))
    return {"login_key": key, "skeleton": shape if shape != key else None, "name_key": name.casefold()}


def in_parts(values: Sequence[V]) -> Iterable[Sequence[V]]:
    """As many values at a time as one IN list takes."""
    return (values[i : i + _AT_ONCE] for i in range(0, len(values), _AT_ONCE))
