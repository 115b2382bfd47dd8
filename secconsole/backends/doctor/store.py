"""Checks of a store: schema, key, secrets, and the times it has seen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from secconsole.backends.doctor.delivery import apart
from secconsole.backends.doctor.finding import Finding, in_utc_of
from secconsole.backends.doctor.maintenance import check_age, check_rotation, last_backup
from secconsole.backends.doctor.secrets import Progress, open_secrets
from secconsole.backends.doctor.sqlite import check_log, check_pages
from secconsole.backends.stores import StorePlace, postgres_missing
from secconsole.backends.system_clock import is_synchronised
from secconsole.domain.errors import SecconsoleError, Unavailable
from secconsole.service.store import Store
from secconsole.store.engine.clock import clock_mark, count_used_ahead
from secconsole.store.engine.metadata import INNER_KEY, fact
from secconsole.store.engine.migrate import CURRENT, schema_version
from secconsole.store.engine.sqlite import SqliteStore
from secconsole.store.postgres.address import Address
from secconsole.store.sealing.keys import KeyRing, load_key_file

_MEND = "the store has seen a wrong time, which this repairs: secconsole doctor --mend-clock"
_CLOCK_ADVICE = {
    True: f"A time service sets this machine's clock, so {_MEND}",
    False: f"No time service sets this machine's clock. If it is wrong, set it. If it is right, {_MEND}",
    None: f"Compare this machine's clock with another. If it is wrong, set it. If it is right, {_MEND}",
}
_DATABASE_CLOCK_ADVICE = f"Compare the database server's clock with another. If it is wrong, set it. If not, {_MEND}"
_BY_SERVER = "secconsole --backend unix:PATH doctor"


def examine_store(place: StorePlace, now: datetime, progress: Progress) -> Iterator[Finding]:
    """Check a store as far as it can be opened, or raise `Unavailable` if a database cannot be reached."""
    if isinstance(place.database, Address):
        return _in_database(place, place.database, now, progress)
    return _in_file(place, place.database, now, progress)


def _in_file(place: StorePlace, path: Path, now: datetime, progress: Progress) -> Iterator[Finding]:
    if not path.exists():
        advice = "Create one: secconsole init, or try: secconsole demo"
        if place.key.exists():  # so there was a store, or the store is a database
            advice = (
                "Restore it from a backup. If the store is in PostgreSQL, use: secconsole doctor --store URL, "
                f"or check its server: {_BY_SERVER}"
            )
        yield Finding("store", False, f"there is no store at {path}", advice)
        return
    if (foreign := check_log(path, place.key)) is not None:  # opening the store would apply the log
        yield foreign
        return
    try:
        with closing(SqliteStore(path)) as store:
            yield store.read(check_pages).result()
            version = store.read(schema_version).result()
            yield _schema(version, place)
            if version == CURRENT:
                yield from _inside(store, place, progress)
                yield last_backup(store, now)
                at = int(now.timestamp() * 1000)
                yield from _seen_times(store, place, at, _CLOCK_ADVICE[is_synchronised()])
    except SecconsoleError as error:
        yield Finding("store", False, error.message, "Restore the store from a backup if this persists.")


def _in_database(place: StorePlace, address: Address, now: datetime, progress: Progress) -> Iterator[Finding]:
    try:
        from secconsole.backends.doctor.postgres import check_database, damage, look_at_server
        from secconsole.store.postgres.requirements import UnfitDatabase
        from secconsole.store.postgres.runner import PostgresStore
    except ModuleNotFoundError as error:
        raise postgres_missing(error) from None
    try:
        opened = PostgresStore(address)
    except UnfitDatabase as error:
        yield Finding("database", False, error.message)
        return
    with closing(opened) as store:
        try:
            yield store.read(look_at_server).result()
            at = store.read(store.now).result()
            yield from apart("database clock", datetime.fromtimestamp(at, UTC), now, "the database server's")
            version = store.read(schema_version).result()
            yield _schema(version, place)
            if version == CURRENT:
                yield store.read(check_database).result()
                yield from _inside(store, place, progress)
                yield from _seen_times(store, place, int(at * 1000), _DATABASE_CLOCK_ADVICE)
        except Unavailable as error:
            found = damage(error)
            if found is None:
                raise
            yield found


def _schema(version: str, place: StorePlace) -> Finding:
    if version == CURRENT:
        return Finding("schema", True, version)
    detail = f"{version or 'none'}, this program's is {CURRENT}"
    if version > CURRENT:
        return Finding("schema", False, detail, "Update secconsole.")
    if place.home is not None:
        return Finding("schema", True, detail, "The next command that opens the store migrates it.")
    return Finding("schema", False, detail, f"Read the upgrade notes, then: secconsole store migrate{place.option}")


def _inside(store: Store, place: StorePlace, progress: Progress) -> Iterator[Finding]:
    key, keys = _key(store.read(lambda connection: fact(connection, INNER_KEY)).result(), place.key)
    yield key
    if keys is not None:
        yield from check_rotation(store, keys, place)
        if (restored := check_age(store, place)) is not None:
            yield restored
        yield open_secrets(store, keys, place, progress)


def _key(inner: bytes | None, path: Path) -> tuple[Finding, KeyRing | None]:
    try:
        keys = load_key_file(path)
        if inner is None:
            return Finding(
                "key", False, "the creation of the store was interrupted", "Move it away, then: secconsole init"
            ), None
        keys.open_inner(inner)
    except SecconsoleError as error:
        return Finding("key", False, error.message), None
    return Finding("key", True, f"{keys.current} opens the store"), keys


def _seen_times(store: Store, place: StorePlace, at: int, advice: str) -> Iterator[Finding]:
    """Yield a finding if the store has seen times after `at`, the current time in milliseconds."""
    mark, refused = store.read(lambda connection: (clock_mark(connection), count_used_ahead(connection, at))).result()
    if mark is not None and (mark.is_behind(at) or refused):
        detail = f"it shows {in_utc_of(at)}, but the store has seen {in_utc_of(mark.high)}"
        if refused:
            detail += f"; correct codes of {refused:,} factor{'s' if refused != 1 else ''} are refused"
        yield Finding("clock", False, detail, advice + place.option)
