"""What the service needs of a store."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol, TypeVar

import sqlalchemy as sa

from secconsole.store.claim import NOTHING, Claim

T = TypeVar("T")


class Store(Protocol):
    """Bodies run in a transaction each, and answered after commit."""

    def read(self, body: Callable[[sa.Connection], T]) -> Future[T]: ...

    def write(
        self, body: Callable[[sa.Connection], T], claim: Claim = NOTHING, *, repeatable: bool = False
    ) -> Future[T]: ...

    def now(self, connection: sa.Connection) -> float: ...
