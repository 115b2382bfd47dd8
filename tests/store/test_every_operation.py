"""Rules of every operation: change and audit are atomic, and no secret gets into audit, log or report."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from secconsole.config import locations
from secconsole.config.report import write_report
from secconsole.domain.errors import Unavailable
from secconsole.domain.model import PolicyMode
from secconsole.domain.secret import Secret
from secconsole.operations.base import OPERATIONS, Operation
from secconsole.operations.caller import Nobody
from secconsole.operations.events import EVENTS
from secconsole.operations.factors import VerifyCode
from secconsole.operations.policy import SetPolicy
from secconsole.operations.signin import VerifySignIn
from secconsole.operations.step_up import StepUp
from secconsole.store.audit_log import audit
from tests.organisation import PASSWORD, TENANT, Organisation
from tests.store.examples import ANOTHER, EXAMPLES, READING, WRITING, secrets_in
from tests.store.looking import broken_chains, column, database, differing, tables

# counted before a password is checked, and kept
TRIES = ("users.failures", "users.locked_until", "throttles", "sessions.failures", "unknown_logins")
USE = ("sessions.last_seen",)


def named(operations: Iterable[type[Operation[Any]]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("operation", operations, ids=lambda operation: operation.spec.name)


def test_a42_every_operation_has_an_example() -> None:
    assert set(OPERATIONS.values()) - EXAMPLES.keys() == set(), "add one to tests/store/examples.py"


def on_the_side(home: Path, statement: str) -> None:
    with closing(sqlite3.connect(database(home))) as connection:
        connection.execute(statement)


@named(WRITING)
async def test_a42_an_operation_that_cannot_be_audited_is_not_done(
    organisation: Organisation, operation: type[Operation[Any]]
) -> None:
    asked = await EXAMPLES[operation](organisation)
    home = organisation.home
    before, entries = tables(home, TRIES), Counter(column(home, "audit", "action"))
    on_the_side(home, "CREATE TRIGGER no_audit BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END")
    with pytest.raises(Unavailable, match="Nothing was changed"):
        await organisation.perform(asked.operation, asked.who)
    assert differing(before, tables(home, TRIES)) == set()
    on_the_side(home, "DROP TRIGGER no_audit")
    reply = await organisation.perform(asked.operation, asked.who)
    written = (Counter(column(home, "audit", "action")) - entries).keys()
    assert written & {event.action for event in operation.spec.records}
    assert written <= EVENTS.keys()
    assert differing(before, tables(home)) - {"audit", "audit_heads"}
    assert broken_chains(home) == []
    assert_nothing_told(organisation, [*secrets_in(asked.operation), *secrets_in(reply), *secrets_in(asked.who)])


@named(READING)
async def test_a42_reads_change_nothing(organisation: Organisation, operation: type[Operation[Any]]) -> None:
    asked = await EXAMPLES[operation](organisation)
    before = tables(organisation.home, USE)
    await organisation.perform(asked.operation, asked.who)
    assert differing(before, tables(organisation.home, USE)) == set()


@named(WRITING)
async def test_a43_a_crash_report_contains_no_secret(
    organisation: Organisation, operation: type[Operation[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = await EXAMPLES[operation](organisation)
    shown = [*secrets_in(asked.operation), *secrets_in(asked.who)]

    def crash(*args: object, **_: object) -> None:
        raise RuntimeError(f"the worst text an error can have: {shown} {args}")

    monkeypatch.setattr(audit, "append", crash)
    with pytest.raises(RuntimeError) as crashed:
        await organisation.perform(asked.operation, asked.who)
    path = write_report(crashed.value)
    assert path is not None
    assert "RuntimeError" in path.read_text(encoding="utf-8")
    assert_nothing_told(organisation, shown)


async def test_a43_a_validation_error_contains_no_secret(organisation: Organisation) -> None:
    """A wrong password may be right elsewhere, or the right one with a slip."""
    await organisation.add("ana")
    await organisation.bind("ana")
    bearer = await organisation.sign_in("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    canary, code = Secret("canary-password-4711"), organisation.code("ana", steps=9)
    answer = await organisation.start("ana")
    assert answer.challenge is not None
    await organisation.start("ana", canary)
    await organisation.start("nobody", canary)
    await organisation.perform(VerifySignIn(challenge=answer.challenge, factor="", code=code), Nobody())
    await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=code))
    await organisation.perform(StepUp(password=canary, code=code), bearer)
    assert column(organisation.home, "audit", "outcome").count("refused") == 5
    shown = [canary.reveal(), code.reveal(), answer.challenge.reveal(), bearer.token.reveal()]
    assert_nothing_told(organisation, shown)


def assert_nothing_told(organisation: Organisation, shown: Iterable[str]) -> None:
    """Neither audit nor log folder has one of these, a known seed, or a password."""
    seeds = [seed.reveal() for seed in organisation.seeds.values()]
    spelled = [text for seed in seeds for text in (base64.b32encode(seed).decode().rstrip("="), seed.hex())]
    rows = tables(organisation.home)["audit"]
    texts = [json.dumps([str(value) for value in row if not isinstance(value, bytes)]) for row in rows]
    texts += [path.read_text(encoding="utf-8") for path in locations.log_dir().glob("*")]
    assert texts
    for secret in {*shown, *spelled, PASSWORD.reveal(), ANOTHER.reveal()}:
        # digits of a code can be part of a time by chance, but not a whole word
        pattern = re.compile(rf"(?<!\d){re.escape(secret)}(?!\d)")
        assert secret == "" or not any(pattern.search(text) for text in texts)
