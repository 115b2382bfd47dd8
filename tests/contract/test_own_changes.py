"""A change notice says whose change it is, so that a console skips its own and shows another's at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from secconsole.backends import watcher
from secconsole.backends.base import Notice
from secconsole.backends.embedded import EmbeddedBackend, open_embedded
from secconsole.backends.http import HttpBackend
from secconsole.backends.postgres import open_postgres
from secconsole.domain.errors import Conflict
from secconsole.domain.model import FactorKind
from secconsole.domain.roles import Role
from secconsole.operations.caller import Bearer
from secconsole.operations.delivery import TryDelivery
from secconsole.operations.users import CreateUser
from tests.delivery.post import post_for
from tests.organisation import ROOT, SOCKET, TENANT, Organisation, cheap_passwords

PATIENCE = 30.0  # seconds


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "SECONDS", 0.01)


@asynccontextmanager
async def console(organisation: Organisation, who: Bearer) -> AsyncIterator[HttpBackend | EmbeddedBackend]:
    """Another process, as a console opens the backend."""
    place, opened = organisation.place, HttpBackend | EmbeddedBackend
    backend: opened
    if organisation.over_http:
        backend = HttpBackend(f"unix:{organisation.home / SOCKET}", who)
    elif place is not None and not isinstance(place.database, Path):
        backend = await open_postgres(
            place.database, who, "console", clock=organisation.clock, passwords=cheap_passwords()
        )
    else:
        backend = await open_embedded(who, "console", clock=organisation.clock, passwords=cheap_passwords())
    try:
        yield backend
    finally:
        await backend.close()


class Heard:
    """Notices that a console has received since it began to listen."""

    def __init__(self, backend: HttpBackend | EmbeddedBackend) -> None:
        self.notices: asyncio.Queue[Notice] = asyncio.Queue()
        self._task = asyncio.ensure_future(self._listen(backend))

    async def _listen(self, backend: HttpBackend | EmbeddedBackend) -> None:
        async for notice in backend.changes():
            self.notices.put_nowait(notice)

    async def next(self) -> Notice:
        async with asyncio.timeout(PATIENCE):
            return await self.notices.get()

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@asynccontextmanager
async def listening(backend: HttpBackend | EmbeddedBackend) -> AsyncIterator[Heard]:
    """Listen with a backend, from now on."""
    heard = Heard(backend)
    try:
        if isinstance(backend, HttpBackend):
            assert await heard.next() is Notice.OTHERS  # the stream is open
        else:
            async with asyncio.timeout(PATIENCE):
                while not backend._watcher._begun.is_set():
                    await asyncio.sleep(0)
        yield heard
    finally:
        await heard.close()


async def test_each_console_recognises_its_own_change_and_no_other(organisation: Organisation) -> None:
    await organisation.add("tomas", Role.TENANT_ADMIN)
    root, tomas = await organisation.sign_in(ROOT), await organisation.sign_in("tomas")
    async with (
        console(organisation, root) as one,
        console(organisation, tomas) as two,
        listening(one) as first,
        listening(two) as second,
    ):
        for number in range(2):
            await one.perform(CreateUser(tenant=TENANT, login=f"one{number}"))
            assert (await first.next(), await second.next()) == (Notice.OWN, Notice.OTHERS)
            await two.perform(CreateUser(tenant=TENANT, login=f"two{number}"))
            assert (await first.next(), await second.next()) == (Notice.OTHERS, Notice.OWN)
        with pytest.raises(Conflict):
            await one.perform(CreateUser(tenant=TENANT, login="one0"))
        await organisation.perform(CreateUser(tenant=TENANT, login="by-the-owner"))
        assert (await first.next(), await second.next()) == (Notice.OTHERS, Notice.OTHERS)


async def test_changes_of_both_in_one_moment_are_not_skipped(organisation: Organisation) -> None:
    async with console(organisation, await organisation.sign_in(ROOT)) as one, listening(one) as first:
        await asyncio.gather(
            one.perform(CreateUser(tenant=TENANT, login="mine")),
            organisation.perform(CreateUser(tenant=TENANT, login="theirs")),
        )
        while await first.next() is Notice.OWN:
            pass  # the other change comes in a notice of its own


async def test_the_outcome_of_a_message_that_an_own_write_sent_is_not_skipped(organisation: Organisation) -> None:
    """No audit entry tells of it, and it may come in the same notice as the write."""
    async with post_for(organisation) as post:
        await post.set_up()
        await post.wait_idle()
        async with console(organisation, await organisation.sign_in(ROOT)) as one, listening(one) as first:
            wanted = TryDelivery(tenant=TENANT, kind=FactorKind.EMAIL, to="admin@acme.example")
            assert (await one.perform(wanted)).sent
            await post.wait_idle()
            while await first.next() is Notice.OWN:
                pass
