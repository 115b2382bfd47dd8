"""The store that is served: opened for many callers, and who owns it."""

from __future__ import annotations

from pathlib import Path

from secconsole.backends.embedded import EmbeddedBackend
from secconsole.backends.stores import StorePlace
from secconsole.backends.stores import open_store as open_place
from secconsole.domain.errors import Unavailable
from secconsole.operations.caller import Nobody, StoreOwner
from secconsole.server.peers import owner_of


async def open_store(place: StorePlace) -> EmbeddedBackend:
    """Open it for many callers, each of whom says who they are."""
    try:
        return await open_place(place, Nobody(), "api")
    except ModuleNotFoundError as error:
        raise Unavailable(f"PostgreSQL needs {error.name}: install secconsole with its extra postgres.") from None


def store_owner(place: StorePlace) -> StoreOwner | None:
    """The user who runs this, if they own the store and its key; ask once it is open.

    A database belongs to whoever has the key: without it nothing in it opens, and entries cannot be signed.
    """
    files = [place.database] if isinstance(place.database, Path) else []
    return owner_of(place.key, *files)
