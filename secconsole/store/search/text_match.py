"""Conditions on text in a field: words in free text, and pieces of a user's search key."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class _Like(FunctionElement[bool]):
    """Match of a field against a pattern, as LIKE on SQLite and ILIKE on PostgreSQL, both served by a trigram index."""

    inherit_cache = True
    name = "like"
    type = sa.Boolean()


def contains(field: sa.ColumnElement[str], word: str) -> sa.ColumnElement[bool]:
    """Return the condition that a word is in the field, with `%` and `_` literal and A to Z in either case."""
    return _Like(field, sa.literal(_pattern(word), sa.Text))


class _Holds(FunctionElement[bool]):
    """Field and a piece of text."""

    inherit_cache = True
    name = "holds"
    type = sa.Boolean()


def holds(field: sa.ColumnElement[str], piece: str) -> sa.ColumnElement[bool]:
    """Return the condition that the exact text is in the field, which a trigram index serves on PostgreSQL."""
    return _Holds(field, sa.literal(piece, _Piece))


def holds_named(field: sa.ColumnElement[str], name: str, *, indexed: bool = True) -> sa.ColumnElement[bool]:
    """Return the same condition with a parameter of this name, whose value is from `piece_value`.

    Unless `indexed`, it is checked in each row that other conditions find.
    """
    return (_Holds if indexed else _HoldsInRow)(field, sa.bindparam(name, type_=sa.Text))


class _HoldsInRow(_Holds):
    """The same, where an index would find far more rows than are needed."""

    inherit_cache = True


def piece_value(piece: str, dialect: str) -> str:
    """Return the value of a parameter of `holds_named`."""
    return piece if dialect == "sqlite" else _pattern(piece)


class _Piece(sa.TypeDecorator[str]):
    """Piece of text, as a pattern on PostgreSQL."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return value if value is None else piece_value(value, dialect.name)


def _pattern(text: str) -> str:
    # A slash as the escape, because a backslash has another meaning on PostgreSQL.
    for special in "/%_":
        text = text.replace(special, f"/{special}")
    return f"%{text}%"


@compiles(_Like)
def _on_sqlite(element: _Like, compiler: SQLCompiler, **kw: Any) -> str:
    field, pattern = (compiler.process(part, **kw) for part in element.clauses)
    return f"{field} LIKE {pattern} ESCAPE '/'"


@compiles(_Like, "postgresql")
def _on_postgres(element: _Like, compiler: SQLCompiler, **kw: Any) -> str:
    field, pattern = (compiler.process(part, **kw) for part in element.clauses)
    return f"{field} ILIKE {pattern} ESCAPE '/'"


@compiles(_Holds)
def _holds_on_sqlite(element: _Holds, compiler: SQLCompiler, **kw: Any) -> str:
    field, piece = (compiler.process(part, **kw) for part in element.clauses)
    return f"instr({field}, {piece}) > 0"


@compiles(_HoldsInRow, "postgresql")
def _holds_in_row_on_postgres(element: _HoldsInRow, compiler: SQLCompiler, **kw: Any) -> str:
    field, pattern = (compiler.process(part, **kw) for part in element.clauses)
    # An expression instead of the column, so that PostgreSQL does not use the column's index.
    return f"({field} || '') LIKE {pattern} ESCAPE '/'"


@compiles(_Holds, "postgresql")
def _holds_on_postgres(element: _Holds, compiler: SQLCompiler, **kw: Any) -> str:
    field, pattern = (compiler.process(part, **kw) for part in element.clauses)
    return f"{field} LIKE {pattern} ESCAPE '/'"
