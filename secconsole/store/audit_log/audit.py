"""Audit entries as a chain per tenant, each sealed over the previous one, with a signed head.

Changing, deleting or inserting an entry breaks the chain there. Cutting off the end contradicts the head.
`store/audit_log/audit_chain.py` verifies it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import sqlalchemy as sa

from secconsole.store.audit_log.audit_acts import folds, sizes
from secconsole.store.audit_log.audit_seal import SEALED, START, mac_of, sign_head
from secconsole.store.engine.ahead import Move, NotAhead, RowsAhead
from secconsole.store.engine.compiled import Connection, Prepared
from secconsole.store.engine.tenant_lock import head_moved, head_of
from secconsole.store.schema import audit, audit_heads
from secconsole.store.sealing.keys import KeyRing
from secconsole.store.search.text_match import contains

# The head is locked before it is read: two transactions that read the same head would fork the chain. SQLite, which has
# one writer, ignores FOR UPDATE.
_HEAD = Prepared(
    sa.select(audit_heads.c.seq, audit_heads.c.mac)
    .where(audit_heads.c.tenant_pk == sa.bindparam("tenant"))
    .with_for_update()
)
_COLUMNS = (*SEALED, "mac", "bulk", "folded")
_FEW = 20  # entries of several actions that are looked for by action
_ADD = Prepared(sa.insert(audit).inline(), _COLUMNS)
# Both in one statement, for databases where each statement is a network round trip.
_ADD_AND_MOVE = Prepared(
    sa.insert(audit)
    .values({name: sa.bindparam(f"new_{name}") for name in _COLUMNS})
    .add_cte(
        sa.update(audit_heads)
        .where(audit_heads.c.tenant_pk == sa.bindparam("new_tenant_pk"))
        .values(seq=sa.bindparam("new_seq"), mac=sa.bindparam("new_mac"), signature=sa.bindparam("signed"))
        .cte("moved")
    )
)
_MOVE_HEAD = Prepared(
    sa.update(audit_heads).where(audit_heads.c.tenant_pk == sa.bindparam("tenant")), ["seq", "mac", "signature"]
)


def append(connection: Connection, keys: KeyRing, tenant_pk: int, entries: Sequence[Mapping[str, object]]) -> None:
    """Append entries to a tenant's chain, in the transaction of the changes that they record."""
    if not entries:
        return
    if isinstance(connection, RowsAhead):
        _append_later(connection, keys, tenant_pk, entries)
        return
    # Usually the tenant lock has read it. Otherwise, as for a second tenant in one transaction, it is locked here.
    head = head_of(connection, tenant_pk) or _HEAD.row(connection, tenant=tenant_pk)
    rows, seq, mac = _chained(connection, keys, tenant_pk, entries, head or (0, START))
    if head and len(rows) == 1 and connection.dialect.name == "postgresql":
        added = {f"new_{name}": value for name, value in zip(_COLUMNS, rows[0], strict=True)}
        _ADD_AND_MOVE.change(connection, **added, signed=sign_head(keys, tenant_pk, seq, mac))
        head_moved(connection, tenant_pk, seq, mac)
        return
    _ADD.change_each(connection, rows)
    new = {"seq": seq, "mac": mac, "signature": sign_head(keys, tenant_pk, seq, mac)}
    if head:
        _MOVE_HEAD.change(connection, tenant=tenant_pk, **new)
        head_moved(connection, tenant_pk, seq, mac)
    else:
        connection.execute(sa.insert(audit_heads), {"tenant_pk": tenant_pk, **new})


def _chained(
    connection: Connection,
    keys: KeyRing,
    tenant_pk: int,
    entries: Sequence[Mapping[str, object]],
    head: Sequence[Any],
) -> tuple[list[list[object]], int, bytes]:
    """Return the rows of entries that follow the head of a chain, and its new head."""
    seq, mac = head
    rows: list[list[object]] = []
    acts = [cast("str | None", values.get("bulk")) for values in entries]
    for values, act, folded in zip(entries, acts, folds(connection, tenant_pk, acts), strict=True):
        seq += 1
        entry = {**values, "tenant_pk": tenant_pk, "seq": seq}
        mac = mac_of(keys, mac, entry)
        rows.append([*(entry[name] for name in SEALED), mac, act, folded])
    return rows, seq, mac


def _append_later(
    connection: RowsAhead, keys: KeyRing, tenant_pk: int, entries: Sequence[Mapping[str, object]]
) -> None:
    """Append entries together with the other changes of a body."""
    if connection.head is None or connection.head.tenant_pk != tenant_pk:
        raise NotAhead
    head = connection.moved or connection.head
    rows, seq, mac = _chained(connection, keys, tenant_pk, entries, (head.seq, head.mac))
    for row in rows:
        _ADD.change_one(connection, **dict(zip(_COLUMNS, row, strict=True)))
    connection.moved = Move(seq, mac, sign_head(keys, tenant_pk, seq, mac))


