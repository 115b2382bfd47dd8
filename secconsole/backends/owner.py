"""The OS user who owns a store, and may use it without signing in."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING

from secconsole.config import locations
from secconsole.domain.text import visible
from secconsole.operations.caller import StoreOwner

if TYPE_CHECKING:
    pass


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
