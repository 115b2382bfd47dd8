"""In which tenant an operation writes, as the operation itself names it."""

from __future__ import annotations

from typing import Any

from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.caller import Bearer, Credential
from secconsole.service.authorise import is_token
from secconsole.store.claim import NOTHING, Claim
from secconsole.store.keys import token_hash


def claim_of(operation: Operation[Any], credential: Credential) -> Claim:
    """What to have for oneself before anything is read: the named tenant, else the challenge's, else the bearer's."""
    tenant = getattr(operation, "tenant", "")
    if tenant:
        return Claim(tenant=tenant)
    challenge = getattr(operation, "challenge", None)
    if isinstance(challenge, Secret):
        return Claim(challenge=token_hash(challenge))
    if isinstance(credential, Bearer):
        hashed = token_hash(credential.token)
        return Claim(token=hashed) if is_token(credential.token) else Claim(session=hashed)
    return NOTHING
