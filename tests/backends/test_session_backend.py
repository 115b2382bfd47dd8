"""A22: a client stores the token of a step-up, and sends refused requests again with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from secconsole.backends.session_backend import SessionBackend
from secconsole.domain.errors import NotSignedIn
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.caller import Bearer, Credential, Nobody
from secconsole.operations.signin import WhoAmI
from secconsole.operations.step_up import Proof, StepUp

PROVE = StepUp(password=Secret("a password"))


class Kept:
    """Storage of a token that two programs share."""

    def __init__(self, token: str) -> None:
        self.token: Secret[str] | None = Secret(token)

    @contextmanager
    def locked(self) -> Iterator[None]:
        yield

    def newest(self) -> Secret[str] | None:
        return self.token

    def replace(self, token: Secret[str]) -> None:
        self.token = token


class Store:
    """One session, whose token is a number that every proof counts up."""

    def __init__(self) -> None:
        self.number = 1
        self.asked: list[str] = []
        self.proofs_wait = asyncio.Event()
        self.others_wait = asyncio.Event()
        self.proofs_wait.set()
        self.others_wait.set()

    def answer(self, operation: Operation[Any], credential: Credential) -> object:
        name = credential.token.reveal() if isinstance(credential, Bearer) else ""
        self.asked.append(f"{operation.spec.name} {name}")
        if name != str(self.number):
            raise NotSignedIn("Your session has ended. Sign in again.")
        if isinstance(operation, StepUp):
            self.number += 1
            return Proof(True, token=Secret(str(self.number)))
        return name


class Client(SessionBackend):
    def __init__(self, store: Store, kept: Kept | None = None) -> None:
        super().__init__(Bearer(Secret("1")), kept)
        self._store = store

    async def send(self, operation: Operation[Any], credential: Credential) -> Any:
        if isinstance(operation, StepUp):
            answer = self._store.answer(operation, credential)
            await self._store.proofs_wait.wait()  # on its way back
            return answer
        await self._store.others_wait.wait()  # on its way there
        return self._store.answer(operation, credential)

    @property
    def token(self) -> str:
        return cast(Bearer, self.credential).token.reveal()


async def turns(until: Callable[[], bool]) -> None:
    for _ in range(100):
        if until():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come to pass")


async def test_a22_the_new_token_is_used_from_then_on() -> None:
    store = Store()
    client = Client(store)
    assert (await client.perform(PROVE)).accepted
    assert await client.perform(WhoAmI()) == "2"  # type: ignore[comparison-overlap]
    await client.perform(PROVE)
    assert client.token == "3"
    assert store.asked == ["step-up 1", "who-am-i 2", "step-up 2"]


async def test_a22_requests_in_flight_are_retried_once_with_the_new_token() -> None:
    store = Store()
    client = Client(store)
    store.others_wait.clear()
    asked = asyncio.ensure_future(client.perform(WhoAmI()))
    await client.perform(PROVE)
    store.others_wait.set()
    assert await asked == "2"  # type: ignore[comparison-overlap]
    assert store.asked == ["step-up 1", "who-am-i 1", "who-am-i 2"]


async def test_a22_a_request_refused_during_a_proof_waits_for_its_reply() -> None:
    store = Store()
    client = Client(store)
    store.proofs_wait.clear()
    proving = asyncio.ensure_future(client.perform(PROVE))
    await turns(lambda: store.number == 2)
    asked = asyncio.ensure_future(client.perform(WhoAmI()))
    await turns(lambda: store.asked[-1] == "who-am-i 1")
    assert not asked.done()
    store.proofs_wait.set()
    assert await asked == "2"  # type: ignore[comparison-overlap]
    assert (await proving).accepted


async def test_a22_a_cancelled_caller_still_gets_the_new_token() -> None:
    store = Store()
    client = Client(store)
    store.proofs_wait.clear()
    proving = asyncio.ensure_future(client.perform(PROVE))
    await turns(lambda: store.number == 2)
    proving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await proving
    store.proofs_wait.set()
    assert await client.perform(WhoAmI()) == "2"  # type: ignore[comparison-overlap]


async def test_a22_an_ended_session_stays_ended() -> None:
    store = Store()
    client = Client(store)
    await client.perform(PROVE)
    store.number = 9
    with pytest.raises(NotSignedIn):
        await client.perform(WhoAmI())
    assert store.asked == ["step-up 1", "who-am-i 2"]


@pytest.mark.parametrize("then", [Nobody(), Bearer(Secret("of another user"))])
async def test_a22_requests_are_not_retried_as_another_user_who_signed_in(then: Credential) -> None:
    store = Store()
    client = Client(store)
    store.others_wait.clear()
    asked = asyncio.ensure_future(client.perform(WhoAmI()))
    await client.perform(PROVE)
    client.credential = then
    store.others_wait.set()
    with pytest.raises(NotSignedIn):
        await asked
    assert store.asked == ["step-up 1", "who-am-i 1"]


async def test_a22_a_proof_does_not_bring_back_a_user_who_signed_out_meanwhile() -> None:
    store = Store()
    client = Client(store)
    store.proofs_wait.clear()
    proving = asyncio.ensure_future(client.perform(PROVE))
    await turns(lambda: store.number == 2)
    client.credential = Nobody()
    store.proofs_wait.set()
    await proving
    assert client.credential == Nobody()


async def test_a22_two_programs_that_share_a_token_both_continue() -> None:
    store, kept = Store(), Kept("1")
    one, other = Client(store, kept), Client(store, kept)
    await one.perform(PROVE)
    assert kept.token == Secret("2")
    assert await other.perform(WhoAmI()) == "2"  # type: ignore[comparison-overlap]
    await other.perform(PROVE)
    await one.perform(PROVE)
    assert (kept.token, one.token) == (Secret("4"), "4")


async def test_a22_the_stored_token_is_not_for_other_sign_ins() -> None:
    store, kept = Store(), Kept("1")
    client = Client(store, kept)
    client.credential = Bearer(Secret("another"))
    with pytest.raises(NotSignedIn):
        await client.perform(WhoAmI())
    assert store.asked == ["who-am-i another"]
