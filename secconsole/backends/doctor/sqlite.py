"""Checks of a store's file and log: every page, and that the two belong together."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from secconsole.backends.doctor.finding import Finding
from secconsole.domain.errors import Unavailable
from secconsole.domain.text import visible
from secconsole.store.engine.metadata import INNER_KEY
from secconsole.store.sealing.keys import INNER, KeyRing, load_key_file

_RESTORE = "Restore the store from a backup."
_WAL_HEADER = 32  # bytes; a log that is not longer is empty


def check_log(path: Path, key: Path) -> Finding | None:
    """Return a finding if the write-ahead log beside a store belongs to another one, before SQLite applies it.

    SQLite applies any log of the right name, and mixes its pages into the file. Copies of both are checked: with
    its own log a store is intact and has the same key. A rotation seals that again, so it is opened if `key` is there.
    """
    log = path.with_name(path.name + "-wal")
    if not log.exists() or log.stat().st_size <= _WAL_HEADER or _in_use(path):
        return None
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".doctor-") as folder:
        copy = Path(folder) / "copy.db"
        shutil.copyfile(path, copy)
        keys = _ring(key)
        alone = _look_at(copy, keys)
        shutil.copyfile(log, copy.with_name(copy.name + "-wal"))
        together = _look_at(copy, keys)
    if together.problem == "" and (alone.key is None or alone.key == together.key):
        return None
    if alone.problem:
        return None  # the file itself is damaged, which the next check finds
    advice = f"Move {log.name} away while nothing is running, or restore both files from one backup."
    why = together.problem or "it has another store's key"
    return Finding("log", False, f"{log} does not belong to {path.name}: {why}", advice)


@dataclass(frozen=True, slots=True)
class _Look:
    problem: str
    key: bytes | None


def _ring(path: Path) -> KeyRing | None:
    try:
        return load_key_file(path)
    except Unavailable:
        return None


def _look_at(path: Path, keys: KeyRing | None) -> _Look:
    key: bytes | None = None
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as connection:
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            problem = "" if found == "ok" else str(found)
            row = connection.execute("SELECT value FROM facts WHERE name = ?", (INNER_KEY,)).fetchone()
            key = _opened(bytes(row[0]), keys) if row else None
    except sqlite3.Error as error:
        problem = str(error)
    return _Look(visible(problem)[:200], key)


def _opened(sealed: bytes, keys: KeyRing | None) -> bytes:
    """Return the store's own key, or its sealed form if this ring does not open it."""
    try:
        return keys.unseal(sealed, purpose=INNER).reveal() if keys is not None else sealed
    except Unavailable:
        return sealed


def _in_use(path: Path) -> bool:
    """Return True if another program has the store open, so that SQLite has applied the log already."""
    import fcntl

    shared = path.with_name(path.name + "-shm")
    with suppress(OSError), open(shared, "r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 128)  # every connection holds a shared lock here
        except OSError:
            return True
        fcntl.lockf(file, fcntl.LOCK_UN, 1, 128)
    return False


def check_pages(connection: sa.Connection) -> Finding:
    """Check every page, index and constraint of the store."""
    rows = [str(found) for (found,) in connection.exec_driver_sql("PRAGMA integrity_check(10)")]
    rows += [
        f"a row of {row[0]} refers to a missing row" for row in connection.exec_driver_sql("PRAGMA foreign_key_check")
    ]
    is_whole = rows == ["ok"]
    more = f", and {len(rows) - 1} more" if len(rows) > 1 and not is_whole else ""
    detail = "ok" if is_whole else visible(next(row for row in rows if row != "ok"))[:200] + more
    return Finding("integrity", is_whole, detail, "" if is_whole else _RESTORE)
