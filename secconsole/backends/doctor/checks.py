"""Checks of an installation, with advice on every problem."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import secconsole
from secconsole.backends.doctor.delivery import ServerPlace, ask_server, ask_tenants
from secconsole.backends.doctor.finding import Finding, in_utc
from secconsole.backends.doctor.secrets import Progress
from secconsole.backends.doctor.store import examine_store
from secconsole.backends.embedded import EmbeddedBackend
from secconsole.backends.stores import StorePlace, open_store, parse_store
from secconsole.config import locations, theme_file
from secconsole.config.radius_clients import clients_path, load_clients
from secconsole.config.settings import load_settings
from secconsole.delivery import text_files
from secconsole.delivery.texts import passed_over
from secconsole.domain.errors import SecconsoleError
from secconsole.operations.tenants import ListTenants
from secconsole.store.sealing.key_change import retired_files

OLDEST_SQLITE = (3, 35, 0)  # RETURNING
LEAST_FREE = 100 * 2**20  # bytes
BUILT = datetime(2026, 11, 1, tzinfo=UTC)  # a clock that shows an earlier time is wrong
NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "ceph"})
MOUNTS = Path("/proc/self/mounts")


async def examine(
    clock: Callable[[], float] = time.time,
    server: ServerPlace | None = None,
    progress: Progress = lambda count: None,
    place: StorePlace | None = None,
) -> list[Finding]:
    """Check files, store, clock, terminal and program, and a server if one is used.

    `place` is the store, if it is not the one of this home, which may be missing if a server is used. `progress` is
    called with the number of secrets opened so far. Raises `Unavailable` if a database cannot be reached.
    """
    now = datetime.fromtimestamp(clock(), UTC)
    store = place or parse_store("")
    found = [*_files(store)]
    if place is not None or server is None or locations.database_path().exists():
        stored = list(examine_store(store, now, progress))  # in this thread, so that it can be interrupted
        found += stored
        if {finding.name for finding in stored if finding.ok} >= {"integrity", "schema", "key"}:
            found += await _sent(store, clock, now)
    if server is not None:
        found += await ask_server(server, now)
    return [*found, *_clock(now), *_terminal(), *_program()]


async def _sent(place: StorePlace, clock: Callable[[], float], now: datetime) -> list[Finding]:
    """Return the findings on sending from a store, none for a store with an older schema."""
    owner = place.owner
    if owner is None:
        return []
    own_clock = None if place.home is None else clock  # a database has its own
    try:
        backend = await open_store(place, owner, "command", clock=own_clock)
    except SecconsoleError as error:
        return [Finding("store", False, error.message)]
    try:
        return [*await ask_tenants(backend, now), *await _passed_over(backend)]
    finally:
        await backend.close()


async def _passed_over(backend: EmbeddedBackend) -> list[Finding]:
    """Return the custom SMS texts that do not fit one SMS with the names of tenants."""
    found = []
    for tenant in (await backend.perform(ListTenants())).items:
        for name in passed_over(tenant.name):
            detail = f"{tenant.name}: {name} with its name is too long for one SMS, so the built-in text is sent"
            found.append(Finding("text", True, detail, "Shorten the text. See: secconsole text check"))
    return found


def _files(store: StorePlace) -> Iterator[Finding]:
    home = store.key.parent
    if not home.is_dir():
        return
    yield _private("home", home, 0o700)
    files = {"key file": store.key, "settings": locations.config_path(), "kept session": home / "session"}
    if isinstance(store.database, Path):
        files = {"store file": store.database} | files
    for name, path in files.items():
        if path.exists():
            yield _private(name, path, 0o600)
    for path in retired_files(store.key):
        yield _private("old key", path, 0o600)
    try:
        load_settings()
    except SecconsoleError as error:
        yield Finding("settings", False, error.message)
    if store.home is not None:
        yield from _disk(store.home)
    yield from _radius()
    for problem in text_files.problems():
        advice = "Correct it. Until then the built-in text is sent."
        yield Finding("text", False, f"{problem.path} is not used: {problem.why}", advice)
    for path in sorted(locations.themes_dir().glob("*.toml")):
        if problems := theme_file.read(path).problems:
            advice = f"Correct it: secconsole theme check {path}"
            yield Finding("theme", True, f"{path.name} is ignored: {problems[0]}", advice)


def _radius() -> Iterator[Finding]:
    """Yield what is wrong or unsafe in the file of RADIUS clients, if there is one."""
    path = clients_path()
    if not path.exists():
        return
    try:
        clients = load_clients(path)
    except SecconsoleError as error:
        yield Finding("RADIUS clients", False, error.message)
        return
    advice = "Let the client send a Message-Authenticator, then remove require_message_authenticator = false."
    for warning in clients.warnings():
        yield Finding("RADIUS clients", False, warning, advice)
    if not clients.warnings():
        yield Finding("RADIUS clients", True, f"{path}, {len(clients.items)}")


def _disk(home: Path) -> Iterator[Finding]:
    if kind := _network_file_system(home):
        advice = "Keep the store on a local disk: SQLite's log does not work over a network."
        yield Finding("file system", False, f"{home} is on {kind}", advice)
    free = shutil.disk_usage(home).free
    advice = "" if free >= LEAST_FREE else "Free some space. With a full disk every change is refused."
    yield Finding("free space", free >= LEAST_FREE, f"{free // 2**20:,} MiB", advice)


def _private(name: str, path: Path, mode: int) -> Finding:
    info = path.stat()
    found = stat.S_IMODE(info.st_mode)
    if info.st_uid != os.geteuid():
        return Finding(name, False, f"{path} belongs to another user", "Run secconsole as the owner of the file.")
    if found & ~mode:
        return Finding(name, False, f"{path} has mode {found:04o}", f"Make it private: chmod {mode:o} {path}")
    return Finding(name, True, f"{path}, mode {found:04o}")


def _network_file_system(path: Path) -> str:
    """Return the kind of network file system of a folder, or an empty string if none is known."""
    try:
        mounts = [line.split()[1:3] for line in MOUNTS.read_text(errors="replace").splitlines()]
    except OSError:
        return ""
    within = [mount for mount in mounts if path.resolve().is_relative_to(mount[0])]
    kind = max(within, key=lambda mount: len(mount[0]), default=["", ""])[1]
    return kind if kind in NETWORK_FILE_SYSTEMS else ""


def _clock(now: datetime) -> Iterator[Finding]:
    plausible = now >= BUILT
    advice = "" if plausible else "Set this machine's clock: codes depend on it."
    yield Finding("time", plausible, f"{in_utc(now)}; compare it with a phone's", advice)


def _terminal() -> Iterator[Finding]:
    """Yield advice on the terminal.

    A finding never fails, because commands need no terminal.
    """
    term = os.environ.get("TERM", "")
    size = shutil.get_terminal_size(fallback=(0, 0))
    shown = f"TERM {term or 'not set'}, {size.columns} × {size.lines}" if size.columns else f"TERM {term or 'not set'}"
    advice = []
    if term in ("", "dumb", "unknown"):
        advice.append("the console cannot run in this terminal")
    elif not os.environ.get("COLORTERM") and "256" not in term:
        advice.append("set COLORTERM=truecolor for the themes' exact colours, if the terminal supports it")
    if size.columns and (size.columns < 80 or size.lines < 24):
        advice.append("the console needs 80 × 24")
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or ""
    if "utf8" not in locale.lower().replace("-", ""):
        advice.append("set a UTF-8 locale to show names and the QR code correctly")
    text = "; ".join(advice)
    yield Finding("terminal", True, shown, text[:1].upper() + text[1:])


def _program() -> Iterator[Finding]:
    recent = sqlite3.sqlite_version_info >= OLDEST_SQLITE
    advice = "" if recent else f"Use a Python with SQLite {'.'.join(map(str, OLDEST_SQLITE))} or later."
    yield Finding("SQLite", recent, sqlite3.sqlite_version, advice)
    compiled = Path(importlib.util.cache_from_source(secconsole.__file__)).exists()
    folder = Path(secconsole.__file__).parent
    advice = "" if compiled else f"Compile for a faster start: python -m compileall -q {folder}"
    yield Finding("bytecode", True, "compiled" if compiled else "not compiled", advice)
