"""What a password's hash costs: what the OWASP Password Storage Cheat Sheet asks for."""

from __future__ import annotations

import asyncio

from secconsole.domain.secret import Secret
from secconsole.service.factors.passwords import Passwords
from tests.cheap_passwords import LEAST, REAL

PASSWORD = Secret("correct horse battery staple")


def hash_at(cost: dict[str, int]) -> tuple[Passwords, str]:
    passwords = Passwords(**cost)
    try:
        return passwords, asyncio.run(passwords.hash(PASSWORD))
    finally:
        passwords.close()


def test_a_hash_is_argon2id_with_19_mib_and_two_passes() -> None:
    passwords, made = hash_at(REAL)
    assert made.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert not passwords.is_outdated(made)


def test_a_hash_at_another_cost_is_outdated() -> None:
    _, cheap = hash_at(LEAST)
    passwords, _ = hash_at(REAL)
    assert passwords.is_outdated(cheap)
