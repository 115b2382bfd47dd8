"""Base class of operations, and the table of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import ClassVar, Generic, Literal, TypeVar

from secconsole.domain.limits import USUAL_BODY
from secconsole.domain.roles import Permission, Ranks
from secconsole.domain.scope import Scope, scope_for
from secconsole.operations.bounds import checks_of
from secconsole.operations.events import EVENTS, Event, EventGroup

StepUpRule = Literal["always", "sometimes", "never"]
R = TypeVar("R", covariant=True)
O = TypeVar("O", bound="type[Operation[object]]")  # noqa: E741 - an operation's class


@dataclass(frozen=True, slots=True)
class Spec:
    """Properties of an operation that interfaces and the pipeline need without knowing what it does.

    `own`: callers without the permission may still do it to their own account. `on_lower`: it acts on a user who must
    rank below the actor (the pipeline checks the target). `ranks`: exceptions from that. `others_only`: never on the
    actor's own account, which is left out of several users. `own_reason`: why callers with the permission may do it to
    their own account nevertheless. `step_up`: whether it needs a recent proof of the factor, or of the password if none
    is bound. `why` states what makes the proof not always necessary. Both reasons continue the operation's name.
    `body`: the maximum size of a request in bytes. `records`: the events that record it in the audit, the usual one
    first.
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
    step_up: StepUpRule = "never"
    why: str = ""
    others_only: bool = False
    own_reason: str = ""
    body: int = USUAL_BODY
    records: tuple[Event, ...] = ()
    ranks: Ranks = Ranks.LOWER

    @property
    def attempt(self) -> Event:
        """The event of a refused attempt: under the operation's name, with the group and words of its success."""
        known = self.records[0] if self.records else Event(self.name, EventGroup.SYSTEM, self.name)
        return EVENTS.get(self.name) or Event(self.name, known.group, known.words)

    @property
    def scope(self) -> Scope | None:
        """The scope that a token needs, or None if tokens may not do it."""
        return scope_for(self.permission, writes=self.writes, guarded=self.dangerous or self.step_up == "always")


class Operation(Generic[R]):
    """Base of every operation: a frozen dataclass of plain values with the reply type `R`."""

    __slots__ = ()
    spec: ClassVar[Spec]


@dataclass(frozen=True, slots=True)
class Example:
    """A request, and what it may be answered with."""

    request: Operation[object]
    reply: object


MakeExample = Callable[[ModuleType], tuple[Operation[object], object]]
OPERATIONS: dict[str, type[Operation[object]]] = {}
_EXAMPLES: dict[str, MakeExample] = {}


def has_example(name: str) -> bool:
    """Return True if an operation was declared with an example."""
    return name in _EXAMPLES


@cache
def example_of(name: str) -> Example:
    """Return the example of an operation, which is built on first use."""
    return Example(*_EXAMPLES[name](import_module("secconsole.operations.sample")))


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
    step_up: StepUpRule = "never",
    why: str = "",
    others_only: bool = False,
    ranks: Ranks = Ranks.LOWER,
    own_reason: str = "",
    body: int = USUAL_BODY,
    records: Event | tuple[Event, ...] = (),
    example: MakeExample | None = None,
) -> Callable[[O], O]:
    """Register an operation, with the first line of its docstring as its summary.

    `example` returns a request and its reply, made of the values of `operations/sample/`, which it is called with.

    Raises `Unlimited` for one that has a text without a length limit, or items without a limit of their number.
    """

    def add(cls: O) -> O:
        summary = (cls.__doc__ or "").strip().partition("\n")[0].rstrip(".")
        does_write = method != "GET" if writes is None else writes
        cls.spec = Spec(
            name,
            method,
            path,
            permission,
            summary,
            does_write,
            own,
            on_lower,
            dangerous,
            step_up,
            why,
            others_only,
            own_reason,
            body,
            records if isinstance(records, tuple) else (records,),
            ranks,
        )
        if name in OPERATIONS:
            raise ValueError(f"two operations are named {name}")
        checks_of(cls)
        OPERATIONS[name] = cls
        if example is not None:
            _EXAMPLES[name] = example
        if does_write:
            EVENTS.setdefault(name, cls.spec.attempt)
        return cls

    return add
