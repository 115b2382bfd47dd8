"""Wrong entries that count against users, and the networks that users are known from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from secconsole.domain.throttling.throttle import (
    EMPTY,
    KNOWN_FOR,
    MOST_KNOWN,
    NONE,
    Bucket,
    Run,
    Throttle,
    account_held_until,
)
from secconsole.store.engine.compiled import Prepared
from secconsole.store.engine.upsert import insert_into
from secconsole.store.schema import known_networks, throttles, users
from secconsole.store.users import in_parts

_AGAIN_AFTER = 3_600_000  # a sign-in from the same network within an hour is not recorded again

ROW = tuple(throttles.c[name] for name in ("user_pk", "bucket", "failures", "passwords", "tries", "last"))
_ROWS = sa.select(*ROW)
OF_USER = Prepared(_ROWS.where(throttles.c.user_pk == sa.bindparam("user")))
NETWORK = Prepared(
    sa.select(known_networks.c.pk, known_networks.c.seen, known_networks.c.first).where(
        known_networks.c.user_pk == sa.bindparam("user"), known_networks.c.network == sa.bindparam("network")
    )
)
_ANY_NETWORK = Prepared(
    sa.select(known_networks.c.pk)
    .where(known_networks.c.user_pk == sa.bindparam("user"), known_networks.c.seen > sa.bindparam("since"))
    .limit(1)
)
_COUNT = sa.update(users).where(users.c.pk == sa.bindparam("this"))


def throttle_of(connection: sa.Connection, user_pk: int) -> Throttle:
    """Return the wrong entries of a user that still count."""
    rows = OF_USER.rows(connection, user=user_pk)
    return Throttle({Bucket(bucket): Run(*counts) for _, bucket, *counts in rows})


def throttles_of(connection: sa.Connection, user_pks: Iterable[int]) -> dict[int, Throttle]:
    """Return the same for those of several users who have any."""
    found: dict[int, Throttle] = {}
    for part in in_parts(list(user_pks)):
        for row in connection.execute(_ROWS.where(throttles.c.user_pk.in_(part))):
            found[row.user_pk] = found.get(row.user_pk, EMPTY).having(Bucket(row.bucket), _run(row))
    return found


def keep_throttle(connection: sa.Connection, user_pk: int, before: Throttle, after: Throttle, now: int) -> None:
    """Store the changes of a throttle, and the resulting hold in the user's row."""
    for bucket in Bucket:
        run = after.run(bucket)
        if run != before.run(bucket):
            _keep_run(connection, user_pk, bucket, run)
    # Also in the user's row, where lists can filter by it without reading this table.
    until = account_held_until(after, now, has_known=has_known(connection, user_pk, now))
    connection.execute(_COUNT, {"this": user_pk, "failures": after.failures, "locked_until": until})


def forget_throttle(connection: sa.Connection, user_pk: int) -> None:
    """Delete all wrong entries of a user."""
    connection.execute(sa.delete(throttles).where(throttles.c.user_pk == user_pk))
    connection.execute(_COUNT, {"this": user_pk, "failures": 0, "locked_until": 0})


def last_seen(connection: sa.Connection, user_pk: int, network: str, now: int) -> int | None:
    """Return the time of a user's latest sign-in from a network, or None without one within 90 days."""
    row = NETWORK.row(connection, user=user_pk, network=network)
    return int(row[1]) if row is not None and row[1] > now - KNOWN_FOR else None


def known_since(connection: sa.Connection, user_pk: int, network: str, now: int) -> int | None:
    """Return the time of a user's first sign-in from a network, or None if the network is not known."""
    row = NETWORK.row(connection, user=user_pk, network=network)
    return int(row[2]) if row is not None and row[1] > now - KNOWN_FOR else None


def has_known(connection: sa.Connection, user_pk: int, now: int) -> bool:
    """Return True if a user is known from any network."""
    return _ANY_NETWORK.row(connection, user=user_pk, since=now - KNOWN_FOR) is not None


def count_known(connection: sa.Connection, user_pk: int, now: int) -> int:
    """Return the number of networks that a user is known from."""
    query = sa.select(sa.func.count()).select_from(known_networks)
    return int(connection.execute(query.where(*_known(user_pk, now))).scalar_one())


def note_network(connection: sa.Connection, user_pk: int, network: str, now: int) -> None:
    """Record that a user completed a sign-in from a network, keeping only the latest networks."""
    row = NETWORK.row(connection, user=user_pk, network=network)
    if row is not None:
        if not now - _AGAIN_AFTER < row[1] <= now:
            first = row[2] if row[1] > now - KNOWN_FOR else now
            this = known_networks.c.pk == row[0]
            connection.execute(sa.update(known_networks).where(this).values(seen=now, first=first))
        return
    # Networks recorded by a wrong clock would count as the latest for as long as it was ahead, and displace this one.
    lower_networks(connection, now, known_networks.c.user_pk == user_pk)
    connection.execute(sa.insert(known_networks).values(user_pk=user_pk, network=network, seen=now, first=now))
    mine = known_networks.c.user_pk == user_pk
    latest = (
        sa.select(known_networks.c.pk).where(mine).order_by(known_networks.c.seen.desc(), known_networks.c.pk.desc())
    )
    spare = known_networks.c.pk.not_in(latest.limit(MOST_KNOWN))
    old = known_networks.c.seen <= now - KNOWN_FOR
    connection.execute(sa.delete(known_networks).where(mine, sa.or_(old, spare)))


def lower_networks(connection: sa.Connection, now: int, *which: sa.ColumnElement[bool]) -> None:
    """Correct networks recorded by a clock that was ahead to the current time."""
    first = sa.case((known_networks.c.first > now, now), else_=known_networks.c.first)
    query = sa.update(known_networks).where(known_networks.c.seen > now, *which)
    connection.execute(query.values(seen=now, first=first))


def _keep_run(connection: sa.Connection, user_pk: int, bucket: Bucket, run: Run) -> None:
    if run == NONE:
        connection.execute(sa.delete(throttles).where(throttles.c.user_pk == user_pk, throttles.c.bucket == bucket))
        return
    counts = {"failures": run.failures, "passwords": run.passwords, "tries": run.tries, "last": run.last}
    insert = insert_into(connection, throttles)
    upsert = insert.values(user_pk=user_pk, bucket=bucket, **counts)
    connection.execute(upsert.on_conflict_do_update(index_elements=["user_pk", "bucket"], set_=counts))


def _known(user_pk: int, now: int) -> list[sa.ColumnElement[bool]]:
    return [known_networks.c.user_pk == user_pk, known_networks.c.seen > now - KNOWN_FOR]


def _run(row: Any) -> Run:
    return Run(row.failures, row.passwords, row.tries, row.last)
