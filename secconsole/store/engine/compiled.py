"""Statements that are compiled once and run by the driver directly.

SQLAlchemy takes several times as long to pass on a small statement as SQLite takes to run it. The statements of a code
check are written in SQLAlchemy's terms like all others, but passed to the driver as compiled SQL. So parameters and
rows are plain tuples.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import visitors

from secconsole.store.engine.ahead import NotAhead, RowsAhead

_MOST_VALUES = 30_000  # of one statement: SQLite takes at least 32,766
# Rows of one statement: few different numbers, because the driver keeps each statement.
_TOGETHER = (1_000, 200, 40, 8, 1)


Connection = sa.Connection | RowsAhead
Compiled = tuple[str, list[str], dict[str, Any]]


class Prepared:
    """Statement with named parameters.

    `columns` are those that an insert or update sets.
    """

    def __init__(self, statement: sa.sql.ClauseElement, columns: Sequence[str] = ()) -> None:
        self._statement, self._columns = statement, list(columns) or None
        self._compiled: dict[str, Compiled] = {}

    @cached_property
    def tables(self) -> frozenset[str]:
        """Names of the tables that the statement reads or changes."""
        found = visitors.iterate(self._statement)
        return frozenset(each.name for each in found if isinstance(each, sa.Table))

    def row(self, connection: Connection, **values: object) -> Sequence[Any] | None:
        """Return the first row, or None."""
        if isinstance(connection, RowsAhead):
            return next(iter(connection.rows(self, values)), None)
        found: tuple[Any, ...] | None = self._run(connection, values).fetchone()
        return found

    def rows(self, connection: Connection, **values: object) -> Sequence[Sequence[Any]]:
        if isinstance(connection, RowsAhead):
            return connection.rows(self, values)
        found: list[tuple[Any, ...]] = self._run(connection, values).fetchall()
        return found

    def change_one(self, connection: Connection, **values: object) -> bool:
        """Change or add one row, or return False if there is none that fits.

        Changes of rows that were read ahead are written later. If one of them finds no row then, none is written and
        the body runs again.
        """
        if isinstance(connection, RowsAhead):
            connection.later(self, values)
            return True
        return self.change(connection, **values) == 1

    def change(self, connection: Connection, **values: object) -> int:
        """Run the statement and return the number of affected rows."""
        if isinstance(connection, RowsAhead):
            raise NotAhead
        return int(self._run(connection, values).rowcount)

    def change_each(self, connection: sa.Connection, rows: Iterable[Sequence[object]]) -> None:
        """Run the statement once for each row of values, in the order of the columns."""
        sql, ordered = self._in_order(connection, rows)
        if ordered:
            connection.connection.cursor().executemany(sql, ordered)

    def insert_together(self, connection: sa.Connection, rows: Iterable[Sequence[object]]) -> None:
        """Insert rows of values, on SQLite many in one statement.

        After every statement SQLite's full-text index writes out what it has gathered, and merges that later.
        """
        sql, ordered = self._in_order(connection, rows)
        # The cursor is of the driver's own connection, so it takes part in the transaction that SQLAlchemy began.
        cursor = connection.connection.cursor()
        if connection.dialect.name != "sqlite":
            if ordered:
                cursor.executemany(sql, ordered)
            return
        head, values, marks = sql.partition(" VALUES ")
        assert values, sql
        start = 0
        for most in _TOGETHER:
            while len(ordered) - start >= most and most * len(ordered[0]) <= _MOST_VALUES:
                part = ordered[start : start + most]
                query = f"{head}{values}{', '.join([marks] * most)}"
                cursor.execute(query, list(chain.from_iterable(part)))
                start += most

    def compiled(self, dialect: sa.Dialect) -> Compiled:
        """Return the statement, the names of its parameters in their order, and the values of constant ones."""
        return self._compiled.get(dialect.name) or self._compile(dialect)

    def arguments(self, dialect: sa.Dialect, values: Mapping[str, object]) -> list[object]:
        """Return the values of the statement's parameters in their order."""
        _, names, fixed = self.compiled(dialect)
        return [values[name] if name in values else fixed[name] for name in names]

    def after(self, other: str) -> Prepared:
        """Return the statement so that an update waits for another one of the same WITH, and only then changes rows."""
        if not isinstance(self._statement, sa.Update):
            return self
        done = sa.exists().select_from(sa.table(other))
        return Prepared(self._statement.where(done), self._columns or ())

    def _in_order(
        self, connection: sa.Connection, rows: Iterable[Sequence[object]]
    ) -> tuple[str, list[Sequence[object]]]:
        """Return the statement, and rows of values in the order in which it takes them."""
        sql, names, fixed = self.compiled(connection.dialect)
        assert self._columns is not None
        order = [self._columns.index(name) for name in names if name not in fixed]
        assert len(order) == len(names), "a fixed value cannot vary by row"
        # Most statements take the columns in order already, and copying every row costs more than this check.
        if order != list(range(len(self._columns))):
            rows = [[row[at] for at in order] for row in rows]
        return sql, list(rows)

    def _run(self, connection: sa.Connection, values: dict[str, object]) -> Any:
        sql, names, fixed = self.compiled(connection.dialect)
        cursor = connection.connection.cursor()
        cursor.execute(sql, [values[name] if name in values else fixed[name] for name in names])
        return cursor

    def _compile(self, dialect: sa.Dialect) -> Compiled:
        compiled: Any = self._statement.compile(dialect=dialect, column_keys=self._columns)
        # Constants of the statement are parameters too. Their values are known now, and those of the others with each
        # call.
        fixed = {name: bind.effective_value for bind, name in compiled.bind_names.items() if not bind.required}
        done: Compiled = str(compiled), list(compiled.positiontup), fixed
        self._compiled[dialect.name] = done
        return done
