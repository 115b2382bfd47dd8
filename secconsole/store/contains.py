"""Whether a field contains a word: a letter of A to Z counts in either case, on every database."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class _Like(FunctionElement[bool]):
    """A field and a pattern. SQLite's LIKE is PostgreSQL's ILIKE; both are served by an index of trigrams."""

    inherit_cache = True
    name = "like"
    type = sa.Boolean()


def contains(field: sa.ColumnElement[str], word: str) -> sa.ColumnElement[bool]:
    """Whether the word is in the field as it stands, `%` and `_` too."""
    for special in "/%_":
        word = word.replace(special, f"/{special}")
    return _Like(field, sa.literal(f"%{word}%", sa.Text))


@compiles(_Like)
def _on_sqlite(element: _Like, compiler: SQLCompiler, **kw: Any) -> str:
    field, pattern = (compiler.process(part, **kw) for part in element.clauses)
    return f"{field} LIKE {pattern} ESCAPE '/'"


@compiles(_Like, "postgresql")
def _on_postgres(element: _Like, compiler: SQLCompiler, **kw: Any) -> str:
    field, pattern = (compiler.process(part, **kw) for part in element.clauses)
    return f"{field} ILIKE {pattern} ESCAPE '/'"
