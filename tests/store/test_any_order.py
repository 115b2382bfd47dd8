"""Concurrent checks of codes give the answers of some serial order: that of their entries in the audit.

A random schedule runs all at once, on PostgreSQL through two servers. Then the same operations run one by one, in the
order of their entries, in another organisation with the same people. Each must have the same answer there.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from secconsole.domain.model import FactorState
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Bearer, Credential, Nobody, Source
from secconsole.operations.factors import VerifyCode
from secconsole.operations.secret_keys import RotateSecretKey
from secconsole.operations.signin import SignIn, VerifySignIn
from secconsole.operations.user_changes import DisableUser
from secconsole.store.schema import audit, factors, users
from tests.organisation import PASSWORD, TENANT, Organisation, open_store, organisation_in
from tests.postgres import Cluster
from tests.store.looking import broken_chains

PEOPLE = ("ann", "ben", "eva")
STEPS = (-1, 0, 0, 0, 1, None)  # of a code, from now; None: a wrong code
AT_ONCE = 24


@dataclass(frozen=True)
class Step:
    """One operation of a schedule. `step` is that of its code, `attempt` the number of its sign-in."""

    kind: str
    login: str
    step: int | None = None
    attempt: int = 0


def schedule(seed: int) -> list[Step]:
    chance = random.Random(seed)
    found = [
        Step(chance.choice(("verify", "verify", "sign-in")), chance.choice(PEOPLE), chance.choice(STEPS), number % 6)
        for number in range(AT_ONCE)
    ]
    if chance.random() < 0.5:
        found.insert(chance.randrange(AT_ONCE), Step("disable", chance.choice(PEOPLE)))
    return found


class Acted:
    """An organisation with the people of a schedule, and a sign-in of each that waits for its code, six times."""

    def __init__(self, organisation: Organisation) -> None:
        self.organisation = organisation
        self.backends = [organisation.backend]
        self.challenges: dict[tuple[str, int], Secret[str]] = {}
        self.key: Credential = Nobody()

    async def prepare(self) -> None:
        for login in PEOPLE:
            await self.organisation.add(login)
            await self.organisation.bind(login)
        self.organisation.clock.forward(minutes=5)
        for login in PEOPLE:
            for attempt in range(6):
                answer = await self.organisation.perform(
                    SignIn(tenant=TENANT, login=login, password=PASSWORD), Nobody()
                )
                assert answer.challenge is not None
                self.challenges[login, attempt] = answer.challenge
        self.key = Bearer((await self.organisation.perform(RotateSecretKey(tenant=TENANT))).key)

    async def act(self, number: int, step: Step) -> tuple[object, ...]:
        """Perform an operation, and return its answer without what is random."""
        code = Secret("000000") if step.step is None else self.organisation.code(step.login, step.step)
        source, backend = Source("api", "192.0.2.7", f"r{number}"), self.backends[number % len(self.backends)]
        if step.kind == "disable":
            await backend.perform_as(DisableUser(tenant=TENANT, user=step.login), backend.credential, source)
            return ()
        if step.kind == "verify":
            verdict = await backend.perform_as(VerifyCode(tenant=TENANT, user=step.login, code=code), self.key, source)
            return verdict.accepted, verdict.message, verdict.counted, verdict.factor is None
        challenge = self.challenges[step.login, step.attempt]
        answer = await backend.perform_as(VerifySignIn(challenge=challenge, factor="", code=code), Nobody(), source)
        return answer.status, answer.message, answer.left, answer.retry_at

    async def order(self) -> list[int]:
        """Return the numbers of the operations in the order of their entries."""
        query = sa.select(audit.c.request_id).where(audit.c.request_id != "").order_by(audit.c.seq)
        rows = await self._read(query)
        return list(dict.fromkeys(int(row[0][1:]) for row in rows))

    async def state(self) -> list[tuple[object, ...]]:
        """Return what is on record about the people and their phones."""
        start = self.organisation.clock.now // 30
        rows = await self._read(
            sa.select(users.c.login, users.c.disabled, users.c.failures, users.c.locked_until, factors.c.failures)
            .add_columns(factors.c.last_step)
            .join(factors, factors.c.user_pk == users.c.pk)
            .where(factors.c.state == FactorState.ACTIVE)
            .order_by(users.c.login)
        )
        return [(*row[:-1], row[-1] - start) for row in rows]

    async def _read(self, query: sa.Select[tuple[object, ...]]) -> list[tuple[object, ...]]:
        found = self.organisation.backend.store.read(
            lambda connection: [tuple(row) for row in connection.execute(query)]
        )
        return await asyncio.wrap_future(found)


async def differences(concurrent: Acted, reference: Acted, steps: list[Step]) -> list[str]:
    """Return what the serial order of the entries does not explain."""
    got = await asyncio.gather(*(concurrent.act(number, step) for number, step in enumerate(steps)))
    order = await concurrent.order()
    # What leaves no entry changes nothing. It ended a sign-in that was over, so it fits behind everything else.
    order += [number for number in range(len(steps)) if number not in order]
    wanted = {number: await reference.act(number, steps[number]) for number in order}
    found = [f"{steps[n]}: {got[n]} and not {wanted[n]}" for n in order if got[n] != wanted[n]]
    if await concurrent.state() != await reference.state():
        found.append(f"{await concurrent.state()} and not {await reference.state()}")
    return found


@pytest.mark.parametrize("seed", range(6))
async def test_any_interleaving_on_sqlite_is_some_serial_order(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    async with organisation_in(home) as first:
        concurrent = Acted(first)
        await concurrent.prepare()
        monkeypatch.setenv("SECCONSOLE_HOME", str(tmp_path / "other"))
        async with organisation_in(tmp_path / "other") as second:
            reference = Acted(second)
            await reference.prepare()
            assert await differences(concurrent, reference, schedule(seed)) == []
        assert broken_chains(home) == []


@pytest.mark.parametrize("seed", range(100, 112))
async def test_any_interleaving_of_two_servers_is_some_serial_order(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: Cluster, seed: int
) -> None:
    async with organisation_in(home, postgres=postgres) as first, AsyncExitStack() as stack:
        concurrent = Acted(first)
        await concurrent.prepare()
        other = await open_store(first.clock, first.place)
        stack.push_async_callback(other.close)
        if seed % 3:  # every third schedule runs on one server
            concurrent.backends.append(other)
        monkeypatch.setenv("SECCONSOLE_HOME", str(tmp_path / "other"))
        async with organisation_in(tmp_path / "other") as second:
            reference = Acted(second)
            await reference.prepare()
            assert await differences(concurrent, reference, schedule(seed)) == []
