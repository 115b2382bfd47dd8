"""A store's address: an SQLite file or a PostgreSQL database, as `--store` and `store copy` name it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from secconsole.backends.embedded import EmbeddedBackend, open_embedded
from secconsole.config import locations
from secconsole.domain.errors import Invalid
from secconsole.domain.text import visible
from secconsole.operations.caller import Credential
from secconsole.store.postgres_address import Address, is_postgres, parse_address

SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class StorePlace:
    """Where a store is: `database` is a file, or an address of a PostgreSQL database; `key` the file of its key."""

    database: Path | Address
    key: Path

    def __str__(self) -> str:
        return self.database.shown if isinstance(self.database, Address) else str(self.database)

    @property
    def home(self) -> Path | None:
        """The folder that has to be ours alone: there is none around a database server."""
        return None if isinstance(self.database, Address) else self.database.parent


def parse_store(url: str) -> StorePlace:
    """Read `sqlite:///PATH` or `postgresql://…`; empty means the store of this home. Raises `Invalid` for others."""
    if not url:
        return StorePlace(locations.database_path(), locations.key_path())
    if is_postgres(url):
        return StorePlace(parse_address(url), locations.key_path())
    path = url.removeprefix(SQLITE)
    if path == url or not path:
        shown = "That" if "@" in url or "password" in url.lower() else visible(url)  # a password may stand in it
        raise Invalid(f"{shown} is no store: give sqlite:///PATH or postgresql://HOST/DATABASE.", "store")
    database = Path(path).absolute()
    return StorePlace(database, database.with_name(locations.key_path().name))


async def open_store(place: StorePlace, credential: Credential, channel: str) -> EmbeddedBackend:
    """Open a store whose schema is there; raise `Unavailable` with what to do if it cannot be used as it is."""
    if isinstance(place.database, Path):
        return await open_embedded(credential, channel, database=place.database)
    from secconsole.backends.postgres import open_postgres

    return await open_postgres(place.database, credential, channel)
