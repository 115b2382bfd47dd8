"""Columns of a factor that depend on its key: sealed, recognisable, and marked if it is short."""

from __future__ import annotations

from secconsole.domain.factors.otpauth import key_text
from secconsole.domain.secret import Secret
from secconsole.domain.seeds.seed import STRONG_SEED
from secconsole.service.context import Context
from secconsole.service.factors.codes import seal_seed, seed_of
from secconsole.store.rows import FactorRecord, UserRecord
from secconsole.store.sealing.keys import DamagedSecret


def key_columns(context: Context, user: UserRecord, factor_id: str, seed: Secret[bytes]) -> dict[str, object]:
    """Return the columns for a key."""
    return {
        "sealed": seal_seed(context, user, factor_id, seed),
        "key_digest": key_digest(context, user, seed),
        "weak_key": len(seed.reveal()) < STRONG_SEED,
    }


def key_digest(context: Context, user: UserRecord, seed: Secret[bytes]) -> bytes:
    """Return a keyed digest of user and key, which says nothing about other users with the same key."""
    return context.keys.lookup(f"factor key {user.id} {key_text(seed)}")


def digest_of(context: Context, user: UserRecord, factor: FactorRecord) -> bytes | None:
    """Return the digest of a factor's key, computed for one that was bound before digests were kept."""
    if factor.key_digest is not None or factor.sealed is None:
        return factor.key_digest
    try:
        return key_digest(context, user, seed_of(context, user, factor))
    except DamagedSecret as error:
        context.damaged.append(error.place)
        return None
