"""One request on its way through the pipeline: an operation, who sends it from where, and its handler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from secconsole.domain.networks.network import network_of
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.caller import Credential, Source
from secconsole.service.context import PasswordCheck
from secconsole.service.idempotency import IdempotentRequest
from secconsole.service.registry import Handler
from secconsole.service.tenant_lock import lock_of
from secconsole.store.engine.ahead import Ahead
from secconsole.store.engine.tenant_lock import TenantLock


@dataclass(frozen=True, slots=True)
class Invocation:
    """An operation with its handler and its sender. `idempotent` is None for a request without an Idempotency-Key."""

    operation: Operation[Any]
    handler: Handler
    credential: Credential
    source: Source
    idempotent: IdempotentRequest | None

    @property
    def writes(self) -> bool:
        """True if the operation changes the store."""
        return self.operation.spec.writes

    @property
    def lock(self) -> TenantLock:
        """The lock that its write transactions acquire."""
        return lock_of(self.operation, self.credential)

    @property
    def ahead(self) -> Ahead | None:
        """Rows that its write transaction can read in advance."""
        find = self.handler.ahead
        return find(self.operation, self.credential, self.source) if find is not None else None

    @property
    def caller(self) -> str:
        """The network that the request is counted for where callers take turns, or empty if it is from this machine."""
        return (network_of(self.source.address) or self.source.address) if self.source.address else ""


@dataclass(slots=True)
class Prepared:
    """Work done for an operation before its transaction."""

    check: PasswordCheck | None = None
    made: object = None
    passwords: Sequence[Secret[str]] = ()
    hashes: Sequence[str] = ()


def split(invocation: Invocation, prepared: Prepared | None) -> Sequence[Prepared]:
    """Return what each transaction of an operation works with, which is nothing for a request that is known."""
    if prepared is None:
        return ()
    parts = invocation.handler.parts
    if parts is None:
        return (prepared,)
    found = parts.split(invocation.operation, prepared.made, prepared.hashes)
    return [replace(prepared, made=made, hashes=hashes) for made, hashes in found]
