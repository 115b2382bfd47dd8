"""B9, A19: with a wrong password no answer reveals whether a login exists, even after many attempts.

Whole replies are compared, over random rows of entries from random addresses with pauses of seconds to weeks, and
whole HTTP answers with status and headers. Time is compared by what takes it: hashes, and statements to the store.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import argon2
import httpx
import pytest
import sqlalchemy as sa

from secconsole.domain.model import PolicyMode, SignInStatus
from secconsole.domain.networks.network import network_of
from secconsole.domain.secret import Secret
from secconsole.domain.throttling.throttle import FORGET_AFTER, FREE_TRIES, MOST_IN_BUCKET
from secconsole.domain.throttling.token_bucket import Rate
from secconsole.operations.caller import Nobody, Source
from secconsole.operations.policy import SetPolicy
from secconsole.operations.signin import SignIn, SignInAnswer
from secconsole.operations.user_changes import DisableUser
from secconsole.operations.users import CreateUser, ShowUser
from secconsole.server.app import make_app
from secconsole.server.transport import gate
from secconsole.service.handlers.sign_in import signin
from secconsole.store.schema import unknown_logins, users
from secconsole.store.sign_in.throttles import note_network
from tests.contract.test_failure_buckets import HOME, OFFICE, held, sign_in, start
from tests.extent import further
from tests.organisation import PASSWORD, TENANT, Organisation, organisation_in
from tests.store.driver import hooked

WRONG = Secret("not the password at all")
STRANGERS = ("203.0.113.9", "192.0.2.44", "2001:db8:7::1", "not an address", "uid 4711", "")
PAUSES = (0, 1, 29, 30, 31, 61, 300, 3_599, 3_601, 7_300, FORGET_AFTER / 1000 - 1, FORGET_AFTER / 1000, 8 * 86_400)


async def subjects(organisation: Organisation) -> dict[str, tuple[str, str, Secret[str]]]:
    """Return tenants, logins and passwords by what an attacker could find out, including right ones that must fail."""
    for login in ("ana", "bob", "off"):
        await organisation.add(login)
    await organisation.bind("ana")
    await organisation.perform(CreateUser(tenant=TENANT, login="nopass"))
    await organisation.perform(DisableUser(tenant=TENANT, user="off"))
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    await sign_in(organisation, HOME)
    ana = (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).user.id
    return {
        "unknown": (TENANT, "ghost", WRONG),
        "bound": (TENANT, "ana", WRONG),
        "unbound": (TENANT, "bob", WRONG),
        "without a password": (TENANT, "nopass", WRONG),
        "disabled": (TENANT, "off", PASSWORD),
        "an id": (TENANT, ana, PASSWORD),
        "an id of nobody": (TENANT, "01KAMZ8X5R3T7W9Y2B4D6F8H0J", WRONG),
        "unknown tenant": ("nowhere", "ana", WRONG),
        "spelled otherwise": (TENANT, " \uff27\uff28ost2 ", WRONG),
    }


async def ask(organisation: Organisation, address: str, who: tuple[str, str, Secret[str]]) -> SignInAnswer:
    tenant, login, password = who
    operation = SignIn(tenant=tenant, login=login, password=password)
    return await organisation.backend.perform_as(operation, Nobody(), Source("api", address))


def entries(seed: int, count: int) -> list[tuple[str, float]]:
    """Return origins of entries and the pauses before them: bursts, as in guessing, and long silences."""
    chance = random.Random(seed)
    found: list[tuple[str, float]] = []
    while len(found) < count:
        pause = chance.choice(PAUSES)
        for _ in range(chance.choice((1, 1, 2, 5, 12))):
            found.append((chance.choice(STRANGERS), pause))
            pause = chance.choice((0, 0, 1, 40, 3_601))
    return found


@pytest.mark.alike
@pytest.mark.parametrize("seed", [0, further(1), further(2), further(3)])
async def test_replies_stay_identical_over_many_attempts(organisation: Organisation, seed: int) -> None:
    everybody = await subjects(organisation)
    chance = random.Random(seed)
    waits = 0
    for number, (address, pause) in enumerate(entries(seed, 70)):
        organisation.clock.forward(seconds=pause)
        answers = {what: await ask(organisation, address, who) for what, who in everybody.items()}
        expected = answers["unknown"]
        assert expected.status is SignInStatus.REFUSED
        assert {what for what, answer in answers.items() if answer != expected} == set(), (number, address)
        waits += expected.retry_at is not None
        if chance.random() < 0.1:  # the user goes on working meanwhile, without any visible effect
            at = organisation.clock.now
            await sign_in(organisation, HOME)
            organisation.clock.now = at + 60
    assert waits > 10


@pytest.mark.alike
async def test_a_lock_reveals_no_more_than_a_wait(organisation: Organisation) -> None:
    """Not after fifty entries, not with the right password, and not weeks later."""
    everybody = await subjects(organisation)
    for number in range(MOST_IN_BUCKET + 10):
        answers = {what: await ask(organisation, STRANGERS[0], who) for what, who in everybody.items()}
        assert len(set(answers.values())) == 1, number
        organisation.clock.forward(seconds=3_601)
    for login in ("ana", "bob", "nopass", "off"):
        assert await held(organisation, login) == ["strangers"]
    everybody |= {"locked, right": (TENANT, "bob", PASSWORD)}
    for what in ("bound", "unbound", "without a password", "disabled", "unknown tenant", "spelled otherwise"):
        del everybody[what]
    organisation.clock.forward(days=9)
    for _ in range(FREE_TRIES + 2):
        answers = {what: await ask(organisation, STRANGERS[0], who) for what, who in everybody.items()}
        assert len(set(answers.values())) == 1
        organisation.clock.forward(seconds=3)


@pytest.mark.alike
async def test_a_travelling_owner_reveals_nothing(organisation: Organisation) -> None:
    """Their sign-ins come from networks that are new each time, as an attacker's entries do."""
    everybody = await subjects(organisation)
    for number in range(4):
        for _ in range(7):
            answers = {what: await ask(organisation, STRANGERS[0], who) for what, who in everybody.items()}
            assert len(set(answers.values())) == 1, number
            organisation.clock.forward(minutes=30)
        organisation.clock.forward(minutes=31)
        await sign_in(organisation, f"10.7.{number}.1")


