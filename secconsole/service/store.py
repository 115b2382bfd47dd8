"""Interface of the store that the service needs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol, TypeVar

import sqlalchemy as sa

from secconsole.store.engine.ahead import Ahead
from secconsole.store.engine.tenant_lock import NO_LOCK, TenantLock

T = TypeVar("T")


class Store(Protocol):
    """Store that runs each body in a transaction and answers after commit."""

    def read(self, body: Callable[[sa.Connection], T]) -> Future[T]: ...

    def write(
        self,
        body: Callable[[sa.Connection], T],
        lock: TenantLock = NO_LOCK,
        *,
        repeatable: bool = False,
        ahead: Ahead | None = None,
    ) -> Future[T]: ...

    def now(self, connection: sa.Connection) -> float: ...
