"""Clients that perform the operations of one conversation, in the store of this machine or at a server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from secconsole.backends.http import HttpBackend
from secconsole.operations.base import Operation
from secconsole.operations.caller import Nobody, Source

if TYPE_CHECKING:
    from secconsole.backends.embedded import EmbeddedBackend

R = TypeVar("R")
CHANNEL = "pam"


class Service(Protocol):
    async def perform(self, operation: Operation[R]) -> R:
        """Perform an operation of a sign-in, whose client is at the address that the conversation began with."""
        ...

    async def close(self) -> None: ...


class Embedded:
    """Conversation with the store of this machine."""

    def __init__(self, backend: EmbeddedBackend, address: str) -> None:
        self._backend, self._source = backend, Source(CHANNEL, address)

    async def perform(self, operation: Operation[R]) -> R:
        return await self._backend.perform_as(operation, Nobody(), self._source)

    async def close(self) -> None:
        """Do nothing: the store stays open for other conversations."""


class Remote:
    """Conversation with a server, over connections of its own.

    The client's address counts if the server trusts this machine as a proxy.
    """

    def __init__(self, url: str, ca_file: Path | None, address: str) -> None:
        self._backend = HttpBackend(url, Nobody(), ca_file, forwarded_for=address)

    async def perform(self, operation: Operation[R]) -> R:
        return await self._backend.perform(operation)

    async def close(self) -> None:
        await self._backend.close()
