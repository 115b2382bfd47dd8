"""The minimal statements of a verify, executed directly with the standard library's sqlite3.

Read the factor, mark the step used if no later one was, read the audit's head, insert the entry, move the head, commit.
Schema, journal and flushing are those of the store that is compared.
"""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON", "cache_size=-4000")
_READ = "SELECT * FROM factors WHERE user_pk = ? AND removed IS NULL ORDER BY pk"
_USE = (
    "UPDATE factors SET last_step = ?, last_used = ?, failures = 0 "
    "WHERE pk = ? AND last_step < ? AND state = 'active' AND removed IS NULL"
)
_HEAD = "SELECT seq, mac FROM audit_heads WHERE tenant_pk = ?"
_ENTRY = (
    "INSERT INTO audit (id, tenant_pk, seq, at, actor, actor_id, action, target, target_id, outcome, reason, ticket, "
    "channel, address, request_id, details, mac) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_MOVE = "UPDATE audit_heads SET seq = ?, mac = ?, signature = ? WHERE tenant_pk = ?"


@dataclass(frozen=True, slots=True)
class Person:
    """Keys of a factor and its user, for the statements."""

    login: str
    id: str
    pk: int
    tenant_pk: int


class BareStore:
    def __init__(self, database: Path) -> None:
        self._connection = sqlite3.connect(database, isolation_level=None, cached_statements=256)
        for pragma in _PRAGMAS:
            self._connection.execute(f"PRAGMA {pragma}")

    def verify(self, person: Person, step: int, now: int) -> None:
        """Commit one verify at `now` in milliseconds, or raise `LookupError` if the step was used."""
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        factor, *_ = run(_READ, (person.pk,)).fetchone()
        if run(_USE, (step, now, factor, step)).rowcount != 1:
            raise LookupError(person.login)
        seq, _mac = run(_HEAD, (person.tenant_pk,)).fetchone()
        entry = (
            os.urandom(13).hex(),
            person.tenant_pk,
            seq + 1,
            now,
            "local:root",
            "",
            "verify",
            person.login,
            person.id,
            "done",
            "",
            "",
            "command",
            "",
            "",
            '{"factor": "01KAN5A8JQ0000000000000000"}',
            os.urandom(32),
        )
        run(_ENTRY, entry)
        run(_MOVE, (seq + 1, os.urandom(32), os.urandom(32), person.tenant_pk))
        run("COMMIT")

    def close(self) -> None:
        self._connection.close()
