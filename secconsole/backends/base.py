"""What every backend is: it performs operations, says what it lacks, and tells of changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol, TypeVar

from secconsole.operations.base import Operation
from secconsole.operations.caller import Credential

R = TypeVar("R")


class Backend(Protocol):
    """Performs operations as whoever `credential` says; set it after signing in or out.

    Errors are those of `secconsole.domain.errors`, the same from every backend.
    """

    credential: Credential
    title: str  # what people call it: a path or an address, for headers and messages

    async def perform(self, operation: Operation[R]) -> R:
        """Do what is asked and return the reply; raise a `SecconsoleError` if it was not done."""
        ...

    def lacks(self, operation: type[Operation[object]]) -> str:
        """Why this backend cannot do a kind of operation, in words for the person; empty if it can."""
        ...

    def changes(self) -> AsyncIterator[None]:
        """Yield once after anything changed in the store, by whomever; many changes may come as one."""
        ...

    async def close(self) -> None:
        """Give back files and threads; what was acknowledged is on disk already."""
        ...
