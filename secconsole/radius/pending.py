"""Sign-ins that wait for their next packet, and replies that a repeated packet gets again."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from secconsole.domain.secret import Secret
from secconsole.operations.signin import OfferedFactor

Clock = Callable[[], float]
Place = tuple[str, int]

WAITS = 300  # seconds until a sign-in that waits is forgotten
MOST_WAITING = 20_000
REPEATED = 30  # seconds in which a packet counts as a repetition
MOST_REPLIES = 20_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """A sign-in of a user through one client.

    `choices`: what a single digit chooses.
    """

    client: str
    user: str
    challenge: Secret[str]
    factor: str = ""
    choices: tuple[OfferedFactor, ...] = ()


class WaitingSignIns:
    """Sign-ins by an unguessable State, each of which is taken once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._items: OrderedDict[bytes, tuple[float, Waiting]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._items)

    def add(self, waiting: Waiting) -> bytes:
        """Keep a sign-in and return its new State."""
        now, state = self._clock(), secrets.token_bytes(32)
        self._items[state] = now, waiting
        while self._items and (len(self._items) > MOST_WAITING or self._oldest() < now - WAITS):
            self._items.popitem(last=False)
        return state

    def take(self, state: bytes, client: str, user: str) -> Waiting | None:
        """Return the sign-in of a State, which ends with that."""
        begun, found = self._items.pop(state, (0.0, None))
        if found is None or begun < self._clock() - WAITS:
            return None
        return found if (found.client, found.user) == (client, user) else None

    def _oldest(self) -> float:
        return next(iter(self._items.values()))[0]


class Replies:
    """Replies by address, id and authenticator of their request: None while it is worked on."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._items: OrderedDict[tuple[Place, int, bytes], tuple[float, bytes | None]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._items)

    def begin(self, key: tuple[Place, int, bytes]) -> tuple[bool, bytes | None]:
        """Return True for a new request.

        For a repeated one return False, and its reply if it is known.
        """
        now = self._clock()
        while self._items and (len(self._items) >= MOST_REPLIES or self._oldest() < now - REPEATED):
            self._items.popitem(last=False)
        if key in self._items:
            return False, self._items[key][1]
        self._items[key] = now, None
        return True, None

    def end(self, key: tuple[Place, int, bytes], reply: bytes | None) -> None:
        """Keep the reply, or forget a request that got none, so that its repetition is a new attempt."""
        begun, _ = self._items.get(key, (None, None))
        if begun is None:
            return
        if reply is None:
            del self._items[key]
        else:
            self._items[key] = begun, reply

    def _oldest(self) -> float:
        return next(iter(self._items.values()))[0]
