"""Compiled statements, shared by all stores that a test process opens.

Each test opens a new store, whose engine would compile every statement again: a third of the CPU time of such a test.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

_STATEMENTS = 5_000
_DIALECTS: tuple[type[Any], ...] = (SQLiteDialect_pysqlite, PGDialect_asyncpg)


def share() -> None:
    """Give all engines of this process one cache, in which the dialect of one counts as that of another."""
    cache: LRUCache[Any, Any] = LRUCache(_STATEMENTS)
    make = sa.Engine.__init__

    def with_cache(engine: sa.Engine, *arguments: Any, **options: Any) -> None:
        make(engine, *arguments, **options)
        if isinstance(engine.dialect, _DIALECTS):
            engine._compiled_cache = cache

    sa.Engine.__init__ = with_cache  # type: ignore[method-assign]
    for dialect in _DIALECTS:
        dialect.__eq__ = _is_alike
        dialect.__hash__ = _hash


def _is_alike(self: object, other: object) -> bool:
    return type(self) is type(other)


def _hash(self: object) -> int:
    return hash(type(self))
