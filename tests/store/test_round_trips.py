"""Round trips to PostgreSQL for what the applications of an organisation do all day, COMMIT included."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from secconsole.backends.stores import parse_store
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Bearer, Credential, Nobody, Source
from secconsole.operations.factors import VerifyCode
from secconsole.operations.secret_keys import RotateSecretKey
from secconsole.operations.signin import SignIn, VerifySignIn
from tests.organisation import PASSWORD, TENANT, Clock, Organisation, copy_key, open_store, template_in
from tests.postgres import Cluster
from tests.round_trips import RoundTrips, counted

PEOPLE = ("ann", "ben", "eva", "ida", "max")  # the first ones also pay for statements that are new to a connection


API = Source("api", "192.0.2.7")


@pytest_asyncio.fixture
async def relayed(home: Path, postgres: Cluster) -> AsyncIterator[tuple[Organisation, RoundTrips]]:
    """Return an organisation on PostgreSQL behind a relay that counts."""
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(postgres.reused(template_in(postgres)))
        copy_key(postgres, home)
        folder = Path(tempfile.mkdtemp(dir="/tmp"))  # the path of a socket holds 107 bytes
        stack.callback(shutil.rmtree, folder)
        trips = stack.enter_context(counted(postgres, folder))
        place, clock = parse_store(dsn.replace(str(postgres.folder), str(folder))), Clock()
        made = Organisation(home, await open_store(clock, place), clock, False, place)
        stack.push_async_callback(made.backend.close)
        for login in PEOPLE:
            await made.add(login)
            await made.bind(login)
        yield made, trips


async def least(trips: RoundTrips, each: Callable[[str], Awaitable[None]]) -> int:
    """Return the fewest round trips of an operation on one person after the other, without what is due by time."""
    found = []
    for login in PEOPLE:
        before = trips.count
        await each(login)
        found.append(trips.count - before)
    return min(found)


@pytest.mark.parametrize("who", ["key", "session"])
async def test_round_trips_of_a_verify(relayed: tuple[Organisation, RoundTrips], who: str) -> None:
    organisation, trips = relayed
    credential: Credential
    if who == "key":
        credential = Bearer((await organisation.perform(RotateSecretKey(tenant=TENANT))).key)
    else:
        await organisation.add("hana", Role.HELPDESK)
        credential = await organisation.sign_in("hana")

    async def verify(login: str) -> None:
        operation = VerifyCode(tenant=TENANT, user=login, code=organisation.code(login))
        assert (await organisation.backend.perform_as(operation, credential, API)).accepted

    assert await least(trips, verify) == 2


async def test_round_trips_of_the_last_step_of_a_sign_in(relayed: tuple[Organisation, RoundTrips]) -> None:
    organisation, trips = relayed
    for login in PEOPLE:  # so that the network is known for each, as it is on most days
        await sign_in(organisation, login)
    organisation.clock.forward(minutes=2)
    started = {login: await start(organisation, login) for login in PEOPLE}

    async def verify(login: str) -> None:
        operation = VerifySignIn(challenge=started[login], factor="", code=organisation.code(login))
        answer = await organisation.backend.perform_as(operation, Nobody(), API)
        assert answer.token is not None

    assert await least(trips, verify) == 2


async def start(organisation: Organisation, login: str) -> Secret[str]:
    operation = SignIn(tenant=TENANT, login=login, password=PASSWORD)
    challenge = (await organisation.backend.perform_as(operation, Nobody(), API)).challenge
    assert challenge is not None
    return challenge


async def sign_in(organisation: Organisation, login: str) -> None:
    operation = VerifySignIn(challenge=await start(organisation, login), factor="", code=organisation.code(login))
    assert (await organisation.backend.perform_as(operation, Nobody(), API)).token is not None
