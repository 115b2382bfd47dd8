"""A02: one recovery code used in two real processes, and on two servers of one database, counts once."""

from __future__ import annotations

import asyncio
from pathlib import Path

from secconsole.domain.factors.recovery import HOW_MANY
from secconsole.domain.model import PolicyMode
from secconsole.domain.secret import Secret
from secconsole.operations.factors import VerifyCode
from secconsole.operations.policy import SetPolicy
from secconsole.operations.recovery import CreateRecoveryCodes
from secconsole.operations.users import ShowUser
from tests.organisation import TENANT, Organisation, open_store, organisation_in
from tests.postgres import Cluster
from tests.store.test_at_once import PROCESSES, THREADS, at_once, everywhere
from tests.store.worker_calls import Call


async def code_of_ana(organisation: Organisation) -> Secret[str]:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    return (await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="ana"))).codes[4]


async def left(organisation: Organisation) -> int:
    return (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).recovery_left


async def test_a02_one_recovery_code_one_success(organisation: Organisation) -> None:
    code = await code_of_ana(organisation)
    answers, *_ = at_once(organisation, *everywhere(("verify", "ana", code.reveal())))
    assert sorted(answers) == ["accepted", *["refused"] * (THREADS * PROCESSES - 1)]
    assert await left(organisation) == HOW_MANY - 1


async def test_a02_one_recovery_code_finishes_one_of_two_sign_ins(organisation: Organisation) -> None:
    code = (await code_of_ana(organisation)).reveal()
    parts: list[list[Call]] = []
    for _ in range(PROCESSES):
        started = await organisation.start("ana")
        assert started.challenge is not None
        parts.append([("second-factor", started.challenge.reveal(), code)] * THREADS)
    answers, *_ = at_once(organisation, *parts)
    assert answers.count("complete") == 1
    shown = await organisation.perform(ShowUser(tenant=TENANT, user="ana"))
    assert (shown.sessions, shown.recovery_left) == (1, HOW_MANY - 1)


async def test_a02_two_servers_on_one_database_accept_a_recovery_code_once(home: Path, postgres: Cluster) -> None:
    async with organisation_in(home, postgres=postgres) as organisation:
        code = await code_of_ana(organisation)
        other = await open_store(organisation.clock, organisation.place)
        try:
            verify = VerifyCode(tenant=TENANT, user="ana", code=code)
            servers = (organisation.backend, other)
            verdicts = await asyncio.gather(*(server.perform(verify) for _ in range(25) for server in servers))
        finally:
            await other.close()
        assert [verdict.accepted for verdict in verdicts].count(True) == 1
        assert await left(organisation) == HOW_MANY - 1