def spend_as_append(connection: sa.Connection, tenant_pk: int) -> None:
    """Take as long as appending an entry does, without changing anything, so that timing reveals nothing."""
    if head_of(connection, tenant_pk) is None:
        _HEAD.row(connection, tenant=tenant_pk)
    stay = sa.update(audit_heads).where(audit_heads.c.tenant_pk == tenant_pk).values(seq=audit_heads.c.seq)
    # As many statements as `append` takes on this database.
    for _ in range(1 if connection.dialect.name == "postgresql" else 2):
        connection.execute(stay)


def _newest_of(tenant_pk: int, actions: Sequence[str], limit: int) -> sa.Select[tuple[int]]:
    """Return the newest entries of each action, so that others between them are not read, however many there are."""
    each = [
        sa.select(
            sa.select(audit.c.pk)
            .where(audit.c.tenant_pk == tenant_pk, audit.c.action == action)
            .order_by(audit.c.seq.desc())
            .limit(limit)
            .subquery()
        )
        for action in actions
    ]
    return sa.select(sa.union_all(*each).subquery().c.pk)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Conditions on entries, each of which applies if it is set."""

    search: str = ""
    actor: str = ""
    actor_ids: Sequence[str] = ()
    actions: Sequence[str] = ()
    outcome: str = ""
    target_id: str = ""
    ticket: str = ""
    address: str = ""
    act: str = ""
    since: int | None = None
    until: int | None = None

    def conditions(self, table: sa.FromClause) -> list[sa.ColumnElement[bool]]:
        """Return the conditions on the table of the audit, or on another name of it."""
        c = table.c
        exact = {"outcome": self.outcome, "target_id": self.target_id, "ticket": self.ticket, "address": self.address}
        found = [c[name] == value for name, value in exact.items() if value]
        if self.act:
            found.append(c.bulk == self.act)
        if self.actions:
            found.append(c.action.in_(self.actions))
        if self.actor:
            found.append(sa.or_(c.actor == self.actor, c.actor_id.in_(self.actor_ids)))
        if self.since is not None:
            found.append(c.at >= self.since)
        if self.until is not None:
            found.append(c.at < self.until)
        for word in self.search.split():
            fields = (c.actor, c.action, c.target, c.reason, c.ticket)
            found.append(sa.or_(*(contains(field, word) for field in fields)))
        return found


def entries(
    connection: sa.Connection,
    tenant_pk: int,
    filters: Filters,
    *,
    limit: int,
    before: int | None = None,
    fold: bool = False,
) -> list[sa.Row[tuple[object, ...]]]:
    """Return entries, newest first, and with `fold` only the oldest that matches of each act on many users.

    `before` is a sequence number.
    """
    query = sa.select(audit).where(audit.c.tenant_pk == tenant_pk).order_by(audit.c.seq.desc()).limit(limit)
    actions = filters.actions
    if len(actions) > 1 and limit <= _FEW and not fold and before is None and filters == Filters(actions=actions):
        return list(connection.execute(query.where(audit.c.pk.in_(_newest_of(tenant_pk, actions, limit)))))
    if before is not None:
        query = query.where(audit.c.seq < before)
    which = filters.conditions(audit)
    if fold and not which:
        query = query.where(audit.c.folded.is_(sa.false()))
    elif fold:
        # The entry that represents an act may not match the filters. Then the oldest one that does represents it.
        older = audit.alias("older")
        same = (older.c.tenant_pk == tenant_pk, older.c.bulk == audit.c.bulk, older.c.seq < audit.c.seq)
        hidden = sa.exists().where(*same, *filters.conditions(older))
        query = query.where(sa.or_(audit.c.folded.is_(sa.false()), sa.not_(hidden)))
    return list(connection.execute(query.where(*which)))


def act_sizes(connection: sa.Connection, tenant_pk: int, filters: Filters, acts: Sequence[str]) -> dict[str, int]:
    """Return how many entries of each act match."""
    return sizes(connection, tenant_pk, acts, *filters.conditions(audit))


def ids_at(connection: sa.Connection, tenant_pk: int, seqs: Sequence[int]) -> dict[int, str]:
    """Return the ids of the entries at these positions."""
    query = sa.select(audit.c.seq, audit.c.id).where(audit.c.tenant_pk == tenant_pk)
    found: dict[int, str] = {}
    for start in range(0, len(seqs), 500):
        some = query.where(audit.c.seq.in_(seqs[start : start + 500]))
        found.update((row.seq, row.id) for row in connection.execute(some))
    return found
