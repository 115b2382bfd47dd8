"""The store that is served: which one an address names, how it is opened, and who owns it."""

from __future__ import annotations

from pathlib import Path

from secconsole.backends.embedded import EmbeddedBackend, open_embedded
from secconsole.config import locations
from secconsole.domain.errors import Invalid
from secconsole.operations.caller import Nobody, StoreOwner
from secconsole.server.peers import owner_of


def parse_store(url: str) -> Path:
    """Read `sqlite:///PATH`; empty means the store of this home."""
    if not url:
        return locations.database_path()
    path = url.removeprefix("sqlite:///")
    if path == url or not path:
        raise Invalid(f"{url} is no store that can be served so far: give sqlite:///PATH.", "store")
    return Path(path).absolute()


async def open_store(store: Path) -> EmbeddedBackend:
    """Open it for many callers, each of whom says who they are."""
    return await open_embedded(Nobody(), "api", database=store)


def store_owner(store: Path) -> StoreOwner | None:
    """The user who runs this, if they own the store and its key; ask once it is open."""
    return owner_of(store, store.with_name(locations.key_path().name))
