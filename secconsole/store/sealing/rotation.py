"""State of a rotation of the master key in the store, from its first statement to its last."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from secconsole.store.engine.metadata import INNER_KEY, fact, inner_key, set_fact
from secconsole.store.schema import facts
from secconsole.store.sealing.keys import KeyRing, key_of

UNFINISHED = "key-rotation"
DONE = "key-rotated"


@dataclass(frozen=True, slots=True)
class Rotation:
    """Rotation from one key to another, by their ids, with the time in milliseconds when it began or ended."""

    before: str
    after: str
    at: int


def rotation(connection: sa.Connection, name: str = UNFINISHED) -> Rotation | None:
    """Return the unfinished rotation, or with `DONE` the last finished one."""
    stored = fact(connection, name)
    return Rotation(**json.loads(stored)) if stored else None


def begin(connection: sa.Connection, keys: KeyRing, old: str, new: str, now: int) -> bool:
    """Make another key the store's: from this commit on, everything is sealed with it.

    Return False if another process has changed the store's key in the meantime. It may be repeated.
    """
    sealed, unfinished = inner_key(connection), rotation(connection)
    if key_of(sealed) == new:
        return unfinished is not None and unfinished.after == new
    if key_of(sealed) != old or unfinished is not None:
        return False
    keys.use(new)
    same = sa.and_(facts.c.name == INNER_KEY, facts.c.value == sealed)
    connection.execute(sa.update(facts).where(same).values(value=keys.reseal_inner(sealed)))
    _set(connection, UNFINISHED, Rotation(old, new, now))
    return True


def resume(connection: sa.Connection, before: str, after: str, now: int) -> None:
    """Mark a rotation as unfinished whose key the store uses already."""
    _set(connection, UNFINISHED, Rotation(before, after, now))


def end(connection: sa.Connection, done: Rotation) -> None:
    """Record that no secret is sealed with the old key any more."""
    _set(connection, DONE, done)
    connection.execute(sa.delete(facts).where(facts.c.name == UNFINISHED))


def _set(connection: sa.Connection, name: str, state: Rotation) -> None:
    set_fact(connection, name, json.dumps(asdict(state)).encode())
