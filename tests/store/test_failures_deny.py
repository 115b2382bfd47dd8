"""A13: a failure during a proof of identity never results in access."""

from __future__ import annotations

import itertools
import os
import sqlite3
from collections.abc import Callable
from typing import Any

import argon2
import pytest
import sqlalchemy as sa

from secconsole.domain.errors import Unavailable
from secconsole.domain.model import SignInStatus
from secconsole.operations.base import Operation
from secconsole.operations.factors import ConfirmFactor, VerifyCode
from secconsole.operations.signin import ChoosePassword, ConfirmBinding, SignIn, VerifySignIn
from secconsole.operations.step_up import StepUp
from secconsole.service.factors import codes
from secconsole.store.schema import sessions, throttles, users
from secconsole.store.sealing.keys import KeyRing
from tests.organisation import Organisation
from tests.store.driver import hooked
from tests.store.examples import EXAMPLES
from tests.store.looking import broken_chains, differing, tables

PROOFS: list[type[Operation[Any]]] = [
    SignIn,
    VerifySignIn,
    ConfirmBinding,
    ChoosePassword,
    VerifyCode,
    StepUp,
    ConfirmFactor,
]
# What a yes would leave behind: sessions (and when they were proved), factors, challenges used. Not the tries counted.
COUNTED = ("users.failures", "users.locked_until", "throttles", "sessions.failures", "audit", "audit_heads")
WITH_CODE = [proof for proof in PROOFS if proof not in (SignIn, ChoosePassword)]
WITH_PASSWORD = [SignIn, StepUp]


def is_yes(reply: Any) -> bool:
    return reply.accepted if hasattr(reply, "accepted") else reply.status is SignInStatus.COMPLETE


class Fault:
    """Lets the nth of something fail, as a disk does that stops answering."""

    def __init__(self) -> None:
        self.left = 0
        self.reached = False

    def arm(self, number: int) -> None:
        self.left, self.reached = number, False

    def __call__(self, *_: object) -> None:
        self.left -= 1
        if self.left == 0:
            self.reached = True
            raise sqlite3.OperationalError("disk I/O error")


def forgive(connection: sa.Connection) -> None:
    connection.execute(sa.update(users).values(failures=0, locked_until=0))
    connection.execute(sa.update(sessions).values(failures=0))
    connection.execute(sa.delete(throttles))


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.spec.name)
async def test_a13_a_store_that_fails_at_any_statement_denies(
    organisation: Organisation, proof: type[Operation[Any]]
) -> None:
    fault = Fault()
    with hooked(fault):
        await organisation.reopen()
        asked = await EXAMPLES[proof](organisation)
        before = tables(organisation.home, COUNTED)
        for number in itertools.count(1):
            fault.arm(number)
            try:
                reply = await organisation.perform(asked.operation, asked.who)
            except Unavailable:
                assert fault.reached
            else:
                # noting that a session was used comes after the answer is decided and kept, and may fail
                assert is_yes(reply)
                assert not fault.reached or proof is StepUp
                break
            assert differing(before, tables(organisation.home, COUNTED)) == set()
            organisation.backend.store.write(forgive).result()
    assert number > 5
    assert broken_chains(organisation.home) == []


def refuse(*_: object, **__: object) -> Any:
    raise RuntimeError("injected")


def refuse_to_open(*_: object, **__: object) -> Any:
    raise Unavailable("injected")


Break = Callable[[pytest.MonkeyPatch, Organisation], None]
BREAKS: dict[str, tuple[Break, list[type[Operation[Any]]]]] = {
    "the key does not open": (lambda patch, _: patch.setattr(KeyRing, "unseal", refuse_to_open), WITH_CODE),
    "opening crashes": (lambda patch, _: patch.setattr(KeyRing, "unseal", refuse), WITH_CODE),
    "comparing crashes": (lambda patch, _: patch.setattr(codes, "matching_step", refuse), WITH_CODE),
    "hashing crashes": (lambda patch, _: patch.setattr(argon2.PasswordHasher, "verify", refuse), WITH_PASSWORD),
    "no chance left": (lambda patch, _: patch.setattr(os, "urandom", refuse), PROOFS),
    "no clock": (lambda patch, o: patch.setattr(o.backend._service._transactions, "_clock", refuse), PROOFS),
    "a clock of nonsense": (
        lambda patch, o: patch.setattr(o.backend._service._transactions, "_clock", lambda: float("nan")),
        PROOFS,
    ),
}


@pytest.mark.parametrize(
    ("fault", "proof"),
    [(name, proof) for name, (_, proofs) in BREAKS.items() for proof in proofs],
    ids=lambda value: value if isinstance(value, str) else value.spec.name,
)
async def test_a13_any_part_that_fails_denies(
    organisation: Organisation, fault: str, proof: type[Operation[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = await EXAMPLES[proof](organisation)
    before = tables(organisation.home, COUNTED)
    with monkeypatch.context() as patch:
        BREAKS[fault][0](patch, organisation)
        with pytest.raises((RuntimeError, Unavailable, ValueError)):
            await organisation.perform(asked.operation, asked.who)
    assert differing(before, tables(organisation.home, COUNTED)) == set()
    organisation.backend.store.write(forgive).result()
    assert is_yes(await organisation.perform(asked.operation, asked.who))


@pytest.mark.parametrize("step", [-3600, -86_400, -10 * 365 * 86_400, 3600, 10 * 365 * 86_400])
async def test_a13_a_clock_that_jumps_does_not_make_an_old_code_count(organisation: Organisation, step: float) -> None:
    """Nor does a used code count again when the clock comes back to its time."""
    await organisation.add("ana")
    await organisation.bind("ana")
    used = VerifyCode(tenant="acme", user="ana", code=organisation.code("ana"))
    assert (await organisation.perform(used)).accepted
    organisation.clock.forward(seconds=step)
    assert not (await organisation.perform(used)).accepted
    organisation.clock.forward(seconds=-step)
    assert not (await organisation.perform(used)).accepted
