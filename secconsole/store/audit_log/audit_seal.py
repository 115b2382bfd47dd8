"""MACs of audit entries, and signatures of the heads of their chains."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from secconsole.store.sealing.keys import KeyRing

# Every existing MAC covers these columns in this order, so neither may change without another version of the chain.
SEALED = (
    "id",
    "tenant_pk",
    "seq",
    "at",
    "actor",
    "actor_id",
    "action",
    "target",
    "target_id",
    "outcome",
    "reason",
    "ticket",
    "channel",
    "address",
    "request_id",
    "details",
)
MAIN = "main"  # the name of the one chain of a tenant
START = b"\0" * 32
# Fixed for good, because the MAC of an entry has to be the same in every later version.
_ENCODER = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))


def mac_of(keys: KeyRing, before: bytes, entry: Mapping[str, object]) -> bytes:
    """Return the MAC of an entry over the MAC of the one before it."""
    return mac_of_values(keys, before, [entry[name] for name in SEALED])


def mac_of_values(keys: KeyRing, before: bytes, values: Sequence[object]) -> bytes:
    """Return the same for the values of an entry in the order of `SEALED`."""
    return keys.audit_mac(before + _ENCODER.encode(values).encode())


def sign_head(keys: KeyRing, tenant_pk: int, seq: int, mac: bytes) -> bytes:
    """Return the signature of the head that the store keeps."""
    # The text before the content keeps a signature of one kind from passing for one of another kind, here and below.
    return keys.audit_mac(b"head" + json.dumps([tenant_pk, seq]).encode() + mac)


def sign_anchor(keys: KeyRing, tenant_id: str, chain: str, seq: int, mac: bytes, at: int) -> bytes:
    """Return the signature of a head that is kept outside the store, at a time in milliseconds."""
    return keys.audit_mac(b"anchor" + _ENCODER.encode([tenant_id, chain, seq, mac.hex(), at]).encode())


def sign_checkpoint(keys: KeyRing, tenant_pk: int, chain: str, seq: int, mac: bytes, at: int) -> bytes:
    """Return the signature of the last entry that retention removed, at a time in milliseconds."""
    return keys.audit_mac(b"checkpoint" + _ENCODER.encode([tenant_pk, chain, seq, mac.hex(), at]).encode())


def key_id(keys: KeyRing) -> str:
    """Return a name for the key that signs the audit, which rotations of the master key do not change."""
    return keys.audit_mac(b"key id")[:8].hex()
