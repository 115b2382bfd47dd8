"""Interface of every backend: performing operations, and notices of changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from enum import Enum
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from secconsole.domain.errors import Unavailable

if TYPE_CHECKING:  # the console loads this module before its first frame
    from secconsole.operations.base import Operation
    from secconsole.operations.caller import Credential

R = TypeVar("R")


class Notice(Enum):
    """Notice of changes: made through this backend only, or also by others."""

    OWN = "own"
    OTHERS = "others"


class Backend(Protocol):
    """Performs operations with `credential`, which is set after signing in or out.

    Errors are those of `secconsole.domain.errors`, the same from every backend.
    """

    credential: Credential
    title: str  # a path or an address, for headers and messages

    async def perform(self, operation: Operation[R]) -> R:
        """Perform an operation and return its reply, or raise a `SecconsoleError` if it was not done."""
        ...

    def changes(self) -> AsyncIterator[Notice]:
        """Yield once after each change that the caller may see.

        Several changes may count as one. It is `OWN` if all were made by acknowledged requests of this backend.

        A remote backend also yields once when the connection is established, and raises `Unavailable` when it is lost.
        Call again then.
        """
        ...

    async def close(self) -> None:
        """Release files and threads.

        Acknowledged changes are on disk already.
        """
        ...


@runtime_checkable
class Remote(Protocol):
    """A backend at the other end of a connection, which may be slow or lost."""

    async def reach(self) -> None:
        """Probe the backend, or raise `NoAnswer` if it does not reply soon."""
        ...

    def silent_for(self) -> float:
        """Return the seconds since anything was last received."""
        ...


class NoAnswer(Unavailable):
    """No response came from the server.

    `brief` is the short text for a header.

    `perhaps_done`: the request was sent, so that it may have been done.
    """

    def __init__(self, message: str, brief: str = "server not reached", *, perhaps_done: bool = False) -> None:
        super().__init__(message)
        self.brief = brief
        self.perhaps_done = perhaps_done


class NotTrusted(NoAnswer):
    """The server could not prove its identity, and nothing was sent to it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "server not trusted")
