"""Check that every sealed secret of a store opens, without changing the store.

Secrets are read in portions. The check reports its progress, and an interrupted check is resumed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from secconsole.backends.doctor.finding import Finding
from secconsole.backends.stores import StorePlace
from secconsole.config.private import write_private
from secconsole.domain.errors import Unavailable
from secconsole.domain.text import visible
from secconsole.service.store import Store
from secconsole.store.sealing.keys import DamagedSecret, KeyRing, key_of
from secconsole.store.sealing.sealed import TABLES, SealedTable, open_row, sealed_rows

Progress = Callable[[int], None]

PORTION = 2_000  # secrets that are read at a time, and opened between two reports of progress
NAMED = 5
PROGRESS_FILE = "doctor.json"
KEPT_FOR = 24 * 3600  # seconds; secrets opened earlier may have been changed since
_UNKNOWN_KEY = (
    "Put the file with that key back as master.key, with mode 0600, or copy master.key from where it was rotated."
)
_SECRETS = "Unbind these users and have them bind again. Find out who can write to the store: secret.damaged in Audit."


@dataclass(slots=True)
class Position:
    """Progress of the check: table, key of its last row, and the secrets that did not open so far."""

    store: str
    at: float  # when the examination began
    table: int = 0
    after: int = 0
    opened: int = 0
    damaged: int = 0
    named: list[str] = field(default_factory=list)  # the first of the damaged ones
    lacking: dict[str, int] = field(default_factory=dict)  # how many are sealed with keys that are not in the file


def open_secrets(store: Store, keys: KeyRing, place: StorePlace, progress: Progress) -> Finding:
    """Open every sealed secret of the store.

    Each portion has its own transaction, so that none lasts long.
    """
    home = place.key.parent
    position = _position(home, keys, place)
    for number in range(position.table, len(TABLES)):
        sealed = TABLES[number]
        after = position.after if number == position.table else 0
        for row in _rows(store, sealed, after):
            if not keys.knows(name := key_of(row.sealed)):
                position.lacking[name] = position.lacking.get(name, 0) + 1
            elif not _opens(keys, sealed, row):
                position.damaged += 1
                position.named += [_name(sealed.purpose, row)] if len(position.named) < NAMED else []
            position.opened += 1
            position.table, position.after = number, row.pk
            if position.opened % PORTION == 0:
                progress(position.opened)
                _keep(home, position)
        position.table, position.after = number + 1, 0
    with suppress(OSError):
        (home / PROGRESS_FILE).unlink(missing_ok=True)
    if position.lacking:
        some = ", ".join(
            f"{number:,} with {visible(name)}" for name, number in sorted(position.lacking.items())[:NAMED]
        )
        more = f"; {position.damaged:,} others do not open" if position.damaged else ""
        return Finding("secrets", False, f"sealed with a key that is not in {place.key}: {some}{more}", _UNKNOWN_KEY)
    if not position.damaged:
        return Finding("secrets", True, f"{position.opened:,} sealed, all open")
    some = "; ".join(position.named)
    left = position.damaged - len(position.named)
    more = f"; and {left:,} more" if left else ""
    detail = f"{position.damaged:,} of {position.opened:,} do not open: {some}{more}"
    return Finding("secrets", False, detail, _SECRETS)


def _rows(store: Store, sealed: SealedTable, after: int) -> Iterator[Any]:
    """Yield the sealed rows of a table by their key."""
    query = sealed_rows(sealed).limit(PORTION)
    while rows := store.read(partial(_page, query=query.where(sealed.table.c.pk > after))).result():
        yield from rows
        after = rows[-1].pk


def _page(connection: sa.Connection, query: sa.Select[Any]) -> Sequence[Any]:
    return connection.execute(query).all()


def _opens(keys: KeyRing, sealed: SealedTable, row: Any) -> bool:
    try:
        open_row(keys, sealed, row)
    except DamagedSecret:
        return False
    return True


def _name(purpose: str, row: Any) -> str:
    return visible(f"{purpose} {row.id}" + (f" of {row.login} ({row.user})" if row.user else ""))


def _position(home: Path, keys: KeyRing, place: StorePlace) -> Position:
    """Return the position of a recently interrupted check of this store, or the start."""
    store, now = keys.lookup(f"doctor {place}").hex(), time.time()  # a copy of the store has the same key
    with suppress(OSError, ValueError, TypeError, Unavailable):
        kept = Position(**json.loads((home / PROGRESS_FILE).read_text(encoding="utf-8")))
        if kept.store == store and 0 <= kept.table < len(TABLES) and 0 <= now - kept.at <= KEPT_FOR:
            return kept
    return Position(store, now)


def _keep(home: Path, position: Position) -> None:
    with suppress(OSError):  # a full disk must not prevent the check
        write_private(home / PROGRESS_FILE, json.dumps(asdict(position)) + "\n")
