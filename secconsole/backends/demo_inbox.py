"""Which store is a demo's, so that its messages go into its own inbox; and that inbox, for whoever shows it.

Two marks have to agree: the accounts file in the store's home, and a fact in the store itself that only making a demo
puts there. No operation and no setting writes either, a fact of another store does not count (it is a digest with the
store's own key), and what `store copy` makes of a demo is none. Where either mark is missing, messages go to a mail
server and to Twilio as everywhere.
"""

from __future__ import annotations

import hmac
from pathlib import Path

import sqlalchemy as sa

from secconsole.backends.demo_accounts import FILE
from secconsole.delivery.inbox import FILE as INBOX
from secconsole.delivery.inbox import Inbox
from secconsole.store.facts import fact, set_fact
from secconsole.store.keys import KeyRing

_FACT = "demo"


def make_demo(connection: sa.Connection, keys: KeyRing) -> None:
    """Have a store say of itself that it is a demo's."""
    set_fact(connection, _FACT, keys.lookup(_FACT))


def inbox_of(connection: sa.Connection, keys: KeyRing, home: Path) -> Inbox | None:
    """The inbox of a demo's store; None for every other."""
    said = fact(connection, _FACT)
    if said is None or not hmac.compare_digest(said, keys.lookup(_FACT)) or not (home / FILE).is_file():
        return None
    return Inbox(home / INBOX)
