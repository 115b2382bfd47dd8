"""Hooks between the store and SQLite, before every statement and after every commit."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Hook = Callable[[], None]


@contextmanager
def hooked(hook: Hook, after_commit: Hook | None = None) -> Iterator[None]:
    """Call the hook for every new connection, from any thread. SQLite raises what it raises."""

    class Cursor(sqlite3.Cursor):
        def execute(self, *args: Any) -> Any:
            hook()
            return super().execute(*args)

        def executemany(self, *args: Any) -> Any:
            hook()
            return super().executemany(*args)

    class Connection(sqlite3.Connection):
        def cursor(self, factory: Any = Cursor) -> Any:
            return super().cursor(factory)

        def commit(self) -> None:
            hook()
            super().commit()
            if after_commit is not None:
                after_commit()

    connect = sqlite3.connect
    sqlite3.connect = functools.partial(connect, factory=Connection)  # type: ignore[assignment]
    try:
        yield
    finally:
        sqlite3.connect = connect
