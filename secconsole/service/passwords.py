"""Hashing passwords with Argon2id, off the event loop and outside of any transaction.

Costs: 19 MiB, two passes, one lane (OWASP Password Storage Cheat Sheet).
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from secconsole.domain.password import normal_password
from secconsole.domain.secret import Secret

_MMAP_THRESHOLD = -3  # malloc.h: M_MMAP_THRESHOLD
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # what can be read out over the phone without mistakes


class Passwords:
    """Hashes and checks; a missing hash takes as long to check as a real one."""

    def __init__(self, *, time_cost: int = 2, memory_kib: int = 19_456) -> None:
        self._hasher = argon2.PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=1)
        self._threads = ThreadPoolExecutor(min(4, os.cpu_count() or 1), "password")
        _give_memory_back()
        self._nobody = self._threads.submit(self._hasher.hash, secrets.token_urlsafe(16))

    async def hash(self, password: Secret[str]) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._hash, password)

    async def check(self, stored: str | None, password: Secret[str]) -> bool:
        """Whether a password is the one hashed; None is nobody's hash and never right."""
        loop = asyncio.get_running_loop()
        nobody = await asyncio.wrap_future(self._nobody)
        right = await loop.run_in_executor(self._threads, self._check, stored or nobody, password)
        return right and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was made with other costs than today's."""
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        self._threads.shutdown(wait=False)

    def _hash(self, password: Secret[str]) -> str:
        return self._hasher.hash(_bytes(password))

    def _check(self, stored: str, password: Secret[str]) -> bool:
        try:
            return self._hasher.verify(stored, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False


def _give_memory_back() -> None:
    """Have the C library return a hash's 19 MiB when it is done; glibc would keep them from the second hash on."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, 1 << 20)


def one_time_password() -> Secret[str]:
    """Four groups of four letters and digits: 79 bits, easy to read out."""
    return Secret("-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4)))


def _bytes(password: Secret[str]) -> bytes:
    return normal_password(password).reveal().encode("utf-8", "surrogatepass")
