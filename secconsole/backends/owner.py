"""The OS user who owns a store, and may use it without signing in."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING

from secconsole.config import locations
from secconsole.domain.text import visible
from secconsole.operations.caller import Nobody, StoreOwner
from secconsole.operations.tenants import ListTenants

if TYPE_CHECKING:
    from secconsole.backends.base import Backend


def store_owner() -> StoreOwner | None:
    """Return the OS user of this process if both the store and its key belong to them."""
    return owner_of(locations.database_path(), locations.key_path())


def owner_of(*files: Path) -> StoreOwner | None:
    """Return the OS user who runs this as a store's owner, if all its files belong to them."""
    try:
        owners = {os.stat(path).st_uid for path in files}
    except OSError:
        return None
    return owner_here() if owners == {os.geteuid()} else None


def owner_here() -> StoreOwner:
    """Return the user of this process as the owner of a store."""
    try:
        return StoreOwner(visible(pwd.getpwuid(os.geteuid()).pw_name))
    except KeyError:
        return StoreOwner(str(os.geteuid()))


async def tenants_here(backend: Backend) -> list[str]:
    """Return the names of the tenants of a local store if its owner asks, else none, and leave no caller behind."""
    owner = store_owner()
    if owner is None:
        return []
    backend.credential = owner
    try:
        return [tenant.name for tenant in (await backend.perform(ListTenants())).items]
    finally:
        backend.credential = Nobody()
