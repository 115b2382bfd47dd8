"""Single facts about the store, and wrong entries for unknown logins."""

from __future__ import annotations

import sqlalchemy as sa

from secconsole.domain.throttling.throttle import Run
from secconsole.store.engine.compiled import Prepared
from secconsole.store.engine.upsert import insert_into
from secconsole.store.schema import facts, unknown_logins

INNER_KEY = "inner-key"
DEMO, COPY_OF_DEMO = "demo", "copy-of-demo"  # digests with the store's own key
# On PostgreSQL a rotation of the master key waits for transactions that have read it, and the other way round.
_INNER = Prepared(sa.select(facts.c.value).where(facts.c.name == INNER_KEY).with_for_update(read=True))


def fact(connection: sa.Connection, name: str) -> bytes | None:
    return connection.execute(sa.select(facts.c.value).where(facts.c.name == name)).scalar_one_or_none()


def set_fact(connection: sa.Connection, name: str, value: bytes) -> None:
    if connection.execute(sa.update(facts).where(facts.c.name == name).values(value=value)).rowcount == 0:
        connection.execute(sa.insert(facts).values(name=name, value=value))


def inner_key(connection: sa.Connection) -> bytes:
    """Return the store's own key, sealed, which does not change until the transaction of this write ends."""
    row = _INNER.row(connection)
    return bytes(row[0]) if row else b""


def unknown_run(connection: sa.Connection, subject: bytes) -> Run:
    """Return the wrong entries for a login that no account has."""
    query = sa.select(unknown_logins).where(unknown_logins.c.subject == subject)
    row = connection.execute(query).one_or_none()
    return Run(tries=row.failures, last=row.at) if row else Run()


def keep_unknown(connection: sa.Connection, subject: bytes, run: Run) -> None:
    values = {"failures": run.tries, "at": run.last}
    insert = insert_into(connection, unknown_logins)
    upsert = insert.values(subject=subject, **values)
    connection.execute(upsert.on_conflict_do_update(index_elements=["subject"], set_=values))


def forget_unknown(connection: sa.Connection, before: int) -> None:
    """Delete unknown logins that were not tried for a long time, so that guessing does not fill the disk."""
    connection.execute(sa.delete(unknown_logins).where(unknown_logins.c.at <= before))
