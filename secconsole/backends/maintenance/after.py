"""`restore --after`: the work that follows the restore of a store by other tools, such as those of PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from secconsole.backends.maintenance.opening import open_any, opening_keys, refuse_unusable, require_owner, store_locked
from secconsole.backends.stores import StorePlace
from secconsole.service.context import when
from secconsole.service.maintenance import owner_context, record_restore
from secconsole.store.audit_log.seen_heads import file_of, replace_heads
from secconsole.store.copies.restore import Ended, end_what_was_open


@dataclass(frozen=True, slots=True)
class AfterRestore:
    """Result of `after_restore`: what was ended in a store that other tools have restored."""

    store: str
    at: datetime
    sessions_ended: int
    sign_ins_ended: int
    tokens_ended: int
    messages_void: int
    factors: int


def after_restore(
    place: StorePlace, *, end_tokens: bool = False, clock: Callable[[], float] = time.time
) -> AfterRestore:
    """Do for a store that other tools have restored what `restore` does: end what was open, and record it.

    Its state from before is not known, so revocations since then have to be repeated by hand.
    """
    owner = require_owner(place)
    with store_locked(place), closing(open_any(place)) as store:
        store.read(refuse_unusable).result()
        keys, _ = opening_keys(place, store)

        def body(connection: sa.Connection) -> tuple[int, dict[int, Ended]]:
            # Servers of a database agree on its clock, so times in it are compared with that one.
            now = clock() if isinstance(place.database, Path) else store.now(connection)
            ended = end_what_was_open(connection, int(now * 1000), end_tokens=end_tokens)
            context = owner_context(connection, keys, owner, now)
            record_restore(context, {}, ended, None)
            return context.now, ended

        now, ended = store.write(body).result()
        # Otherwise the file beside the key would report the restored audit as one that lacks entries.
        store.read(lambda connection: replace_heads(connection, file_of(place.key))).result()
    each = list(ended.values())
    return AfterRestore(
        str(place),
        when(now),
        sum(one.sessions for one in each),
        sum(one.sign_ins for one in each),
        sum(one.tokens for one in each),
        sum(one.messages for one in each),
        sum(one.factors for one in each),
    )