@pytest.mark.alike
@pytest.mark.parametrize("days", [1, 8, 91])
async def test_four_failures_and_quiet_days_reveal_nothing(organisation: Organisation, days: int) -> None:
    everybody = await subjects(organisation)
    for count in (4, 2, 7):
        for _ in range(count):
            answers = {what: await ask(organisation, STRANGERS[1], who) for what, who in everybody.items()}
            assert len(set(answers.values())) == 1
        organisation.clock.forward(days=days)


async def test_a_sign_in_of_the_owner_from_a_new_network_reveals_nothing(organisation: Organisation) -> None:
    await subjects(organisation)
    for _ in range(9):
        organisation.clock.forward(minutes=61)
        known, unknown = [await start(organisation, STRANGERS[0], login, WRONG) for login in ("ana", "ghost")]
    organisation.clock.forward(minutes=61)
    at = organisation.clock.now
    await sign_in(organisation, "198.18.0.1")
    organisation.clock.now = at
    known, unknown = [await start(organisation, STRANGERS[0], login, WRONG) for login in ("ana", "ghost")]
    assert known == unknown
    assert known.retry_at is not None


@pytest.mark.alike
async def test_http_replies_are_identical(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that make an address wait, too: each login has a server to itself, which counts what it refused."""
    monkeypatch.setattr(gate, "PENALTY", 0.0)
    everybody = await subjects(organisation)
    rate = Rate(burst=9, per_minute=0.001)  # so slow that the time of this test fills up nothing
    apps = {what: make_app(organisation.backend, refused=rate) for what in everybody}
    statuses: Counter[int] = Counter()
    for address, pause in entries(9, 40):
        organisation.clock.forward(seconds=pause)
        seen = set()
        for what, (tenant, login, password) in everybody.items():
            transport = httpx.ASGITransport(app=apps[what], client=(address, 4711))
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                body = {"login": login, "password": password.reveal()}
                answer = await client.post(f"/v1/tenants/{tenant}/sign-in", json=body)
                headers = {k: v for k, v in answer.headers.items() if k not in ("date", "x-request-id", "retry-after")}
                content = re.sub(rb'"request_id":"[0-9a-f]+"|in \d+ seconds', b"", answer.content)
                seen.add((answer.status_code, tuple(sorted(headers.items())), content))
                statuses[answer.status_code] += 1
        assert len(seen) == 1
    assert set(statuses) == {200, 429}


async def test_known_and_unknown_logins_cost_the_same_hashes_and_statements(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: Counter[str] = Counter()
    original = argon2.PasswordHasher.verify

    def verify(self: argon2.PasswordHasher, stored: str, password: bytes) -> Literal[True]:
        counted["hashes"] += 1
        return original(self, stored, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", verify)
    with hooked(lambda: counted.update(["statements"])):
        async with organisation_in(home) as organisation:
            everybody = await subjects(organisation)
            del everybody["unknown tenant"]  # it has no audit to write to, and which tenants there are is no secret
            for number in range(MOST_IN_BUCKET + 3):
                organisation.clock.forward(minutes=0 if number % 7 in (5, 6) else 61)
                for _ in range(2):  # does what is due, and finds that no more is
                    await ask(organisation, STRANGERS[0], ("nowhere", "ana", WRONG))
                spent: dict[str, dict[str, int]] = {}
                for what, who in everybody.items():
                    counted.clear()
                    await ask(organisation, STRANGERS[0], who)
                    spent[what] = dict(counted)
                assert spent["unknown"]["hashes"] == 1
                assert {what: s for what, s in spent.items() if s != spent["unknown"]} == {}, (number, spent["unknown"])


async def test_a_refused_right_password_gets_the_reply_of_a_wrong_one(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Line 2 of the table: no password can be tested from a network that the tenant does not allow."""
    await subjects(organisation)
    decide = signin.decide_sign_in
    monkeypatch.setattr(signin, "decide_sign_in", lambda facts: decide(replace(facts, network_allowed=False)))
    for _ in range(FREE_TRIES + 3):
        right = await ask(organisation, STRANGERS[0], (TENANT, "bob", PASSWORD))
        assert right == await ask(organisation, STRANGERS[0], (TENANT, "ghost", WRONG))
    assert right.retry_at is not None
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="bob"))).failures == FREE_TRIES


