"""Heads of audit chains to keep outside the store, and the comparison of the store with them.

An attacker who can write to the store can cut off the end of a chain and restore the head of that time, which is
signed correctly. A head that was kept elsewhere names an entry that is no longer there.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from secconsole.domain.errors import Conflict, Invalid
from secconsole.domain.limits import MOST_EXACT
from secconsole.domain.text import visible
from secconsole.operations.audit import AuditHead, HeadProblem, HeadsCheck
from secconsole.service.context import when
from secconsole.store.audit_log import audit_chain
from secconsole.store.audit_log.audit_chain import MAIN, stored_head
from secconsole.store.audit_log.audit_checkpoints import checkpoint_of
from secconsole.store.audit_log.audit_seal import key_id, sign_anchor
from secconsole.store.rows import TenantRow
from secconsole.store.sealing.keys import KeyRing
from secconsole.store.tenants import all_tenants


def signed_head(connection: sa.Connection, keys: KeyRing, tenant: TenantRow, now: int) -> AuditHead:
    """Return the head of a tenant's chain, or raise `Conflict` if the store's own is missing or was changed."""
    head = stored_head(connection, keys, tenant.pk)
    if head is None or not head.is_signed:
        wrong = "is missing" if head is None else "was changed"
        raise Conflict(f"The signed head of {tenant.name} {wrong}. Find out what else: secconsole audit verify")
    signature = sign_anchor(keys, tenant.id, MAIN, head.seq, head.mac, now)
    return AuditHead(tenant.name, tenant.id, MAIN, head.seq, head.mac.hex(), when(now), key_id(keys), signature.hex())


def signed_heads(connection: sa.Connection, keys: KeyRing, now: int) -> tuple[list[AuditHead], list[str]]:
    """Return the heads of all tenants, and the names of those whose stored head is missing or was changed."""
    heads, unsigned = [], []
    for tenant in all_tenants(connection):
        try:
            heads.append(signed_head(connection, keys, tenant, now))
        except Conflict:
            unsigned.append(tenant.name)
    return heads, unsigned


def compare_heads(
    connection: sa.Connection, keys: KeyRing, tenant: TenantRow, heads: Sequence[AuditHead]
) -> HeadsCheck:
    """Compare a tenant's chain with heads that were kept outside the store."""
    if any(not 1 <= head.seq <= MOST_EXACT for head in heads):
        raise Invalid("A head names an entry that no chain can have.", "heads")
    own = [(number, head) for number, head in enumerate(heads) if _is_of(tenant, head)]
    last = audit_chain.last_seq(connection, tenant.pk)
    found = audit_chain.macs_at(connection, tenant.pk, [head.seq for _, head in own])
    checkpoint = checkpoint_of(connection, keys, tenant.pk)
    removed = checkpoint.link.seq if checkpoint is not None and checkpoint.is_signed else 0
    problems, older = [], 0
    for number, head in own:
        if problem := _unsigned(keys, tenant, head):
            problems.append(HeadProblem(number, problem))
        elif head.chain != MAIN or not last:
            problems.append(HeadProblem(number, f"the chain {visible(head.chain)} is missing", 1))
        elif head.seq > last:
            problems.append(HeadProblem(number, _cut(last, head.seq), last + 1))
        elif head.seq < removed:
            older += 1
        elif checkpoint is not None and head.seq == removed:
            if checkpoint.link.mac != _bytes(head.mac):
                wrong = "the last entry that was removed differs from the one when the head was signed"
                problems.append(HeadProblem(number, wrong, head.seq))
        elif head.seq not in found:
            problems.append(HeadProblem(number, f"entry {head.seq} is missing", head.seq))
        elif found[head.seq][1] != _bytes(head.mac):
            wrong = "this entry, or one before it, differs from the one when the head was signed"
            problems.append(HeadProblem(number, wrong, head.seq, found[head.seq][0]))
    return HeadsCheck(len(own) - len(problems) - older, len(heads) - len(own), tuple(problems), older)


def _is_of(tenant: TenantRow, head: AuditHead) -> bool:
    """Return True for a head of this tenant, or of another one with its name, such as one in a replaced store."""
    return head.tenant_id == tenant.id or head.tenant.casefold() == tenant.name.casefold()


def _unsigned(keys: KeyRing, tenant: TenantRow, head: AuditHead) -> str:
    if head.key_id != key_id(keys):
        return f"the head was signed by another store, with the key {visible(head.key_id)}"
    signed = sign_anchor(keys, tenant.id, head.chain, head.seq, _bytes(head.mac), _milliseconds(head.at))
    is_right = hmac.compare_digest(signed, _bytes(head.signature))
    return "" if is_right else "the head was changed: its signature is wrong"


def _cut(last: int, seq: int) -> str:
    return f"the newest entries are missing: the chain ends at entry {last}, and the head names entry {seq}"


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
