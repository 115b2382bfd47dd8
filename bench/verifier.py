"""Verifies on a real store: bound users spread over it, and the codes of their phones."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from bench.bare_store import Person
from secconsole.backends.demo.people import TENANT
from secconsole.backends.embedded import EmbeddedBackend
from secconsole.backends.stores import open_store, parse_store
from secconsole.config.locations import HOME_VARIABLE
from secconsole.domain.factors.totp import code_for_step, time_step
from secconsole.domain.secret import Secret
from secconsole.operations.caller import StoreOwner
from secconsole.operations.factors import VerifyCode
from secconsole.store.schema import factors, users
from secconsole.store.sealing.keys import KeyRing


@dataclass(slots=True)
class Clock:
    now: float

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True, slots=True)
class Phone:
    person: Person
    seed: Secret[bytes]


Fresh = tuple[Person, int, Secret[str]]  # a person, a time step and its unused code


class Verifier:
    """Verifies codes of phones, each of which has a new one whenever the clock is moved on."""

    def __init__(self, backend: EmbeddedBackend, clock: Clock, phones: list[Phone]) -> None:
        self._backend, self._clock, self._phones = backend, clock, phones

    def next_step(self) -> list[Fresh]:
        """Move the clock by a time step, and return the code of every phone."""
        self._clock.now += 30
        step = time_step(self._clock.now)
        return [(phone.person, step, Secret(code_for_step(phone.seed, step))) for phone in self._phones]

    def codes(self) -> Iterator[Fresh]:
        """Yield fresh codes endlessly, one phone after the other."""
        while True:
            yield from self.next_step()

    async def verify(self, person: Person, code: Secret[str]) -> float:
        """Return the seconds until the code was accepted and committed."""
        started = time.perf_counter()
        verdict = await self._backend.perform(VerifyCode(tenant=TENANT, user=person.login, code=code))
        took = time.perf_counter() - started
        if not verdict.accepted:
            raise LookupError(f"{person.login}: {verdict.message}")
        return took

    async def per_second(self, count: int, at_once: int) -> float:
        """Return the verifies per second of so many, with so many at once."""
        work = iter(self.next_step()[:count])

        async def one_after_the_other() -> None:
            for person, _, code in work:
                await self.verify(person, code)

        started = time.perf_counter()
        await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
        return count / (time.perf_counter() - started)


@asynccontextmanager
async def verifier(home: Path, phones: int, store: str = "") -> AsyncIterator[Verifier]:
    """Open a home's store, or another one with its key, with so many phones."""
    os.environ[HOME_VARIABLE] = str(home)
    clock = Clock(time.time())
    backend = await open_store(parse_store(store), StoreOwner("bench"), "command", clock=clock)
    try:
        found = await asyncio.wrap_future(backend.store.read(lambda c: phones_in(c, backend.keys, phones)))
        yield Verifier(backend, clock, found)
    finally:
        await backend.close()


def phones_in(connection: sa.Connection, keys: KeyRing, count: int) -> list[Phone]:
    """Return so many phones of people who may sign in, spread over the store."""
    last = connection.execute(sa.select(sa.func.max(factors.c.pk))).scalar_one()
    query = (
        sa.select(factors, users.c.login, users.c.id.label("user_id"))
        .join(users, users.c.pk == factors.c.user_pk)
        .where(factors.c.pk == sa.bindparam("number"), factors.c.state == "active", factors.c.removed.is_(None))
        .where(factors.c.kind == "totp")
        .where(users.c.disabled.is_(False), users.c.role == "user")
    )
    found: list[Phone] = []
    for number in random.Random(1).sample(range(1, last + 1), last):
        row = connection.execute(query, {"number": number}).one_or_none()
        if row is None:
            continue
        seed = keys.unseal(row.sealed, purpose="totp", tenant=str(row.tenant_pk), user=row.user_id, row=row.id)
        found.append(Phone(Person(row.login, row.user_id, row.user_pk, row.tenant_pk), seed))
        if len(found) == count:
            break
    return found