async def known_to(organisation: Organisation, address: str, logins: Sequence[str] | None = None) -> None:
    """Note a sign-in from an address for users of the tenant, for all of them if none are named."""
    network, now = network_of(address), int(organisation.clock.now * 1000)
    assert network is not None

    def note(connection: sa.Connection) -> None:
        wanted = sa.true() if logins is None else users.c.login.in_(logins)
        for pk in connection.execute(sa.select(users.c.pk).where(wanted)).scalars().all():
            note_network(connection, pk, network, now)

    await asyncio.wrap_future(organisation.backend.store.write(note))


@pytest.mark.alike
@pytest.mark.parametrize("seed", [0, further(1)])
async def test_mixing_shared_and_other_networks_reveals_nothing(organisation: Organisation, seed: int) -> None:
    """Wrong entries from elsewhere delay no other network, and vice versa, whether or not the login exists."""
    everybody = await subjects(organisation)
    del everybody["unknown tenant"]  # which tenants there are is no secret
    for address in (HOME, OFFICE):
        await known_to(organisation, address)
    chance = random.Random(seed)
    waits: Counter[str] = Counter()
    for number, (stranger, pause) in enumerate(entries(seed, 70)):
        organisation.clock.forward(seconds=pause)
        address = chance.choice((HOME, OFFICE, stranger))
        answers = {what: await ask(organisation, address, who) for what, who in everybody.items()}
        expected = answers["unknown"]
        assert {what for what, answer in answers.items() if answer != expected} == set(), (number, address)
        waits["known" if address in (HOME, OFFICE) else "strange"] += expected.retry_at is not None
    assert min(waits["known"], waits["strange"]) > 3


async def test_a_sign_in_from_a_shared_network_ends_the_wait_for_known_and_unknown_logins(
    organisation: Organisation,
) -> None:
    await organisation.add("bob")
    await known_to(organisation, HOME)
    organisation.clock.forward(minutes=1)
    for _ in range(FREE_TRIES + 1):
        known, unknown = [await start(organisation, HOME, login, WRONG) for login in ("bob", "ghost")]
    assert known == unknown
    assert known.retry_at is not None
    organisation.clock.forward(minutes=70)
    at = organisation.clock.now
    await sign_in(organisation, HOME, "bob")
    await known_to(organisation, HOME)
    organisation.clock.now = at + 1
    for _ in range(FREE_TRIES + 1):
        known, unknown = [await start(organisation, HOME, login, WRONG) for login in ("bob", "ghost")]
        assert known == unknown
    assert known.retry_at is not None


async def has_two_buckets(organisation: Organisation, login: str) -> bool:
    """Find out as an attacker does: hold a login up elsewhere, then try it from the network."""
    for _ in range(FREE_TRIES + 1):
        elsewhere = await start(organisation, STRANGERS[0], login, WRONG)
    assert elsewhere.retry_at is not None
    return (await start(organisation, HOME, login, WRONG)).retry_at is None


async def test_unknown_logins_are_known_to_networks_in_the_same_proportion_as_users(organisation: Organisation) -> None:
    people = [f"user{number:02d}" for number in range(24)]
    for login in people:
        await organisation.add(login)
    await known_to(organisation, HOME, [login for number, login in enumerate(people) if number % 3])
    ghosts = [f"user{number}x" for number in range(30)]
    found = {login: await has_two_buckets(organisation, login) for login in ghosts}
    assert 0.4 < sum(found.values()) / len(found) < 0.9  # of the users two thirds
    await organisation.add("user07y")
    organisation.clock.forward(days=2)
    again = {login: await has_two_buckets(organisation, login) for login in ghosts}
    assert sum(again[login] != found[login] for login in ghosts) <= 5


async def test_unknown_logins_use_at_most_two_rows(organisation: Organisation) -> None:
    await known_to(organisation, HOME)
    await known_to(organisation, OFFICE)
    for number in range(3):
        for address in (HOME, OFFICE, *STRANGERS, "192.0.2.1", "198.18.0.1"):
            await start(organisation, address, f"ghost{number}", WRONG)
    count = sa.select(sa.func.count()).select_from(unknown_logins)
    rows = await asyncio.wrap_future(organisation.backend.store.read(lambda c: c.execute(count).scalar_one()))
    assert rows == 2 * 3
