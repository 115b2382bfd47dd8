"""Hashing of passwords with Argon2id, off the event loop and outside transactions.

Costs: 19 MiB, two passes, one lane (OWASP Password Storage Cheat Sheet).
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import secrets
from base64 import b64encode
from collections.abc import Hashable, Sequence
from contextlib import suppress

import argon2
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION

from secconsole.domain.secret import Secret
from secconsole.domain.users import password as _password
from secconsole.domain.users.password import normal_password
from secconsole.service.factors.hash_pool import HashPool, Lane, Place

_MMAP_THRESHOLD = -3  # malloc.h: M_MMAP_THRESHOLD
_MOST_THREADS = 4
_AHEAD = 2  # hashes of an import queued per thread, enough to keep it busy


class Passwords:
    """Hashing and checking of passwords, which takes equally long for a missing hash."""

    def __init__(self, *, time_cost: int = 2, memory_kib: int = 19_456) -> None:
        self._hasher = argon2.PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=1)
        self._pool = HashPool(min(_MOST_THREADS, os.cpu_count() or 1))
        _give_memory_back()
        self._nobody = self._random_hash()

    def place(self, lane: Lane, caller: Hashable) -> Place:
        """Reserve a place in the queue, or raise `Busy`."""
        return self._pool.place(lane, caller)

    async def hash(self, password: Secret[str], place: Place | None = None) -> str:
        """Return the hash of a new password."""
        lane, caller = (place.lane, place.caller) if place else (Lane.CHANGE, "")
        return await self._pool.run(lane, caller, lambda: self._hash(password))

    async def hash_all(self, passwords: Sequence[Secret[str]], place: Place) -> Sequence[str]:
        """Return the hashes of many passwords, of which few are in the queue at a time."""
        hashes = [""] * len(passwords)
        work = iter(range(len(passwords)))

        async def one_after_the_other() -> None:
            for number in work:
                hashes[number] = await self.hash(passwords[number], place)

        ahead = min(len(passwords), _AHEAD * self._pool.threads)
        tasks = [asyncio.create_task(one_after_the_other()) for _ in range(ahead)]
        try:
            await asyncio.gather(*tasks)
        finally:  # one has failed, or the caller gave up
            for task in tasks:
                task.cancel()
        return hashes

    async def check(self, stored: str | None, password: Secret[str], place: Place) -> bool:
        """Return True if the password matches the hash, never for None."""
        if stored is None:
            await self._pool.run_decoy(place, lambda: self._check(self._nobody, password))
            return False
        return await self._pool.run(place.lane, place.caller, lambda: self._check(stored, password))

    def is_outdated(self, stored: str) -> bool:
        """Return True if a hash was made with other than the current costs."""
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        self._pool.close()

    def _random_hash(self) -> str:
        """Return a hash of no password that takes as long to check as any other."""
        hasher = self._hasher
        costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
        salt, digest = (
            b64encode(secrets.token_bytes(length)).decode().rstrip("=") for length in (hasher.salt_len, hasher.hash_len)
        )
        return f"$argon2id$v={ARGON2_VERSION}${costs}${salt}${digest}"

    def _hash(self, password: Secret[str]) -> str:
        return self._hasher.hash(_bytes(password))

    def _check(self, stored: str, password: Secret[str]) -> bool:
        try:
            return self._hasher.verify(stored, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False


def _give_memory_back() -> None:
    """Make the C library release the 19 MiB of a hash: glibc would keep them from the second hash on."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, 1 << 20)


def one_time_password() -> Secret[str]:
    return _password.one_time_password(secrets.choice)


def _bytes(password: Secret[str]) -> bytes:
    return normal_password(password).reveal().encode("utf-8", "surrogatepass")
