"""Wrong entries counted by their origin, and the networks that users signed in from."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

import sqlalchemy as sa
from alembic import op

from secconsole.domain.networks.network import network_of
from secconsole.domain.throttling.throttle import (
    FOREVER,
    KNOWN_FOR,
    MOST_FAILURES,
    MOST_IN_BUCKET,
    MOST_KNOWN,
    Bucket,
    delay,
)
from secconsole.store.schema import Words

revision = "0004"
down_revision = "0003"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables, and fill them with the origins of sessions and the number of wrong entries.

    The origin of past entries is unknown: they count as strangers' entries, and a running delay continues. A locked
    account stays locked from everywhere. No other account becomes locked.
    """
    op.create_table(
        "throttles",
        sa.Column("pk", _KEY, nullable=False),
        sa.Column("user_pk", _KEY, nullable=False),
        sa.Column("bucket", Words, nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)
            for name in ("failures", "passwords", "tries", "last")
        ),
        sa.ForeignKeyConstraint(["user_pk"], ["users.pk"], name=op.f("fk_throttles_user_pk")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_throttles")),
        sa.UniqueConstraint("user_pk", "bucket", name=op.f("uq_throttles_user_pk_bucket")),
    )
    op.create_table(
        "known_networks",
        sa.Column("pk", _KEY, nullable=False),
        sa.Column("user_pk", _KEY, nullable=False),
        sa.Column("network", Words, nullable=False),
        sa.Column("seen", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["user_pk"], ["users.pk"], name=op.f("fk_known_networks_user_pk")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_known_networks")),
        sa.UniqueConstraint("user_pk", "network", name=op.f("uq_known_networks_user_pk_network")),
    )
    op.add_column("sessions", sa.Column("failures", sa.BigInteger(), server_default="0", nullable=False))
    op.drop_column("unknown_logins", "locked_until")
    connection = op.get_bind()
    _know_networks(connection)
    _count_as_strangers(connection)


def _know_networks(connection: sa.Connection) -> None:
    found = connection.exec_driver_sql(
        "SELECT user_pk, address, max(created) FROM sessions "  # noqa: S608
        f"WHERE created > (SELECT max(created) FROM sessions) - {KNOWN_FOR} "
        "GROUP BY user_pk, address ORDER BY user_pk"
    )
    networks = _table("known_networks", "user_pk", "network", "seen")
    for user, sessions in groupby(found.all(), itemgetter(0)):
        seen: dict[str, int] = {}
        for _, address, at in sessions:
            if network := network_of(address):
                seen[network] = max(at, seen.get(network, 0))
        latest = sorted(seen.items(), key=itemgetter(1), reverse=True)[:MOST_KNOWN]
        rows = [{"user_pk": user, "network": network, "seen": at} for network, at in latest]
        if rows:
            connection.execute(sa.insert(networks), rows)


def _count_as_strangers(connection: sa.Connection) -> None:
    found = connection.exec_driver_sql("SELECT pk, failures, locked_until FROM users WHERE failures > 0").all()
    throttles = _table("throttles", "user_pk", "bucket", "failures", "passwords", "tries", "last")
    for pk, failures, until in found:
        rows = list(_runs(pk, failures, until))
        connection.execute(sa.insert(throttles), rows)
        kept = sum(int(row["failures"]) for row in rows)
        if kept != failures:
            connection.exec_driver_sql(f"UPDATE users SET failures = {kept} WHERE pk = {pk}")  # noqa: S608


def _runs(user: int, failures: int, until: int) -> Iterator[dict[str, int | str]]:
    most = MOST_IN_BUCKET if until >= FOREVER else MOST_IN_BUCKET - 1
    everywhere = MOST_FAILURES if until >= FOREVER else failures
    strangers = min(everywhere, most)
    last = until - delay(failures) if 0 < until < FOREVER else 0
    yield _run(user, Bucket.STRANGERS, strangers, tries=failures, last=last)
    if everywhere > strangers:
        yield _run(user, Bucket.KNOWN, min(everywhere - strangers, most), tries=0, last=0)


def _run(user: int, bucket: Bucket, count: int, *, tries: int, last: int) -> dict[str, int | str]:
    row: dict[str, int | str] = {"user_pk": user, "bucket": str(bucket), "tries": tries, "last": last}
    return {**row, "failures": count, "passwords": count}


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(column) for column in columns))
