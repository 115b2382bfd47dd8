"""What every backend is: it performs operations, says what it lacks, and tells of changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from secconsole.domain.errors import Unavailable

if TYPE_CHECKING:  # the console loads this module before its first frame
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
        """Yield once after anything changed in the store, by whomever; many changes may come as one.

        Where there is a line between, also once when it stands; `Unavailable` when it is lost: ask anew then.
        """
        ...

    async def close(self) -> None:
        """Give back files and threads; what was acknowledged is on disk already."""
        ...


@runtime_checkable
class Remote(Protocol):
    """A backend at the other end of a line, which may be slow or lost."""

    async def reach(self) -> None:
        """Ask for a sign of life; raise `NoAnswer` if none comes soon."""
        ...

    def silent_for(self) -> float:
        """Seconds since anything last came over the line."""
        ...


class NoAnswer(Unavailable):
    """Nothing came from the other end of the line. `brief` says so in a few words, for a header.

    `perhaps_done`: the request was on its way, so that it may have been done all the same.
    """

    def __init__(self, message: str, brief: str = "server not reached", *, perhaps_done: bool = False) -> None:
        super().__init__(message)
        self.brief = brief
        self.perhaps_done = perhaps_done


class NotTrusted(NoAnswer):
    """The server could not prove who it is; nothing was sent to it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "server not trusted")
