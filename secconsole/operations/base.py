"""What an operation is, and the table of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Generic, Literal, TypeVar

from secconsole.domain.roles import Permission
from secconsole.domain.scope import Scope, scope_for

R = TypeVar("R", covariant=True)
O = TypeVar("O", bound="type[Operation[object]]")  # noqa: E741 - an operation's class


@dataclass(frozen=True, slots=True)
class Spec:
    """What the faces and the pipeline know of an operation without knowing what it does.

    `own`: whoever lacks the permission may still do it to their own account.
    `on_lower`: it acts on a user, so the actor must not be outranked (the pipeline looks at the target).
    `step_up`: needs a proof of password and factor that is at most five minutes old.
    """

    name: str
    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    permission: Permission
    summary: str
    writes: bool
    own: bool = False
    on_lower: bool = False
    dangerous: bool = False
    step_up: bool = False

    @property
    def scope(self) -> Scope | None:
        """What a token needs for it; None: no token may do it."""
        return scope_for(self.permission, writes=self.writes, guarded=self.dangerous or self.step_up)


class Operation(Generic[R]):
    """Base of every operation: a frozen dataclass of plain values; `R` is the type of its reply."""

    __slots__ = ()
    spec: ClassVar[Spec]


OPERATIONS: dict[str, type[Operation[object]]] = {}


def declare(
    name: str,
    method: Literal["GET", "POST", "PUT", "DELETE"],
    path: str,
    permission: Permission,
    *,
    writes: bool | None = None,
    own: bool = False,
    on_lower: bool = False,
    dangerous: bool = False,
    step_up: bool = False,
) -> Callable[[O], O]:
    """Put an operation into the table; its summary is the first line of its docstring."""

    def add(cls: O) -> O:
        summary = (cls.__doc__ or "").strip().partition("\n")[0].rstrip(".")
        does_write = method != "GET" if writes is None else writes
        cls.spec = Spec(name, method, path, permission, summary, does_write, own, on_lower, dangerous, step_up)
        if name in OPERATIONS:
            raise ValueError(f"two operations are named {name}")
        OPERATIONS[name] = cls
        return cls

    return add
