"""One valid example of every operation, so that tests can cover all of them, new ones included."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from secconsole.operations import base, load_all, user_import
from secconsole.operations.base import OPERATIONS, Operation

load_all()

# What the organisation of the tests has; everything else is in the example that the operation is declared with.
_VALUES: dict[str, object] = {
    "tenant": "acme",
    "user": "root",
    "users": ("root",),
    "login": "root",
    "to": "root@acme.example",
}


def example_of(name: str, **values: object) -> Operation[Any]:
    """An operation with every field that has no default filled in, and the given ones as given."""
    kind = OPERATIONS[name]
    needed = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]  # type: ignore[arg-type]
    declared = base.example_of(name).request
    content = {field: _VALUES.get(field, getattr(declared, field)) for field in needed} | values
    if name == "user.import" and "users" not in values:
        content["users"] = (user_import.NewUser(2, "imported"),)
    if name == "audit-stream.add" and "to" not in values:
        content["to"] = declared.to  # type: ignore[attr-defined]
    return kind(**content)
