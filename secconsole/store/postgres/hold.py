"""Lock of a whole database for work that takes many transactions, by which only one process does it at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import asyncpg

from secconsole.store.postgres.address import Address
from secconsole.store.postgres.errors import unreached

SECONDS = 5.0


@contextmanager
def try_lock(address: Address, name: str) -> Iterator[bool]:
    """Hold a named lock of the database, or yield False if another process holds it.

    It belongs to a separate connection: the database releases it if the process dies.
    """
    with asyncio.Runner() as runner:
        try:
            connection = runner.run(asyncpg.connect(address.dsn, timeout=SECONDS, command_timeout=SECONDS))
        except Exception as error:
            raise unreached(error, address.shown) from None
        try:
            yield bool(runner.run(connection.fetchval("SELECT pg_try_advisory_lock(hashtext($1))", name)))
        finally:
            with suppress(Exception):
                runner.run(connection.close(timeout=SECONDS))
