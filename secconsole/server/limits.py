"""How much patience and room the server has for one client."""

from __future__ import annotations

import resource
from dataclasses import dataclass

from secconsole.domain.errors import Unavailable

TOLD = 32  # connections beyond the limit that are still answered that there are too many
_OTHER_FILES = 64  # the store, its log, libraries, listening sockets


@dataclass(frozen=True, slots=True)
class Limits:
    """Times in seconds, sizes in bytes."""

    connections: int = 512
    handshake: float = 10.0
    head: float = 10.0  # until the request line and headers are there
    body: float = 60.0  # until the body is there: 4 MiB on a slow line
    unread: float = 30.0  # an answer that the client does not take
    idle: int = 20  # between two requests; longer than clients keep a connection, so that they are who close it
    stop: int = 10  # for requests under way when the server is told to stop
    head_bytes: int = 32 * 1024


def make_room(connections: int) -> None:
    """Raise the number of files this process may open, as far as it may; raise `Unavailable` if that is too few."""
    needed = connections + TOLD + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    except (OSError, ValueError, OverflowError):
        raise Unavailable(
            f"{connections:,} connections need {needed:,} open files, and {hard:,} are allowed. "
            "Raise LimitNOFILE= (or ulimit -n), or lower --limit-concurrency."
        ) from None
