"""One valid example of every operation, so that a test can go through the whole table and no new one escapes."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from secconsole.domain.model import FactorKind, PolicyMode
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations import (
    account,
    audit,
    delivery,
    factors,
    policy,
    recovery,
    sessions,
    signin,
    tenants,
    tokens,
    unbinding,
    users,
    whitelist,
)
from secconsole.operations.base import OPERATIONS, Operation

AREAS = (
    account,
    audit,
    delivery,
    factors,
    policy,
    recovery,
    sessions,
    signin,
    tenants,
    tokens,
    unbinding,
    users,
    whitelist,
)

_VALUES: dict[str, object] = {
    "tenant": "acme",
    "user": "root",
    "users": ("root",),
    "login": "root",
    "name": "example",
    "password": Secret("an example of a password"),
    "challenge": Secret("no-such-challenge"),
    "factor": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "enrollment": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "session": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "event": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "token": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "code": Secret("123456"),
    "reason": "an example",
    "mode": PolicyMode.REQUIRED,
    "host": "mail.acme.example",
    "sender": "mfa@acme.example",
    "account_sid": "AC0123456789abcdef0123456789abcdef",
    "auth_token": Secret("an-example-of-a-token"),
    "kind": FactorKind.EMAIL,
    "to": "root@acme.example",
    "role": Role.USER,
    "label": "work phone",
    "email": "root@acme.example",
}


def example_of(name: str, **values: object) -> Operation[Any]:
    """An operation with every field that has no default filled in, and the given ones as given."""
    kind = OPERATIONS[name]
    needed = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]  # type: ignore[arg-type]
    content = {field: _VALUES[field] for field in needed} | values
    if name == "user.import" and "users" not in values:
        content["users"] = (users.NewUser(2, "imported"),)
    return kind(**content)
