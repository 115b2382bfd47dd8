"""A14: a stream of changes carries only what its reader may see, by tenant and for a user by account."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from typing import cast

import pytest
import pytest_asyncio

from secconsole.backends import watcher
from secconsole.backends.http import HttpBackend
from secconsole.domain.audience import Audience, Change
from secconsole.domain.errors import SecconsoleError
from secconsole.domain.messages.delivery import MessageState
from secconsole.domain.model import FactorKind, PolicyMode
from secconsole.domain.roles import Role
from secconsole.operations.caller import Bearer, Source
from secconsole.operations.delivery import ShowDelivery, TryDelivery
from secconsole.operations.policy import SetPolicy
from secconsole.operations.secret_keys import RotateSecretKey
from secconsole.operations.signin import SignOut
from secconsole.operations.tenants import CreateTenant
from secconsole.operations.tokens import CreateToken
from secconsole.operations.unbinding import Unbind
from secconsole.operations.user_changes import ChangeRole, DisableUser
from secconsole.operations.users import CreateUser
from secconsole.operations.whitelist import AddToWhitelist
from secconsole.store.changes import Heads, changes_since, heads_of
from tests.delivery.post import post_for
from tests.organisation import ROOT, SOCKET, TENANT, Organisation, open_store

OTHER = "globex"
PATIENCE = 30.0  # seconds
ROLES = (Role.TENANT_ADMIN, Role.HELPDESK, Role.AUDITOR, Role.USER)


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "SECONDS", 0.01)


@pytest_asyncio.fixture
async def both(organisation: Organisation) -> Organisation:
    """Beside acme a second tenant with a user."""
    await organisation.perform(CreateTenant(name=OTHER))
    await organisation.perform(CreateUser(tenant=OTHER, login="victor"))
    return organisation


class Ear:
    """A listener for changes from now on."""

    def __init__(self, changes: AsyncGenerator[None]) -> None:
        self._changes = changes
        self._next = asyncio.ensure_future(anext(changes))

    async def hears(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._next
        self._next = asyncio.ensure_future(anext(self._changes))

    async def ends(self) -> None:
        """It ends, without another notice."""
        with pytest.raises((SecconsoleError, StopAsyncIteration)):
            async with asyncio.timeout(PATIENCE):
                await self._next

    async def hears_its_end(self) -> None:
        """It ends, after whatever there still was to hear."""
        with suppress(SecconsoleError, StopAsyncIteration):
            while True:
                await self.hears()

    @property
    def heard_nothing(self) -> bool:
        return not self._next.done()

    async def close(self) -> None:
        self._next.cancel()
        await asyncio.gather(self._next, return_exceptions=True)
        await self._changes.aclose()


@asynccontextmanager
async def ear(organisation: Organisation, who: Bearer) -> AsyncIterator[Ear]:
    front = HttpBackend(f"unix:{organisation.home / SOCKET}", who) if organisation.over_http else None
    if front is not None:
        changes = cast(AsyncGenerator[None], front.changes())
    else:
        changes = organisation.backend.changes_for(who, Source("console"))
    listener = Ear(changes)
    try:
        await listener.hears()  # the stream is open
        yield listener
    finally:
        await listener.close()
        if front is not None:
            await front.close()


def exempt(login: str) -> AddToWhitelist:
    """A change of one user's account that ends none of their sessions."""
    return AddToWhitelist(tenant=TENANT, users=(login,), reason="new phone is on its way")


async def change_elsewhere(organisation: Organisation, everything: Ear) -> None:
    """Make changes of many kinds in the other tenant, and wait until its own listener has noticed them."""
    for operation in (
        CreateUser(tenant=OTHER, login=f"v{id(everything)}"),
        DisableUser(tenant=OTHER, user="victor", reason="left"),
        ChangeRole(tenant=OTHER, user="victor", role=Role.AUDITOR),
        SetPolicy(tenant=OTHER, mode=PolicyMode.REQUIRED, grace_days=3),
    ):
        await organisation.perform(operation)
        await everything.hears()


@pytest.mark.parametrize("role", ROLES)
async def test_a14_changes_of_another_tenant_are_not_received(both: Organisation, role: Role) -> None:
    await both.add("spy", role)
    async with ear(both, await both.sign_in(ROOT)) as everything, ear(both, await both.sign_in("spy")) as spy:
        await change_elsewhere(both, everything)
        assert spy.heard_nothing
        await both.perform(exempt("spy"))
        await spy.hears()


async def test_a14_tokens_and_secret_keys_receive_changes_of_their_tenant_only(both: Organisation) -> None:
    token = await both.perform(CreateToken(tenant=TENANT, name="owner's"))
    key = await both.perform(RotateSecretKey(tenant=TENANT))
    root = await both.sign_in(ROOT)
    async with (
        ear(both, root) as everything,
        ear(both, Bearer(token.token)) as with_token,
        ear(both, Bearer(key.key)) as with_key,
    ):
        await change_elsewhere(both, everything)
        assert with_token.heard_nothing
        assert with_key.heard_nothing
        await both.perform(exempt(ROOT))
        await with_token.hears()
        await with_key.hears()


