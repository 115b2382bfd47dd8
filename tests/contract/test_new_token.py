"""A22: each step of the sign-in and each step-up replaces the session's token, and voids the old one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import sqlalchemy as sa

from secconsole.backends.http import HttpBackend
from secconsole.domain.errors import NotSignedIn
from secconsole.domain.model import PolicyMode, SignInStatus
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Bearer, Credential, IdempotencyKey, Nobody, Source
from secconsole.operations.policy import SetPolicy
from secconsole.operations.sessions import EndSession, ListSessions
from secconsole.operations.signin import ChoosePassword, SignIn, VerifySignIn, WhoAmI
from secconsole.operations.step_up import Proof, StepUp
from secconsole.operations.user_changes import DisableUser, ResetPassword
from secconsole.store.schema import sessions as table
from secconsole.store.sign_in.sessions import renew_session, session_by_token
from tests.organisation import PASSWORD, SOCKET, TENANT, Organisation, open_store

PROVE = StepUp(password=PASSWORD)


async def works(organisation: Organisation, who: Credential) -> bool:
    try:
        await organisation.perform(WhoAmI(), who)
    except NotSignedIn:
        return False
    return True


def one_of_many(organisation: Organisation, who: Bearer) -> Callable[[StepUp], Awaitable[Proof]]:
    """Return a separate client, like another program that has the same token."""
    if not organisation.over_http:
        backend = organisation.backend
        return lambda operation: backend.perform_as(operation, who, Source("command"))

    async def ask(operation: StepUp) -> Proof:
        client = HttpBackend(f"unix:{organisation.home / SOCKET}", who)
        try:
            return await client.perform(operation)
        finally:
            await client.close()

    return ask


async def test_a22_step_up_replaces_the_token_and_voids_the_old_one(organisation: Organisation) -> None:
    await organisation.add("ana")
    old = await organisation.sign_in("ana")
    (before,) = (await organisation.perform(ListSessions(tenant=TENANT, user="ana"))).items
    new = await organisation.prove(old)
    assert new.token != old.token
    assert len(new.token.reveal()) >= 32  # 128 bits and more, in 64 signs
    assert (await works(organisation, old), await works(organisation, new)) == (False, True)
    with pytest.raises(NotSignedIn, match="Sign in again"):
        await organisation.perform(PROVE, old)
    another = await open_store(organisation.clock, organisation.place)  # a separate process
    try:
        with pytest.raises(NotSignedIn):
            await another.perform_as(WhoAmI(), old, Source("api"))
        assert (await another.perform_as(WhoAmI(), new, Source("api"))).login == "ana"
    finally:
        await another.close()
    (after,) = (await organisation.perform(ListSessions(tenant=TENANT, user="ana"))).items
    assert (after.id, after.created, after.expires) == (before.id, before.created, before.expires)


async def test_a22_the_store_contains_only_the_hash_of_the_token(organisation: Organisation) -> None:
    await organisation.add("ana")
    new = await organisation.prove(await organisation.sign_in("ana"))
    reading = organisation.backend.store.read(lambda connection: connection.execute(sa.select(table)).all())
    rows = await asyncio.wrap_future(reading)
    assert rows
    assert new.token.reveal().encode() not in repr(rows).encode()


async def test_a22_of_two_concurrent_step_ups_one_succeeds_and_the_other_is_refused(organisation: Organisation) -> None:
    await organisation.add("ana")
    old = await organisation.sign_in("ana")
    ways = [one_of_many(organisation, old) for _ in range(6)]
    came = await asyncio.gather(*(ask(PROVE) for ask in ways), return_exceptions=True)
    proofs = [one for one in came if isinstance(one, Proof) and one.accepted]
    assert len(proofs) == 1
    others = [one for one in came if one is not proofs[0]]
    assert all(isinstance(one, NotSignedIn) or (isinstance(one, Proof) and one.token is None) for one in others), came
    assert sum(isinstance(one, NotSignedIn) for one in others) >= 1
    assert proofs[0].token is not None
    assert await works(organisation, Bearer(proofs[0].token))
    assert not await works(organisation, old)
    (_,) = (await organisation.perform(ListSessions(tenant=TENANT, user="ana"))).items


async def test_a22_one_statement_decides_between_concurrent_step_ups(organisation: Organisation) -> None:
    await organisation.add("ana")
    bearer = await organisation.sign_in("ana")
    store, now = organisation.backend.store, int(organisation.clock.now * 1000)
    seen = await asyncio.wrap_future(store.read(lambda connection: session_by_token(connection, bearer.token)))
    assert seen is not None

    def renewed(token: str) -> Awaitable[bool]:
        return asyncio.wrap_future(store.write(lambda c: renew_session(c, seen, Secret(token), now=now)))

    assert [await renewed("one"), await renewed("other")] == [True, False]


@pytest.mark.alike
async def test_a22_a_failed_step_up_keeps_the_token(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    session = await organisation.sign_in("ana")
    for wrong in (StepUp(password=Secret("wrong")), StepUp(password=PASSWORD, code=Secret("000000"))):
        proof = await organisation.perform(wrong, session)
        assert (proof.accepted, proof.token) == (False, None)
    assert await works(organisation, session)


@pytest.mark.alike
async def test_a22_each_step_of_a_sign_in_has_a_new_challenge_that_opens_nothing(
    organisation: Organisation,
) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    reset = await organisation.perform(ResetPassword(tenant=TENANT, user="ana"))
    fixed = Bearer(Secret("a token that an attacker put here before the sign-in"))
    first = await organisation.perform(SignIn(tenant=TENANT, login="ana", password=reset.password), fixed)
    assert first.challenge is not None
    choose = ChoosePassword(challenge=first.challenge, password=Secret("seven other quite long words"))
    second = await organisation.perform(choose, fixed)
    assert second.status is SignInStatus.SECOND_FACTOR
    assert second.challenge is not None
    verify = VerifySignIn(challenge=second.challenge, factor="", code=organisation.code("ana"))
    third = await organisation.perform(verify, fixed)
    assert third.token is not None
    assert len({fixed.token.reveal(), *(t.reveal() for t in (first.challenge, second.challenge, third.token))}) == 4
    for name in (fixed.token, first.challenge, second.challenge):
        assert not await works(organisation, Bearer(name))
    assert await works(organisation, Bearer(third.token))
    assert (await organisation.perform(choose, Nobody())).status is SignInStatus.REFUSED


async def test_a22_a_lost_reply_is_replayed_for_the_identical_request_only(
    organisation: Organisation,
) -> None:
    await organisation.add("ana")
    old = await organisation.sign_in("ana")

    async def ask(operation: StepUp, key: str) -> tuple[Proof, bool]:
        sent = IdempotencyKey(key)
        return await organisation.backend.perform_as(operation, old, Source("api", key=sent)), sent.replayed

    first, _ = await ask(PROVE, "one")
    again, replayed = await ask(PROVE, "one")
    assert replayed
    assert first.token is not None
    assert again.token == first.token
    assert await works(organisation, Bearer(first.token))
    for operation, key in ((PROVE, "two"), (StepUp(password=Secret("a guess")), "one"), (PROVE, "one")):
        with pytest.raises(NotSignedIn):  # the last, since there was a guess at what was asked
            await ask(operation, key)
    assert await works(organisation, Bearer(first.token))


@pytest.mark.parametrize("end", ["ended", "disabled", "proved again", "old"])
async def test_a22_a_lost_reply_is_not_replayed_once_its_session_was_replaced(
    organisation: Organisation, end: str
) -> None:
    await organisation.add("ana")
    old = await organisation.sign_in("ana")
    source = Source("api", key=IdempotencyKey("one"))
    proof = await organisation.backend.perform_as(PROVE, old, source)
    assert proof.token is not None
    if end == "ended":
        (session,) = (await organisation.perform(ListSessions(tenant=TENANT, user="ana"))).items
        await organisation.perform(EndSession(tenant=TENANT, user="ana", session=session.id))
    elif end == "disabled":
        await organisation.perform(DisableUser(tenant=TENANT, user="ana"))
    elif end == "proved again":
        await organisation.prove(Bearer(proof.token))
    else:
        organisation.clock.forward(minutes=12)
    with pytest.raises(NotSignedIn):
        await organisation.backend.perform_as(PROVE, old, source)


@pytest.mark.alike
async def test_a22_the_owner_of_the_store_has_no_token_to_replace(organisation: Organisation) -> None:
    proof = await organisation.perform(PROVE)
    assert (proof.accepted, proof.token) == (True, None)
    assert (await organisation.perform(WhoAmI())).login.startswith("local:")


@pytest.mark.alike
async def test_a22_two_sessions_of_one_user_are_independent(organisation: Organisation) -> None:
    await organisation.add("ana")
    here, there = await organisation.sign_in("ana"), await organisation.sign_in("ana")
    new = await organisation.prove(here)
    assert await works(organisation, there)
    assert await works(organisation, new)


async def test_a22_a_client_continues_with_the_new_token(organisation: Organisation) -> None:
    await organisation.add("ana")
    credential = await organisation.sign_in("ana")
    if organisation.over_http:
        backend = HttpBackend(f"unix:{organisation.home / SOCKET}", credential)
    else:
        backend = await open_store(organisation.clock, organisation.place)  # type: ignore[assignment]
        backend.credential = credential
    try:
        for _ in range(3):
            assert (await backend.perform(PROVE)).accepted
            assert (await backend.perform(WhoAmI())).login == "ana"
        assert not await works(organisation, credential)
    finally:
        await backend.close()
