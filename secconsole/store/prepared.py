"""Statements that are compiled once and run by the driver itself.

SQLAlchemy takes several times as long to pass a small statement on as SQLite takes to run it. What a verify needs is
written in its terms like everything else, but given to the driver as compiled; so parameters and rows are plain ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa


class Prepared:
    """A statement with named parameters; `columns` are those that an insert or update is given values for."""

    def __init__(self, statement: sa.sql.ClauseElement, columns: Sequence[str] = ()) -> None:
        self._statement, self._columns = statement, list(columns) or None
        self._compiled: dict[str, tuple[str, list[str], dict[str, Any]]] = {}

    def row(self, connection: sa.Connection, **values: object) -> tuple[Any, ...] | None:
        """The first row, or None."""
        found: tuple[Any, ...] | None = self._run(connection, values).fetchone()
        return found

    def rows(self, connection: sa.Connection, **values: object) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._run(connection, values).fetchall()
        return found

    def change(self, connection: sa.Connection, **values: object) -> int:
        """How many rows were written."""
        return int(self._run(connection, values).rowcount)

    def _run(self, connection: sa.Connection, values: dict[str, object]) -> Any:
        sql, names, fixed = self._compiled.get(connection.dialect.name) or self._compile(connection.dialect)
        cursor = connection.connection.cursor()
        cursor.execute(sql, [values[name] if name in values else fixed[name] for name in names])
        return cursor

    def _compile(self, dialect: sa.Dialect) -> tuple[str, list[str], dict[str, Any]]:
        compiled: Any = self._statement.compile(dialect=dialect, column_keys=self._columns)
        fixed = {name: bind.effective_value for bind, name in compiled.bind_names.items() if not bind.required}
        done = str(compiled), list(compiled.positiontup), fixed
        self._compiled[dialect.name] = done
        return done
