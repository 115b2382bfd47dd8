"""The changes made in a session, newest first, each with its tenant, time and reply."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from secconsole.operations.base import Operation

MOST_KEPT = 200
_NOT_ACTS = frozenset({"step-up", "step-up.send-code", "sign-out", "job.advance", "caller-check.confirm", "verify"})


@dataclass(frozen=True, slots=True)
class Done:
    """One change that was made here."""

    at: datetime
    operation: Operation[object]
    reply: object

    @property
    def tenant(self) -> str:
        return str(getattr(self.operation, "tenant", "") or "")


class SessionHistory:
    """Changes made in this session, kept in memory only."""

    def __init__(self) -> None:
        self._done: deque[Done] = deque(maxlen=MOST_KEPT)

    def __iter__(self) -> Iterator[Done]:
        """Yield the changes, newest first."""
        return reversed(self._done)

    def note(self, at: datetime, operation: Operation[object], reply: object) -> None:
        """Remember a change, unless it only proved, checked or continued something."""
        if operation.spec.name not in _NOT_ACTS and not getattr(operation, "check_only", False):
            self._done.append(Done(at, operation, reply))
