"""Verification of audit chains: entry by entry up to the signed head, and against heads kept elsewhere.

A tenant has one chain today. Formats and functions here name the chain, so that each server can have its own.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from secconsole.store.audit_log.audit_acts import first_wrong_fold
from secconsole.store.audit_log.audit_checkpoints import Checkpoint, Link, checkpoint_of
from secconsole.store.audit_log.audit_seal import MAIN as MAIN
from secconsole.store.audit_log.audit_seal import SEALED, mac_of_values, sign_head
from secconsole.store.schema import audit, audit_heads
from secconsole.store.sealing.keys import KeyRing

_BATCH = 1_000  # rows in memory
_ENTRIES: Any = sa.select(*(audit.c[name] for name in SEALED), audit.c.mac, audit.c.bulk, audit.c.folded)
_COUNT = len(SEALED)


@dataclass(frozen=True, slots=True)
class Broken:
    """First position at which a chain is broken, and the reason.

    `entry`: the id of the entry there, or None if no entry is there.
    """

    position: int
    entry: str | None
    problem: str


@dataclass(frozen=True, slots=True)
class Walked:
    """Result of a walk along a chain: how far it is intact, and where it breaks or continues.

    `newest`: the position that the head names, or of the last entry if there is no head. `removed`: the last entry that
    retention removed, from which the walk starts.
    """

    reached: Link
    newest: int
    broken: Broken | None = None
    is_over: bool = True
    removed: int = 0


@dataclass(frozen=True, slots=True)
class StoredHead:
    """The signed head of a chain as the store has it."""

    seq: int
    mac: bytes
    is_signed: bool


def stored_head(connection: sa.Connection, keys: KeyRing, tenant_pk: int) -> StoredHead | None:
    """Return the head of a tenant's chain as it is stored, or None if it is missing."""
    row = connection.execute(sa.select(audit_heads).where(audit_heads.c.tenant_pk == tenant_pk)).first()
    if row is None:
        return None
    signed = hmac.compare_digest(row.signature, sign_head(keys, tenant_pk, row.seq, row.mac))
    return StoredHead(row.seq, row.mac, signed)


def walk(
    connection: sa.Connection, keys: KeyRing, tenant_pk: int, start: Link | None = None, most: int | None = None
) -> Walked:
    """Verify a tenant's chain from a link on, at most so many entries, with a bounded number of rows in memory."""
    head = stored_head(connection, keys, tenant_pk)
    newest = head.seq if head else last_seq(connection, tenant_pk)
    checkpoint = checkpoint_of(connection, keys, tenant_pk)
    link = start or Link()
    removed = 0
    if checkpoint is not None:
        removed = checkpoint.link.seq
        if (wrong := wrong_before(connection, tenant_pk, checkpoint)) is not None:
            return Walked(Link(), newest, wrong, removed=removed)
        # Everything before the checkpoint is gone, so a walk from an earlier link begins at the checkpoint.
        if link.seq < removed:
            link = checkpoint.link
    query = _ENTRIES.where(audit.c.tenant_pk == tenant_pk, audit.c.seq > link.seq).order_by(audit.c.seq)
    if most is not None:
        query = query.limit(most)
    done = 0
    folded: list[Any] = []
    for row in connection.execute(query.execution_options(yield_per=_BATCH)):
        if row.seq != link.seq + 1:
            gap = Broken(link.seq + 1, row.id, _gap(link.seq + 1, row.seq - 1))
            return Walked(link, newest, gap, removed=removed)
        if row.mac != mac_of_values(keys, link.mac, row[:_COUNT]):
            misfit = Broken(row.seq, row.id, _misfit(connection, keys, tenant_pk, row, head))
            return Walked(link, newest, misfit, removed=removed)
        link = Link(row.seq, row.mac)
        done += 1
        if row.folded:
            folded.append(row)
        # In batches: a query for each folded entry would take longer than the chain itself.
        if len(folded) == _BATCH:
            if (hidden := _hidden(connection, tenant_pk, folded)) is not None:
                return Walked(link, newest, hidden, removed=removed)
            folded.clear()
    if (hidden := _hidden(connection, tenant_pk, folded)) is not None:
        return Walked(link, newest, hidden, removed=removed)
    if done == most:
        return Walked(link, newest, is_over=False, removed=removed)
    return Walked(link, newest, _at_end(head, link), removed=removed)


def check_chain(connection: sa.Connection, keys: KeyRing, tenant_pk: int) -> tuple[int, Broken | None]:
    """Verify a tenant's chain, and return how many entries are intact and where it breaks."""
    walked = walk(connection, keys, tenant_pk)
    return walked.reached.seq, walked.broken


