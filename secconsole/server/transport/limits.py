"""Limits of time and room, for one client and for all of an origin."""

from __future__ import annotations

import resource
from dataclasses import dataclass

from secconsole.domain.errors import Unavailable
from secconsole.domain.throttling.token_bucket import Rate

REFUSED = Rate(burst=30, per_minute=30)  # sign-ins of one origin
OPENINGS = Rate(burst=1_000, per_minute=30_000)  # connections of one origin; no honest client opens so many
EVICTIONS = Rate(burst=1_000, per_minute=1_200)  # of these, evicted for others of the same origin
MOST_ORIGINS = 20_000  # whose rates are remembered
TOLD = 32  # connections beyond the limit that still receive a refusal
_OTHER_FILES = 64  # the store, its log, libraries, listening sockets


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the server: times in seconds, sizes in bytes."""

    connections: int = 512
    per_origin: int = 128  # connections of one address, IPv6 network or OS user
    unfinished: int = 32  # of these, connections that wait for the rest of a request
    queued: int = 8  # pipelined requests of one connection
    openings: Rate = OPENINGS
    evictions: Rate = EVICTIONS
    refused: Rate = REFUSED
    handshake: float = 10.0
    farewell: float = 2.0  # for the client to end an encrypted connection
    head: float = 10.0  # for the request line and headers
    body: float = 60.0  # for the body: 4 MiB on a slow connection
    unread: float = 30.0  # for a response that the client does not read
    idle: int = 20  # between two requests; longer than in clients, so that they close the connection
    stop: int = 10  # for requests in progress at shutdown
    head_bytes: int = 32 * 1024


def make_room(connections: int) -> None:
    """Raise the limit of open files as far as permitted, or raise `Unavailable` if that is too low."""
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
