"""A store's address: an SQLite file or a PostgreSQL database, as `--store` and `store copy` name it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from secconsole.backends.embedded import EmbeddedBackend, open_embedded
from secconsole.backends.owner import owner_of
from secconsole.config import locations
from secconsole.domain.errors import Invalid, Unavailable
from secconsole.domain.text import visible
from secconsole.operations.caller import Credential, StoreOwner
from secconsole.store.postgres.address import Address as Address
from secconsole.store.postgres.address import is_postgres, parse_database_url

SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class StorePlace:
    """Location of a store: a file or the address of a PostgreSQL database, and the file of its key."""

    database: Path | Address
    key: Path

    def __str__(self) -> str:
        return self.database.shown if isinstance(self.database, Address) else str(self.database)

    @property
    def home(self) -> Path | None:
        """The folder that must be private to this user, None for a database."""
        return None if isinstance(self.database, Address) else self.database.parent

    @property
    def owner(self) -> StoreOwner | None:
        """The OS user of this process, if they own store and key.

        A database belongs to the key's owner.
        """
        return owner_of(self.key) if isinstance(self.database, Address) else owner_of(self.database, self.key)

    @property
    def option(self) -> str:
        """The option that selects this store in a copied command, empty for the store of this home."""
        if isinstance(self.database, Address):
            return f" --store {shlex.quote(self.database.shown)}"
        here = self.database == locations.database_path()
        return "" if here else f" --store {shlex.quote(f'{SQLITE}{self.database}')}"


def parse_store(url: str) -> StorePlace:
    """Parse `sqlite:///PATH` or `postgresql://…`, empty for the store of this home, or raise `Invalid`."""
    if not url:
        return StorePlace(locations.database_path(), locations.key_path())
    if is_postgres(url):
        return StorePlace(parse_database_url(url), locations.key_path())
    path = url.removeprefix(SQLITE)
    if path == url or not path:
        shown = "That" if "@" in url or "password" in url.lower() else visible(url)  # it may contain a password
        raise Invalid(f"{shown} is not a store. Use sqlite:///PATH or postgresql://HOST/DATABASE.", "store")
    database = Path(path).absolute()
    return StorePlace(database, database.with_name(locations.key_path().name))


async def open_store(
    place: StorePlace, credential: Credential, channel: str, *, clock: Callable[[], float] | None = None
) -> EmbeddedBackend:
    """Open an existing store, or raise `Unavailable` with advice if it cannot be used."""
    if isinstance(place.database, Path):
        return await open_embedded(credential, channel, database=place.database, clock=clock)
    try:
        from secconsole.backends.postgres import open_postgres
    except ModuleNotFoundError as error:
        raise postgres_missing(error) from None
    return await open_postgres(place.database, credential, channel, clock=clock)


def postgres_missing(error: ModuleNotFoundError) -> Unavailable:
    """Return the error for a missing module of PostgreSQL, with what to install."""
    return Unavailable(f"PostgreSQL needs {error.name}: install secconsole with its extra postgres.")
