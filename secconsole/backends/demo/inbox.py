"""Recognition of a demo's store, whose messages go into its own inbox, and access to that inbox.

Two marks have to agree: the accounts file in the store's home, and a fact in the store that only the creation of a
demo writes. No operation and no setting writes either of them. A fact of another store does not count, because it is a
digest with the store's own key, and in a demo copied by `store copy` it has another name. If either mark is missing,
messages go to a mail server and to Twilio as usual.
"""

from __future__ import annotations

import hmac
from pathlib import Path

import sqlalchemy as sa

from secconsole.backends.demo.accounts import FILE
from secconsole.delivery.inbox import FILE as INBOX
from secconsole.delivery.inbox import Inbox
from secconsole.store.engine.metadata import COPY_OF_DEMO, DEMO, fact, set_fact
from secconsole.store.sealing.keys import KeyRing


def make_demo(connection: sa.Connection, keys: KeyRing) -> None:
    """Mark a store as a demo's."""
    set_fact(connection, DEMO, keys.lookup(DEMO))


def inbox_of(connection: sa.Connection, keys: KeyRing, home: Path) -> Inbox | None:
    """Return the inbox of a demo's store, or None for any other."""
    return Inbox(home / INBOX) if _is_marked(connection, keys, DEMO) and (home / FILE).is_file() else None


def is_demo(connection: sa.Connection, keys: KeyRing) -> bool:
    """Return True if a store is marked as a demo's or as a copy of one, whose passwords are published."""
    return any(_is_marked(connection, keys, name) for name in (DEMO, COPY_OF_DEMO))


def _is_marked(connection: sa.Connection, keys: KeyRing, name: str) -> bool:
    mark = fact(connection, name)
    return mark is not None and hmac.compare_digest(mark, keys.lookup(DEMO))
