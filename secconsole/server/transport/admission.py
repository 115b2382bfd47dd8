"""Admission of connections under load: each origin has its share, and idle connections are evicted first.

An origin is the source of requests (`domain/networks/origin.py`), or the OS user behind a UNIX socket. A request from a
named proxy counts for the client that the proxy names, and the proxy's idle connections count for no origin. If a share
or the total is used up, the connection that has waited longest for its client is closed, never one whose request is
being answered. So an unfinished request cannot keep a complete one out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from secconsole.domain.throttling.token_bucket import Buckets, TokenBuckets
from secconsole.server.transport.limits import MOST_ORIGINS, TOLD, Limits

TOO_MANY = (503, "busy", "Too many connections are open. Try again in a moment.")
TOO_MANY_HERE = (429, "too-many-connections", "Too many connections come from your address. Try again in a moment.")

Refusal = tuple[int, str, str]


class Stage(Enum):
    """Stage of a connection: waiting for the rest of a request, its answer, or the next request."""

    UNFINISHED = auto()
    ANSWERING = auto()
    IDLE = auto()


@dataclass(eq=False, slots=True)
class Seat:
    """One connection.

    `home` is the origin that opened it, None for a named proxy. `evict` closes it.
    """

    home: str | None
    evict: Callable[[], None]
    origin: str | None = None
    stage: Stage = Stage.UNFINISHED
    is_taken: bool = True


@dataclass(slots=True)
class _Share:
    """The connections of one origin, with those that wait for their client by stage, longest wait first."""

    open: int = 0
    unfinished: dict[Seat, None] = field(default_factory=dict)
    idle: dict[Seat, None] = field(default_factory=dict)

    def longest(self, but: Seat | None = None) -> Seat | None:
        """Return the connection to close."""
        return next((seat for seats in (self.unfinished, self.idle) for seat in seats if seat is not but), None)

    @property
    def waiting(self) -> int:
        return len(self.unfinished) + len(self.idle)


class Elsewhere(Protocol):
    """Connections to other processes of the same server, for which the limits hold together."""

    def add(self, origin: str | None, change: int) -> None:
        """Count a connection of this process, or one less."""

    def open(self) -> int: ...

    def open_from(self, origin: str) -> int: ...


class Alone:
    """No other process."""

    def add(self, origin: str | None, change: int) -> None:
        """Do nothing, because nobody else asks."""

    def open(self) -> int:
        return 0

    def open_from(self, origin: str) -> int:
        return 0


class Admission:
    """Counters of the connections of one process, with those of others known as `elsewhere`.

    Only own connections can be evicted. If others have them all, new ones are refused.
    """

    def __init__(
        self,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
        *,
        elsewhere: Elsewhere | None = None,
        openings: Buckets | None = None,
        evictions: Buckets | None = None,
    ) -> None:
        self._limits = limits
        self._elsewhere = elsewhere or Alone()
        self._shares: dict[str | None, _Share] = {}
        self._clock = clock
        self._openings = openings or TokenBuckets(limits.openings, MOST_ORIGINS)
        self._evictions = evictions or TokenBuckets(limits.evictions, MOST_ORIGINS)
        self.open = self.evicted = 0

    def may_open(self, home: str | None) -> bool:
        """Return False for an origin that opens too many connections, or too many without effect."""
        if home is None:
            return True
        now = self._clock()
        if self._openings.wait(home, now) or self._evictions.wait(home, now):
            return False
        self._openings.spend(home, now)
        return True

    def enter(self, home: str | None, evict: Callable[[], None]) -> Seat | None:
        """Count a new connection, or return None if there is no room even to refuse its requests."""
        if home is not None and self._open_from(home) >= self._limits.per_origin:
            self._make_room(self._share(home))
        if self._open_everywhere() >= self._limits.connections:
            self._make_room_anywhere()
        if self._open_everywhere() >= self._limits.connections + TOLD:
            self._tidy(home)
            return None
        seat = Seat(home, evict, home)
        self.open += 1
        self._add(seat, home, Stage.UNFINISHED)
        return seat

    def ask(self, seat: Seat, origin: str | None) -> Refusal | None:
        """Note the head of a request and its origin, and return the refusal if there is no room."""
        if not seat.is_taken:
            return None
        if origin != seat.origin:
            self._remove(seat)
            self._add(seat, origin, Stage.UNFINISHED)
        share = self._share(origin)
        if origin is not None and self._open_from(origin) > self._limits.per_origin:
            self._make_room(share, but=seat)
            if self._open_from(origin) > self._limits.per_origin:
                return TOO_MANY_HERE
        return TOO_MANY if self._open_everywhere() > self._limits.connections else None

    def await_client(self, seat: Seat) -> None:
        """Note that a request has begun to arrive."""
        self._move(seat, seat.origin, Stage.UNFINISHED)

    def answer(self, seat: Seat) -> None:
        """Note that the request has arrived completely."""
        self._move(seat, seat.origin, Stage.ANSWERING)

    def note_idle(self, seat: Seat) -> None:
        """Note that the request was answered, so that the next one may count for another origin."""
        self._move(seat, seat.home, Stage.IDLE)

    def leave(self, seat: Seat) -> None:
        """Forget a connection, unless it was evicted and forgotten before."""
        if seat.is_taken:
            seat.is_taken = False
            self.open -= 1
            self._remove(seat)

    def make_room(self) -> bool:
        """Close the connection that is most expendable, or return False if none is."""
        before = self.evicted
        self._make_room_anywhere()
        return self.evicted > before

    def _open_everywhere(self) -> int:
        return self.open + self._elsewhere.open()

    def _open_from(self, origin: str) -> int:
        return self._share(origin).open + self._elsewhere.open_from(origin)

    def _share(self, origin: str | None) -> _Share:
        share = self._shares.get(origin)
        if share is None:
            share = self._shares[origin] = _Share()
        return share

    def _tidy(self, origin: str | None) -> None:
        if self._share(origin).open == 0:
            del self._shares[origin]

    def _move(self, seat: Seat, origin: str | None, stage: Stage) -> None:
        if not seat.is_taken:
            return
        if seat.origin != origin:
            self._remove(seat)
            self._add(seat, origin, stage)
        elif seat.stage is not stage:  # three times for each request
            share = self._shares[origin]
            share.unfinished.pop(seat, None)
            share.idle.pop(seat, None)
            self._place(share, seat, stage)

    def _add(self, seat: Seat, origin: str | None, stage: Stage) -> None:
        share = self._share(origin)
        share.open += 1
        self._elsewhere.add(origin, 1)
        seat.origin = origin
        self._place(share, seat, stage)

    def _place(self, share: _Share, seat: Seat, stage: Stage) -> None:
        seat.stage = stage
        if stage is Stage.UNFINISHED:
            share.unfinished[seat] = None
            if seat.origin is not None and len(share.unfinished) > self._limits.unfinished:
                self._hang_up(next(iter(share.unfinished)))
        elif stage is Stage.IDLE:
            share.idle[seat] = None

    def _remove(self, seat: Seat) -> None:
        share = self._share(seat.origin)
        share.open -= 1
        self._elsewhere.add(seat.origin, -1)
        share.unfinished.pop(seat, None)
        share.idle.pop(seat, None)
        self._tidy(seat.origin)

    def _make_room(self, share: _Share, but: Seat | None = None) -> None:
        if (seat := share.longest(but)) is not None:
            self._hang_up(seat)

    def _make_room_anywhere(self) -> None:
        """Evict a connection of the origin with the most waiting ones, never a proxy's."""
        shares = [share for origin, share in self._shares.items() if origin is not None and share.waiting]
        if shares:
            self._make_room(max(shares, key=lambda share: share.waiting))

    def _hang_up(self, seat: Seat) -> None:
        self.leave(seat)
        self.evicted += 1
        if seat.home is not None:
            self._evictions.spend(seat.home, self._clock())
        seat.evict()
