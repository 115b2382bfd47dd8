"""Rate limit for refused sign-ins and bearer tokens of an origin.

Only a few sign-ins of an origin run at the same time, and the next ones wait for their results. So a hundred guesses
sent at once are not a hundred passwords to hash. Successful sign-ins do not count. Each server counts separately.
"""

from __future__ import annotations

import asyncio
import math
import time
from asyncio import CancelledError, Future, get_running_loop
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from secconsole.domain.errors import Conflict, NotFound, NotSignedIn, Throttled
from secconsole.domain.model import SignInStatus
from secconsole.domain.networks.origin import origin_in
from secconsole.domain.roles import Permission
from secconsole.domain.throttling.token_bucket import Buckets, Rate, TokenBuckets
from secconsole.operations.base import Operation
from secconsole.operations.caller import Bearer, Credential, Source
from secconsole.operations.signin import ConfirmBinding, SignInAnswer, VerifySignIn
from secconsole.server.routes import OperationExecutor
from secconsole.server.transport.limits import MOST_ORIGINS

R = TypeVar("R")

AT_ONCE = 8  # concurrent sign-ins of one origin; more would delay those of others
PENALTY = 1.0  # seconds before a throttled request is answered, so that a loop of them costs little
# No token can be guessed, but many invalid ones cost work, and may come from a faulty program.
BEARERS = Rate(300, 300)


@dataclass(slots=True)
class _Line:
    """The running and waiting sign-ins of one origin."""

    inside: int = 0
    waiting: deque[Future[float]] = field(default_factory=deque)


class Gate:
    """Gate for sign-ins by origin.

    `refused` is the burst and rate of refused ones, or the buckets of several gates.
    """

    def __init__(
        self,
        refused: Rate | Buckets,
        clock: Callable[[], float] = time.monotonic,
        *,
        bearers: Rate | Buckets = BEARERS,
    ) -> None:
        self._sign_ins = TokenBuckets(refused, MOST_ORIGINS) if isinstance(refused, Rate) else refused
        self._bearers = TokenBuckets(bearers, MOST_ORIGINS) if isinstance(bearers, Rate) else bearers
        self._clock = clock
        self._lines: dict[str, _Line] = {}

    async def enter(self, origin: str) -> None:
        """Wait for a turn, or raise `Throttled` if too many sign-ins of this origin were refused."""
        line = self._lines.setdefault(origin, _Line())
        try:
            wait = self._sign_ins.wait(origin, self._clock())
            if not wait and line.inside < self._places(origin):
                line.inside += 1
                return
            if not wait:
                turn: Future[float] = get_running_loop().create_future()
                line.waiting.append(turn)
                wait = await self._turn(origin, line, turn)
        finally:
            self._tidy(origin, line)
        if wait:
            raise throttled(wait, "sign-ins")

    def leave(self, origin: str, *, refused: bool) -> None:
        """End a turn, and let waiting sign-ins continue or fail."""
        if refused:
            self._sign_ins.spend(origin, self._clock())
        line = self._lines[origin]
        line.inside -= 1
        self._move_up(origin, line)
        self._tidy(origin, line)

    def count_bearer(self, origin: str) -> None:
        """Count a refused bearer token, and raise `Throttled` if there were too many."""
        now = self._clock()
        if wait := self._bearers.wait(origin, now):
            raise throttled(wait, "requests")
        self._bearers.spend(origin, now)

    async def _turn(self, origin: str, line: _Line, turn: Future[float]) -> float:
        try:
            return await turn
        except CancelledError:
            if turn.cancelled():
                line.waiting.remove(turn)
            elif turn.result() == 0:
                line.inside -= 1  # it was admitted just now
                self._move_up(origin, line)
            raise

    def _places(self, origin: str) -> int:
        """Return how many sign-ins may run: no more than may still be refused."""
        return min(AT_ONCE, int(self._sign_ins.level(origin, self._clock())))

    def _move_up(self, origin: str, line: _Line) -> None:
        wait = self._sign_ins.wait(origin, self._clock())
        while line.waiting and (wait or line.inside < self._places(origin)):
            turn = line.waiting.popleft()
            if not turn.done():
                line.inside += not wait
                turn.set_result(wait)

    def _tidy(self, origin: str, line: _Line) -> None:
        if not line.inside and not line.waiting:
            self._lines.pop(origin, None)


class Gated:
    """An executor behind a gate."""

    def __init__(self, executor: OperationExecutor, gate: Gate) -> None:
        self._executor, self._gate = executor, gate

    async def perform_as(self, operation: Operation[R], credential: Credential, source: Source) -> R:
        try:
            return await self._perform(operation, credential, source)
        except Throttled:
            await asyncio.sleep(PENALTY)
            raise

    async def _perform(self, operation: Operation[R], credential: Credential, source: Source) -> R:
        if operation.spec.permission is not Permission.NOBODY:
            try:
                return await self._executor.perform_as(operation, credential, source)
            except NotSignedIn:
                if isinstance(credential, Bearer) and not source.idle:
                    self._gate.count_bearer(origin_in(source.address))
                raise
        origin = origin_in(source.address)
        await self._gate.enter(origin)
        refused = False
        try:
            reply = await self._executor.perform_as(operation, credential, source)
            refused = is_refused(operation, reply)
            return reply
        except (NotFound, Conflict) as error:
            refused = type(error) in (NotFound, Conflict)  # subclasses of Conflict are about repetitions
            raise
        finally:
            self._gate.leave(origin, refused=refused)

    def changes_for(self, credential: Credential, source: Source) -> AsyncIterator[frozenset[str]]:
        return self._executor.changes_for(credential, source)

    async def is_ready(self) -> bool:
        return await self._executor.is_ready()


def is_refused(operation: Operation[object], reply: object) -> bool:
    """Return True if a step of a sign-in was refused: a wrong guess, or no sign-in in progress."""
    if not isinstance(reply, SignInAnswer):
        return False
    if isinstance(operation, VerifySignIn | ConfirmBinding):
        return reply.status is not SignInStatus.COMPLETE
    return reply.status is SignInStatus.REFUSED


def throttled(wait: float, what: str) -> Throttled:
    """Return the error that contains the time to wait."""
    seconds = max(1, math.ceil(wait))
    again = f"{seconds} second{'s' * (seconds > 1)}"
    return Throttled(f"Too many {what} from your address were refused. Try again in {again}.", seconds)
