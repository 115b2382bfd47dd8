"""Table of handlers, one for each operation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from secconsole.domain.errors import SecconsoleError
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.caller import Credential, Source
from secconsole.service.context import Context, PasswordCheck
from secconsole.store.engine.ahead import Ahead
from secconsole.store.rows import TenantRow

O = TypeVar("O", bound=Operation[Any])  # noqa: E741 - an operation
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Parts:
    """Division of a large operation into several transactions, between which others run.

    `split` returns the prepared work for each, with the hashes that belong to it. `refuse` returns the reply of a part
    that an error prevented, in it or in an earlier part. `join` combines all replies.
    """

    split: Callable[[Any, Any, Sequence[str]], Sequence[tuple[object, Sequence[str]]]]
    refuse: Callable[[Any, SecconsoleError], Any]
    join: Callable[[Sequence[Any]], Any]


@dataclass(frozen=True, slots=True)
class Handler:
    """Steps of an operation in order, of which only `run` is mandatory.

    `reserve` runs in a separate transaction before a password is checked, so that the attempt is counted whatever
    happens later. `permit` raises what can be detected before any work. `prepare` works on the operation alone, outside
    any transaction, and its result is the context's `prepared`. `hashes` returns the new passwords that `run` will
    store, and raises whatever `run` would: nothing is hashed for a request that is refused. `ahead` returns what `run`
    and the authorisation before it usually read.
    """

    run: Callable[[Context, Any], Any]
    reserve: Callable[[Context, Any], PasswordCheck] | None = None
    permit: Callable[[Context, Any], None] | None = None
    prepare: Callable[[Any, TenantRow], Awaitable[object]] | None = None
    hashes: Callable[[Context, Any], Sequence[Secret[str]]] | None = None
    parts: Parts | None = None
    ahead: Callable[[Any, Credential, Source], Ahead | None] | None = None


HANDLERS: dict[type[Operation[Any]], Handler] = {}


def handles(
    operation: type[O],
    *,
    reserve: Callable[[Context, O], PasswordCheck] | None = None,
    permit: Callable[[Context, O], None] | None = None,
    prepare: Callable[[O, TenantRow], Awaitable[object]] | None = None,
    hashes: Callable[[Context, O], Sequence[Secret[str]]] | None = None,
    parts: Parts | None = None,
    ahead: Callable[[O, Credential, Source], Ahead | None] | None = None,
) -> Callable[[Callable[[Context, O], R]], Callable[[Context, O], R]]:
    """Register a function as the handler of an operation."""

    def add(run: Callable[[Context, O], R]) -> Callable[[Context, O], R]:
        HANDLERS[operation] = Handler(run, reserve, permit, prepare, hashes, parts, ahead)
        return run

    return add
