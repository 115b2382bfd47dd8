"""The table of handlers: one for each operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.service.context import Context, PasswordCheck

O = TypeVar("O", bound=Operation[Any])  # noqa: E741 - an operation
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Handler:
    """`reserve` runs in a transaction of its own before a password is checked, so that the try is counted whatever
    happens after. `hashes` names passwords to be hashed before the transaction."""

    run: Callable[[Context, Any], Any]
    reserve: Callable[[Context, Any], PasswordCheck] | None = None
    hashes: Callable[[Any], Sequence[Secret[str]]] | None = None


HANDLERS: dict[type[Operation[Any]], Handler] = {}


def handles(
    operation: type[O],
    *,
    reserve: Callable[[Context, O], PasswordCheck] | None = None,
    hashes: Callable[[O], Sequence[Secret[str]]] | None = None,
) -> Callable[[Callable[[Context, O], R]], Callable[[Context, O], R]]:
    """Make a function the handler of an operation."""

    def add(run: Callable[[Context, O], R]) -> Callable[[Context, O], R]:
        HANDLERS[operation] = Handler(run, reserve, hashes)
        return run

    return add


def only_password(operation: Any) -> Sequence[Secret[str]]:
    """For operations with one `password`, which may be None."""
    return (operation.password,) if operation.password is not None else ()
