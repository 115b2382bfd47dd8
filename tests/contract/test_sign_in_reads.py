"""Statements of each step of a sign-in: within one transaction a row is read again only after it was written.

Each case is also held to a number of statements, so that a step cannot grow more expensive unnoticed.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from secconsole.domain.model import SignInStatus
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.caller import Nobody, Source
from secconsole.operations.signin import SignIn, SignInAnswer, VerifySignIn
from tests.organisation import PASSWORD, TENANT, Organisation, organisation_in

WRONG = Secret("000000")
AWAY = Source("api", "198.51.100.7")
_READ_ONCE = {"users", "tenants", "factors", "challenges"}
_WRITES = re.compile(r"(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)")
_READS = re.compile(r"SELECT .* FROM (\w+)")


class Statements:
    """Statements of write transactions, those of triggers included."""

    def __init__(self) -> None:
        self.transactions: list[list[str]] = []

    def note(self, sql: str) -> None:
        text = " ".join(sql.split())
        if text.startswith("BEGIN"):
            self.transactions.append([])
        elif self.transactions and text.startswith(("SELECT", "INSERT", "UPDATE", "DELETE")):
            self.transactions[-1].append(text)

    def __len__(self) -> int:
        return sum(map(len, self.transactions))

    def read_again(self) -> list[str]:
        """Return the reads of a row that the same transaction had read and not written since."""
        found: list[str] = []
        for statements in self.transactions:
            read: set[str] = set()
            for text in statements:
                if written := _WRITES.match(text):
                    read -= {one for one in read if f" FROM {written[1]} " in one}
                elif (table := _READS.match(text)) and table[1] in _READ_ONCE:
                    found += [text] if text in read else []
                    read.add(text)
        return found


@contextmanager
def traced(statements: Statements) -> Iterator[None]:
    """Note the statements of every connection that is opened meanwhile."""
    connect = sqlite3.connect

    def connect_traced(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **options)
        connection.set_trace_callback(statements.note)
        return connection

    sqlite3.connect = connect_traced  # type: ignore[assignment]
    try:
        yield
    finally:
        sqlite3.connect = connect


async def step(organisation: Organisation, seen: Statements, operation: Operation[SignInAnswer]) -> SignInAnswer:
    seen.transactions.clear()
    answer = await organisation.backend.perform_as(operation, Nobody(), AWAY)
    assert seen.transactions
    assert seen.read_again() == []
    return answer


async def test_each_step_of_a_sign_in_reads_a_row_once(home: Path) -> None:
    seen = Statements()
    counted: dict[str, int] = {}
    with traced(seen):
        async with organisation_in(home) as organisation:
            await organisation.add("ana")
            await organisation.bind("ana")
            await organisation.sign_in("ana")  # what is due is done, and the clock's time noted
            await step(organisation, seen, SignIn(tenant=TENANT, login="ana", password=WRONG))
            counted["wrong password"] = len(seen)
            answer = await step(organisation, seen, SignIn(tenant=TENANT, login="ana", password=PASSWORD))
            counted["password"] = len(seen)
            assert answer.challenge is not None
            verify = VerifySignIn(challenge=answer.challenge, factor="", code=WRONG)
            again = await step(organisation, seen, verify)
            assert (again.status, again.left) == (SignInStatus.SECOND_FACTOR, 4)
            counted["wrong code"] = len(seen)
            verify = VerifySignIn(challenge=answer.challenge, factor="", code=organisation.code("ana"))
            done = await step(organisation, seen, verify)
            assert done.status is SignInStatus.COMPLETE
            counted["code"] = len(seen)
    assert counted == {"wrong password": 25, "password": 28, "wrong code": 26, "code": 35}
