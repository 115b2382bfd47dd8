"""Rows of a write that were read in advance, in one statement, and its changes, which are written in one statement.

On PostgreSQL each statement of a transaction is a round trip, during which its tenant is locked. A write that knows
what it will read (`Ahead`) takes two in all, and locks its tenant only while the second one runs: its body runs on
`RowsAhead` in place of a connection. It raises `NotAhead` where it needs anything else. Then it runs again, in a
transaction of its own. So does a write whose tenant has changed since its rows were read.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import sqlalchemy as sa

Row = Sequence[Any]


class Statement(Protocol):
    """Statement with named parameters, see `store/engine/compiled.py`."""

    @property
    def tables(self) -> frozenset[str]: ...

    def compiled(self, dialect: sa.Dialect) -> tuple[str, list[str], dict[str, Any]]: ...

    def arguments(self, dialect: sa.Dialect, values: Mapping[str, object]) -> list[object]: ...

    def after(self, other: str) -> Statement: ...


class NotAhead(Exception):
    """Raised by a body that needs a row that was not read, or a change that cannot wait for the others."""


@dataclass(frozen=True, slots=True)
class Head:
    """Head of a tenant's audit chain, with the number of the transactions that have locked the tenant."""

    tenant_pk: int
    seq: int
    mac: bytes
    turn: int


@dataclass(frozen=True, slots=True)
class Ahead:
    """Rows that a write will read: the statement for them, its parameters, and what its result contains.

    The statement returns `at`, a number that tells its results apart, in its first column, and the time in its second.
    """

    statement: Statement
    values: Mapping[str, object]
    unpack: Callable[[RowsAhead, Sequence[Row]], None]


@dataclass(slots=True)
class Move:
    """New head of a chain."""

    seq: int
    mac: bytes
    signature: bytes


@dataclass(slots=True)
class RowsAhead:
    """Stand-in for the connection of a body: the rows that were read, and the changes that are still to be written.

    `subjects`: internal keys of the users whose rows are among them. No two bodies share one before they are written.
    """

    dialect: sa.Dialect
    info: dict[Any, Any]
    head: Head | None = None
    moved: Move | None = None
    subjects: set[int] = field(default_factory=set)
    changes: list[tuple[Statement, Mapping[str, object]]] = field(default_factory=list)
    _rows: dict[Hashable, Sequence[Row]] = field(default_factory=dict)

    def know(self, statement: Statement, rows: Sequence[Row], **values: object) -> None:
        """Record the result of a statement."""
        self._rows[_key(statement, values)] = rows

    def rows(self, statement: Statement, values: Mapping[str, object]) -> Sequence[Row]:
        """Return the result of a statement, or raise `NotAhead` if it is not known, or no longer."""
        found = self._rows.get(_key(statement, values))
        if found is None or any(not statement.tables.isdisjoint(change.tables) for change, _ in self.changes):
            raise NotAhead
        return found

    def later(self, statement: Statement, values: Mapping[str, object]) -> None:
        """Have a statement change one row together with the other changes, or none of them if it would not."""
        self.changes.append((statement, values))

    def __getattr__(self, name: str) -> Any:
        raise NotAhead(name)


def _key(statement: Statement, values: Mapping[str, object]) -> Hashable:
    return (id(statement), *sorted(values.items()))
