"""Derived columns by which users are found and sorted, in one place for everything that adds or changes users."""

from __future__ import annotations

from collections.abc import Mapping

from secconsole.domain.limits import LONGEST_NAME
from secconsole.domain.users.fold import fold
from secconsole.domain.users.login import login_key, skeleton_of_key
from secconsole.domain.users.search_key import search_key

# The columns that the others are derived from.
SOURCES = frozenset(("login", "name", "email", "phone"))
_PRIVATE, _MARKS = 0xF0000, 0xFFFD  # code points of a private-use plane


def derived_columns(tenant_pk: int, row: Mapping[str, object]) -> dict[str, object]:
    """Return the derived columns of a user, with missing sources empty."""
    login, name, email, phone = [str(row.get(column, "")) for column in ("login", "name", "email", "phone")]
    key = login_key(login)
    shape = skeleton_of_key(key)
    return {
        "login_key": key,
        "skeleton": shape if shape != key else None,
        "name_key": derived_name_key(name),
        "search_key": search_key(login, name, email, phone) + tenant_mark(tenant_pk),
    }


def derived_name_key(name: str) -> str:
    """Return the key that names are sorted and compared by, short enough for an index on PostgreSQL."""
    return fold(name)[:LONGEST_NAME]


def changed_columns(tenant_pk: int, before: Mapping[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    """Return the derived columns that change with a user's own columns.

    The others are left out, because a database would update their indexes too.
    """
    if SOURCES.isdisjoint(changes):
        return {}
    found = derived_columns(tenant_pk, {**before, **changes})
    kept = {"search_key": found["search_key"]}
    if "name" in changes:
        kept["name_key"] = found["name_key"]
    if "login" in changes:
        kept |= {name: found[name] for name in ("login_key", "skeleton")}
    return kept


def tenant_mark(tenant_pk: int) -> str:
    """Return the mark in the keys of a tenant's users: a word of one letter that nobody can type.

    So an index of words distinguishes tenants. Tenants that share a mark are only searched a little more slowly.
    """
    return f"  {chr(_PRIVATE + tenant_pk % _MARKS)}"
