"""Concurrency of two real processes on one file: a code counts once, and guessing cannot pass the limit."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from secconsole.domain.model import PolicyMode
from secconsole.domain.throttling.throttle import FREE_TRIES
from secconsole.operations.factors import EnrollFactor
from secconsole.operations.policy import SetPolicy
from secconsole.operations.users import ShowUser
from tests.organisation import PASSWORD, TENANT, Organisation, seed_of
from tests.store.looking import broken_chains
from tests.store.processes import worker
from tests.store.worker_calls import Call, call_at_once

THREADS = 50
PROCESSES = 2


def at_once(organisation: Organisation, *calls: list[Call]) -> tuple[list[str], int, int, int]:
    """Return the answers of calls in one process per list, all at the same time.

    Return also how many codes, passwords that count, and hashes were checked in total.
    """
    with ExitStack() as stack:
        workers = [
            stack.enter_context(worker(call_at_once, organisation.home, part, organisation.clock.now)) for part in calls
        ]
        for one in workers:
            assert one.hear() == "ready"
        for one in workers:
            one.say("go")
        heard = [one.hear() for one in workers]
    assert broken_chains(organisation.home) == []
    codes, passwords, hashes = (sum(part[i] for part in heard) for i in (1, 2, 3))
    return [answer for part in heard for answer in part[0]], codes, passwords, hashes


def everywhere(call: Call, times: int = THREADS) -> list[list[Call]]:
    return [[call] * times for _ in range(PROCESSES)]


async def test_a01_one_code_one_success(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    answers, *_ = at_once(organisation, *everywhere(("verify", "ana", organisation.code("ana").reveal())))
    assert sorted(answers) == ["accepted", *["refused"] * (THREADS * PROCESSES - 1)]


@pytest.mark.parametrize("challenges", [1, PROCESSES])
async def test_a01_one_code_finishes_one_sign_in(organisation: Organisation, challenges: int) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    tokens = []
    for _ in range(challenges):
        started = await organisation.start("ana")
        assert started.challenge is not None
        tokens.append(started.challenge.reveal())
    code = organisation.code("ana").reveal()
    parts: list[list[Call]] = [[("second-factor", tokens[i % challenges], code)] * THREADS for i in range(PROCESSES)]
    answers, *_ = at_once(organisation, *parts)
    assert answers.count("complete") == 1
    assert set(answers) == {"complete", "refused", "second-factor"} or set(answers) == {"complete", "refused"}
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).sessions == 1


async def test_a01_one_code_confirms_one_binding(organisation: Organisation) -> None:
    await organisation.add("ana")
    started = await organisation.perform(EnrollFactor(tenant=TENANT, user="ana"))
    organisation.seeds["ana"] = seed_of(started.key)
    call = ("confirm", started.enrollment, organisation.code("ana").reveal())
    answers, *_ = at_once(organisation, *everywhere(call))
    assert sorted(answers) == ["accepted", *["conflict"] * (THREADS * PROCESSES - 1)]
    shown = await organisation.perform(ShowUser(tenant=TENANT, user="ana"))
    assert [factor.state for factor in shown.factors] == ["active"]


async def test_a08_concurrent_code_guesses_are_limited(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    wrong = ("verify", "ana", organisation.code("ana", steps=1000).reveal())
    answers, codes, *_ = at_once(organisation, *everywhere(wrong, 100))
    assert answers == ["refused"] * 200
    assert codes == FREE_TRIES
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).failures == FREE_TRIES
    organisation.clock.forward(seconds=30)
    answers, codes, *_ = at_once(organisation, *everywhere(wrong, 10))
    assert (answers, codes) == (["refused"] * 20, 1)
    right = ("verify", "ana", organisation.code("ana").reveal())
    answers, codes, *_ = at_once(organisation, *everywhere(right, 2))
    assert (answers, codes) == (["refused"] * 4, 0)


async def test_a08_concurrent_password_guesses_are_limited(organisation: Organisation) -> None:
    """Beyond the limit a hash is still computed, so that the time reveals nothing, but its result is ignored.

    Requests that find no place in the queue for a hash are neither counted nor checked.
    """
    await organisation.add("ana")
    answers, _, counted, hashes = at_once(organisation, *everywhere(("sign-in", "ana", "not it, whatever it is"), 100))
    refused = answers.count("refused")
    assert refused + answers.count("busy") == 200
    assert refused > FREE_TRIES
    assert counted == FREE_TRIES
    assert FREE_TRIES < hashes <= refused, "where many wait for one that does not matter, they share it"
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).failures == FREE_TRIES
    answers, _, counted, _ = at_once(organisation, *everywhere(("sign-in", "ana", PASSWORD.reveal()), 2))
    assert (answers, counted) == (["refused"] * 4, 0)
