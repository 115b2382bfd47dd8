"""Looking over an installation: what is wrong with it, and what to do about it. Changes nothing."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

import secconsole
from secconsole.backends.doctor_sending import ServerPlace, ask_server, ask_tenants
from secconsole.backends.embedded import open_embedded, store_owner
from secconsole.backends.finding import Finding
from secconsole.config import locations, theme_file
from secconsole.config.settings import load_settings
from secconsole.delivery import text_files
from secconsole.domain.errors import SecconsoleError
from secconsole.store.facts import INNER_KEY, fact
from secconsole.store.keys import load_key_file
from secconsole.store.migrate import CURRENT, schema_version
from secconsole.store.schema import audit
from secconsole.store.sqlite import SqliteStore

OLDEST_SQLITE = (3, 35, 0)  # RETURNING
LEAST_FREE = 100 * 2**20  # bytes
BUILT = datetime(2026, 11, 1, tzinfo=UTC)  # no clock that is right shows an earlier time
NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "ceph"})
MOUNTS = Path("/proc/self/mounts")
_BY_SERVER = "secconsole --backend unix:PATH doctor"


async def examine(clock: Callable[[], float] = time.time, server: ServerPlace | None = None) -> list[Finding]:
    """Look at files, store, clock, terminal and program; and at a server, where one works with it.

    The store of this machine need not be there then.
    """
    now = datetime.fromtimestamp(clock(), UTC)
    found = [*_files()]
    if server is None or locations.database_path().exists():
        stored = [*await asyncio.to_thread(_store, now)]
        found += stored
        if {finding.name for finding in stored if finding.ok} >= {"integrity", "schema", "key"}:
            found += await _sent(clock, now)
    if server is not None:
        found += await ask_server(server, now)
    return [*found, *_clock(now), *_terminal(), *_program()]


async def _sent(clock: Callable[[], float], now: datetime) -> list[Finding]:
    """How codes are sent from the store of this machine; a store that is behind is left as it is."""
    owner = store_owner()
    if owner is None:
        return []
    try:
        backend = await open_embedded(owner, "command", clock=clock)
    except SecconsoleError as error:
        return [Finding("store", False, error.message)]
    try:
        return await ask_tenants(backend, now)
    finally:
        await backend.close()


def _files() -> Iterator[Finding]:
    home = locations.data_home()
    if not home.is_dir():
        return
    yield _private("home", home, 0o700)
    for name, path in (
        ("store file", locations.database_path()),
        ("key file", locations.key_path()),
        ("settings", locations.config_path()),
        ("kept session", home / "session"),
    ):
        if path.exists():
            yield _private(name, path, 0o600)
    try:
        load_settings()
    except SecconsoleError as error:
        yield Finding("settings", False, error.message)
    if kind := _network_file_system(home):
        advice = "Keep the store on a disk of this machine: SQLite's log does not work over a network."
        yield Finding("file system", False, f"{home} is on {kind}", advice)
    free = shutil.disk_usage(home).free
    advice = "" if free >= LEAST_FREE else "Free some space; a full disk refuses every change."
    yield Finding("free space", free >= LEAST_FREE, f"{free // 2**20:,} MiB", advice)
    for problem in text_files.problems():
        advice = "Correct it; until then the text that comes with the program is sent."
        yield Finding("text", False, f"{problem.path} is not used: {problem.why}", advice)
    for path in sorted(locations.themes_dir().glob("*.toml")):
        if problems := theme_file.read(path).problems:
            advice = f"Correct it: secconsole theme check {path}"
            yield Finding("theme", True, f"{path.name} is left out: {problems[0]}", advice)


def _private(name: str, path: Path, mode: int) -> Finding:
    info = path.stat()
    found = stat.S_IMODE(info.st_mode)
    if info.st_uid != os.geteuid():
        return Finding(name, False, f"{path} belongs to another user", "Run secconsole as its owner.")
    if found & ~mode:
        return Finding(name, False, f"{path} has mode {found:04o}", f"Make it private: chmod {mode:o} {path}")
    return Finding(name, True, f"{path}, mode {found:04o}")


def _network_file_system(path: Path) -> str:
    """The kind of network file system that a folder is on; empty if it is on none, or that cannot be told."""
    try:
        mounts = [line.split()[1:3] for line in MOUNTS.read_text(errors="replace").splitlines()]
    except OSError:
        return ""
    within = [mount for mount in mounts if path.resolve().is_relative_to(mount[0])]
    kind = max(within, key=lambda mount: len(mount[0]), default=["", ""])[1]
    return kind if kind in NETWORK_FILE_SYSTEMS else ""


def _store(now: datetime) -> Iterator[Finding]:
    path = locations.database_path()
    if not path.exists():
        advice = "Make one: secconsole init, or try: secconsole demo"
        if locations.key_path().exists():  # so there was a store, or it is a database that only servers open
            advice = f"Put it back from a backup; one in PostgreSQL is asked by its server: {_BY_SERVER}"
        yield Finding("store", False, f"there is none at {path}", advice)
        return
    try:
        with closing(SqliteStore(path)) as store:
            yield from store.read(lambda connection: list(_stored(connection, now))).result()
    except SecconsoleError as error:
        yield Finding("store", False, error.message, "Put the store back from a backup if it stays so.")


def _stored(connection: sa.Connection, now: datetime) -> Iterator[Finding]:
    found = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
    advice = "" if found == "ok" else "Put the store back from a backup."
    yield Finding("integrity", found == "ok", found, advice)
    version = schema_version(connection)
    if version != CURRENT:
        newer = version > CURRENT
        advice = "Update secconsole." if newer else "The next command that opens the store brings it up to date."
        yield Finding("schema", not newer, f"{version or 'none'}, this program's is {CURRENT}", advice)
        return
    yield Finding("schema", True, version)
    yield _key(fact(connection, INNER_KEY))
    last = connection.execute(sa.select(sa.func.max(audit.c.at))).scalar()
    if last and last / 1000 > now.timestamp() + 5:
        written = datetime.fromtimestamp(last / 1000, UTC)
        detail = f"it shows {_utc(now)}, and the store has an entry of {_utc(written)}"
        yield Finding("clock", False, detail, "Set this machine's clock; codes are refused while it is wrong.")


def _key(inner: bytes | None) -> Finding:
    try:
        keys = load_key_file(locations.key_path())
        if inner is None:
            return Finding("key", False, "the store was never finished", "Move it away, and: secconsole init")
        keys.open_inner(inner)
    except SecconsoleError as error:
        return Finding("key", False, error.message)
    return Finding("key", True, f"{keys.current} opens the store")


def _clock(now: datetime) -> Iterator[Finding]:
    plausible = now >= BUILT
    advice = "" if plausible else "Set this machine's clock; codes depend on it."
    yield Finding("time", plausible, f"{_utc(now)}; compare it with a phone's", advice)


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _terminal() -> Iterator[Finding]:
    """Never wrong, since commands need none; what would make the console better is advice."""
    term = os.environ.get("TERM", "")
    size = shutil.get_terminal_size(fallback=(0, 0))
    shown = f"TERM {term or 'not set'}, {size.columns} × {size.lines}" if size.columns else f"TERM {term or 'not set'}"
    advice = []
    if term in ("", "dumb", "unknown"):
        advice.append("the console cannot draw here")
    elif not os.environ.get("COLORTERM") and "256" not in term:
        advice.append("COLORTERM=truecolor, if the terminal can, gives themes their own colours")
    if size.columns and (size.columns < 80 or size.lines < 24):
        advice.append("the console wants 80 × 24")
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or ""
    if "utf8" not in locale.lower().replace("-", ""):
        advice.append("a UTF-8 locale shows names and the QR code as they are")
    text = "; ".join(advice)
    yield Finding("terminal", True, shown, text[:1].upper() + text[1:])


def _program() -> Iterator[Finding]:
    recent = sqlite3.sqlite_version_info >= OLDEST_SQLITE
    advice = "" if recent else f"Use a Python with SQLite {'.'.join(map(str, OLDEST_SQLITE))} or newer."
    yield Finding("SQLite", recent, sqlite3.sqlite_version, advice)
    compiled = Path(importlib.util.cache_from_source(secconsole.__file__)).exists()
    folder = Path(secconsole.__file__).parent
    advice = "" if compiled else f"The start is slow without it: python -m compileall -q {folder}"
    yield Finding("bytecode", True, "compiled" if compiled else "not compiled", advice)