async def test_a_platform_administrator_receives_changes_of_every_tenant(both: Organisation) -> None:
    async with ear(both, await both.sign_in(ROOT)) as everything:
        await both.perform(CreateTenant(name="initech"))
        await everything.hears()
        await both.perform(CreateUser(tenant="initech", login="peter"))
        await everything.hears()


@pytest.mark.parametrize("role", [role for role in ROLES if role is not Role.USER])
async def test_a_user_who_sees_the_tenant_receives_all_its_changes(organisation: Organisation, role: Role) -> None:
    await organisation.add("spy", role)
    async with ear(organisation, await organisation.sign_in("spy")) as spy:
        await organisation.perform(CreateUser(tenant=TENANT, login="nina"))
        await spy.hears()


async def test_a_plain_user_receives_changes_of_their_own_account_only(organisation: Organisation) -> None:
    for login in ("uma", "nina"):
        await organisation.add(login)
    root, uma = await organisation.sign_in(ROOT), await organisation.sign_in("uma")
    async with ear(organisation, root) as everything, ear(organisation, uma) as own:
        for operation in (
            CreateUser(tenant=TENANT, login="olaf"),
            exempt("nina"),
            DisableUser(tenant=TENANT, user="nina", reason="left"),
        ):
            await organisation.perform(operation)
            await everything.hears()
        assert own.heard_nothing
        await organisation.perform(exempt("uma"))
        await own.hears()
        await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL, grace_days=3))
        await own.hears()  # the policy for a user is part of their account
        await organisation.bind("uma")
        await own.hears()
        await organisation.perform(Unbind(tenant=TENANT, users=("uma", "nina"), reason="lost"))
        await own.hears_its_end()  # her sessions end with it


async def test_a23_no_changes_are_received_after_signing_out(both: Organisation) -> None:
    await both.add("spy", Role.AUDITOR)
    who = await both.sign_in("spy")
    async with ear(both, who) as spy:
        await both.perform(SignOut(), who)
        await both.perform(CreateUser(tenant=TENANT, login="nina"))
        await spy.ends()


@pytest.mark.parametrize("as_", [None, Role.USER])
async def test_a23_no_changes_are_received_after_being_disabled_or_demoted(
    both: Organisation, as_: Role | None
) -> None:
    await both.add("spy", Role.AUDITOR)
    async with ear(both, await both.sign_in("spy")) as spy:
        if as_ is None:
            await both.perform(DisableUser(tenant=TENANT, user="spy", reason="left"))
        else:
            await both.perform(ChangeRole(tenant=TENANT, user="spy", role=as_))
        await both.perform(CreateUser(tenant=TENANT, login="nina"))
        await spy.ends()


async def test_changes_of_another_server_follow_the_same_rules(both: Organisation) -> None:
    await both.add("spy", Role.AUDITOR)
    elsewhere = await open_store(both.clock, both.place)
    try:
        async with ear(both, await both.sign_in(ROOT)) as everything, ear(both, await both.sign_in("spy")) as spy:
            await elsewhere.perform(CreateUser(tenant=OTHER, login="wanda"))
            await everything.hears()
            assert spy.heard_nothing
            await elsewhere.perform(CreateUser(tenant=TENANT, login="nina"))
            await spy.hears()
    finally:
        await elsewhere.close()


@pytest.mark.parametrize("answers", [["250 ok"], ["550 5.1.1 No such user"], ["451 4.7.1 later", "250 ok"]])
async def test_the_outcome_of_a_message_is_received_in_its_tenant_only(both: Organisation, answers: list[str]) -> None:
    """No audit entry tells of it, and the lines about sending on the screens show it."""
    store = both.backend.store

    async def look(before: Heads) -> tuple[Heads, Collection[Change]]:
        return await asyncio.wrap_future(store.read(lambda connection: changes_since(connection, before, [uma])))

    async with post_for(both) as post:
        await post.set_up()
        await both.add("uma")
        await post.wait_idle()
        watch = store.watch()
        uma, other = Audience(1, "uma"), Audience(2)
        heads = await asyncio.wrap_future(store.read(heads_of))
        await watch.changed()
        post.mailbox.at_rcpt = [answer for answer in answers if not answer.startswith("250")]
        post.mailbox.gate = asyncio.Event()
        both.clock.forward(minutes=1)
        assert (await both.perform(TryDelivery(tenant=TENANT, kind=FactorKind.EMAIL, to="admin@acme.example"))).sent
        heads, changes = await look(heads)
        assert changes, "asking for it is an entry"
        await watch.changed()
        post.mailbox.gate.set()
        for _ in answers:
            await post.wait_idle()
            assert await watch.changed()
            heads, changes = await look(heads)
            assert [Audience(1).hears(change) for change in changes] == [True]
            assert not any(listener.hears(change) for change in changes for listener in (uma, other))
            assert not (await look(heads))[1], "once is enough"
            both.clock.forward(seconds=5)
        watch.close()
        newest = (await both.perform(ShowDelivery(tenant=TENANT))).recent[0]
        assert newest.state is (MessageState.FAILED if answers[0].startswith("550") else MessageState.SENT)
