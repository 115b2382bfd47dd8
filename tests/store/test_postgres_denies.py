"""A13 on PostgreSQL and at a server: a failure during a proof of identity never results in access."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_cursor

from secconsole.domain.errors import Conflict, NotFound, NotSignedIn, Unavailable
from secconsole.operations.audit import VerifyAudit
from secconsole.operations.base import Operation
from secconsole.store.postgres import writer
from secconsole.store.schema import metadata
from tests.organisation import TENANT, Organisation, organisation_in
from tests.postgres import Cluster
from tests.store.examples import EXAMPLES
from tests.store.looking import Tables, differing
from tests.store.test_failures_deny import COUNTED, PROOFS, forgive, is_yes


@pytest_asyncio.fixture
async def organisation(home: Path, postgres: Cluster) -> AsyncIterator[Organisation]:
    async with organisation_in(home, postgres=postgres) as made:
        yield made


@pytest_asyncio.fixture
async def at_server(home: Path, postgres: Cluster) -> AsyncIterator[Organisation]:
    async with organisation_in(home, over_http=True, postgres=postgres) as made:
        yield made


def tables(organisation: Organisation) -> Tables:
    """Every row of every table but for what counts failed tries, which is kept on purpose."""

    def read(connection: sa.Connection) -> Tables:
        found: Tables = {}
        for table in metadata.sorted_tables:
            columns = [c for c in table.c if f"{table.name}.{c.name}" not in COUNTED]
            if table.name not in (*COUNTED, "idempotency"):
                found[table.name] = [tuple(row) for row in connection.execute(sa.select(*columns).order_by(*columns))]
        return found

    return organisation.backend.store.read(read).result(30)


class Fault:
    """Comes before the nth statement."""

    def __init__(self, happens: Callable[[AsyncAdapt_asyncpg_cursor], None]) -> None:
        self.left, self.reached, self._happens = 0, False, happens

    def arm(self, number: int) -> None:
        self.left, self.reached = number, False

    def __call__(self, cursor: AsyncAdapt_asyncpg_cursor) -> None:
        self.left -= 1
        if self.left == 0:
            self.reached = True
            self._happens(cursor)


def refuse(_cursor: AsyncAdapt_asyncpg_cursor) -> None:
    raise asyncpg.exceptions.PostgresIOError("could not read block 0")


def hang_up(cursor: AsyncAdapt_asyncpg_cursor) -> None:
    cursor._connection.terminate()


@contextmanager
def hooked(fault: Fault) -> Iterator[None]:
    run = AsyncAdapt_asyncpg_cursor._prepare_and_execute

    async def hooking(cursor: AsyncAdapt_asyncpg_cursor, operation: Any, parameters: Any) -> None:
        try:
            fault(cursor)
        except asyncpg.PostgresError as error:
            cursor._handle_exception(error)
        await run(cursor, operation, parameters)  # type: ignore[no-untyped-call]

    AsyncAdapt_asyncpg_cursor._prepare_and_execute = hooking  # type: ignore[method-assign]
    try:
        yield
    finally:
        AsyncAdapt_asyncpg_cursor._prepare_and_execute = run  # type: ignore[method-assign]


@pytest.mark.parametrize("happens", [refuse, hang_up], ids=["refused", "hung up"])
@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.spec.name)
async def test_a13_a_database_that_fails_at_any_statement_denies(
    organisation: Organisation,
    proof: type[Operation[Any]],
    happens: Callable[[Any], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writer, "RETRY_SECONDS", 0.0)
    fault = Fault(happens)
    asked = await EXAMPLES[proof](organisation)
    before = tables(organisation)
    with hooked(fault):
        for number in itertools.count(1):
            fault.arm(number)
            try:
                reply = await organisation.perform(asked.operation, asked.who)
            except Unavailable:
                assert fault.reached
            else:
                # noting that a session was used, or a reply kept, comes after the answer is decided and kept
                assert is_yes(reply)
                break
            fault.arm(-1)
            assert differing(before, tables(organisation)) == set()
            organisation.backend.store.write(forgive).result(30)
    assert number > 5
    assert (await organisation.perform(VerifyAudit(tenant=TENANT))).whole


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.spec.name)
async def test_a_lost_connection_is_opened_again_and_the_proof_counts_once(
    at_server: Organisation, proof: type[Operation[Any]]
) -> None:
    """The requested change is done nevertheless, and once."""
    fault = Fault(hang_up)
    asked = await EXAMPLES[proof](at_server)
    with hooked(fault):
        fault.arm(6)
        assert is_yes(await at_server.perform(asked.operation, asked.who))
        assert fault.reached
        fault.arm(-1)
    assert (await at_server.perform(VerifyAudit(tenant=TENANT))).whole
    with suppress(Conflict, NotFound, NotSignedIn):  # that which was proved is over
        assert not is_yes(await at_server.perform(asked.operation, asked.who)) or proof.spec.name == "sign-in"
