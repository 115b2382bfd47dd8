"""Two servers on one database are as correct as one: concurrent requests are decided once."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import httpx
import pytest
import pytest_asyncio

from secconsole.domain.factors.totp import code_for_step, time_step
from secconsole.domain.model import BindingStatus, PolicyMode
from secconsole.domain.secret import Secret
from secconsole.domain.throttling.throttle import FREE_TRIES
from secconsole.domain.users.search import UserFilter
from secconsole.operations.audit import VerifyAudit
from secconsole.operations.base import Operation
from secconsole.operations.caller import Credential, Nobody
from secconsole.operations.factors import VerifyCode
from secconsole.operations.policy import SetPolicy
from secconsole.operations.signin import SignIn, SignOut, VerifySignIn, WhoAmI
from secconsole.operations.user_changes import DisableUser, EnableUser
from secconsole.operations.users import CountUsers, CreateUser, ListUsers, ShowUser
from tests.failover.servers import TwoServers, two_servers
from tests.organisation import PASSWORD, TENANT
from tests.postgres import Cluster

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUNDS = 12
AT_ONCE = 50
SIGN_INS = 4  # of one person at once


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two(postgres: Cluster) -> AsyncIterator[TwoServers]:
    with postgres.database() as dsn:
        async with two_servers(dsn) as made:
            await made.owner.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
            yield made


async def at_once(
    two: TwoServers, operations: Sequence[Operation[object]], who: Credential | None = None
) -> list[httpx.Response]:
    """Return the replies of the two servers, called in turn and all at the same time."""
    return await asyncio.gather(*(two.ask(turn % 2, operation, who) for turn, operation in enumerate(operations)))


def statuses(answers: Sequence[httpx.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


async def test_a_code_sent_to_both_at_once_counts_once(two: TwoServers) -> None:
    people = [f"once-{number}" for number in range(ROUNDS)]
    await two.add(people)
    await two.bind(people)
    for person in people:
        code = two.verify(person, time_step(time.time()))
        answers = await at_once(two, [code] * AT_ONCE)
        assert statuses(answers) == {200: AT_ONCE}
        assert sum(answer.json()["accepted"] for answer in answers) == 1
        # The others were wrong entries: those that are free were counted, by both servers together, and no more.
        assert (await two.owner.perform(ShowUser(tenant=TENANT, user=person))).failures == FREE_TRIES


async def test_a_code_finishes_one_of_several_sign_ins(two: TwoServers) -> None:
    await two.add(["signing"])
    await two.bind(["signing"])
    first = SignIn(tenant=TENANT, login="signing", password=PASSWORD)
    started = await at_once(two, [first] * SIGN_INS, Nobody())
    code = Secret(code_for_step(two.seeds["signing"], time_step(time.time())))
    challenges = [Secret(answer.json()["challenge"]) for answer in started]
    seconds = [VerifySignIn(challenge=challenge, factor="", code=code) for challenge in challenges]
    answers = await at_once(two, seconds, Nobody())
    assert statuses(answers) == {200: SIGN_INS}
    assert sum(answer.json()["token"] is not None for answer in answers) == 1


async def test_one_challenge_at_both_gives_one_session(two: TwoServers) -> None:
    await two.add(["challenged"])
    await two.bind(["challenged"])
    started = await two.ask(0, SignIn(tenant=TENANT, login="challenged", password=PASSWORD), Nobody())
    code = Secret(code_for_step(two.seeds["challenged"], time_step(time.time())))
    finish = VerifySignIn(challenge=Secret(started.json()["challenge"]), factor="", code=code)
    answers = await at_once(two, [finish] * SIGN_INS, Nobody())
    assert all(answer.status_code < 500 for answer in answers)
    assert sum(answer.status_code == 200 and answer.json()["token"] is not None for answer in answers) == 1
    assert (await two.owner.perform(ShowUser(tenant=TENANT, user="challenged"))).sessions == 1


async def test_a_session_ended_by_one_server_is_refused_by_the_other(two: TwoServers) -> None:
    await two.add(["leaving", "sent-away"])
    leaving, sent_away = await two.sign_in(0, "leaving"), await two.sign_in(1, "sent-away")
    for number in (0, 1):
        assert (await two.ask(number, WhoAmI(), leaving)).status_code == 200
        assert (await two.ask(number, WhoAmI(), sent_away)).status_code == 200
    assert (await two.ask(1, SignOut(), leaving)).status_code in (200, 204)
    assert (await two.ask(0, WhoAmI(), leaving)).status_code == 401
    assert (await two.ask(0, DisableUser(tenant=TENANT, user="sent-away"))).status_code == 200
    assert (await two.ask(1, WhoAmI(), sent_away)).status_code == 401


async def test_wrong_entries_at_both_add_up(two: TwoServers) -> None:
    await two.add(["guessed"])
    await two.bind(["guessed"])
    now = time_step(time.time())
    right = {code_for_step(two.seeds["guessed"], step) for step in range(now - 2, now + 4)}
    wrong = next(code for code in map("{:06}".format, range(10)) if code not in right)
    guess = VerifyCode(tenant=TENANT, user="guessed", code=Secret(wrong))
    await at_once(two, [guess] * (FREE_TRIES - 1))
    assert (await two.owner.perform(ShowUser(tenant=TENANT, user="guessed"))).failures == FREE_TRIES - 1
    await two.ask(0, guess)
    held = await two.ask(1, two.verify("guessed", time_step(time.time())))
    assert held.json()["accepted"] is False
    assert (await two.owner.perform(ShowUser(tenant=TENANT, user="guessed"))).failures == FREE_TRIES


async def test_users_are_created_once_and_counted_correctly(two: TwoServers) -> None:
    wanted = [CreateUser(tenant=TENANT, login=f"made-{number}") for number in range(AT_ONCE)]
    twice = [operation for operation in wanted for _ in (0, 1)]
    assert statuses(await at_once(two, twice)) == {200: AT_ONCE, 409: AT_ONCE}
    changes: list[Operation[object]] = []
    for operation in wanted[: AT_ONCE // 2]:
        changes += [DisableUser(tenant=TENANT, user=operation.login), EnableUser(tenant=TENANT, user=operation.login)]
    assert set(statuses(await at_once(two, changes))) <= {200, 409}
    assert await counted(two) == await listed(two)


async def counted(two: TwoServers) -> Counter[str]:
    """By the numbers that are kept beside the users."""
    found: Counter[str] = Counter()
    for status in BindingStatus:
        query = CountUsers(tenant=TENANT, filter=UserFilter(status=status))
        found[str(status)] = (await two.owner.perform(query)).count
    found["all"] = (await two.owner.perform(CountUsers(tenant=TENANT))).total
    return found


async def listed(two: TwoServers) -> Counter[str]:
    """By going through the users."""
    page = await two.owner.perform(ListUsers(tenant=TENANT, limit=500))
    assert page.next is None
    found = Counter({str(status): 0 for status in BindingStatus})
    found.update(str(user.status) for user in page.items)
    found["all"] = len(page.items)
    return found


async def test_transactions_that_failed_by_conflict_are_retried(two: TwoServers, postgres: Cluster) -> None:
    """Now and then an entry of the audit is refused, as if two transactions had been in each other's way."""
    database = postgres.name_of(two.dsn)
    postgres.sql(
        "CREATE SEQUENCE tries; CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE n bigint; "
        "BEGIN n := nextval('tries'); "
        "IF n IN (2, 40) THEN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END IF; "
        "IF n IN (10, 11) THEN RAISE EXCEPTION 'serialization' USING ERRCODE = '40001'; END IF; RETURN NEW; END $$; "
        "CREATE TRIGGER refusing BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION refuse()",
        database,
    )
    try:
        wanted = [CreateUser(tenant=TENANT, login=f"again-{number}") for number in range(AT_ONCE)]
        assert statuses(await at_once(two, wanted)) == {200: AT_ONCE}
    finally:
        postgres.sql("DROP TRIGGER refusing ON audit", database)
    assert int(postgres.sql("SELECT last_value FROM tries", database)) > AT_ONCE
    assert await counted(two) == await listed(two)


async def test_concurrent_writes_of_both_servers_form_one_audit_chain(two: TwoServers) -> None:
    wanted = [CreateUser(tenant=TENANT, login=f"chained-{number}") for number in range(AT_ONCE)]
    assert statuses(await at_once(two, wanted)) == {200: AT_ONCE}
    for answer in await at_once(two, [VerifyAudit(tenant=TENANT)] * 2):
        assert answer.json()["whole"]
        assert answer.json()["entries"] > AT_ONCE
