"""Checkpoints: the last entry that retention removed from a chain, signed, from which verification starts.

Without the key nobody can make one for another entry, so removing or shifting a checkpoint looks like missing entries.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

import sqlalchemy as sa

from secconsole.store.audit_log.audit_seal import MAIN, START, sign_checkpoint
from secconsole.store.schema import audit_checkpoints
from secconsole.store.sealing.keys import KeyRing

_ROW = audit_checkpoints.c


@dataclass(frozen=True, slots=True)
class Link:
    """Position in a chain up to which it is verified, with the MAC of the entry there."""

    seq: int = 0
    mac: bytes = START


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Checkpoint of a chain as the store has it, made at a time in milliseconds."""

    link: Link
    at: int
    is_signed: bool


def checkpoint_of(connection: sa.Connection, keys: KeyRing, tenant_pk: int) -> Checkpoint | None:
    """Return the checkpoint of a tenant's chain, or None if nothing was removed from it."""
    query = sa.select(audit_checkpoints).where(_ROW.tenant_pk == tenant_pk, _ROW.chain == MAIN)
    row = connection.execute(query).first()
    if row is None:
        return None
    right = sign_checkpoint(keys, tenant_pk, MAIN, row.seq, row.mac, row.at)
    return Checkpoint(Link(row.seq, row.mac), row.at, hmac.compare_digest(row.signature, right))


def move_checkpoint(connection: sa.Connection, keys: KeyRing, tenant_pk: int, link: Link, now: int) -> None:
    """Sign the last entry that was removed."""
    signed = sign_checkpoint(keys, tenant_pk, MAIN, link.seq, link.mac, now)
    values = {"seq": link.seq, "mac": link.mac, "at": now, "signature": signed}
    this = sa.and_(_ROW.tenant_pk == tenant_pk, _ROW.chain == MAIN)
    if connection.execute(sa.update(audit_checkpoints).where(this).values(values)).rowcount == 0:
        connection.execute(sa.insert(audit_checkpoints).values(tenant_pk=tenant_pk, chain=MAIN, **values))


def link_before_first(connection: sa.Connection, tenant_pk: int, chain: str = MAIN) -> Link:
    """Return the position before the oldest entry that a chain still has."""
    query = sa.select(_ROW.seq, _ROW.mac).where(_ROW.tenant_pk == tenant_pk, _ROW.chain == chain)
    row = connection.execute(query).first()
    return Link(row.seq, row.mac) if row else Link()
