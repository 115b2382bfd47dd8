"""Operations on more users than one request may name, with one request per portion."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from secconsole.domain.errors import Unavailable
from secconsole.domain.limits import PORTION
from secconsole.operations.audit import AuditCheck, VerifyAudit
from secconsole.operations.base import Operation
from secconsole.operations.incident import AllSessionsEnded, EndTenantSessions, IncidentReport, ReportIncident
from secconsole.operations.unbinding import PreviewUnbind, Unbind, UnbindPreview, UnbindResult

MOST_IN_REPORT = 5_000  # entries that a report lists
VERIFIED_AT_ONCE = 20_000  # audit entries, well below a second

R = TypeVar("R")
T = TypeVar("T")


class Perform(Protocol):
    """Callable that performs operations, for a backend, a command or the console."""

    async def __call__(self, operation: Operation[R], /) -> R: ...


def in_portions(items: Sequence[T], most: int | None = None) -> Iterator[tuple[T, ...]]:
    """Yield the items in their order, at most so many at a time, or as many as one request may name."""
    most = PORTION if most is None else most
    return (tuple(items[start : start + most]) for start in range(0, len(items), most))


def fits_one_request(items: Sequence[object]) -> bool:
    """Return True if the items fit one portion."""
    return len(items) <= PORTION


async def preview_unbinding(perform: Perform, tenant: str, users: Sequence[str]) -> UnbindPreview:
    """Return one preview of unbinding all of these users, at least one."""
    parts = [await perform(PreviewUnbind(tenant=tenant, users=some)) for some in in_portions(users)]
    return UnbindPreview.merge(parts)


async def unbind_in_portions(perform: Perform, operation: Unbind) -> AsyncIterator[UnbindResult]:
    """Unbind the users in portions under one event, so that one undo restores all of them.

    Yields the result so far after each portion. Stopping the iteration leaves the rest unchanged.
    """
    done = UnbindResult((), (), "", None)
    for users in in_portions(operation.users):
        part = await perform(replace(operation, users=users, event=done.event))
        done = UnbindResult(
            done.unbound + part.unbound,
            done.failed + part.failed,
            part.event or done.event,
            part.undo_until or done.undo_until,
        )
        yield done


async def end_all_in_portions(
    perform: Perform, operation: EndTenantSessions, begun: AllSessionsEnded | None = None
) -> AsyncIterator[AllSessionsEnded]:
    """End all sessions of a tenant in portions, and yield the result so far after each.

    `begun`: the reply to a first request. Stopping the iteration leaves the rest open. The same operation continues
    later.
    """
    done = begun if begun is not None else await perform(operation)
    yield done
    while done.left:
        part = await perform(replace(operation, before=done.before))
        if not part.sessions + part.tokens:  # nothing changes any more
            raise Unavailable(f"{part.left:,} sessions and tokens could not be ended. Try again.")
        done = replace(part, sessions=done.sessions + part.sessions, tokens=done.tokens + part.tokens)
        yield done


async def whole_report(perform: Perform, operation: ReportIncident, *, most: int = MOST_IN_REPORT) -> IncidentReport:
    """Return a report with its newest entries, and a cursor in `next` if there are more than so many."""
    report = await perform(operation)
    while report.next and len(report.items) < most:
        limit = min(operation.limit, most - len(report.items))
        page = await perform(replace(operation, since=report.since, cursor=report.next, limit=limit))
        report = replace(report, items=report.items + page.items, next=page.next)
    return report


async def verify_in_parts(perform: Perform, tenant: str) -> AsyncIterator[AuditCheck]:
    """Verify a tenant's audit in parts, so that no request takes long.

    Yields the result so far after each part, and ends at the first entry that is wrong.
    """
    cursor: str | None = None
    while True:
        check = await perform(VerifyAudit(tenant=tenant, limit=VERIFIED_AT_ONCE, cursor=cursor))
        yield check
        if check.next is None or not check.whole:
            return
        if check.next == cursor:
            raise Unavailable("The server's response is invalid: the next part begins where this one does.")
        cursor = check.next
