"""Opening of a store and its key for work on the whole store, with the same checks as for every other use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from secconsole.backends.owner import owner_of
from secconsole.backends.stores import StorePlace, postgres_missing
from secconsole.config.private import refuse_shared, refuse_shared_folder, try_lock
from secconsole.domain.errors import Conflict, NotAllowed, Unavailable
from secconsole.operations.caller import StoreOwner
from secconsole.store.copies.copy import refuse_unfinished
from secconsole.store.engine.metadata import INNER_KEY, fact
from secconsole.store.engine.migrate import check_version
from secconsole.store.engine.sqlite import SqliteStore
from secconsole.store.sealing.keys import KeyRing, key_of, load_key_file

if TYPE_CHECKING:
    from secconsole.store.postgres.runner import PostgresStore

LOCK = "master.key.lock"
_BUSY = "A rotation of the key or a restore is already running. Wait until it is done."


def require_owner(place: StorePlace) -> StoreOwner:
    """Return the OS user of this process as the store's owner, or raise `NotAllowed`."""
    if isinstance(place.database, Path) and not place.database.exists():
        raise Unavailable(f"There is no store at {place.database}.")
    return require_key_owner(place)


def require_key_owner(place: StorePlace) -> StoreOwner:
    """Return the same where the store may be missing."""
    if not place.key.exists():
        raise Unavailable(f"The key file {place.key} is missing. Put it back from its copy.")
    owner = place.owner if not isinstance(place.database, Path) or place.database.exists() else owner_of(place.key)
    if owner is None:
        raise NotAllowed("Only the OS user who owns the store and its key may do this.")
    return owner


@contextmanager
def store_locked(place: StorePlace) -> Iterator[None]:
    """Keep others from changing the key or restoring the store at the same time, or raise `Conflict`."""
    with try_lock(place.key.with_name(LOCK)) as is_mine:
        if not is_mine:
            raise Conflict(_BUSY)
        if isinstance(place.database, Path):
            yield
            return
        try:
            from secconsole.store.postgres import hold
        except ModuleNotFoundError as error:
            raise postgres_missing(error) from None
        # The lock of the key file protects against this machine, and this one against all others with the same
        # database.
        with hold.try_lock(place.database, "secconsole maintenance") as is_only:
            if not is_only:
                raise Conflict(_BUSY)
            yield


def open_any(place: StorePlace) -> SqliteStore | PostgresStore:
    """Open an existing store, or raise `Unavailable` with advice."""
    if isinstance(place.database, Path):
        return open_file(place.database)
    try:
        from secconsole.store.postgres.runner import PostgresStore
    except ModuleNotFoundError as error:
        raise postgres_missing(error) from None
    return PostgresStore(place.database)


def open_file(path: Path) -> SqliteStore:
    """Open an existing SQLite store, or raise `Unavailable` with advice."""
    if not path.exists():
        raise Unavailable(f"There is no store at {path}.")
    refuse_shared_folder(path.parent)
    refuse_shared(path, os.stat(path))
    return SqliteStore(path)


def opening_keys(place: StorePlace, store: SqliteStore | PostgresStore) -> tuple[KeyRing, str]:
    """Return the keys that open a store and the id of its current key, or raise `Unavailable`."""
    inner = store.read(lambda connection: fact(connection, INNER_KEY)).result()
    if inner is None:
        raise Unavailable(f"{place} is not a secconsole store, or its creation was interrupted.")
    keys = load_key_file(place.key)
    keys.open_inner(inner)
    return keys, key_of(inner)


def refuse_unusable(connection: sa.Connection) -> None:
    """Raise `Unavailable` for a store with another schema, or the target of an unfinished copy."""
    if not check_version(connection):
        raise Unavailable("The store is empty or older than this secconsole. Open it with this version first.")
    refuse_unfinished(connection)
