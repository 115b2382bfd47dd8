"""B5: wrong entries of strangers do not lock out users on known networks or with an open session.

A07 (a hundred in all), A06 (a restart forgets nothing), A08 (at once no more than the limit), A09 (one total whatever
the channel) hold across the three buckets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from secconsole.domain.errors import NotSignedIn
from secconsole.domain.model import Flag, PolicyMode, SignInStatus
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.domain.throttling.throttle import FREE_TRIES, KNOWN_FOR, MOST_IN_BUCKET, MOST_KNOWN, SIGN_IN, Bucket
from secconsole.domain.throttling.token_bucket import Rate
from secconsole.domain.users.search import UserFilter
from secconsole.operations.audit import ListAudit
from secconsole.operations.caller import Bearer, Credential, Nobody, Source
from secconsole.operations.factors import VerifyCode
from secconsole.operations.policy import ExplainSignIn, PreviewPolicy, SetPolicy
from secconsole.operations.recovery import CreateRecoveryCodes
from secconsole.operations.secret_keys import RotateSecretKey
from secconsole.operations.signin import ChoosePassword, SignInAnswer, VerifySignIn, WhoAmI
from secconsole.operations.step_up import StepUp
from secconsole.operations.unbinding import Unbind
from secconsole.operations.user_changes import ResetPassword, UnlockUser
from secconsole.operations.users import CountUsers, ListUsers, ShowUser, UserDetail
from secconsole.server.app import make_app
from secconsole.server.transport.peers import Callers
from secconsole.server.transport.proxies import parse_proxies
from tests.organisation import PASSWORD, TENANT, Organisation

HOME, OFFICE, AWAY, HOTEL = "198.51.100.7", "2001:db8:1:2::7", "203.0.113.9", "192.0.2.44"
WRONG, NO_CODE = Secret("not the password at all"), Secret("000000")


@contextmanager
def coming_from(organisation: Organisation, address: str) -> Iterator[None]:
    """Perform requests from an address, as a server would report it."""
    before, over_http = organisation.backend._source, organisation.over_http
    organisation.backend._source, organisation.over_http = Source("api", address), False
    try:
        yield
    finally:
        organisation.backend._source, organisation.over_http = before, over_http


async def asked(organisation: Organisation, address: str, operation: Any, who: Credential | None = None) -> Any:
    with coming_from(organisation, address):
        return await organisation.perform(operation, who)


async def start(
    organisation: Organisation, address: str, login: str = "ana", password: Secret[str] = PASSWORD
) -> SignInAnswer:
    with coming_from(organisation, address):
        return await organisation.start(login, password)


async def sign_in(organisation: Organisation, address: str, login: str = "ana") -> Bearer:
    with coming_from(organisation, address):
        return await organisation.sign_in(login)


async def verified(organisation: Organisation, address: str, code: Secret[str]) -> bool:
    verdict = await asked(organisation, address, VerifyCode(tenant=TENANT, user="ana", code=code))
    return bool(verdict.accepted)


async def shown(organisation: Organisation, login: str = "ana") -> UserDetail:
    return await organisation.perform(ShowUser(tenant=TENANT, user=login))


async def held(organisation: Organisation, login: str = "ana") -> list[Bucket]:
    return [hold.bucket for hold in (await shown(organisation, login)).holds]


async def guess(organisation: Organisation, address: str, times: int) -> None:
    """Enter so many wrong passwords, each as soon as it is checked."""
    for _ in range(times):
        await start(organisation, address, password=WRONG)
        organisation.clock.forward(minutes=61)


async def people(organisation: Organisation) -> None:
    """Ana, who is asked for her phone, and signed in from home once."""
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    await sign_in(organisation, HOME)


@pytest.mark.alike
async def test_failures_of_strangers_lock_only_strangers_out(organisation: Organisation) -> None:
    await people(organisation)
    session = await sign_in(organisation, HOME)
    await guess(organisation, AWAY, MOST_IN_BUCKET)
    assert await held(organisation) == [Bucket.STRANGERS]
    assert (await start(organisation, AWAY)).status is SignInStatus.REFUSED
    assert (await start(organisation, HOTEL)).status is SignInStatus.REFUSED
    organisation.clock.now -= MOST_IN_BUCKET * 61 * 60 - 60  # her session is as it was an hour ago
    proof = await asked(organisation, AWAY, StepUp(password=PASSWORD, code=organisation.code("ana")), session)
    assert proof.accepted
    organisation.clock.forward(seconds=30)
    await sign_in(organisation, "198.51.100.200")
    assert await held(organisation) == [Bucket.STRANGERS], "her sign-in does not let the strangers go on"
    assert (await start(organisation, AWAY)).status is SignInStatus.REFUSED


async def holds_noted(organisation: Organisation) -> list[tuple[str, object, object]]:
    """User, bucket and end of the entries about holds, oldest first."""
    page = await organisation.perform(ListAudit(tenant=TENANT, action="user.held"))
    return [(e.target, e.details["bucket"], e.details["until"]) for e in reversed(page.items)]


async def test_b5_a_throttle_and_the_following_lock_are_audited_once_each(organisation: Organisation) -> None:
    await people(organisation)
    for _ in range(FREE_TRIES - 1):
        await start(organisation, AWAY, password=WRONG)
    assert (await start(organisation, AWAY)).status is SignInStatus.SECOND_FACTOR, "a right password is no try"
    assert await holds_noted(organisation) == []
    await start(organisation, AWAY, password=WRONG)
    (hold,) = (await shown(organisation)).holds
    assert hold.until is not None
    began = ("ana", Bucket.STRANGERS, hold.until.isoformat())
    assert await holds_noted(organisation) == [began]
    for _ in range(3):
        await start(organisation, AWAY, password=WRONG)  # not checked
        await start(organisation, AWAY, login="nobody-at-all", password=WRONG)
    await guess(organisation, AWAY, MOST_IN_BUCKET - FREE_TRIES)
    assert await holds_noted(organisation) == [began]
    await start(organisation, AWAY, password=WRONG)
    await start(organisation, AWAY, password=WRONG)
    locked = ("ana", Bucket.STRANGERS, None)
    assert await holds_noted(organisation) == [began, locked]
    await guess(organisation, AWAY, 3)
    assert await holds_noted(organisation) == [began, locked]


@pytest.mark.alike
async def test_b5_throttling_by_wrong_codes_is_audited(organisation: Organisation) -> None:
    await people(organisation)
    for _ in range(FREE_TRIES + 2):
        assert not await verified(organisation, HOME, NO_CODE)
    assert [(user, bucket) for user, bucket, _ in await holds_noted(organisation)] == [("ana", Bucket.KNOWN)]


@pytest.mark.alike
async def test_a_wait_of_strangers_delays_neither_known_networks_nor_open_sessions(organisation: Organisation) -> None:
    await people(organisation)
    session = await sign_in(organisation, HOME)
    for _ in range(7):
        await start(organisation, AWAY, password=WRONG)
    assert await held(organisation) == [Bucket.STRANGERS]
    assert (await start(organisation, HOTEL)).status is SignInStatus.REFUSED
    proof = await asked(organisation, HOTEL, StepUp(password=PASSWORD, code=organisation.code("ana")), session)
    assert proof.accepted, "wherever a session is used from"
    organisation.clock.forward(seconds=30)
    await sign_in(organisation, HOME)


@pytest.mark.alike
async def test_a_known_network_has_a_separate_limit(organisation: Organisation) -> None:
    await people(organisation)
    await guess(organisation, HOME, MOST_IN_BUCKET)
    assert await held(organisation) == [Bucket.KNOWN]
    assert (await start(organisation, HOME)).status is SignInStatus.REFUSED
    await sign_in(organisation, HOTEL)
    assert (await start(organisation, HOTEL)).status is SignInStatus.REFUSED, "it is known now, and those are locked"


async def test_a07_a_hundred_failures_in_total_lock_until_an_unlock(organisation: Organisation) -> None:
    await people(organisation)
    session = await sign_in(organisation, HOME)
    proof = await asked(organisation, HOME, StepUp(password=WRONG), session)
    assert (proof.accepted, proof.left) == (False, 4)
    at = organisation.clock.now
    await guess(organisation, AWAY, MOST_IN_BUCKET)
    await guess(organisation, HOME, MOST_IN_BUCKET - 1)
    detail = await shown(organisation)
    assert (detail.failures, detail.locked, detail.locked_until) == (100, True, None)
    assert set(await held(organisation)) == set(Bucket)
    for address in (HOME, AWAY, HOTEL):
        assert (await start(organisation, address)).status is SignInStatus.REFUSED
        assert not await verified(organisation, address, organisation.code("ana"))
    organisation.clock.now = at + 60
    proof = await asked(organisation, HOME, StepUp(password=PASSWORD, code=organisation.code("ana")), session)
    assert (proof.accepted, proof.wrong) == (False, "")
    assert "locked" in proof.message
    await organisation.perform(UnlockUser(tenant=TENANT, user="ana"))
    assert (await shown(organisation)).failures == 0
    proof = await asked(organisation, HOME, StepUp(password=PASSWORD, code=organisation.code("ana")), session)
    assert proof.accepted
    organisation.clock.forward(seconds=30)
    await sign_in(organisation, AWAY)


@pytest.mark.alike
@pytest.mark.parametrize("how", ["password", "code", "recovery"])
async def test_five_failed_step_ups_end_the_session_and_lock_nothing_else(organisation: Organisation, how: str) -> None:
    await people(organisation)
    session, other = await sign_in(organisation, HOME), await sign_in(organisation, HOME)
    wrong = {
        "password": StepUp(password=WRONG, code=organisation.code("ana")),
        "code": StepUp(password=PASSWORD, code=NO_CODE),
        "recovery": StepUp(password=PASSWORD, code=Secret("00000-00000-00000-00000-00000")),
    }[how]
    for left in (4, 3, 2, 1, 0):
        proof = await organisation.perform(wrong, session)
        assert (proof.accepted, proof.left, proof.wrong) == (False, left, "password" if how == "password" else "code")
    assert "Your session has ended" in proof.message
    with pytest.raises(NotSignedIn):
        await organisation.perform(WhoAmI(), session)
    assert await held(organisation) == []
    assert (await organisation.perform(StepUp(password=PASSWORD, code=organisation.code("ana")), other)).accepted
    organisation.clock.forward(seconds=30)
    await sign_in(organisation, HOME)


@pytest.mark.alike
async def test_a_successful_step_up_restores_the_five_attempts(organisation: Organisation) -> None:
    await people(organisation)
    session = await sign_in(organisation, HOME)
    for _ in range(3):
        for _ in range(4):
            await organisation.perform(StepUp(password=WRONG), session)
        session = await organisation.prove(session, organisation.code("ana"))
        organisation.clock.forward(seconds=30)
    assert (await shown(organisation)).failures == 0


@pytest.mark.alike
async def test_malformed_input_is_not_a_failed_step_up(organisation: Organisation) -> None:
    await people(organisation)
    session = await sign_in(organisation, HOME)
    for _ in range(4):
        await organisation.perform(StepUp(password=WRONG), session)
    for _ in range(6):
        proof = await organisation.perform(StepUp(password=PASSWORD, code=Secret("12 34")), session)
        assert (proof.accepted, proof.left, proof.wrong) == (False, 1, "code")
    assert (await organisation.perform(StepUp(password=PASSWORD, code=organisation.code("ana")), session)).accepted


async def test_a06_failed_step_ups_survive_a_restart(organisation: Organisation) -> None:
    await people(organisation)
    session = await sign_in(organisation, HOME)
    for _ in range(4):
        await organisation.perform(StepUp(password=WRONG), session)
    await organisation.reopen()
    assert (await organisation.perform(StepUp(password=WRONG), session)).left == 0
    with pytest.raises(NotSignedIn):
        await organisation.perform(StepUp(password=PASSWORD, code=organisation.code("ana")), session)


async def test_a08_concurrent_step_up_guesses_are_limited_to_five(organisation: Organisation) -> None:
    await people(organisation)
    session = await sign_in(organisation, HOME)
    operation = StepUp(password=WRONG)
    answers = await asyncio.gather(
        *(organisation.backend.perform_as(operation, session, Source()) for _ in range(20)), return_exceptions=True
    )
    assert not [
        answer for answer in answers if not isinstance(answer, NotSignedIn) and getattr(answer, "accepted", True)
    ]
    assert (await shown(organisation)).failures == 5
    with pytest.raises(NotSignedIn):
        await organisation.perform(WhoAmI(), session)


async def test_a09_codes_and_passwords_count_in_the_same_bucket(organisation: Organisation) -> None:
    await people(organisation)
    codes = (await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="ana"))).codes
    for address in (AWAY, HOME):
        await start(organisation, address, password=WRONG)
        assert not await verified(organisation, address, NO_CODE)
        assert not await verified(organisation, address, Secret("00000-00000-00000-00000-00000"))
        answer = await start(organisation, address)
        assert answer.challenge is not None
        verify = VerifySignIn(challenge=answer.challenge, factor="", code=NO_CODE)
        await asked(organisation, address, verify, Nobody())
        assert not await verified(organisation, address, NO_CODE)
    detail = await shown(organisation)
    assert (detail.failures, [hold.failures for hold in detail.holds]) == (10, [5, 5])
    for address in (AWAY, HOME):
        assert not await verified(organisation, address, codes[0]), "held back: it is not even looked at"
    organisation.clock.forward(seconds=31)
    assert await verified(organisation, HOME, codes[0])
    assert (await shown(organisation)).failures == 5, "what failed elsewhere still counts"


@pytest.mark.alike
async def test_an_application_does_not_bypass_the_limits(organisation: Organisation) -> None:
    """It counts like any caller, by its own address, and a code accepted there makes no network known."""
    await people(organisation)
    for _ in range(5):
        assert not await verified(organisation, AWAY, NO_CODE)
    assert (await start(organisation, HOTEL)).status is SignInStatus.REFUSED
    organisation.clock.forward(seconds=31)
    assert await verified(organisation, AWAY, organisation.code("ana"))
    assert (await shown(organisation)).known_networks == 1
    for _ in range(5):
        await start(organisation, HOTEL, password=WRONG)
    organisation.clock.forward(seconds=1)
    assert not await verified(organisation, AWAY, organisation.code("ana", 1)), "the application is a stranger still"
    assert await verified(organisation, HOME, organisation.code("ana", 1))


@pytest.mark.alike
async def test_codes_accepted_for_an_application_do_not_reset_password_failures(
    organisation: Organisation,
) -> None:
    await people(organisation)
    for number in range(MOST_IN_BUCKET):
        assert (await start(organisation, AWAY, password=WRONG)).status is SignInStatus.REFUSED
        organisation.clock.forward(minutes=61)
        if number % 10 == 9 and number < MOST_IN_BUCKET - 1:
            assert await verified(organisation, AWAY, organisation.code("ana"))
            organisation.clock.forward(minutes=1)
    assert await held(organisation) == [Bucket.STRANGERS]
    await sign_in(organisation, HOME)


@pytest.mark.alike
@pytest.mark.parametrize("known", ["198.51.100.201", "::ffff:198.51.100.1", "64:ff9b::198.51.100.3"])
async def test_a_network_is_known_by_slash_24_or_64(organisation: Organisation, known: str) -> None:
    await people(organisation)
    await sign_in(organisation, OFFICE)
    for _ in range(6):
        await start(organisation, AWAY, password=WRONG)
    assert (await start(organisation, known)).status is SignInStatus.SECOND_FACTOR
    assert (await start(organisation, "2001:db8:1:2:ffff::1")).status is SignInStatus.SECOND_FACTOR
    for stranger in ("198.51.101.7", "2001:db8:1:3::7", "not an address", "127.0.0.1", "uid 1000"):
        assert (await start(organisation, stranger)).status is SignInStatus.REFUSED, stranger


@pytest.mark.alike
@pytest.mark.parametrize("local", ["", "uid 1000", "ana (uid 1000)"])
async def test_this_machine_is_known_after_a_sign_in_there(organisation: Organisation, local: str) -> None:
    await people(organisation)
    await sign_in(organisation, local)
    for _ in range(6):
        await start(organisation, AWAY, password=WRONG)
    assert (await start(organisation, local)).status is SignInStatus.SECOND_FACTOR
    assert (await start(organisation, "uid 1001")).status is SignInStatus.REFUSED, "another user of it is a stranger"


async def test_behind_a_named_proxy_the_forwarded_address_counts(organisation: Organisation) -> None:
    await people(organisation)
    app = make_app(organisation.backend, callers=Callers(parse_proxies(["10.0.0.1"])), refused=Rate(1_000, 1_000))
    transport = httpx.ASGITransport(app=app, client=("10.0.0.1", 4711))

    async def status(address: str, password: Secret[str]) -> str:
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            body = {"login": "ana", "password": password.reveal()}
            headers = {"x-forwarded-for": f"{HOME}, {address}"}  # the first is what the caller made up
            answer = await client.post(f"/v1/tenants/{TENANT}/sign-in", json=body, headers=headers)
            return str(answer.json()["status"])

    for _ in range(6):
        assert await status(AWAY, WRONG) == "refused"
    assert await status(HOTEL, PASSWORD) == "refused"
    assert await status("198.51.100.77", PASSWORD) == "second-factor"


@pytest.mark.alike
async def test_an_invalid_address_is_never_a_known_network(organisation: Organisation) -> None:
    await people(organisation)
    await sign_in(organisation, "not an address")
    assert (await shown(organisation)).known_networks == 1
    for _ in range(6):
        await start(organisation, AWAY, password=WRONG)
    assert (await start(organisation, "not an address")).status is SignInStatus.REFUSED


async def test_networks_are_forgotten_after_ninety_days_or_if_there_are_too_many(organisation: Organisation) -> None:
    await people(organisation)
    organisation.clock.forward(days=KNOWN_FOR / 86_400_000, seconds=-3600)
    for _ in range(6):
        await start(organisation, AWAY, password=WRONG)
    assert (await start(organisation, HOME)).status is SignInStatus.SECOND_FACTOR
    organisation.clock.forward(seconds=3600)
    assert (await shown(organisation)).known_networks == 0
    for _ in range(2):
        await start(organisation, AWAY, password=WRONG)
    assert (await start(organisation, HOME)).status is SignInStatus.REFUSED
    await organisation.perform(UnlockUser(tenant=TENANT, user="ana"))
    for number in range(MOST_KNOWN + 3):
        await sign_in(organisation, f"10.0.{number}.1")
    assert (await shown(organisation)).known_networks == MOST_KNOWN
    for _ in range(6):
        await start(organisation, AWAY, password=WRONG)
    assert (await start(organisation, "10.0.2.1")).status is SignInStatus.REFUSED
    assert (await start(organisation, "10.0.3.1")).status is SignInStatus.SECOND_FACTOR


@pytest.mark.alike
async def test_only_a_completed_sign_in_makes_a_network_known(organisation: Organisation) -> None:
    await people(organisation)
    assert (await start(organisation, HOTEL)).status is SignInStatus.SECOND_FACTOR
    for _ in range(6):
        await start(organisation, AWAY, password=WRONG)
    assert (await start(organisation, HOTEL)).status is SignInStatus.REFUSED


@pytest.mark.alike
async def test_a_new_password_cannot_be_set_from_a_locked_bucket_but_from_another(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secconsole.service.factors.challenges.BINDING_LASTS", 40 * 24 * 3_600_000)
    await people(organisation)
    reset = await organisation.perform(ResetPassword(tenant=TENANT, user="ana"))
    tokens = [(await start(organisation, address, password=reset.password)).challenge for address in (AWAY, HOME)]
    await guess(organisation, AWAY, MOST_IN_BUCKET)
    for address, token, status in zip(
        (AWAY, HOME), tokens, (SignInStatus.REFUSED, SignInStatus.SECOND_FACTOR), strict=True
    ):
        assert token is not None
        choose = ChoosePassword(challenge=token, password=Secret(f"some quite other words {address}"))
        assert (await asked(organisation, address, choose, Nobody())).status is status


@pytest.mark.alike
async def test_the_reply_names_the_locked_bucket(organisation: Organisation) -> None:
    await people(organisation)
    await organisation.add("bob")
    assert (await shown(organisation)).holds == ()
    await guess(organisation, AWAY, MOST_IN_BUCKET)
    for _ in range(6):
        await start(organisation, HOME, password=WRONG)
    detail = await shown(organisation)
    strangers, known = detail.holds
    assert (strangers.bucket, strangers.failures, strangers.until) == (Bucket.STRANGERS, 50, None)
    assert (known.bucket, known.failures) == (Bucket.KNOWN, 5)
    assert known.until is not None
    assert (detail.failures, detail.locked, detail.locked_until) == (55, True, None)
    assert detail.user.locked_for == SIGN_IN
    rows = (await organisation.perform(ListUsers(tenant=TENANT, filter=UserFilter(flag=Flag.LOCKED)))).items
    assert [(row.login, row.flags, row.locked_for) for row in rows] == [("ana", (Flag.LOCKED,), SIGN_IN)]
    assert (await organisation.perform(CountUsers(tenant=TENANT, filter=UserFilter(flag=Flag.LOCKED)))).count == 1
    organisation.clock.forward(minutes=1)
    rows = (await organisation.perform(ListUsers(tenant=TENANT))).items
    assert {row.login: row.locked_for for row in rows} == {"ana": (Bucket.STRANGERS,), "bob": (), "root": ()}
    assert (await organisation.perform(UnlockUser(tenant=TENANT, user="ana"))).user.locked_for == ()


@pytest.mark.alike
async def test_explain_names_the_network(organisation: Organisation) -> None:
    await people(organisation)
    await guess(organisation, AWAY, MOST_IN_BUCKET)
    for address, bucket, outcome in (
        (AWAY, Bucket.STRANGERS, SignInStatus.REFUSED),
        (HOME, Bucket.KNOWN, SignInStatus.SECOND_FACTOR),
        ("", Bucket.KNOWN, SignInStatus.SECOND_FACTOR),
    ):
        reply = await organisation.perform(ExplainSignIn(tenant=TENANT, user="ana", address=address))
        assert (reply.bucket, reply.outcome, reply.locked_for) == (bucket, outcome, (Bucket.STRANGERS,))
        assert any("networks that ana has not signed in from" in line for line in reply.because)
        if address:
            assert (await start(organisation, address)).status is outcome


async def test_only_users_locked_in_every_bucket_count_as_locked_out(organisation: Organisation) -> None:
    await people(organisation)
    await organisation.add("bob")
    await organisation.bind("bob")

    async def locked_out() -> int:
        preview = await organisation.perform(PreviewPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
        return preview.impact.locked_out

    await guess(organisation, AWAY, MOST_IN_BUCKET)
    assert await locked_out() == 0
    for _ in range(MOST_IN_BUCKET):
        await start(organisation, AWAY, "bob", WRONG)
        organisation.clock.forward(minutes=61)
    assert await locked_out() == 1, "nobody knows bob yet"
    await guess(organisation, HOME, MOST_IN_BUCKET)
    assert await locked_out() == 2
    await organisation.perform(UnlockUser(tenant=TENANT, user="ana"))
    await organisation.perform(Unbind(tenant=TENANT, users=("bob",), reason="lost"))
    assert await locked_out() == 0


@pytest.mark.alike
async def test_the_refusal_in_a_known_network_is_the_same(organisation: Organisation) -> None:
    await people(organisation)
    await organisation.add("cyd", Role.USER)
    answers = {}
    for address, login in ((HOME, "ana"), (AWAY, "ana"), (HOME, "nobody"), (AWAY, "cyd")):
        answers[address, login] = [await start(organisation, address, login, WRONG) for _ in range(8)]
    assert len({repr(found) for found in answers.values()}) == 1


@pytest.mark.alike
async def test_entries_through_an_application_count_as_strangers_in_a_known_network_too(
    organisation: Organisation,
) -> None:
    await people(organisation)
    key = Bearer((await organisation.perform(RotateSecretKey(tenant=TENANT))).key)

    async def accepted(address: str, code: Secret[str]) -> bool:
        verdict = await asked(organisation, address, VerifyCode(tenant=TENANT, user="ana", code=code), key)
        return bool(verdict.accepted)

    organisation.clock.forward(minutes=2)
    known = (await shown(organisation)).known_networks
    assert await accepted(HOTEL, organisation.code("ana"))
    assert (await shown(organisation)).known_networks == known, "an application's address is not the user's"
    for _ in range(FREE_TRIES):
        assert not await accepted(HOME, NO_CODE)
    assert await held(organisation) == [Bucket.STRANGERS]
    organisation.clock.forward(seconds=30)
    assert not await accepted(HOME, NO_CODE)
    await sign_in(organisation, HOME)
