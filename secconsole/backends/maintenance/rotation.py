"""`key rotate`: seal every secret with a new master key, while consoles and servers run.

The store itself names its key: the one that its inner key is sealed with. One statement makes the new key the store's,
and everyone who seals anything reads that in the same transaction. So nothing is sealed with the old key any more, and
moving the rest row by row can be interrupted anywhere: the same command continues.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import sqlalchemy as sa

from secconsole.backends.maintenance.opening import open_any, opening_keys, refuse_unusable, require_owner, store_locked
from secconsole.backends.stores import StorePlace
from secconsole.domain.errors import Conflict
from secconsole.operations.caller import StoreOwner
from secconsole.service.maintenance import owner_context, record_rotation
from secconsole.store.sealing import key_change, rotation
from secconsole.store.sealing.keys import KeyRing
from secconsole.store.sealing.rotation import Rotation
from secconsole.store.sealing.sealed import TABLES, SealedTable, count_sealed_otherwise, move, wipe_replies

if TYPE_CHECKING:
    from secconsole.store.engine.sqlite import SqliteStore
    from secconsole.store.postgres.runner import PostgresStore

PORTION = 500  # secrets in one transaction, so that other writes wait for milliseconds


@dataclass(frozen=True, slots=True)
class Rotated:
    """Result of `rotate`.

    `done` is False if the new key was only prepared. `failed`: secrets that did not open and stay as they are.
    `retired`: files with the keys that are no longer used.
    """

    store: str
    before: str
    after: str
    done: bool
    resumed: bool = False
    moved: int = 0
    failed: int = 0
    key_file: str = ""
    retired: tuple[str, ...] = ()


def has_prepared_key(place: StorePlace) -> bool:
    """Return True if the key file has a new key already, which other servers may have a copy of."""
    return bool(key_change.next_key(place.key))


def rotate(
    place: StorePlace,
    *,
    prepare_only: bool = False,
    progress: Callable[[int], None] = lambda moved: None,
    clock: Callable[[], float] = time.time,
) -> Rotated:
    """Seal every secret with a new key, or finish an interrupted rotation.

    Raises `Conflict` while another rotation runs, and `Unavailable` if store or key cannot be used.
    """
    owner = require_owner(place)
    with store_locked(place), closing(open_any(place)) as store:
        store.read(refuse_unusable).result()
        keys, current = opening_keys(place, store)
        key_change.refuse_taken(place.key)
        unfinished = store.read(rotation.rotation).result()
        prepared = key_change.next_key(place.key)
        # Keys that are neither in use nor prepared remain if a rotation was interrupted before it moved them away.
        left_over = set(key_change.keys_in(place.key)) - {current, prepared}
        if unfinished is None and not left_over:
            new = prepared or key_change.prepare(place.key, current)
            if prepare_only:
                return Rotated(str(place), current, new, done=False, key_file=str(place.key))
            begun = partial(rotation.begin, keys=keys, old=current, new=new, now=int(clock() * 1000))
            if not store.write(begun, repeatable=True).result():
                raise Conflict("The key of this store was changed in the meantime. Run the command again.")
            doing, resumed = Rotation(current, new, int(clock() * 1000)), False
        else:  # it was interrupted, here or after another server had finished it
            doing, resumed = unfinished or Rotation(min(left_over), current, int(clock() * 1000)), True
            store.write(partial(_resume, doing=doing)).result()
        # After the store: its inner key decides, and the file has both keys until the end.
        key_change.adopt(place.key, doing.after)
        return _finish(place, store, keys, owner, doing, resumed, progress, clock)


def _finish(
    place: StorePlace,
    store: SqliteStore | PostgresStore,
    keys: KeyRing,
    owner: StoreOwner,
    doing: Rotation,
    resumed: bool,
    progress: Callable[[int], None],
    clock: Callable[[], float],
) -> Rotated:
    keys.use(doing.after)
    moved = 0
    for sealed in TABLES:
        for number in _portions(store, keys, sealed):
            moved += number
            progress(moved)
    # Kept replies can be opened only for their callers, so they are wiped and not moved.
    store.write(lambda connection: wipe_replies(connection, doing.after)).result()
    failed = store.read(lambda connection: count_sealed_otherwise(connection, doing.after)).result()
    # Only now: until the last secret is moved the old key is needed in its place.
    key_change.retire(place.key, {doing.after})
    old = key_change.retired_file(place.key, doing.before)

    def end(connection: sa.Connection) -> None:
        if rotation.rotation(connection) is not None:  # not yet, if the answer to an earlier commit was lost
            record_rotation(owner_context(connection, keys, owner, clock()), doing.before, doing.after)
            rotation.end(connection, Rotation(doing.before, doing.after, int(clock() * 1000)))

    store.write(end, repeatable=True).result()
    retired = (str(old),) if old.exists() else ()
    return Rotated(str(place), doing.before, doing.after, True, resumed, moved, failed, str(place.key), retired)


def _portions(store: SqliteStore | PostgresStore, keys: KeyRing, sealed: SealedTable) -> Iterator[int]:
    """Move the secrets of a table, and yield the number of each portion."""
    last: int | None = 0
    while last is not None:
        done = store.write(partial(move, keys=keys, sealed=sealed, after=last, most=PORTION), repeatable=True).result()
        last = done.last
        yield done.moved


def _resume(connection: sa.Connection, doing: Rotation) -> None:
    if rotation.rotation(connection) is None:
        rotation.resume(connection, doing.before, doing.after, doing.at)
