"""Tenant in which an operation writes, as the operation names it."""

from __future__ import annotations

from typing import Any

from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.caller import Bearer, Credential
from secconsole.service.authorise import is_token
from secconsole.store.engine.tenant_lock import NO_LOCK, TenantLock
from secconsole.store.sealing.keys import token_hash


def lock_of(operation: Operation[Any], credential: Credential) -> TenantLock:
    """Return the lock to acquire before reading: the named tenant, else the challenge's, else the bearer's."""
    tenant = getattr(operation, "tenant", "")
    if tenant:
        return TenantLock(tenant=tenant)
    challenge = getattr(operation, "challenge", None)
    if isinstance(challenge, Secret):
        return TenantLock(challenge=token_hash(challenge))
    if isinstance(credential, Bearer):
        hashed = token_hash(credential.token)
        return TenantLock(token=hashed) if is_token(credential.token) else TenantLock(session=hashed)
    return NO_LOCK