def macs_at(connection: sa.Connection, tenant_pk: int, seqs: Sequence[int]) -> dict[int, tuple[str, bytes]]:
    """Return id and MAC of the entries at these positions."""
    query = sa.select(audit.c.seq, audit.c.id, audit.c.mac).where(audit.c.tenant_pk == tenant_pk)
    return {seq: (id, mac) for seq, id, mac in connection.execute(query.where(audit.c.seq.in_(seqs)))}


def last_seq(connection: sa.Connection, tenant_pk: int) -> int:
    """Return the position of a tenant's last entry, 0 if there is none."""
    query = sa.select(sa.func.max(audit.c.seq)).where(audit.c.tenant_pk == tenant_pk)
    return int(connection.execute(query).scalar_one() or 0)


def head_seq(connection: sa.Connection, tenant_pk: int) -> int:
    """Return the position that a tenant's head names, 0 if there is none."""
    query = sa.select(audit_heads.c.seq).where(audit_heads.c.tenant_pk == tenant_pk)
    return int(connection.execute(query).scalar() or 0)


def last_link(connection: sa.Connection, tenant_pk: int) -> Link:
    """Return the position that a tenant's head names, with the MAC there."""
    query = sa.select(audit_heads.c.seq, audit_heads.c.mac).where(audit_heads.c.tenant_pk == tenant_pk)
    row = connection.execute(query).first()
    return Link(row.seq, row.mac) if row else Link()


def time_after(connection: sa.Connection, tenant_pk: int, seq: int) -> int | None:
    """Return when the next entry after a position was written."""
    query = sa.select(audit.c.at).where(audit.c.tenant_pk == tenant_pk, audit.c.seq > seq)
    found: int | None = connection.execute(query.order_by(audit.c.seq).limit(1)).scalar()
    return found


def wrong_before(connection: sa.Connection, tenant_pk: int, checkpoint: Checkpoint) -> Broken | None:
    """Return what is wrong with a checkpoint, or with entries that it says are removed."""
    if not checkpoint.is_signed:
        return Broken(1, None, "the checkpoint of removed entries was changed")
    query = sa.select(audit.c.seq, audit.c.id).where(audit.c.tenant_pk == tenant_pk)
    row = connection.execute(query.where(audit.c.seq <= checkpoint.link.seq).order_by(audit.c.seq).limit(1)).first()
    return Broken(row.seq, row.id, "this entry was inserted in place of one that was removed") if row else None


def _at_end(head: StoredHead | None, link: Link) -> Broken | None:
    if head is None:
        # creating a tenant writes its first entry, so no chain is empty
        return Broken(link.seq + 1, None, "the signed head is missing" if link.seq else "the chain is missing")
    if not head.is_signed:
        return Broken(link.seq + 1, None, "the signed head was changed")
    if head.seq > link.seq:
        return Broken(link.seq + 1, None, f"the newest entries are missing: the head refers to entry {head.seq}")
    if head.seq < link.seq:
        return Broken(head.seq + 1, None, f"the signed head is an older one: it refers to entry {head.seq}")
    if head.mac != link.mac:
        return Broken(link.seq, None, "the signed head belongs to another last entry")
    return None


def _hidden(connection: sa.Connection, tenant_pk: int, rows: Sequence[Any]) -> Broken | None:
    """Return the first of these entries that folded lists hide although it is not part of a shown act."""
    row = first_wrong_fold(connection, tenant_pk, rows) if rows else None
    return Broken(row.seq, row.id, "this entry is hidden in the list of acts") if row is not None else None


def _gap(first: int, last: int) -> str:
    return f"entry {first} is missing" if first == last else f"entries {first} to {last} are missing"


def _misfit(connection: sa.Connection, keys: KeyRing, tenant_pk: int, row: Any, head: StoredHead | None) -> str:
    """Return what is wrong with an entry that its MAC does not fit.

    If the chain continues from its MAC, that one is the original, and the entry's content is not.
    """
    follows = _ENTRIES.where(audit.c.tenant_pk == tenant_pk, audit.c.seq == row.seq + 1)
    after = connection.execute(follows).first()
    if after is not None:
        was_changed = after.mac == mac_of_values(keys, row.mac, after[:_COUNT])
    else:
        was_changed = head is not None and head.is_signed and (head.seq, head.mac) == (row.seq, row.mac)
    return "this entry was changed" if was_changed else "this entry was inserted, moved or replaced"
