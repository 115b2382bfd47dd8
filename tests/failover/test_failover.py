"""The primary of two servers dies under load: requests are retried, and nothing is lost or done twice."""

from __future__ import annotations

import asyncio
import itertools
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import httpx

from secconsole.backends.base import NoAnswer
from secconsole.domain.factors.totp import time_step
from secconsole.operations.audit import ListAudit, VerifyAudit
from secconsole.operations.base import Operation
from secconsole.operations.users import CountUsers, CreateUser
from tests.failover.pair import Pair, fail_over, until
from tests.failover.servers import TwoServers, two_servers
from tests.organisation import TENANT

CALLERS = 8
PHONES = 8  # of each caller
EACH = 50
PAUSE = 0.02  # seconds before a caller sends again
CREATED, VERIFIED = "user.created", "verify"  # in the audit
SOON = 1.0  # seconds after the promotion within which writes go on


class Callers:
    """Ask both servers in turn, and send again with the same key until it is acknowledged."""

    def __init__(self, two: TwoServers) -> None:
        self.two = two
        self.acknowledged: Counter[tuple[str, str]] = Counter()  # what the audit will call it, and the user
        self.surprises: list[str] = []
        self.ended = False

    async def run(self) -> None:
        await asyncio.gather(*(self._call_on(number) for number in range(CALLERS)))

    def logins(self, number: int) -> list[str]:
        return [f"phone-{number}-{count}" for count in range(PHONES)]

    async def _call_on(self, number: int) -> None:
        work = self._work(number)
        while not self.ended:
            action, login, operation = next(work)
            await self._until_acknowledged(number, operation)
            self.acknowledged[action, login] += 1

    async def _until_acknowledged(self, number: int, operation: Operation[object]) -> None:
        key = str(uuid.uuid4())
        for turn in itertools.count(number):
            try:
                answer = await self.two.ask(turn % 2, operation, key=key)
            except httpx.TransportError as error:
                self.surprises.append(repr(error))  # the servers stay: only their database goes
                return
            if answer.status_code == 200 and answer.json().get("accepted", True):
                return
            if answer.status_code != 503 and answer.json().get("code") != "still-running":
                self.surprises.append(f"{answer.status_code} {answer.text}")
                return
            await asyncio.sleep(PAUSE)

    def _work(self, number: int) -> Iterator[tuple[str, str, Operation[object]]]:
        """New users, and between them codes, each of which its phone shows only once."""
        used = dict.fromkeys(self.logins(number), 0)
        for count in itertools.count():
            login = f"new-{number}-{count}"
            yield CREATED, login, CreateUser(tenant=TENANT, login=login)
            now = time_step(time.time())
            for phone, step in used.items():
                if step <= now:
                    used[phone] = max(now, step + 1)
                    yield VERIFIED, phone, self.two.verify(phone, used[phone])
                    break


async def test_no_acknowledged_operation_is_lost_or_done_twice(synchronous_pair: Pair) -> None:
    synchronous_pair.primary.sql("CREATE DATABASE secconsole")
    async with two_servers(synchronous_pair.dsn("secconsole")) as two:
        callers = Callers(two)
        phones = [login for number in range(CALLERS) for login in callers.logins(number)]
        await two.add(phones)
        await two.bind(phones)
        heard = [0, 0]
        listening = [asyncio.create_task(listen(two, number, heard)) for number in (0, 1)]
        calling = asyncio.create_task(callers.run())
        passed = await fail_over(synchronous_pair, callers.acknowledged.total, each=EACH, waiting=1)
        first, second = heard
        await until(lambda: heard[0] > first and heard[1] > second, "both consoles hear of changes again")
        callers.ended = True
        await calling
        for task in listening:
            task.cancel()
        assert not callers.surprises
        assert passed.written - passed.promoted < SOON
        assert await done(two) == callers.acknowledged
        assert (await two.owner.perform(VerifyAudit(tenant=TENANT))).whole
        made = sum(action == CREATED for action, _ in callers.acknowledged)
        assert (await two.owner.perform(CountUsers(tenant=TENANT))).total == 1 + len(phones) + made


async def listen(two: TwoServers, number: int, heard: list[int]) -> None:
    """Listen for changes like a console does, which reconnects after a lost connection."""
    async with two.console(number) as console:
        while True:
            with suppress(NoAnswer):
                async for _ in console.changes():
                    heard[number] += 1
            await asyncio.sleep(PAUSE)


async def done(two: TwoServers) -> Counter[tuple[str, str]]:
    """Return the servers' operations from the audit."""
    found: Counter[tuple[str, str]] = Counter()
    cursor = None
    while True:
        page = await two.owner.perform(ListAudit(tenant=TENANT, actions=(CREATED, VERIFIED), limit=500, cursor=cursor))
        found.update((e.action, e.target) for e in page.items if e.channel == "api" and e.outcome == "done")
        cursor = page.next
        if cursor is None:
            return found
